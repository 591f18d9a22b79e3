//! Messages, oneofs and enums as prost's derives take them.
//!
//! Invariant: what is printed is what prost-build prints for the same descriptors (a test compares them), but for docs, and
//! for names and recursion it does not get right. Where this differs from it, this compiles.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    derive::Derives,
    enumeration::enumeration,
    place::{Place, Places},
};
use crate::model::proto::{About, Default, Field, Kind, Message, Occurs, Oneof, Scalar};
use crate::rust::doc::doc;
use crate::rust::module::{Tree, ident};
use crate::settings::Settings;
use crate::unit::ProtoUnit;

/// Prints the types of one schema that no schema before it has.
pub(crate) struct Printer<'a> {
    number: usize,
    unit: &'a ProtoUnit,
    places: &'a Places,
    settings: &'a Settings,
    derives: Derives<'a>,
}

/// What stands before an item at the root, where no module's permissions hold.
pub(super) fn permissions(modules: &[String]) -> TokenStream {
    if modules.is_empty() {
        quote!(#[allow(clippy::all, clippy::pedantic)])
    } else {
        TokenStream::new()
    }
}

impl<'a> Printer<'a> {
    /// For the unit of a number.
    pub(crate) fn new(
        number: usize,
        unit: &'a ProtoUnit,
        places: &'a Places,
        settings: &'a Settings,
    ) -> Printer<'a> {
        Printer {
            number,
            unit,
            places,
            settings,
            derives: Derives::of(&unit.schema),
        }
    }

    /// Prints all into their modules; `constants` are what a message has that is a subject's.
    pub(crate) fn types(&self, constants: &impl Fn(&Place) -> TokenStream, tree: &mut Tree) {
        for file in &self.unit.schema.files {
            for message in file.all_messages() {
                let Some(place) = self.own(&message.full_name) else {
                    continue;
                };
                tree.add(&place.modules, self.message(message, place, &file.name));
                tree.add(&place.modules, constants(place));
                for (index, (oneof, names)) in message.oneofs.iter().zip(&place.oneofs).enumerate() {
                    tree.add(&place.inner, self.oneof(message, place, (index, oneof, &names.1)));
                }
            }
            for declared in file.all_enums() {
                if let Some(place) = self.own(&declared.full_name) {
                    tree.add(
                        &place.modules,
                        enumeration(self.settings, declared, place, &file.name),
                    );
                }
            }
        }
    }

    /// The place of a type that is printed from this schema.
    fn own(&self, full_name: &str) -> Option<&'a Place> {
        let place = self.places.get(self.number, full_name)?;
        (place.unit == self.number).then_some(place)
    }

    fn message(&self, message: &Message, place: &Place, file: &str) -> TokenStream {
        let (name, own) = (&place.ident, message.full_name.as_str());
        let fields = message.fields.iter().zip(&place.parts);
        let fields = fields.filter(|(field, _)| !matches!(field.occurs, Occurs::Member(_)));
        let fields = fields.map(|(field, name)| self.field(own, field, name, &place.modules));
        let oneofs = message.oneofs.iter().zip(&place.oneofs).enumerate();
        let oneofs = oneofs.map(|(index, (oneof, (field, name)))| {
            let doc = line_doc(&oneof.about);
            let path = super::place::relative(&place.modules, &place.inner, name);
            let (shown, tags) = (spelled(&path), tags(message, index));
            let attributes = self.settings.of_field(&format!("{own}.{}", oneof.name));
            quote! {
                #doc
                #[prost(oneof = #shown, tags = #tags)]
                #attributes
                pub #field: ::core::option::Option<#path>,
            }
        });
        let copy = self.derives.copies(own).then(|| quote!(Copy,));
        let equal = self.derives.equals(own).then(|| quote!(Eq, Hash,));
        let (doc, permissions) = (type_doc(&message.about, own, file), permissions(&place.modules));
        let attributes = self.settings.of_type(own);
        quote! {
            #doc
            #permissions
            #attributes
            #[derive(Clone, #copy PartialEq, #equal ::prost::Message)]
            pub struct #name { #(#fields)* #(#oneofs)* }
        }
    }

    fn field(&self, owner: &str, field: &Field, name: &Ident, from: &[String]) -> TokenStream {
        let boxed = self.derives.is_boxed(owner, field);
        let mut attribute = vec![match field.occurs {
            Occurs::Map(key) => {
                let pair = format!("{}, {}", scalar_word(key), spelled(&self.word(field, from, true)));
                quote!(btree_map = #pair)
            }
            _ if field.kind == Kind::Scalar(Scalar::Bytes) => quote!(bytes = "vec"),
            _ => self.word(field, from, false),
        }];
        match field.occurs {
            Occurs::Optional => attribute.push(quote!(optional)),
            Occurs::Required => attribute.push(quote!(required)),
            Occurs::Repeated { packed } => {
                attribute.push(quote!(repeated));
                if !packed && is_packable(&field.kind) {
                    attribute.push(quote!(packed = "false"));
                }
            }
            Occurs::Always | Occurs::Map(_) | Occurs::Member(_) => {}
        }
        attribute.extend(boxed.then(|| quote!(boxed)));
        let tag = field.number.to_string();
        attribute.push(quote!(tag = #tag));
        attribute.extend(self.default(field));
        let (doc, deprecated) = (field_doc(field), deprecated(&field.about));
        let kind = self.field_type(field, from, boxed);
        let attributes = self.settings.of_field(&format!("{owner}.{}", field.name));
        quote! {
            #doc
            #deprecated
            #[prost(#(#attribute),*)]
            #attributes
            pub #name: #kind,
        }
    }

    fn field_type(&self, field: &Field, from: &[String], boxed: bool) -> TokenStream {
        let kind = self.value_type(field, from);
        let kind = if boxed {
            quote!(::prost::alloc::boxed::Box<#kind>)
        } else {
            kind
        };
        match field.occurs {
            Occurs::Optional => quote!(::core::option::Option<#kind>),
            Occurs::Repeated { .. } => quote!(::prost::alloc::vec::Vec<#kind>),
            Occurs::Map(key) => {
                let key = scalar_type(key);
                quote!(::prost::alloc::collections::BTreeMap<#key, #kind>)
            }
            Occurs::Always | Occurs::Required | Occurs::Member(_) => kind,
        }
    }

    fn value_type(&self, field: &Field, from: &[String]) -> TokenStream {
        match &field.kind {
            Kind::Scalar(scalar) => scalar_type(*scalar),
            Kind::Enum(_) => quote!(i32),
            Kind::Message(name) | Kind::Group(name) => self.places.path(self.number, from, name),
        }
    }

    /// What prost's attribute calls the type.
    fn word(&self, field: &Field, from: &[String], in_map: bool) -> TokenStream {
        match &field.kind {
            Kind::Scalar(scalar) => {
                let word = ident(scalar_word(*scalar));
                quote!(#word)
            }
            Kind::Message(_) => quote!(message),
            Kind::Group(_) => quote!(group),
            Kind::Enum(name) => {
                let path = self.places.path(self.number, from, name);
                let shown = spelled(&path);
                if in_map {
                    quote!(enumeration(#path))
                } else {
                    quote!(enumeration = #shown)
                }
            }
        }
    }

    fn default(&self, field: &Field) -> Option<TokenStream> {
        let float = |shown: String| match shown.as_str() {
            "NaN" => "nan".to_owned(),
            _ => shown,
        };
        let text = match (field.default.as_ref()?, &field.kind) {
            (Default::Int(value), _) => value.to_string(),
            (Default::Bool(value), _) => value.to_string(),
            (Default::Float(value), Kind::Scalar(Scalar::Float)) => float(format!("{:?}", *value as f32)),
            (Default::Float(value), _) => float(format!("{value:?}")),
            (Default::String(value), _) => value.clone(),
            (Default::Bytes(value), _) => format!("b\"{}\"", value.escape_ascii()),
            (Default::Symbol(symbol), Kind::Enum(name)) => {
                let declared = self.unit.schema.files.iter().flat_map(|file| file.all_enums());
                let declared = declared
                    .into_iter()
                    .find(|declared| declared.full_name == *name)?;
                let index = declared.values.iter().position(|value| value.name == *symbol)?;
                match self.places.get(self.number, name) {
                    Some(place) => place.parts.get(index)?.to_string(),
                    None => super::place::variant_of(declared, symbol),
                }
            }
            (Default::Symbol(_), _) => return None,
        };
        Some(quote!(default = #text))
    }

    fn oneof(&self, message: &Message, place: &Place, oneof: (usize, &Oneof, &Ident)) -> TokenStream {
        let (index, oneof, name) = oneof;
        let own = message.full_name.as_str();
        let full_name = format!("{own}.{}", oneof.name);
        let members = || message.members(index);
        let fields = message.fields.iter().zip(&place.parts);
        let fields = fields.filter(|(field, _)| field.occurs == Occurs::Member(index));
        let variants = fields.map(|(field, variant)| {
            let (doc, deprecated) = (field_doc(field), deprecated(&field.about));
            let (word, tag) = (self.word(field, &place.inner, false), field.number.to_string());
            let kind = self.value_type(field, &place.inner);
            let is_boxed = self.derives.is_boxed(own, field);
            let kind = if is_boxed {
                quote!(::prost::alloc::boxed::Box<#kind>)
            } else {
                kind
            };
            let attributes = self.settings.of_field(&format!("{full_name}.{}", field.name));
            quote! {
                #doc
                #deprecated
                #[prost(#word, tag = #tag)]
                #attributes
                #variant(#kind),
            }
        });
        let copy = members().all(|field| self.derives.field_copies(own, field));
        let copy = copy.then(|| quote!(Copy,));
        let equal = members().all(|field| self.derives.field_equals(own, field));
        let equal = equal.then(|| quote!(Eq, Hash,));
        let (doc, attributes) = (line_doc(&oneof.about), self.settings.of_type(&full_name));
        quote! {
            #doc
            #attributes
            #[derive(Clone, #copy PartialEq, #equal ::prost::Oneof)]
            pub enum #name { #(#variants)* }
        }
    }
}

fn tags(message: &Message, oneof: usize) -> String {
    let tags: Vec<String> = message
        .members(oneof)
        .map(|field| field.number.to_string())
        .collect();
    tags.join(", ")
}

/// A path as prost's attributes have it, in a string.
fn spelled(path: &TokenStream) -> String {
    path.to_string().replace(' ', "")
}

/// The words of a type, its full name and its place.
pub(super) fn type_doc(about: &About, full_name: &str, file: &str) -> TokenStream {
    let place = match about.line {
        0 => format!("`{full_name}`, {file}"),
        line => format!("`{full_name}`, {file}:{line}"),
    };
    doc(about.doc.as_deref(), &place)
}

fn field_doc(field: &Field) -> TokenStream {
    let place = match field.about.line {
        0 => format!("Field {}.", field.number),
        line => format!("Field {}, line {line}.", field.number),
    };
    doc(field.about.doc.as_deref(), &place)
}

fn line_doc(about: &About) -> TokenStream {
    let place = match about.line {
        0 => "One of several.".to_owned(),
        line => format!("Line {line}."),
    };
    doc(about.doc.as_deref(), &place)
}

/// The attribute, where it is due.
pub(super) fn deprecated(about: &About) -> Option<TokenStream> {
    about.deprecated.then(|| quote!(#[deprecated]))
}

/// Whether several values can be in one piece.
fn is_packable(kind: &Kind) -> bool {
    match kind {
        Kind::Scalar(scalar) => !matches!(scalar, Scalar::String | Scalar::Bytes),
        Kind::Enum(_) => true,
        Kind::Message(_) | Kind::Group(_) => false,
    }
}

/// What the language, and prost's attributes, call a scalar.
fn scalar_word(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Double => "double",
        Scalar::Float => "float",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Uint32 => "uint32",
        Scalar::Uint64 => "uint64",
        Scalar::Sint32 => "sint32",
        Scalar::Sint64 => "sint64",
        Scalar::Fixed32 => "fixed32",
        Scalar::Fixed64 => "fixed64",
        Scalar::Sfixed32 => "sfixed32",
        Scalar::Sfixed64 => "sfixed64",
        Scalar::Bool => "bool",
        Scalar::String => "string",
        Scalar::Bytes => "bytes",
    }
}

/// The type of a scalar in Rust.
pub(crate) fn scalar_type(scalar: Scalar) -> TokenStream {
    match scalar {
        Scalar::Double => quote!(f64),
        Scalar::Float => quote!(f32),
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => quote!(i32),
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => quote!(i64),
        Scalar::Uint32 | Scalar::Fixed32 => quote!(u32),
        Scalar::Uint64 | Scalar::Fixed64 => quote!(u64),
        Scalar::Bool => quote!(bool),
        Scalar::String => quote!(::prost::alloc::string::String),
        Scalar::Bytes => quote!(::prost::alloc::vec::Vec<u8>),
    }
}
