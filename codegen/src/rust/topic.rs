//! The event enum of an Avro topic, and how events of any writer become it.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::rust::bytes;
use crate::rust::module::ident;
use crate::rust::shape::unsuffixed;
use crate::unit::short;
use crate::words::shown;

/// One event kind of a topic.
pub(crate) struct Event {
    /// The record's full name.
    pub(crate) name: String,
    /// Other full names writers may have used: the record's aliases, and what it was called in older versions.
    pub(crate) aliases: Vec<String>,
    /// The variant.
    pub(crate) variant: Ident,
    /// The path of the record from the root.
    pub(crate) path: TokenStream,
    /// The place of its schema among all of them.
    pub(crate) schema: usize,
    /// The fingerprint of that schema, where the record's own is another one of the same shape.
    pub(crate) other: Option<[u8; 32]>,
    /// The index of its branch in the union at the top of that schema.
    pub(crate) branch: Option<usize>,
    /// Whether the record's own schema has it as the same branch, or as none.
    pub(crate) is_own_branch: bool,
    /// The paths of old versions that become this one by a `From` of the user's, the oldest first.
    pub(crate) upcasts: Vec<TokenStream>,
    /// What that other schema refers to, if anything, as an expression.
    pub(crate) references: Option<TokenStream>,
    /// Whether a value can be one that nobody could read, so that writing it is an error.
    pub(crate) may_fail: bool,
}

