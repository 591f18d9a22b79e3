//! Protobuf: the messages prost prints, and the event type of a topic around a message with a oneof.
//!
//! Invariant: the topic's first message has one oneof, and its members are the events. A member this code has not
//! heard of arrives as an empty oneof, which is reported as an unknown kind.

use proc_macro2::{Ident, TokenStream};
use prost_build::Module;
use quote::{ToTokens, quote};
use syn::{Fields, GenericArgument, Item, ItemStruct, PathArguments, Type};

use crate::diagnostic::Diagnostic;
use crate::rust::module::{Tree, ident, modules};
use crate::rust::origin_constants;
use crate::rust::shape::unsuffixed;
use crate::rust::topic::records;
use crate::unit::ProtoUnit;

/// Prints a topic's messages into their modules, and answers its event type.
pub(crate) fn items(
    topic: &str,
    name: &str,
    unit: &ProtoUnit,
    schema: usize,
    tree: &mut Tree,
) -> Result<TokenStream, Diagnostic> {
    let fail = |message: String| Diagnostic::file(&unit.origin.path, message);
    let requests = unit
        .files
        .file
        .iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file.clone()))
        .collect();
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    let printed = config
        .generate(requests)
        .map_err(|error| fail(format!("prost: {error}")))?;
    let package = unit.top.rsplit_once('.').map_or("", |(package, _)| package);
    let home = Module::from_protobuf_package_name(package);
    let mut found = None;
    let mut printed: Vec<(Module, String)> = printed.into_iter().collect();
    printed.sort();
    for (module, text) in printed {
        let file = syn::parse_file(&text).map_err(|error| fail(format!("prost printed no Rust: {error}")))?;
        if module == home {
            found = file.items.iter().find_map(|item| message(item, &unit.top));
        }
        let path: Vec<String> = module.parts().flat_map(|part| modules(part, None)).collect();
        tree.add(
            &path,
            file.items.into_iter().map(ToTokens::into_token_stream).collect(),
        );
    }
    let top = found.ok_or_else(|| fail(format!("prost printed no struct for message {}", unit.top)))?;
    let oneofs = oneofs(&top);
    let [(field, oneof)] = oneofs.as_slice() else {
        return Err(fail(format!(
            "message {} has {} oneofs; the events of topic `{topic}` are the members of its one oneof",
            unit.top,
            oneofs.len()
        )));
    };
    let path: Vec<String> = home.parts().flat_map(|part| modules(part, None)).collect();
    let event_set = event_set(&ident(name), &path, &top.ident, schema);
    let event_type = event_type(topic, name, unit, &path, &top.ident, field, oneof);
    Ok(quote!(#event_type #event_set))
}

/// The struct of a message: prost's names differ from Protobuf's in case and underscores alone.
fn message(item: &Item, full_name: &str) -> Option<ItemStruct> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let simple = full_name.rsplit('.').next().unwrap_or(full_name);
    match item {
        Item::Struct(item) if plain(&item.ident.to_string()) == plain(simple) => Some(item.clone()),
        _ => None,
    }
}

/// The oneof fields of a message and the paths of their enums, as prost printed them.
fn oneofs(item: &ItemStruct) -> Vec<(Ident, TokenStream)> {
    let Fields::Named(fields) = &item.fields else {
        return Vec::new();
    };
    let is_oneof = |field: &&syn::Field| {
        field.attrs.iter().any(|attribute| {
            attribute.path().is_ident("prost")
                && attribute.meta.to_token_stream().to_string().contains("oneof =")
        })
    };
    fields
        .named
        .iter()
        .filter(is_oneof)
        .filter_map(|field| Some((field.ident.clone()?, inside_option(&field.ty)?)))
        .collect()
}

fn inside_option(kind: &Type) -> Option<TokenStream> {
    let Type::Path(path) = kind else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner.to_token_stream()),
        _ => None,
    }
}

fn event_type(
    topic: &str,
    name: &str,
    unit: &ProtoUnit,
    path: &[String],
    message: &Ident,
    field: &Ident,
    oneof: &TokenStream,
) -> TokenStream {
    let module = path.iter().map(|part| ident(part));
    let module = quote!(#(#module::)*);
    let (name, constants, full_name) = (ident(name), origin_constants(&unit.origin), &unit.top);
    let doc = format!(
        " An event of topic `{topic}`: `{}`, {}.",
        unit.top, unit.origin.label
    );
    let message_doc = format!(" The message around it; its own `{field}` is empty.");
    let records = records(&quote!(::annals_schema_model));
    quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq)]
        pub struct #name {
            /// What happened.
            pub event: #module #oneof,
            #[doc = #message_doc]
            pub message: #module #message,
        }

        impl #name {
            /// The topic.
            pub const TOPIC: &'static str = #topic;
            /// The message's full name in the schema.
            pub const NAME: &'static str = #full_name;
            #constants

            /// An event and the message around it.
            pub fn new(event: #module #oneof, message: #module #message) -> Self {
                Self { event, message: #module #message { #field: None, ..message } }
            }

            /// The payload, without an envelope: message indexes and message.
            pub fn body(&self) -> Vec<u8> {
                let message = #module #message { #field: Some(self.event.clone()), ..self.message.clone() };
                let mut body = Vec::new();
                ::annals_schema_model::envelope::write_message_indexes(&[0], &mut body);
                body.extend_from_slice(&::prost::Message::encode_to_vec(&message));
                body
            }

            /// Takes the event out of its message; nothing when it carries none of the events known here.
            pub fn from_message(mut message: #module #message) -> Option<Self> {
                let event = message.#field.take()?;
                Some(Self { event, message })
            }

            #records
        }
    }
}

fn event_set(name: &Ident, path: &[String], message: &Ident, schema: usize) -> TokenStream {
    let module = path.iter().map(|part| ident(part));
    let (message, schema) = (quote!(#(#module::)* #message), unsuffixed(schema));
    quote! {
        impl ::annals_schema_model::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[(Self::NAME, Self::FINGERPRINT)];

            fn decode(
                raw: &::annals_schema_model::Raw<'_>,
                resolve: &dyn ::annals_schema_model::Resolve,
            ) -> Result<::annals_schema_model::Seen<Self>, ::annals_schema_model::DecodeError> {
                use ::annals_schema_model::{DecodeError, Seen};

                let id = raw.schema;
                let writer = raw.writer(resolve)?;
                let ::annals_schema_model::Schema::Proto(schema) = &writer.schema else {
                    return Ok(Seen::UnknownKind);
                };
                let (indexes, bytes) = ::annals_schema_model::envelope::read_message_indexes(raw.body)
                    .map_err(|error| DecodeError::Payload(format!("schema id {id}: {error}")))?;
                if schema.message(&indexes).is_none_or(|message| message.full_name() != Self::NAME) {
                    return Ok(Seen::UnknownKind);
                }
                // Protobuf matches fields by number, so every compatible writer's bytes are read as they are.
                let message = <#message as ::prost::Message>::decode(bytes)
                    .map_err(|error| DecodeError::Payload(format!("{} (schema id {id}): {error}", Self::NAME)))?;
                Ok(Self::from_message(message).map_or(Seen::UnknownKind, Seen::Known))
            }

            fn encode(&self) -> Result<(&'static str, Vec<u8>), ::annals_schema_model::EncodeError> {
                Ok((Self::NAME, self.body()))
            }

            fn schema(&self) -> &'static ::annals_schema_model::SchemaVersion {
                &SCHEMAS[#schema]
            }
        }
    }
}
