//! Generated types as serde has them, where a user asks for it.
//!
//! Fields are called as in the schema, and symbols are their texts, those that only a writer knows included; a branch of a union
//! is called as its variant. Invariant: what is serialised is deserialised as the same value, except for a symbol that is
//! not of the schema.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Body, Definition};
use crate::rust::module::Here;

/// The derives of a struct or of a union's enum.
pub(crate) fn derives(here: &Here<'_>) -> Option<TokenStream> {
    let derives = quote!(#[derive(::serde::Serialize, ::serde::Deserialize)]);
    here.settings.serde.then_some(derives)
}

/// What stands on a record's struct, or on that of one field around what is no record.
pub(crate) fn of_record(definition: &Definition, here: &Here<'_>) -> Option<TokenStream> {
    let derives = derives(here)?;
    let transparent = matches!(definition.body, Body::Bare(..)).then(|| quote!(#[serde(transparent)]));
    Some(quote!(#derives #transparent))
}

/// The attribute of a field that Rust calls otherwise than the schema.
pub(crate) fn renamed(ident: &Ident, name: &str, here: &Here<'_>) -> Option<TokenStream> {
    (here.settings.serde && *ident != name).then(|| quote!(#[serde(rename = #name)]))
}

/// The impls of an enum.
pub(crate) fn symbols(name: &Ident, here: &Here<'_>) -> Option<TokenStream> {
    here.settings.serde.then(|| {
        quote! {
            impl ::serde::Serialize for #name {
                fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    to.serialize_str(self.as_str())
                }
            }

            impl<'de> ::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    let symbol = <::std::borrow::Cow<'_, str> as ::serde::Deserialize>::deserialize(from)?;
                    symbol.parse().map_err(::serde::de::Error::custom)
                }
            }
        }
    })
}

/// The impls of a fixed: serde has arrays of 32 bytes at most.
pub(crate) fn fixed(name: &Ident, here: &Here<'_>) -> Option<TokenStream> {
    here.settings.serde.then(|| {
        quote! {
            impl ::serde::Serialize for #name {
                fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    ::serde::Serialize::serialize(self.0.as_slice(), to)
                }
            }

            impl<'de> ::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    let bytes = <Vec<u8> as ::serde::Deserialize>::deserialize(from)?;
                    let length = bytes.len();
                    let array = ::std::convert::TryInto::try_into(bytes);
                    array.map(Self).map_err(|_| ::serde::de::Error::invalid_length(length, &Self::NAME))
                }
            }
        }
    })
}