impl Event {
    fn fingerprint(&self) -> TokenStream {
        let path = &self.path;
        match &self.other {
            Some(fingerprint) => bytes(fingerprint),
            None => quote!(#path::FINGERPRINT),
        }
    }

    /// What reads payloads of any writer.
    fn reader(&self, avro: &Ident) -> TokenStream {
        let path = &self.path;
        if self.other.is_none() {
            return quote!(#path::reader());
        }
        let schema = unsuffixed(self.schema);
        let referring = self.references.as_ref().map(|rows| quote!(.referring(#rows)));
        let branch = self.branch.map(unsuffixed).map(|index| quote!(.branch(#index)));
        quote!({
            static READER: #avro::ReaderSchema = #avro::ReaderSchema::new(SCHEMAS[#schema].text) #referring #branch;
            &READER
        })
    }
}

impl Event {
    /// The payload of `event`.
    fn payload(&self, avro: &Ident) -> TokenStream {
        let value = match self.branch.map(unsuffixed) {
            _ if self.is_own_branch => return quote!(event.encode()),
            Some(index) => quote!(&#avro::Branch(#index, event)),
            None => quote!(event),
        };
        if self.may_fail {
            quote!(#avro::encode_checked(#value))
        } else {
            quote!(#avro::encode(#value))
        }
    }

    /// Reads a payload of `writer`; of a version that is upcast, as it was written.
    fn read(&self, avro: &Ident) -> TokenStream {
        let reader = self.reader(avro);
        let read = quote!(#reader.decode_from(&writer, raw.body)?);
        if self.upcasts.is_empty() {
            return read;
        }
        let newer = self.upcasts.iter().skip(1).chain([&self.path]);
        let steps: Vec<(&TokenStream, &TokenStream)> = self.upcasts.iter().zip(newer).collect();
        let old = (0..steps.len()).rev().map(|first| {
            let (old, _) = steps[first];
            let read = quote!(#old::reader().decode_from(&writer, raw.body)?);
            let upcast = steps[first..].iter().fold(
                read,
                |value, (old, new)| quote!(<#new as ::std::convert::From<#old>>::from(#value)),
            );
            quote!(else if #old::reader().is_of(&writer, raw.body)? { #upcast })
        });
        quote!(if #reader.is_of(&writer, raw.body)? { #read } #(#old)* else { #read })
    }
}

/// Whether two events are told apart by their namespaces alone, or by those of their aliases.
fn are_alike(events: &[Event]) -> bool {
    let names = |event: &'_ Event| -> BTreeSet<String> {
        let all = std::iter::once(&event.name).chain(&event.aliases);
        all.map(|name| short(name).to_owned()).collect()
    };
    let mut called = BTreeSet::new();
    let mut all = events.iter().flat_map(names);
    all.any(|name| !called.insert(name))
}

/// The enum of a topic's events and its `EventSet`. Where subjects are named by the topic alone, a record may have moved
/// to another namespace, as the compatibility rules allow: then it goes by its short name, if it has that for itself.
pub(crate) fn items(topic: &str, name: &str, by_record: bool, events: &[Event], avro: &Ident) -> TokenStream {
    let name = ident(name);
    let (variants, paths): (Vec<Ident>, Vec<TokenStream>) = events
        .iter()
        .map(|event| (event.variant.clone(), event.path.clone()))
        .unzip();
    let by_full_name = by_record || are_alike(events);
    let body = body(events, avro);
    let records = records(&quote!(#avro));
    let event_set = event_set(&name, by_full_name, events, avro);
    let methods = quote! {
        /// The topic.
        pub const TOPIC: &'static str = #topic;

        /// The event's full name in its schema.
        pub fn name(&self) -> &'static str {
            match self { #(Self::#variants(_) => #paths::NAME,)* }
        }

        /// The subject the event's schema is registered under.
        pub fn subject(&self) -> &'static str {
            #avro::EventSet::schema(self).subject
        }

        /// The version of the schema within the subject.
        pub fn version(&self) -> u32 {
            #avro::EventSet::schema(self).version
        }

        #records

        #body
    };
    let docs = events.iter().map(|event| format!(" `{}`.", event.name));
    let declared = declared(topic, &name, docs, &variants, &paths, &methods);
    quote!(#declared #event_set)
}

/// The enum of a topic's events, with its methods; each of its types becomes one of it.
pub(crate) fn declared(
    topic: &str,
    name: &Ident,
    docs: impl Iterator<Item = String>,
    variants: &[Ident],
    paths: &[TokenStream],
    methods: &TokenStream,
) -> TokenStream {
    let doc = format!(" The events of topic `{}`.", shown(topic));
    quote! {
        #[doc = #doc]
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name {
            #(#[doc = #docs] #variants(#paths),)*
        }

        impl #name {
            #methods
        }

        #(impl ::std::convert::From<#paths> for #name {
            fn from(event: #paths) -> Self {
                Self::#variants(event)
            }
        })*
    }
}

/// From a record and to one, where users look for it.
pub(crate) fn records(library: &TokenStream) -> TokenStream {
    quote! {
        /// Reads a record's value: envelope and payload.
        pub fn from_record(value: &[u8], registry: &dyn #library::Resolve) -> Result<#library::Seen<Self>, #library::DecodeError> {
            #library::EventSet::from_record(value, registry)
        }

        /// The value of a record: envelope and payload.
        pub fn to_record(&self, registry: &dyn #library::Identify) -> Result<Vec<u8>, #library::EncodeError> {
            #library::EventSet::to_record(self, registry)
        }
    }
}

fn body(events: &[Event], avro: &Ident) -> TokenStream {
    let fails = events.iter().any(|event| event.may_fail);
    let arms = events.iter().map(|event| {
        let variant = &event.variant;
        let payload = event.payload(avro);
        if fails && !event.may_fail {
            quote!(Self::#variant(event) => Ok(#payload),)
        } else {
            quote!(Self::#variant(event) => #payload,)
        }
    });
    if fails {
        quote! {
            /// The payload, without an envelope; an error when the event has something that nobody could read.
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

fn event_set(name: &Ident, by_full_name: bool, events: &[Event], avro: &Ident) -> TokenStream {
    let paths = events.iter().map(|event| &event.path);
    let fingerprints = events.iter().map(Event::fingerprint);
    let called = |name: &str| {
        if by_full_name {
            name.to_owned()
        } else {
            short(name).to_owned()
        }
    };
    let own: BTreeSet<String> = events.iter().map(|event| called(&event.name)).collect();
    let arms = events.iter().map(|event| {
        let aliases = event.aliases.iter().map(|alias| called(alias));
        let mut names: BTreeSet<String> = aliases.filter(|alias| !own.contains(alias)).collect();
        names.insert(called(&event.name));
        let (variant, read) = (&event.variant, event.read(avro));
        quote!(#(#names)|* => Self::#variant(#read),)
    });
    let variants = events.iter().map(|event| &event.variant);
    let schemas = events.iter().map(|event| unsuffixed(event.schema));
    let written = if by_full_name {
        quote!(written_name)
    } else {
        quote!(written_short_name)
    };
    let body = if events.iter().any(|event| event.may_fail) {
        quote!(self.body()?)
    } else {
        quote!(self.body())
    };
    quote! {
        impl #avro::EventSet for #name {
            const READER: &'static [(&'static str, [u8; 32])] = &[#((#paths::NAME, #fingerprints)),*];

            fn decode(raw: &#avro::Raw<'_>, resolve: &dyn #avro::Resolve) -> Result<#avro::Seen<Self>, #avro::DecodeError> {
                let writer = raw.writer(resolve)?;
                Ok(#avro::Seen::Known(match #avro::#written(&writer, raw.body)? {
                    #(#arms)*
                    _ => return Ok(#avro::Seen::UnknownKind),
                }))
            }

            fn encode(&self) -> Result<(&'static str, Vec<u8>), #avro::EncodeError> {
                Ok((self.name(), #body))
            }

            fn schema(&self) -> &'static #avro::SchemaVersion {
                match self { #(Self::#variants(_) => &SCHEMAS[#schemas],)* }
            }
        }
    }
}
