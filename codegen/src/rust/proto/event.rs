//! The event type of a Protobuf topic: the members of a oneof, or messages.
//!
//! Invariant: a message this code has not heard of is an unknown kind, and so is a oneof without a member it knows. Nothing
//! is called by a method here that a message might have by its fields.

use std::rc::Rc;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::place::{Place, relative};
use crate::model::proto::Message;
use crate::names::Scope;
use crate::rust::module::ident;
use crate::rust::topic::{declared, records};
use crate::rust::{bytes, origin_constants, unsuffixed};
use crate::unit::Origin;
use crate::words::shown;

/// A message of which a topic's events are.
pub(crate) struct Event<'a> {
    /// The schema it is of.
    pub(crate) origin: &'a Origin,
    /// The place of that schema among all of them.
    pub(crate) schema: usize,
    /// The message.
    pub(crate) message: &'a Message,
    /// Its type.
    pub(crate) place: &'a Rc<Place>,
    /// Whether a value can hold itself, so that writing it may fail.
    pub(crate) is_endless: bool,
}

fn path(event: &Event<'_>) -> TokenStream {
    relative(&[], &event.place.modules, &event.place.ident)
}

/// The indexes as an array.
fn indexes(event: &Event<'_>) -> TokenStream {
    let indexes = event
        .message
        .indexes
        .iter()
        .map(|index| unsuffixed(usize::try_from(*index).unwrap_or_default()));
    quote!(&[#(#indexes),*])
}

/// A struct of what happened and the message around it.
pub(crate) fn members(topic: &str, name: &str, event: &Event<'_>, oneof: usize) -> TokenStream {
    let (message, full_name) = (path(event), &event.message.full_name);
    let Some((field, kind)) = event.place.oneofs.get(oneof) else {
        return TokenStream::new();
    };
    let (name, kind) = (ident(name), relative(&[], &event.place.inner, kind));
    let doc = format!(
        " An event of topic `{}`: `{full_name}`, {}.",
        shown(topic),
        shown(&event.origin.label)
    );
    let message_doc = format!(" The message around it; its own `{field}` is empty.");
    let (constants, indexes) = (origin_constants(event.origin), indexes(event));
    let (records, unasked) = (records(&quote!(::annals_schema_model)), unasked(event.is_endless));
    let set = members_set(&name, event);
    quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq)]
        pub struct #name {
            /// What happened.
            pub event: #kind,
            #[doc = #message_doc]
            pub message: #message,
        }

        impl #name {
            /// The topic.
            pub const TOPIC: &'static str = #topic;
            /// The message's full name in the schema.
            pub const NAME: &'static str = #full_name;
            #constants

            /// An event and the message around it.
            pub fn new(event: #kind, mut message: #message) -> Self {
                message.#field = None;
                Self { event, message }
            }

            /// The payload, without an envelope: message indexes and message.
            #unasked
            pub fn body(&self) -> Vec<u8> {
                let mut body = match self.message.#field {
                    None => ::annals_schema_model::proto::body(#indexes, &self.message),
                    Some(_) => {
                        let mut message = ::core::clone::Clone::clone(&self.message);
                        message.#field = None;
                        ::annals_schema_model::proto::body(#indexes, &message)
                    }
                };
                // Fields may stand in any order.
                body.reserve_exact(self.event.encoded_len());
                self.event.encode(&mut body);
                body
            }

            /// Takes the event out of its message; nothing when it carries none of the events known here.
            pub fn from_message(mut message: #message) -> Option<Self> {
                let event = message.#field.take()?;
                Some(Self { event, message })
            }

            #records
        }

        #set
    }
}

