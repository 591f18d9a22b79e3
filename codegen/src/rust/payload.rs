//! What only the top types of a schema have: the schema, and whole payloads.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::Definition;
use crate::rust::may_fail;
use crate::rust::module::Here;
use crate::rust::shape::unsuffixed;

/// What the top type of a schema has, and no other.
pub(crate) struct Top {
    /// The constants of the schema.
    pub(crate) constants: TokenStream,
    /// Whether the schema refers to others.
    pub(crate) refers: bool,
    /// The index of its branch, where the schema is a union at its top.
    pub(crate) branch: Option<usize>,
}

/// What only the top type of a schema has: the schema, and whole payloads.
pub(crate) fn payload(definition: &Definition, name: &Ident, top: &Top, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let constants = &top.constants;
    let referring = top.refers.then(|| quote!(.referring(#name::REFERENCES)));
    let branch = top.branch.map(unsuffixed);
    let (value, branch) = match branch {
        Some(index) => (
            quote!(&#avro::Branch(#index, self)),
            Some(quote!(.branch(#index))),
        ),
        None => (quote!(self), None),
    };
    let encode = if may_fail(here.definitions, &definition.name, here.settings) {
        quote! {
            /// The payload, without an envelope; an error when it has something that nobody could read.
            pub fn encode(&self) -> Result<Vec<u8>, #avro::EncodeError> {
                #avro::encode_checked(#value)
            }

            /// The same, appended to bytes that are there; nothing is where it is an error.
            pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), #avro::EncodeError> {
                #avro::encode_into_checked(#value, out)
            }
        }
    } else {
        quote! {
            /// The payload, without an envelope.
            pub fn encode(&self) -> Vec<u8> {
                #avro::encode(#value)
            }

            /// The same, appended to bytes that are there.
            pub fn encode_into(&self, out: &mut Vec<u8>) {
                #avro::encode_into(#value, out);
            }
        }
    };
    quote! {
        #constants

        #encode

        /// Reads a payload written with exactly this schema, to its last byte.
        pub fn decode(body: &[u8]) -> Result<Self, #avro::ReadError> {
            Self::reader().decode(body)
        }

        /// What reads payloads of this and of every other writer's schema.
        pub fn reader() -> &'static #avro::ReaderSchema {
            static READER: #avro::ReaderSchema = #avro::ReaderSchema::new(#name::SCHEMA) #referring #branch;
            &READER
        }
    }
}
