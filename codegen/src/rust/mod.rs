//! The generated file: modules after namespaces, an event type per topic, formatted.
//!
//! Invariant: the same input gives the same bytes, on every machine. Nothing that is printed depends on the order of
//! a hash map, on the time or on absolute paths (unless the user gave one).

mod codec;
mod default;
mod definition;
mod doc;
pub(crate) mod identity;
mod module;
mod proto;
mod shape;
mod topic;

use std::collections::BTreeSet;
use std::path::Path;

use annals_schema_model::SchemaType;
use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::model::{Definition, Definitions, Ranks, has_open_enums, is_endless, ranks};
use crate::names::{Scope, camel};
use crate::settings::Settings;
use crate::unit::{AvroUnit, Origin, TopicUnit};
use definition::Source;
use identity::{Identities, TypePlace, identities};
use module::{Here, Names, Tree, ident, modules};
use proto::Proto;
use shape::unsuffixed;

/// Prints all topics as one Rust file, and a list of all schema texts of the manifest.
pub(crate) fn file(
    manifest: &Manifest,
    topics: &[TopicUnit],
    settings: &Settings,
) -> Result<String, Vec<Diagnostic>> {
    let mut names = Names::default();
    names.keep_prelude(&[]);
    let topic_names: Vec<String> = topics
        .iter()
        .map(|topic| names.scope(&[]).camel(&format!("{}_event", topic.name())))
        .collect();
    let units = units(topics);
    let identities = identities(&units);
    claim_modules(&mut names, topics, &identities);
    for place in &identities.types {
        names.claim(&place.modules, place.definition.simple_name());
    }
    let proto = Proto::new(manifest, topics, &mut names);

    let mut tree = Tree::default();
    proto.types(settings, &mut tree);
    let mut opened: BTreeSet<Vec<String>> = BTreeSet::new();
    let all_values: Vec<(Ranks, BTreeSet<String>)> = units
        .iter()
        .map(|unit| {
            let ranks = ranks(&unit.definitions);
            let rich = default::rich(&unit.definitions, &ranks);
            (ranks, rich)
        })
        .collect();
    let printer = Printer {
        manifest,
        settings,
        units: &units,
        identities: &identities,
    };
    for place in &identities.types {
        if opened.insert(place.modules.clone()) {
            tree.add(&place.modules, library(&names));
        }
        printer.type_items(place, &all_values[place.unit], &mut names, &mut tree);
    }
    let mut roots = TokenStream::new();
    for (topic, name) in topics.iter().zip(&topic_names) {
        match topic {
            TopicUnit::Avro {
                name: topic,
                by_record,
                events,
                ..
            } => {
                let events = printer.events(events, &names);
                roots.extend(topic::items(topic, name, *by_record, &events, &names.avro()));
            }
            TopicUnit::Proto { name: topic, .. } => roots.extend(proto.items(topic, name)),
        }
    }
    if !units.is_empty() && !opened.contains(&Vec::new()) {
        roots = [library(&names), roots].into_iter().collect();
    }
    roots.extend(schemas(manifest));
    tree.add(&[], roots);
    let deprecates = |unit: &&AvroUnit| unit.definitions.values().any(Definition::deprecates);
    formatted(tree.print(""), units.iter().any(deprecates))
}

impl TopicUnit {
    pub(crate) fn name(&self) -> &str {
        match self {
            TopicUnit::Avro { name, .. } | TopicUnit::Proto { name, .. } => name,
        }
    }
}

/// Modules get their names first.
fn claim_modules(names: &mut Names, topics: &[TopicUnit], identities: &Identities<'_>) {
    for place in &identities.types {
        names.claim_modules(&place.modules);
    }
    for topic in topics {
        if let TopicUnit::Proto { events, .. } = topic {
            let files = events.iter().flat_map(|unit| &unit.schema.files);
            let packages = files.filter(|file| !file.is_well_known);
            packages.for_each(|file| names.claim_modules(&modules(&file.package, None)));
        }
    }
}

/// Every Avro version that is printed, the newest ones first, so that they get the plain names.
pub(crate) fn units(topics: &[TopicUnit]) -> Vec<&AvroUnit> {
    let pick = |kept: bool| {
        topics.iter().flat_map(move |topic| match topic {
            TopicUnit::Avro {
                events, kept: old, ..
            } => if kept { old } else { events }.iter(),
            TopicUnit::Proto { .. } => [].iter(),
        })
    };
    pick(false).chain(pick(true)).collect()
}

/// The line by which a module knows the library.
fn library(names: &Names) -> TokenStream {
    let avro = names.avro();
    if avro == "avro" {
        quote!(
            use ::annals_schema_model::avro;
        )
    } else {
        quote!(use ::annals_schema_model::avro as #avro;)
    }
}

/// Whether a value can be one that nobody could read, so that writing it is an error.
fn may_fail(definitions: &Definitions, name: &str) -> bool {
    is_endless(definitions, name) || has_open_enums(definitions, name)
}

/// What every type is printed with.
struct Printer<'a> {
    manifest: &'a Manifest,
    settings: &'a Settings,
    units: &'a [&'a AvroUnit],
    identities: &'a Identities<'a>,
}

