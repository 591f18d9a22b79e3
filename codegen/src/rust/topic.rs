//! The event enum of an Avro topic, and how the store reads it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::rust::module::ident;

/// One event kind of a topic.
pub(crate) struct Event {
    /// The record's full name.
    pub(crate) name: String,
    /// Other full names writers may have used: the record's aliases.
    pub(crate) aliases: Vec<String>,
    /// The variant.
    pub(crate) variant: Ident,
    /// The path of the record from the root.
    pub(crate) path: TokenStream,
    /// The subject of the record in this topic.
    pub(crate) subject: String,
}

/// The enum of a topic's events and its `EventSet`.
pub(crate) fn items(topic: &str, name: &str, events: &[Event]) -> TokenStream {
    let doc = format!(" The events of topic `{topic}`.");
    let name = ident(name);
    let (variants, paths): (Vec<_>, Vec<_>) =
        events.iter().map(|event| (&event.variant, &event.path)).unzip();
    let docs = events.iter().map(|event| format!(" `{}`.", event.name));
    let subjects = events.iter().map(|event| &event.subject);
    let event_set = event_set(&name, events);
    quote! {
        #[doc = #doc]
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name {
            #(#[doc = #docs] #variants(#paths),)*
        }

        impl #name {
            /// The topic.
            pub const TOPIC: &'static str = #topic;

            /// The event's full name in its schema.
            pub fn name(&self) -> &'static str {
                match self { #(Self::#variants(_) => #paths::NAME,)* }
            }

            /// The subject the event's schema is registered under.
            pub fn subject(&self) -> &'static str {
                match self { #(Self::#variants(_) => #subjects,)* }
            }

            /// The version of the schema within the subject.
            pub fn version(&self) -> u32 {
                match self { #(Self::#variants(_) => #paths::VERSION,)* }
            }

            /// The payload, without an envelope.
            pub fn body(&self) -> Vec<u8> {
                match self { #(Self::#variants(event) => event.encode(),)* }
            }
        }

        #(impl From<#paths> for #name {
            fn from(event: #paths) -> Self {
                Self::#variants(event)
            }
        })*

        #event_set
    }
}

fn event_set(name: &Ident, events: &[Event]) -> TokenStream {
    let paths: Vec<_> = events.iter().map(|event| &event.path).collect();
    let arms = events.iter().map(|event| {
        let (full_name, aliases, variant, path) = (&event.name, &event.aliases, &event.variant, &event.path);
        quote! {
            #full_name #(| #aliases)* => {
                static PLANS: annals_support::Plans = annals_support::Plans::new();
                let body = PLANS.body(#path::SCHEMA, &writer, raw.body)?;
                #path::decode(&body).map(Self::#variant)
            }
        }
    });
    quote! {
        impl ::annals_event_store::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[#((#paths::NAME, #paths::FINGERPRINT)),*];

            #[allow(clippy::too_many_lines)]
            fn decode(
                raw: &::annals_event_store::Raw<'_>,
                resolve: &dyn ::annals_event_store::Resolve,
            ) -> Result<::annals_event_store::Seen<Self>, ::annals_event_store::DecodeError> {
                let id = raw.schema;
                let writer = resolve.writer(id).ok_or_else(|| {
                    ::annals_event_store::DecodeError(format!("schema id {id} is not registered"))
                })?;
                let name = writer.schema.record_name().unwrap_or_default();
                let event = match name.as_str() {
                    #(#arms)*
                    _ => return Ok(::annals_event_store::Seen::UnknownKind),
                };
                event
                    .map(::annals_event_store::Seen::Known)
                    .map_err(|error| ::annals_event_store::DecodeError(format!("{name} (schema id {id}): {error}")))
            }

            fn encode(&self) -> (&'static str, Vec<u8>) {
                (self.name(), self.body())
            }
        }
    }
}
