//! The event enum of an Avro topic, and how events of any writer become it.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use crate::rust::bytes;
use crate::rust::module::ident;
use crate::rust::shape::unsuffixed;

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
    /// The schema of that subject, where the record's own is another one of the same shape.
    pub(crate) other: Option<OtherSchema>,
    /// Whether a value can hold itself, so that writing it may fail.
    pub(crate) is_endless: bool,
}

/// A schema of an event that is not the one its record was printed from.
pub(crate) struct OtherSchema {
    /// The version within the subject.
    pub(crate) version: u32,
    /// SHA-256 of the canonical form.
    pub(crate) fingerprint: [u8; 32],
    /// The text, as an expression.
    pub(crate) text: TokenStream,
}

impl Event {
    fn version(&self) -> TokenStream {
        let path = &self.path;
        match &self.other {
            Some(other) => unsuffixed(other.version as usize).into_token_stream(),
            None => quote!(#path::VERSION),
        }
    }

    fn fingerprint(&self) -> TokenStream {
        let path = &self.path;
        match &self.other {
            Some(other) => bytes(&other.fingerprint),
            None => quote!(#path::FINGERPRINT),
        }
    }

    /// What reads payloads of any writer.
    fn reader(&self, avro: &Ident) -> TokenStream {
        let path = &self.path;
        let Some(OtherSchema { text, .. }) = &self.other else {
            return quote!(#path::reader());
        };
        quote!({
            static READER: #avro::ReaderSchema = #avro::ReaderSchema::new(#text);
            &READER
        })
    }
}

/// The enum of a topic's events and its `EventSet`. Where subjects are named by the topic alone, a record may have moved
/// to another namespace, as the compatibility rules allow: then it goes by its short name.
pub(crate) fn items(topic: &str, name: &str, by_record: bool, events: &[Event], avro: &Ident) -> TokenStream {
    let doc = format!(" The events of topic `{topic}`.");
    let name = ident(name);
    let (variants, paths): (Vec<_>, Vec<_>) =
        events.iter().map(|event| (&event.variant, &event.path)).unzip();
    let docs = events.iter().map(|event| format!(" `{}`.", event.name));
    let subjects = events.iter().map(|event| &event.subject);
    let versions = events.iter().map(Event::version);
    let body = body(events, avro);
    let event_set = event_set(&name, by_record, events, avro);
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
                match self { #(Self::#variants(_) => #versions,)* }
            }

            #body
        }

        #(impl ::std::convert::From<#paths> for #name {
            fn from(event: #paths) -> Self {
                Self::#variants(event)
            }
        })*

        #event_set
    }
}

fn body(events: &[Event], avro: &Ident) -> TokenStream {
    let fails = events.iter().any(|event| event.is_endless);
    let arms = events.iter().map(|event| {
        let variant = &event.variant;
        if fails && !event.is_endless {
            quote!(Self::#variant(event) => Ok(event.encode()),)
        } else {
            quote!(Self::#variant(event) => event.encode(),)
        }
    });
    if fails {
        quote! {
            /// The payload, without an envelope; an error when the event holds itself so deep that nobody would read it.
            pub fn body(&self) -> Result<Vec<u8>, #avro::EncodeError> {
                match self { #(#arms)* }
            }
        }
    } else {
        quote! {
            /// The payload, without an envelope.
            pub fn body(&self) -> Vec<u8> {
                match self { #(#arms)* }
            }
        }
    }
}

fn event_set(name: &Ident, by_record: bool, events: &[Event], avro: &Ident) -> TokenStream {
    let paths = events.iter().map(|event| &event.path);
    let fingerprints = events.iter().map(Event::fingerprint);
    let called = |name: &str| {
        let short = name.rsplit('.').next().filter(|_| !by_record);
        short.unwrap_or(name).to_owned()
    };
    let arms = events.iter().map(|event| {
        let names = std::iter::once(&event.name).chain(&event.aliases);
        let names: BTreeSet<String> = names.map(|name| called(name)).collect();
        let (variant, reader) = (&event.variant, event.reader(avro));
        quote!(#(#names)|* => Self::#variant(#reader.decode_from(&writer, raw.body)?),)
    });
    let written = if by_record {
        quote!(record_name)
    } else {
        quote!(short_name)
    };
    let body = if events.iter().any(|event| event.is_endless) {
        quote!(self.body()?)
    } else {
        quote!(self.body())
    };
    quote! {
        impl #avro::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[#((#paths::NAME, #fingerprints)),*];

            fn decode(raw: &#avro::Raw<'_>, resolve: &dyn #avro::Resolve) -> Result<#avro::Seen<Self>, #avro::DecodeError> {
                let writer = raw.writer(resolve)?;
                Ok(#avro::Seen::Known(match #avro::#written(&writer) {
                    #(#arms)*
                    _ => return Ok(#avro::Seen::UnknownKind),
                }))
            }

            fn encode(&self) -> Result<(&'static str, Vec<u8>), #avro::EncodeError> {
                Ok((self.name(), #body))
            }
        }
    }
}