impl Printer<'_> {
    fn type_items(
        &self,
        place: &TypePlace<'_>,
        values: &(Ranks, BTreeSet<String>),
        names: &mut Names,
        tree: &mut Tree,
    ) {
        let (unit, modules) = (self.units[place.unit], &place.modules);
        let definition = place.definition;
        let constants = (definition.name == unit.top).then(|| origin_constants(&unit.origin));
        let source = Source {
            label: &unit.origin.label,
            constants,
        };
        let mut scope = std::mem::take(names.scope(modules));
        let here = Here {
            names,
            settings: self.settings,
            modules,
            places: &self.identities.of_unit[place.unit],
            definitions: &unit.definitions,
            ranks: &values.0,
            rich: &values.1,
        };
        let items = definition::items(definition, &source, &here, &mut scope);
        *names.scope(modules) = scope;
        tree.add(modules, items);
    }

    /// The old versions of a unit that its user upcasts, the oldest first.
    fn upcasts(&self, unit: &AvroUnit, names: &Names) -> Vec<TokenStream> {
        let old = self.units.iter().enumerate().filter_map(|(index, old)| {
            let version = (old.origin.subject.clone(), old.keep?);
            let is_upcast = version.0 == unit.origin.subject && self.settings.upcasts.contains(&version);
            let place = is_upcast.then(|| self.identities.of_unit[index].get(old.top.as_str()))??;
            Some((version.1, names.path(&[], *place)))
        });
        let mut old: Vec<(u32, TokenStream)> = old.collect();
        old.sort_by_key(|(version, _)| *version);
        old.into_iter().map(|(_, path)| path).collect()
    }

    fn events(&self, events: &[AvroUnit], names: &Names) -> Vec<topic::Event> {
        let mut variants = Scope::default();
        let event = |unit: &AvroUnit| {
            let index = self.units.iter().position(|other| std::ptr::eq(*other, unit))?;
            let place = *self.identities.of_unit[index].get(unit.top.as_str())?;
            Some(topic::Event {
                name: unit.top.clone(),
                aliases: unit.aliases.clone(),
                variant: ident(&variants.camel(&camel(unit.top.rsplit('.').next().unwrap_or_default()))),
                path: names.path(&[], place),
                schema: self::place(self.manifest, &unit.origin),
                // A type that is the top of several subjects has the schema of the first.
                other: (self.identities.types[place].unit != index).then_some(unit.origin.fingerprint),
                upcasts: self.upcasts(unit, names),
                may_fail: may_fail(&unit.definitions, &unit.top),
            })
        };
        events.iter().filter_map(event).collect()
    }
}

/// The text of a schema file, compiled in.
fn included(path: &Path) -> TokenStream {
    let text = path.to_string_lossy();
    let text = if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace('\\', "/")
    };
    if path.is_relative() {
        quote!(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", #text)))
    } else {
        quote!(include_str!(#text))
    }
}

/// Constants of a type that is a subject's top type.
fn origin_constants(origin: &Origin) -> TokenStream {
    let text = included(&origin.path);
    let (subject, version) = (&origin.subject, unsuffixed(origin.version as usize));
    let fingerprint = bytes(&origin.fingerprint);
    quote! {
        /// The subject the schema belongs to.
        pub const SUBJECT: &'static str = #subject;
        /// The version within the subject.
        pub const VERSION: u32 = #version;
        /// The schema's text.
        pub const SCHEMA: &'static str = #text;
        /// SHA-256 of the schema's canonical form.
        pub const FINGERPRINT: [u8; 32] = #fingerprint;
    }
}

/// An array of bytes.
fn bytes(bytes: &[u8]) -> TokenStream {
    let bytes = bytes.iter().map(|byte| unsuffixed(usize::from(*byte)));
    quote!([#(#bytes),*])
}

/// Every version of every subject, in the order in which a registry can take them.
fn schemas(manifest: &Manifest) -> TokenStream {
    let subjects = manifest.topics.iter().flat_map(|topic| &topic.subjects);
    let rows = subjects.flat_map(|subject| {
        subject.versions.iter().map(|text| {
            let (name, version) = (&subject.name, unsuffixed(text.version as usize));
            let kind = match subject.kind {
                SchemaType::Avro => quote!(Avro),
                SchemaType::Protobuf => quote!(Protobuf),
                SchemaType::Json => quote!(Json),
            };
            let text = included(&text.path);
            quote!(SchemaVersion::new(#name, #version, SchemaType::#kind, #text))
        })
    });
    quote! {
        /// Every schema, older versions first.
        pub const SCHEMAS: &[::annals_schema_model::SchemaVersion] = {
            use ::annals_schema_model::{SchemaType, SchemaVersion};
            &[#(#rows),*]
        };
    }
}

/// The place of a schema in `SCHEMAS`.
fn place(manifest: &Manifest, origin: &Origin) -> usize {
    let subjects = manifest.topics.iter().flat_map(|topic| &topic.subjects);
    let versions = subjects.flat_map(|subject| {
        let versions = subject.versions.iter();
        versions.map(|text| (subject.name.as_str(), text.version))
    });
    let before = versions.take_while(|version| *version != (origin.subject.as_str(), origin.version));
    before.count()
}

fn formatted(tokens: TokenStream, deprecates: bool) -> Result<String, Vec<Diagnostic>> {
    let fail = |message: String| vec![Diagnostic::file(Path::new("annals-codegen"), message)];
    let mut file = syn::parse2::<syn::File>(tokens).map_err(|error| {
        fail(format!(
            "generated code does not parse ({error}); please report this"
        ))
    })?;
    if deprecates {
        file.items.iter_mut().for_each(allow_deprecated);
    }
    Ok(format!(
        "// Generated by annals-codegen from schemas. Do not edit.\n\n{}",
        prettyplease::unparse(&file)
    ))
}

/// Modules allow it for all that is in them.
fn allow_deprecated(item: &mut syn::Item) {
    let attributes = match item {
        syn::Item::Struct(item) => &mut item.attrs,
        syn::Item::Enum(item) => &mut item.attrs,
        syn::Item::Impl(item) => &mut item.attrs,
        _ => return,
    };
    attributes.push(syn::parse_quote!(#[allow(deprecated)]));
}
