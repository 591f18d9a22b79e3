//! Values that nobody set: the schema's defaults, and what is read over.
//!
//! A generated type has two of them. `Default` has the schema's defaults, and zero, nothing or the nearest branch where there
//! is none. `Datum::blank` has only the latter, so that reading does not make texts that it throws away. Invariant: where
//! the two are one and Rust's own defaults, `Default` is derived, and `blank` is what the trait provides.

use std::collections::BTreeSet;

use annals_schema_model::Decimal;
use annals_schema_model::avro::wire::Writer;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::model::{Body, Definition, Definitions, Field, Ranks, Type, Value, rank};
use crate::rust::enumeration::variants;
use crate::rust::module::Here;
use crate::rust::scalar::Scalar;
use crate::rust::shape::{Shape, Union, unsuffixed};
use crate::settings::{DateTimes, Settings};

/// The records whose `Default` is not what Rust derives.
pub(crate) fn rich(definitions: &Definitions, ranks: &Ranks, settings: &Settings) -> BTreeSet<String> {
    let mut rich = BTreeSet::new();
    loop {
        let found = definitions.values().find(|definition| {
            let is_rich = |field: &Field| {
                !is_plain(&field.kind, ranks, &rich, settings)
                    || field
                        .default
                        .as_ref()
                        .is_some_and(|value| !is_blank(&field.kind, value, definitions, ranks))
            };
            !rich.contains(&definition.name) && definition.body.fields().iter().any(is_rich)
        });
        match found {
            Some(definition) => rich.insert(definition.name.clone()),
            None => return rich,
        };
    }
}

/// Whether Rust's default of a type is its blank.
fn is_plain(kind: &Type, ranks: &Ranks, rich: &BTreeSet<String>, settings: &Settings) -> bool {
    match kind {
        Type::Named(name) => !rich.contains(name),
        Type::Union(branches) if !branches.contains(&Type::Null) => {
            nearest(branches, ranks).is_none_or(|branch| is_plain(branch, ranks, rich, settings))
        }
        Type::Logical(logical) => match settings.date_times {
            // The default is the year 0.
            DateTimes::Jiff => !matches!(logical.type_name(), "Date" | "DateTime"),
            DateTimes::Chrono => true,
            // There is no default.
            DateTimes::Time => matches!(logical.type_name(), "Uuid" | "Duration"),
        },
        _ => true,
    }
}

fn nearest<'t>(branches: &'t [Type], ranks: &Ranks) -> Option<&'t Type> {
    let ranked = branches
        .iter()
        .filter_map(|branch| Some((rank(ranks, branch)?, branch)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, branch)| branch)
}

/// Whether a default is what the type has without one.
fn is_blank(kind: &Type, value: &Value, definitions: &Definitions, ranks: &Ranks) -> bool {
    match (kind, value) {
        (_, Value::Null | Value::Boolean(false) | Value::Long(0)) => true,
        (_, Value::Double(value)) => value.to_bits() == 0,
        (Type::Decimal { .. } | Type::Named(_) | Type::Logical(_), Value::Bytes(bytes)) => {
            bytes.iter().all(|byte| *byte == 0)
        }
        (_, Value::Bytes(bytes)) => bytes.is_empty(),
        (_, Value::String(text)) => text.is_empty(),
        (_, Value::Array(items)) => items.is_empty(),
        (_, Value::Map(entries)) => entries.is_empty(),
        (Type::Named(name), Value::Symbol(index)) => match definitions.get(name).map(|found| &found.body) {
            Some(Body::Enum(_, default)) => *index == default.unwrap_or(0),
            _ => false,
        },
        (Type::Union(branches), Value::Branch(index, value)) => match branches.get(*index) {
            Some(Type::Null) => true,
            Some(branch) if !branches.contains(&Type::Null) => {
                nearest(branches, ranks) == Some(branch) && is_blank(branch, value, definitions, ranks)
            }
            _ => false,
        },
        _ => false,
    }
}

