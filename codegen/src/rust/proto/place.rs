//! Where Protobuf's types live, and what they and their parts are called.
//!
//! Invariant: names are those prost gives, unless Rust could not tell two things apart by them; then the later one, in the
//! order of the topics and their schemas, gets a number. What two schemas declare alike, down to all it names, is one type.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::proto::{Enum, Field, Kind, Message, Occurs, Scalar};
use crate::names::{self, escaped};
use crate::rust::module::{Names, ident, modules};
use crate::unit::ProtoUnit;

/// Every type of every schema; a schema goes by its place among the units.
#[derive(Default)]
pub(crate) struct Places(BTreeMap<(usize, String), Rc<Place>>);

/// A type.
pub(crate) struct Place {
    /// The unit whose schema it is printed from.
    pub(crate) unit: usize,
    /// The module.
    pub(crate) modules: Vec<String>,
    /// The name.
    pub(crate) ident: Ident,
    /// The module of what is declared inside.
    pub(crate) inner: Vec<String>,
    /// Of a message its fields, members of oneofs as variants; of an enum its values, where several mean one number all by
    /// the name of the first.
    pub(crate) parts: Vec<Ident>,
    /// The oneofs: the field, and the type.
    pub(crate) oneofs: Vec<(Ident, Ident)>,
}

impl Places {
    /// Gives all types their names. Modules of packages, and what is no Protobuf, have theirs before.
    pub(crate) fn of(units: &[&ProtoUnit], names: &mut Names) -> Places {
        let mut places = Places::default();
        let mut declared: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, unit) in units.iter().enumerate() {
            for file in unit.schema.files.iter().filter(|file| !file.is_well_known) {
                let package = modules(&file.package, None);
                let tops = file.messages.iter().map(|message| message.full_name.as_str());
                for name in tops.chain(file.enums.iter().map(|declared| declared.full_name.as_str())) {
                    let before = declared.entry(name).or_default();
                    let same = |other: &&usize| units[**other].schema.agrees(&unit.schema, name);
                    match before.iter().find(same) {
                        Some(same) => places.share(*same, number, name),
                        None => before.push(number),
                    }
                }
                for message in &file.messages {
                    places.claim(number, message, &package, names);
                }
                for declared in &file.enums {
                    places.claim_enum(number, declared, &package, names);
                }
            }
        }
        places
    }

    /// The place of a type; nothing for one that comes with the library.
    pub(crate) fn get(&self, unit: usize, full_name: &str) -> Option<&Rc<Place>> {
        self.0.get(&(unit, full_name.to_owned()))
    }

    /// The path of a type from a module.
    pub(crate) fn path(&self, unit: usize, from: &[String], full_name: &str) -> TokenStream {
        match self.get(unit, full_name) {
            Some(place) => relative(from, &place.modules, &place.ident),
            None => well_known(full_name),
        }
    }

    /// One type for what two schemas declare alike, and for what is inside it.
    fn share(&mut self, from: usize, to: usize, top: &str) {
        let inside = format!("{top}.");
        let shared: Vec<(String, Rc<Place>)> = self
            .0
            .range((from, top.to_owned())..)
            .take_while(|((unit, name), _)| *unit == from && (name == top || name.starts_with(top)))
            .filter(|((_, name), _)| name == top || name.starts_with(&inside))
            .map(|((_, name), place)| (name.clone(), Rc::clone(place)))
            .collect();
        self.0
            .extend(shared.into_iter().map(|(name, place)| ((to, name), place)));
    }

    fn claim(&mut self, unit: usize, message: &Message, modules: &[String], names: &mut Names) {
        let key = (unit, message.full_name.clone());
        if self.0.contains_key(&key) {
            return;
        }
        let wish = camel(message.simple_name());
        let name = names.scope(modules).take(&wish, "");
        let inner = if name == wish {
            message.simple_name()
        } else {
            &name
        };
        let mut inner = names::module(&snake(inner));
        if inner == name {
            inner.push('_');
        }
        let inner = [modules, &[inner]].concat();
        if !(message.messages.is_empty() && message.enums.is_empty() && message.oneofs.is_empty()) {
            names.claim_modules(&inner);
        }
        for message in &message.messages {
            self.claim(unit, message, &inner, names);
        }
        for declared in &message.enums {
            self.claim_enum(unit, declared, &inner, names);
        }
        let mut members = Members::default();
        let mut variants: Vec<names::Scope> = Vec::new();
        variants.resize_with(message.oneofs.len(), names::Scope::default);
        let parts = message.fields.iter().map(|field| match field.occurs {
            Occurs::Member(oneof) => {
                let wish = camel(&field.name);
                ident(
                    &variants
                        .get_mut(oneof)
                        .map_or(wish.clone(), |scope| scope.take(&wish, "")),
                )
            }
            _ => members.field(field),
        });
        let parts = parts.collect();
        let oneofs = message.oneofs.iter().map(|oneof| {
            let scope = names.scope(&inner);
            let wish = camel(&oneof.name);
            // As prost has it.
            let wish = if scope.has(&wish) {
                format!("{wish}OneOf")
            } else {
                wish
            };
            let name = scope.take(&wish, "");
            (members.plain(&oneof.name), ident(&name))
        });
        let place = Place {
            unit,
            modules: modules.to_vec(),
            ident: ident(&name),
            parts,
            oneofs: oneofs.collect(),
            inner: inner.clone(),
        };
        self.0.insert(key, Rc::new(place));
    }

    fn claim_enum(&mut self, unit: usize, declared: &Enum, modules: &[String], names: &mut Names) {
        let key = (unit, declared.full_name.clone());
        if self.0.contains_key(&key) {
            return;
        }
        let wish = camel(declared.simple_name());
        let name = names.scope(modules).take(&wish, "");
        let mut variants = names::Scope::default();
        let mut numbers: BTreeMap<i32, Ident> = BTreeMap::new();
        let parts = declared.values.iter().map(|value| {
            let variant = numbers
                .entry(value.number)
                .or_insert_with(|| ident(&variants.take(&variant(&wish, &value.name), "")));
            variant.clone()
        });
        let place = Place {
            unit,
            modules: modules.to_vec(),
            ident: ident(&name),
            parts: parts.collect(),
            oneofs: Vec::new(),
            inner: Vec::new(),
        };
        self.0.insert(key, Rc::new(place));
    }
}

