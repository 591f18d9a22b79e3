//! Expressions that write a value of a shape, and that read one.
//!
//! Invariant: what is written is what the schema says, in its order, and reading undoes it. Printed code uses the
//! names `writer` and `reader`, and `annals_support` for the conversions at the root of the generated file.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::rust::shape::{Scalar, Shape, Union, unsuffixed};

/// An expression whose value is written.
pub(crate) struct Operand {
    expression: TokenStream,
    is_reference: bool,
}

impl Operand {
    /// A place, such as `self.total`.
    pub(crate) fn place(expression: TokenStream) -> Operand {
        Operand {
            expression,
            is_reference: false,
        }
    }

    /// A reference called `value`: an item, an entry, the content of an option.
    fn value() -> Operand {
        Operand {
            expression: quote!(value),
            is_reference: true,
        }
    }

    fn borrowed(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            expression.clone()
        } else {
            quote!(&#expression)
        }
    }

    fn copied(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            quote!(*#expression)
        } else {
            expression.clone()
        }
    }
}

/// A statement that writes an operand.
pub(crate) fn write(shape: &Shape, operand: &Operand) -> TokenStream {
    let (expression, borrowed) = (&operand.expression, operand.borrowed());
    match shape {
        Shape::Null => quote!(),
        Shape::Scalar(scalar) => write_scalar(*scalar, operand),
        Shape::Array(item) => {
            let closure = write_closure(item);
            quote!(writer.array(#borrowed, #closure);)
        }
        Shape::Map(entry) => {
            let closure = write_closure(entry);
            quote!(writer.map(#borrowed, #closure);)
        }
        Shape::Named { .. } => quote!(#expression.write(writer);),
        Shape::Union(union) => write_union(union, operand),
    }
}

/// A closure that writes an item or an entry.
fn write_closure(shape: &Shape) -> TokenStream {
    if matches!(shape, Shape::Null) {
        return quote!(|_, _| {});
    }
    let body = write(shape, &Operand::value());
    quote!(|writer, value| { #body })
}

fn write_scalar(scalar: Scalar, operand: &Operand) -> TokenStream {
    let (expression, borrowed, copied) = (&operand.expression, operand.borrowed(), operand.copied());
    match scalar {
        Scalar::Boolean => quote!(writer.bool(#copied);),
        Scalar::Int => quote!(writer.int(#copied);),
        Scalar::Long => quote!(writer.long(#copied);),
        Scalar::Float => quote!(writer.float(#copied);),
        Scalar::Double => quote!(writer.double(#copied);),
        Scalar::Bytes => quote!(writer.bytes(#borrowed);),
        Scalar::String => quote!(writer.string(#borrowed);),
        Scalar::Decimal { fixed: None, .. } => quote!(writer.bytes(&#expression.to_be_bytes());),
        Scalar::Decimal {
            fixed: Some(size), ..
        } => {
            let size = unsuffixed(size);
            quote!(writer.fixed(&annals_support::widened(#borrowed, #size));)
        }
        Scalar::Uuid => quote!(writer.string(#expression.hyphenated().encode_lower(&mut [0; 36]));),
        Scalar::UuidFixed => quote!(writer.fixed(#expression.as_bytes());),
        Scalar::Date => quote!(writer.int(annals_support::days(#copied));),
        Scalar::TimestampMillis => quote!(writer.long(#expression.as_millis());),
        Scalar::TimestampMicros => quote!(writer.long(#expression.as_micros());),
    }
}

fn write_union(union: &Union, operand: &Operand) -> TokenStream {
    let (expression, borrowed) = (&operand.expression, operand.borrowed());
    let null = union.null.map(|index| {
        let index = unsuffixed(index);
        quote!(writer.branch(#index))
    });
    match (&union.name, union.branches.as_slice(), null) {
        // The enum knows its own branches.
        (Some(_), _, None) => quote!(#expression.write(writer);),
        (Some(_), _, Some(null)) => quote! {
            match #borrowed {
                None => #null,
                Some(value) => value.write(writer),
            }
        },
        (None, [branch], Some(null)) => {
            let index = unsuffixed(branch.index);
            let body = write(&branch.shape, &Operand::value());
            quote! {
                match #borrowed {
                    None => #null,
                    Some(value) => {
                        writer.branch(#index);
                        #body
                    }
                }
            }
        }
        (None, _, null) => quote!(#null;),
    }
}

/// The body of a union enum's own `write`, over `self`.
pub(crate) fn write_branches(union: &Union) -> TokenStream {
    let arms = union.branches.iter().map(|branch| {
        let (variant, index) = (&branch.variant, unsuffixed(branch.index));
        let body = write(&branch.shape, &Operand::value());
        quote! {
            Self::#variant(value) => {
                writer.branch(#index);
                #body
            }
        }
    });
    quote!(match self { #(#arms)* })
}

/// An expression that reads a value, with `?` inside.
fn read(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Null => quote!(()),
        Shape::Union(union) => read_union(union),
        Shape::Map(_) => {
            let result = read_result(shape);
            quote!(#result?.into_iter().collect())
        }
        other => {
            let result = read_result(other);
            quote!(#result?)
        }
    }
}

/// The same as a `Result`, for the closures of arrays and maps. A map is still a list of entries.
fn read_result(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Scalar(scalar) => read_scalar(*scalar),
        Shape::Named { path, boxed: false } => quote!(#path::read(reader)),
        Shape::Named { path, boxed: true } => quote!(#path::read(reader).map(Box::new)),
        Shape::Array(item) => {
            let item = read_closure(item);
            quote!(reader.array(#item))
        }
        Shape::Map(value) => {
            let value = read_closure(value);
            quote!(reader.map(#value))
        }
        Shape::Union(Union {
            null: None,
            name: Some(name),
            ..
        }) => quote!(#name::read(reader)),
        Shape::Null | Shape::Union(_) => {
            let value = read(shape);
            quote!({ Ok(#value) })
        }
    }
}

/// A closure (or function) that reads a value.
pub(crate) fn read_closure(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Null => quote!(|_| Ok(())),
        Shape::Named { path, boxed: false } => quote!(#path::read),
        Shape::Union(Union {
            null: None,
            name: Some(name),
            ..
        }) => quote!(#name::read),
        Shape::Map(_) => {
            let value = read(shape);
            quote!(|reader| Ok(#value))
        }
        other => {
            let result = read_result(other);
            quote!(|reader| #result)
        }
    }
}

fn read_scalar(scalar: Scalar) -> TokenStream {
    match scalar {
        Scalar::Boolean => quote!(reader.bool()),
        Scalar::Int => quote!(reader.int()),
        Scalar::Long => quote!(reader.long()),
        Scalar::Float => quote!(reader.float()),
        Scalar::Double => quote!(reader.double()),
        Scalar::String => quote!(reader.string().map(str::to_owned)),
        Scalar::Bytes => quote!(reader.bytes().map(<[u8]>::to_vec)),
        Scalar::Decimal {
            scale, fixed: None, ..
        } => {
            let scale = unsuffixed(scale as usize);
            quote!(reader.decimal_bytes(#scale).and_then(annals_support::exact))
        }
        Scalar::Decimal {
            scale,
            fixed: Some(size),
            ..
        } => {
            let (size, scale) = (unsuffixed(size), unsuffixed(scale as usize));
            quote!(reader.decimal_fixed(#size, #scale).and_then(annals_support::exact))
        }
        Scalar::Uuid => quote!(reader.string().and_then(annals_support::uuid)),
        Scalar::UuidFixed => quote!(reader.fixed().map(::uuid::Uuid::from_bytes)),
        Scalar::Date => quote!(reader.int().and_then(annals_support::date)),
        Scalar::TimestampMillis => quote!(reader.long().map(::annals_schema_model::Timestamp::from_millis)),
        Scalar::TimestampMicros => quote!(reader.long().map(::annals_schema_model::Timestamp::from_micros)),
    }
}

fn read_union(union: &Union) -> TokenStream {
    let count = unsuffixed(union.count);
    match (union.null, &union.name, union.branches.is_empty()) {
        (None, Some(name), _) => quote!(#name::read(reader)?),
        (_, _, true) => quote!({ reader.branch(#count)?; }),
        (_, name, false) => {
            let arms = union.branches.iter().map(|branch| {
                let (index, variant) = (unsuffixed(branch.index), &branch.variant);
                let value = read(&branch.shape);
                match name {
                    Some(name) => quote!(#index => Some(#name::#variant(#value)),),
                    None => quote!(#index => Some(#value),),
                }
            });
            // The reader checked the index: whatever is left is the branch `null`.
            quote!(match reader.branch(#count)? { #(#arms)* _ => None })
        }
    }
}

/// The body of the `read` of a union enum without `null`.
pub(crate) fn read_branches(union: &Union) -> TokenStream {
    let count = unsuffixed(union.count);
    let last = union.branches.len().saturating_sub(1);
    let arms = union.branches.iter().enumerate().map(|(position, branch)| {
        let variant = &branch.variant;
        let value = read(&branch.shape);
        // The reader checked the index: whatever is left is the last branch.
        let index = if position == last {
            quote!(_)
        } else {
            unsuffixed(branch.index).into_token_stream()
        };
        quote!(#index => Self::#variant(#value),)
    });
    quote!(match reader.branch(#count)? { #(#arms)* })
}