/// The blank value of a shape.
pub(crate) fn blank(shape: &Shape, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    match shape {
        Shape::Null => quote!(()),
        Shape::Scalar(scalar) => blank_scalar(*scalar, here),
        Shape::Array(_) | Shape::Entries(_) => quote!(Vec::new()),
        Shape::Map(_) => quote!(::std::collections::BTreeMap::new()),
        Shape::Union(union) if union.branches.is_empty() => quote!(()),
        Shape::Union(union) if union.null.is_some() => quote!(None),
        other if other.is_borrowed_box() => quote!(Box::new(#avro::blank())),
        Shape::Named { .. } | Shape::Union(_) => quote!(#avro::blank()),
    }
}

fn blank_scalar(scalar: Scalar, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    match scalar {
        Scalar::Boolean => quote!(false),
        Scalar::Int | Scalar::Long => quote!(0),
        Scalar::Float | Scalar::Double => quote!(0.0),
        Scalar::Bytes => quote!(Vec::new()),
        Scalar::String => quote!(String::new()),
        Scalar::Slice => quote!(&[]),
        Scalar::Str => quote!(""),
        Scalar::Decimal { is_own: true, .. } => quote!(#avro::Exact::ZERO),
        Scalar::Decimal { .. } | Scalar::BigDecimal | Scalar::Logical(_) => quote!(#avro::blank()),
    }
}

/// A field as the functions here see it.
pub(crate) struct Member<'a> {
    /// Its name.
    pub(crate) ident: &'a Ident,
    /// Its type.
    pub(crate) shape: &'a Shape,
    /// What the schema says.
    pub(crate) field: &'a Field,
}

/// The body of `Datum::blank` of a record.
pub(crate) fn blank_record(members: &[Member<'_>], here: &Here<'_>) -> TokenStream {
    let fields = members.iter().map(|member| {
        let (ident, value) = (member.ident, blank(member.shape, here));
        quote!(#ident: #value,)
    });
    quote!(Self { #(#fields)* })
}

/// The body of `Default::default` of a record whose default is rich.
pub(crate) fn default_record(members: &[Member<'_>], here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let set = members.iter().filter_map(|member| {
        let (ident, kind) = (member.ident, &member.field.kind);
        let is_blank = |value: &&Value| is_blank(kind, value, here.definitions, here.ranks);
        let value = match &member.field.default {
            Some(value) if is_blank(&value) => return None,
            Some(value) => expression(member.shape, value, here),
            None if held_is_rich(kind, here) => quote!(::std::default::Default::default()),
            None => return None,
        };
        Some(quote!(#ident: #value,))
    });
    let set: Vec<TokenStream> = set.collect();
    match set.len() {
        0 => quote!(#avro::blank()),
        set_fields if set_fields == members.len() => quote!(Self { #(#set)* }),
        _ => quote!(Self { #(#set)* ..#avro::blank() }),
    }
}

/// Whether a field in place holds a record whose default is rich.
fn held_is_rich(kind: &Type, here: &Here<'_>) -> bool {
    match kind {
        Type::Named(name) => here.rich.contains(name),
        Type::Union(branches) if !branches.contains(&Type::Null) => {
            nearest(branches, here.ranks).is_some_and(|branch| held_is_rich(branch, here))
        }
        _ => false,
    }
}

/// `blank` and `Default` of the enum of a union: its nearest branch.
pub(crate) fn union_values(union: &Union, here: &Here<'_>) -> (TokenStream, TokenStream) {
    let ranked = union.branches.iter().filter(|branch| branch.rank.is_some());
    let Some(nearest) = ranked.min_by_key(|branch| branch.rank) else {
        return Default::default();
    };
    let (variant, blank) = (&nearest.variant, blank(&nearest.shape, here));
    let default = match &nearest.shape {
        Shape::Named { .. } | Shape::Union(_) => quote!(::std::default::Default::default()),
        _ => blank.clone(),
    };
    (quote!(Self::#variant(#blank)), quote!(Self::#variant(#default)))
}

/// An expression of a value of a shape.
fn expression(shape: &Shape, value: &Value, here: &Here<'_>) -> TokenStream {
    match (shape, value) {
        (Shape::Scalar(scalar), value) => scalar_expression(*scalar, shape, value, here),
        (Shape::Array(item), Value::Array(values)) => {
            let values = values.iter().map(|value| expression(item, value, here));
            quote!(Vec::from([#(#values),*]))
        }
        (Shape::Map(inner), Value::Map(entries)) => {
            let entries = entries.iter().map(|(key, value)| {
                let value = expression(inner, value, here);
                quote!((#key.to_owned(), #value))
            });
            quote!(::std::collections::BTreeMap::from([#(#entries),*]))
        }
        (Shape::Union(union), Value::Branch(index, value)) => branch_expression(union, *index, value, here),
        (
            Shape::Named {
                path, name, boxed, ..
            },
            value,
        ) => {
            let expression = named_expression(path, name, value, here);
            match (expression, boxed) {
                (Some(expression), false) => expression,
                (Some(expression), true) => quote!(Box::new(#expression)),
                (None, _) => read_expression(shape, value, here),
            }
        }
        _ => blank(shape, here),
    }
}

fn branch_expression(union: &Union, index: usize, value: &Value, here: &Here<'_>) -> TokenStream {
    let Some(branch) = union.branches.iter().find(|branch| branch.index == index) else {
        return quote!(None);
    };
    let (variant, value) = (&branch.variant, expression(&branch.shape, value, here));
    let value = match &union.name {
        Some(name) => quote!(#name::#variant(#value)),
        None => value,
    };
    if union.null.is_some() {
        quote!(Some(#value))
    } else {
        value
    }
}

/// A symbol or a fixed; nothing for a record, which is read.
fn named_expression(path: &TokenStream, name: &str, value: &Value, here: &Here<'_>) -> Option<TokenStream> {
    match (&here.definitions.get(name)?.body, value) {
        (Body::Enum(symbols, _), Value::Symbol(index)) => {
            let variant = variants(symbols).into_iter().nth(*index)?;
            Some(quote!(#path::#variant))
        }
        (Body::Fixed(_), Value::Bytes(bytes)) => {
            let bytes = bytes.iter().map(|byte| unsuffixed(usize::from(*byte)));
            Some(quote!(#path([#(#bytes),*])))
        }
        _ => None,
    }
}

fn scalar_expression(scalar: Scalar, shape: &Shape, value: &Value, here: &Here<'_>) -> TokenStream {
    match (scalar, value) {
        (Scalar::Boolean, Value::Boolean(value)) => quote!(#value),
        (Scalar::Int | Scalar::Long, Value::Long(value)) => integer(*value),
        (Scalar::Float | Scalar::Double, Value::Double(value)) => double(*value, scalar),
        (Scalar::String, Value::String(text)) => quote!(#text.to_owned()),
        (Scalar::Bytes, Value::Bytes(bytes)) => {
            let bytes = bytes.iter().map(|byte| unsuffixed(usize::from(*byte)));
            quote!(Vec::from([#(#bytes),*]))
        }
        (
            Scalar::Decimal {
                precision,
                scale,
                is_own: true,
                ..
            },
            Value::Bytes(bytes),
        ) => match Decimal::from_be_bytes(bytes, scale) {
            Ok(value) if value.precision() <= precision as usize && value.precision() <= 38 => {
                let avro = here.names.avro();
                let number: TokenStream = value.to_string().parse().unwrap_or_default();
                quote!(#avro::dec!(#number))
            }
            _ => read_expression(shape, value, here),
        },
        _ => read_expression(shape, value, here),
    }
}

fn integer(value: i64) -> TokenStream {
    let digits = Literal::u64_unsuffixed(value.unsigned_abs());
    if value < 0 {
        quote!(-#digits)
    } else {
        quote!(#digits)
    }
}

fn double(value: f64, scalar: Scalar) -> TokenStream {
    let name = match scalar {
        Scalar::Float => quote!(f32),
        _ => quote!(f64),
    };
    if !value.is_finite() {
        return if value > 0.0 {
            quote!(#name::INFINITY)
        } else {
            quote!(#name::NEG_INFINITY)
        };
    }
    let digits = match scalar {
        Scalar::Float => Literal::f32_unsuffixed((value as f32).abs()),
        _ => Literal::f64_unsuffixed(value.abs()),
    };
    if value.is_sign_negative() {
        quote!(-#digits)
    } else {
        quote!(#digits)
    }
}

/// A value as it is read from the default's bytes: records, and types of the library's own.
fn read_expression(shape: &Shape, value: &Value, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let bytes = Literal::byte_string(&encoded(shape, value));
    let read = match shape {
        Shape::Scalar(
            scalar @ Scalar::Decimal {
                fixed: Some(size), ..
            },
        ) => {
            let (size, method) = (unsuffixed(*size), scalar.decimal_method("decimal_fixed"));
            quote!(|from| #avro::wire::Source::#method(from, #size))
        }
        Shape::Scalar(scalar) => {
            let method = scalar.method();
            quote!(#avro::wire::Source::#method)
        }
        _ => quote!(#avro::wire::Source::datum),
    };
    quote!(#avro::default_of(#bytes, #read).unwrap_or_else(#avro::blank))
}

/// The bytes of a scalar or a record.
fn encoded(shape: &Shape, value: &Value) -> Vec<u8> {
    let mut to = Writer::new();
    match (shape, value) {
        (_, Value::Long(value)) => to.long(*value),
        (_, Value::String(text)) => to.string(text),
        (Shape::Scalar(scalar), Value::Bytes(bytes)) if scalar.is_fixed() => to.fixed(bytes),
        (_, Value::Bytes(bytes)) => to.bytes(bytes),
        (_, Value::Record(_, bytes)) => to.fixed(bytes),
        _ => {}
    }
    to.into_bytes()
}

/// What a record needs beside its fields, when Rust's own default is not its own.
pub(crate) struct Values {
    /// The body of `Datum::blank`.
    pub(crate) blank: TokenStream,
    /// The body of `Default::default`.
    pub(crate) default: TokenStream,
}

/// The two values of a record; nothing when `Default` is derived.
pub(crate) fn values(definition: &Definition, members: &[Member<'_>], here: &Here<'_>) -> Option<Values> {
    here.rich.contains(&definition.name).then(|| Values {
        blank: blank_record(members, here),
        default: default_record(members, here),
    })
}