/// The names of a struct's fields, and of the methods that prost makes for them.
#[derive(Default)]
struct Members {
    fields: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl Members {
    fn field(&mut self, field: &Field) -> Ident {
        let wish = snake(&field.name);
        let is_enum = matches!(field.kind, Kind::Enum(_));
        let methods = |name: &str| {
            let plain = name.trim_start_matches("r#");
            match field.occurs {
                Occurs::Map(_) if is_enum => vec![format!("get_{plain}"), format!("insert_{plain}")],
                Occurs::Repeated { .. } if is_enum => vec![plain.to_owned(), format!("push_{plain}")],
                Occurs::Always | Occurs::Required | Occurs::Optional if is_enum => {
                    vec![plain.to_owned(), format!("set_{plain}")]
                }
                Occurs::Optional if matches!(field.kind, Kind::Scalar(_)) => vec![plain.to_owned()],
                _ => Vec::new(),
            }
        };
        // Of a map's name prost makes those of methods, and a raw one is none.
        let is_map_of_enums = is_enum && matches!(field.occurs, Occurs::Map(_));
        let is_raw = escaped(&wish).starts_with("r#");
        let wish = if is_map_of_enums && is_raw {
            format!("{wish}_")
        } else {
            wish
        };
        self.take(&wish, methods)
    }

    fn plain(&mut self, name: &str) -> Ident {
        self.take(&snake(name), |_| Vec::new())
    }

    fn take(&mut self, wish: &str, methods: impl Fn(&str) -> Vec<String>) -> Ident {
        let mut name = escaped(wish);
        let mut number = 2u32;
        loop {
            let made = methods(&name);
            if !self.fields.contains(&name) && made.iter().all(|method| !self.methods.contains(method)) {
                self.fields.insert(name.clone());
                self.methods.extend(made);
                return ident(&name);
            }
            name = escaped(&format!("{wish}_{number}"));
            number = number.saturating_add(1);
        }
    }
}

/// A type's or variant's name, which may yet be a word of Rust's own.
fn camel(name: &str) -> String {
    let camel = name.to_upper_camel_case();
    if camel.is_empty() {
        names::camel(name)
    } else {
        camel
    }
}

/// A field's name, which may yet be a word of Rust's own.
fn snake(name: &str) -> String {
    let snake = name.to_snake_case();
    if snake.is_empty() {
        names::snake(name)
    } else {
        snake
    }
}

/// The variant of a value of an enum that comes with the library.
pub(crate) fn variant_of(declared: &Enum, value: &str) -> String {
    escaped(&variant(&camel(declared.simple_name()), value))
}

/// The name of an enum's value: without that of the enum before it.
fn variant(declared: &str, value: &str) -> String {
    let whole = camel(value);
    let short = whole
        .strip_prefix(declared)
        .filter(|short| short.starts_with(char::is_uppercase));
    short.unwrap_or(&whole).to_owned()
}

/// A path as short as it can be.
pub(crate) fn relative(from: &[String], modules: &[String], name: &Ident) -> TokenStream {
    let common = from.iter().zip(modules).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(common).map(|_| quote!(super::));
    let down = modules.iter().skip(common).map(|module| ident(module));
    quote!(#(#up)* #(#down::)* #name)
}

/// What prost has for a type of `google.protobuf`.
fn well_known(full_name: &str) -> TokenStream {
    let name = full_name.strip_prefix("google.protobuf.").unwrap_or(full_name);
    let scalar = match name {
        "BoolValue" => Scalar::Bool,
        "BytesValue" => Scalar::Bytes,
        "DoubleValue" => Scalar::Double,
        "FloatValue" => Scalar::Float,
        "Int32Value" => Scalar::Int32,
        "Int64Value" => Scalar::Int64,
        "StringValue" => Scalar::String,
        "UInt32Value" => Scalar::Uint32,
        "UInt64Value" => Scalar::Uint64,
        "Empty" => return quote!(()),
        _ => {
            let (outer, name) = name.rsplit_once('.').unwrap_or(("", name));
            let modules = modules(outer, None);
            let modules = modules.iter().map(|module| ident(module));
            let name = ident(&escaped(&camel(name)));
            return quote!(::prost_types::#(#modules::)* #name);
        }
    };
    super::message::scalar_type(scalar)
}
