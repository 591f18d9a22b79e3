//! Enums as prost's derive takes them.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::message::{deprecated, permissions, type_doc};
use super::place::Place;
use crate::model::proto::{About, Enum};
use crate::rust::doc::doc;
use crate::settings::Settings;

/// An enum, and its values by their names in the schema.
pub(crate) fn enumeration(settings: &Settings, declared: &Enum, place: &Place, file: &str) -> TokenStream {
    let (name, permissions) = (&place.ident, permissions(&place.modules));
    let attributes = settings.of_type(&declared.full_name);
    let about = type_doc(&declared.about, &declared.full_name, file);
    // Of the names of one number the first is the value's; prost knows the others no more.
    let mut known = BTreeSet::new();
    let values = declared.values.iter().zip(&place.parts);
    let values: Vec<_> = values.filter(|(value, _)| known.insert(value.number)).collect();
    let variants = values.iter().map(|(value, variant)| {
        let line = (value.about.line > 0).then(|| format!("Line {}.", value.about.line));
        let place = line.unwrap_or_else(|| format!("`{}`.", value.name));
        let (doc, deprecated) = (doc(value.about.doc.as_deref(), &place), deprecated(&value.about));
        let number = proc_macro2::Literal::i32_unsuffixed(value.number);
        let attributes = settings.of_field(&format!("{}.{}", declared.full_name, value.name));
        quote!(#doc #attributes #deprecated #variant = #number,)
    });
    let allowed = |about: &About| about.deprecated.then(|| quote!(#[allow(deprecated)]));
    let names = values.iter().map(|(value, variant)| {
        let (text, allowed) = (&value.name, allowed(&value.about));
        quote!(#allowed Self::#variant => #text,)
    });
    let texts = values.iter().map(|(value, variant)| {
        let (text, allowed) = (&value.name, allowed(&value.about));
        quote!(#text => ::core::option::Option::Some(#allowed Self::#variant),)
    });
    quote! {
        #about
        #permissions
        #attributes
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
        #[repr(i32)]
        pub enum #name { #(#variants)* }

        #permissions
        impl #name {
            /// The value's name in the schema.
            pub fn as_str_name(&self) -> &'static str {
                match self { #(#names)* }
            }

            /// The value of a name in the schema.
            pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
                match value {
                    #(#texts)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}