/// What is said of a payload of events that can hold themselves.
fn unasked(is_endless: bool) -> Option<TokenStream> {
    is_endless.then(|| quote!(#[doc = " Whether anybody follows an event that deep, `encode` asks."]))
}

fn members_set(name: &Ident, event: &Event<'_>) -> TokenStream {
    let (schema, message) = (unsuffixed(event.schema), path(event));
    let body = if event.is_endless {
        quote!(::annals_schema_model::proto::readable::<#message>(self.body())?)
    } else {
        quote!(self.body())
    };
    quote! {
        impl ::annals_schema_model::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[(Self::NAME, Self::FINGERPRINT)];

            fn decode(
                raw: &::annals_schema_model::Raw<'_>,
                resolve: &dyn ::annals_schema_model::Resolve,
            ) -> Result<::annals_schema_model::Seen<Self>, ::annals_schema_model::DecodeError> {
                use ::annals_schema_model::{Seen, proto};

                match proto::Written::of(raw, resolve)? {
                    Some(message) if message.name() == Self::NAME => {
                        Ok(Self::from_message(message.read()?).map_or(Seen::UnknownKind, Seen::Known))
                    }
                    _ => Ok(Seen::UnknownKind),
                }
            }

            fn encode(&self) -> Result<(&'static str, Vec<u8>), ::annals_schema_model::EncodeError> {
                Ok((Self::NAME, #body))
            }

            fn schema(&self) -> &'static ::annals_schema_model::SchemaVersion {
                &SCHEMAS[#schema]
            }
        }
    }
}

/// An enum of messages: of one schema, or each of a subject of its own, with which of them have that one's constants.
pub(crate) fn messages(topic: &str, name: &str, events: &[Event<'_>], own: Option<&[bool]>) -> TokenStream {
    let (name, mut scope) = (ident(name), Scope::default());
    let variants = events
        .iter()
        .map(|event| scope.camel(event.message.simple_name()));
    let variants: Vec<Ident> = variants.map(|variant| ident(&variant)).collect();
    let paths: Vec<TokenStream> = events.iter().map(path).collect();
    let docs = events
        .iter()
        .map(|event| format!(" `{}`, {}.", event.message.full_name, shown(&event.origin.label)));
    let methods = messages_methods(topic, &variants, events, own);
    let set = messages_set(&name, &variants, events, own);
    let declared = declared(topic, &name, docs, &variants, &paths, &methods);
    quote!(#declared #set)
}

fn messages_methods(
    topic: &str,
    variants: &[Ident],
    events: &[Event<'_>],
    own: Option<&[bool]>,
) -> TokenStream {
    let names = events.iter().map(|event| event.message.full_name.as_str());
    // Of one schema the constants are the topic's, of several each message's.
    let constants = match events {
        [event, ..] if own.is_none() => origin_constants(event.origin),
        _ => TokenStream::new(),
    };
    let records = records(&quote!(::annals_schema_model));
    let unasked = unasked(events.iter().any(|event| event.is_endless));
    let bodies = events.iter().map(indexes);
    quote! {
        /// The topic.
        pub const TOPIC: &'static str = #topic;
        #constants

        /// The event's full name in its schema.
        pub fn name(&self) -> &'static str {
            match self { #(Self::#variants(_) => #names,)* }
        }

        /// The subject the event's schema is registered under.
        pub fn subject(&self) -> &'static str {
            ::annals_schema_model::EventSet::schema(self).subject
        }

        /// The version of the schema within the subject.
        pub fn version(&self) -> u32 {
            ::annals_schema_model::EventSet::schema(self).version
        }

        #records

        /// The payload, without an envelope: message indexes and message.
        #unasked
        pub fn body(&self) -> Vec<u8> {
            match self {
                #(Self::#variants(event) => ::annals_schema_model::proto::body(#bodies, event),)*
            }
        }
    }
}

fn messages_set(name: &Ident, variants: &[Ident], events: &[Event<'_>], own: Option<&[bool]>) -> TokenStream {
    let names: Vec<&str> = events
        .iter()
        .map(|event| event.message.full_name.as_str())
        .collect();
    let schemas = events.iter().map(|event| unsuffixed(event.schema));
    let checked = variants.iter().zip(events).filter(|(_, event)| event.is_endless);
    let checked: Vec<_> = checked
        .map(|(variant, event)| {
            let message = path(event);
            quote!(Self::#variant(_) => ::annals_schema_model::proto::readable::<#message>(self.body())?,)
        })
        .collect();
    let rest = (checked.len() < events.len()).then(|| quote!(_ => self.body(),));
    let body = if checked.is_empty() {
        quote!(self.body())
    } else {
        quote!(match self { #(#checked)* #rest })
    };
    let schema = match events {
        [event, ..] if own.is_none() => {
            let schema = unsuffixed(event.schema);
            quote!(&SCHEMAS[#schema])
        }
        _ => quote!(match self { #(Self::#variants(_) => &SCHEMAS[#schemas],)* }),
    };
    let readers = events.iter().enumerate().map(|(index, event)| {
        let (name, path, other) = (
            &event.message.full_name,
            path(event),
            bytes(&event.origin.fingerprint),
        );
        match own {
            None => quote!((#name, Self::FINGERPRINT)),
            Some(own) if own.get(index).copied().unwrap_or_default() => {
                quote!((#path::NAME, #path::FINGERPRINT))
            }
            Some(_) => quote!((#name, #other)),
        }
    });
    quote! {
        impl ::annals_schema_model::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[#(#readers),*];

            fn decode(
                raw: &::annals_schema_model::Raw<'_>,
                resolve: &dyn ::annals_schema_model::Resolve,
            ) -> Result<::annals_schema_model::Seen<Self>, ::annals_schema_model::DecodeError> {
                use ::annals_schema_model::{Seen, proto};

                let Some(message) = proto::Written::of(raw, resolve)? else {
                    return Ok(Seen::UnknownKind);
                };
                Ok(Seen::Known(match message.name() {
                    #(#names => Self::#variants(message.read()?),)*
                    _ => return Ok(Seen::UnknownKind),
                }))
            }

            fn encode(&self) -> Result<(&'static str, Vec<u8>), ::annals_schema_model::EncodeError> {
                Ok((self.name(), #body))
            }

            fn schema(&self) -> &'static ::annals_schema_model::SchemaVersion {
                #schema
            }
        }
    }
}
