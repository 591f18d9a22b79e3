//! The generated file: modules after namespaces, an event type per topic, formatted.
//!
//! Invariant: the same input gives the same bytes, on every machine. Nothing that is printed depends on the order of
//! a hash map, on the time or on absolute paths (unless the user gave one).

mod borrowed;
mod codec;
mod default;
mod definition;
mod doc;
mod enumeration;
pub(crate) mod identity;
mod module;
mod payload;
mod proto;
mod scalar;
mod serde;
mod shape;
mod topic;

use std::collections::BTreeSet;
use std::path::Path;

use annals_schema_model::SchemaType;
use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostic;
use crate::input::{Input, Subject, VersionText};
use crate::model::{Definition, Definitions, Logical, Ranks, Type, has_open_enums, holds, is_endless, ranks};
use crate::names::{Scope, camel};
use crate::settings::{Decimals, Settings};
use crate::unit::{AvroUnit, Origin, TopicUnit, Units, short};
use identity::{Identities, TypePlace, identities};
use module::{Here, Names, Tree, ident, modules};
use payload::Top;
use proto::Proto;
use shape::unsuffixed;

/// Prints all topics as one Rust file, and a list of all schema texts.
pub(crate) fn file(input: &Input, all: &Units, settings: &Settings) -> Result<String, Vec<Diagnostic>> {
    let topics = all.topics.as_slice();
    let mut names = Names::default();
    names.keep_prelude(&[]);
    let topic_names: Vec<String> = topics
        .iter()
        .map(|topic| names.scope(&[]).camel(&format!("{}_event", topic.name())))
        .collect();
    let units = units(all);
    let identities = identities(&units);
    claim_modules(&mut names, all, &identities);
    for place in &identities.types {
        names.claim(&place.modules, place.definition.simple_name());
    }
    let rows = Rows(input.in_order());
    let proto = Proto::new(&rows, all, &mut names);
    borrowed::claim(settings, &units, &identities, &mut names);

    let mut tree = Tree::default();
    proto.types(settings, &mut tree);
    let mut opened: BTreeSet<Vec<String>> = BTreeSet::new();
    let all_values: Vec<(Ranks, BTreeSet<String>)> = units
        .iter()
        .map(|unit| {
            let ranks = ranks(&unit.definitions);
            let rich = default::rich(&unit.definitions, &ranks, settings);
            (ranks, rich)
        })
        .collect();
    let printer = Printer {
        rows: &rows,
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
    roots.extend(schemas(&rows));
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
fn claim_modules(names: &mut Names, all: &Units, identities: &Identities<'_>) {
    for place in &identities.types {
        names.claim_modules(&place.modules);
    }
    let of_topics = all.topics.iter().flat_map(|topic| match topic {
        TopicUnit::Proto { events, .. } => events.as_slice(),
        TopicUnit::Avro { .. } => &[],
    });
    for unit in of_topics.chain(&all.messages) {
        let packages = unit.schema.files.iter().filter(|file| !file.is_well_known);
        packages.for_each(|file| names.claim_modules(&modules(&file.package, None)));
    }
}

/// Every Avro version that is printed, the newest ones first, so that they get the plain names.
pub(crate) fn units(all: &Units) -> Vec<&AvroUnit> {
    let pick = |kept: bool| {
        all.topics.iter().flat_map(move |topic| match topic {
            TopicUnit::Avro {
                events, kept: old, ..
            } => if kept { old } else { events }.iter(),
            TopicUnit::Proto { .. } => [].iter(),
        })
    };
    let (types, kept): (Vec<_>, Vec<_>) = all.types.iter().partition(|unit| unit.keep.is_none());
    pick(false).chain(types).chain(pick(true)).chain(kept).collect()
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
fn may_fail(definitions: &Definitions, name: &str, settings: &Settings) -> bool {
    let may_not_fit = |kind: &Type| match kind {
        // There are years that have no number of nanoseconds.
        Type::Logical(Logical::TimestampNanos | Logical::LocalTimestampNanos) => true,
        Type::Decimal { .. } | Type::BigDecimal => settings.decimals != Decimals::Own,
        _ => false,
    };
    is_endless(definitions, name)
        || has_open_enums(definitions, name)
        || holds(definitions, name, may_not_fit)
}

/// What every type is printed with.
struct Printer<'a> {
    rows: &'a Rows<'a>,
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
        let top = (definition.name == unit.top).then(|| Top {
            constants: origin_constants(&unit.origin),
            refers: !unit.origin.references.is_empty(),
            branch: unit.branch,
        });
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
        let items = definition::items(definition, top.as_ref(), &here, &mut scope);
        *names.scope(modules) = scope;
        tree.add(modules, items);
    }

    /// The old versions of a unit that its user upcasts, the oldest first.
    fn upcasts(&self, unit: &AvroUnit, names: &Names) -> Vec<TokenStream> {
        let old = self.units.iter().enumerate().filter_map(|(index, old)| {
            let is_upcast = old.is_upcast && old.is_older(unit, self.units);
            let place = is_upcast.then(|| self.identities.of_unit[index].get(old.top.as_str()))??;
            Some((old.keep?, names.path(&[], *place)))
        });
        let mut old: Vec<(u32, TokenStream)> = old.collect();
        old.sort_by_key(|(version, _)| *version);
        old.into_iter().map(|(_, path)| path).collect()
    }

    /// What a unit was called in older versions. A name that is another event's now is left to it.
    fn old_names<'n>(
        &'n self,
        unit: &'n AvroUnit,
        events: &'n [AvroUnit],
    ) -> impl Iterator<Item = String> + 'n {
        let is_others = |name: &String| {
            let mut others = events.iter().filter(|other| other.top != unit.top);
            others.any(|other| other.event_name() == name || other.aliases.contains(name))
        };
        let old = self.units.iter();
        old.filter(|old| old.is_upcast && old.is_older(unit, self.units))
            .flat_map(|old| {
                let aliases = old.aliases.iter().cloned();
                std::iter::once(old.event_name().to_owned()).chain(aliases)
            })
            .chain(unit.was.iter().cloned())
            .filter(move |name| !is_others(name))
    }

    fn events(&self, events: &[AvroUnit], names: &Names) -> Vec<topic::Event> {
        let mut variants = Scope::default();
        let event = |unit: &AvroUnit| {
            let index = self.units.iter().position(|other| std::ptr::eq(*other, unit))?;
            let place = *self.identities.of_unit[index].get(unit.top.as_str())?;
            let first = self.identities.types[place].unit;
            Some(topic::Event {
                name: unit.event_name().to_owned(),
                aliases: unit
                    .aliases
                    .iter()
                    .cloned()
                    .chain(self.old_names(unit, events))
                    .collect(),
                variant: ident(&variants.camel(&camel(short(unit.event_name())))),
                path: names.path(&[], place),
                schema: self.rows.place(&unit.origin),
                // A type that is the top of several subjects has the schema of the first.
                other: (first != index).then_some(unit.origin.fingerprint),
                branch: unit.branch,
                is_own_branch: self.units[first].branch == unit.branch,
                upcasts: self.upcasts(unit, names),
                references: references(&unit.origin),
                may_fail: may_fail(&unit.definitions, &unit.top, self.settings),
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

/// What a schema refers to, if anything: names and texts.
fn references(origin: &Origin) -> Option<TokenStream> {
    let rows = origin.references.iter().map(|(name, path)| {
        let text = included(path);
        quote!((#name, #text))
    });
    (!origin.references.is_empty()).then(|| quote!(&[#(#rows),*]))
}

/// Constants of a type that is a subject's top type.
fn origin_constants(origin: &Origin) -> TokenStream {
    let text = included(&origin.path);
    let (subject, version) = (&origin.subject, unsuffixed(origin.version as usize));
    let references = references(origin).map(|rows| {
        quote! {
            /// What the schema refers to, dependencies first: name and text.
            pub const REFERENCES: &'static [(&'static str, &'static str)] = #rows;
        }
    });
    let fingerprint = bytes(&origin.fingerprint);
    quote! {
        /// The subject the schema belongs to.
        pub const SUBJECT: &'static str = #subject;
        /// The version within the subject.
        pub const VERSION: u32 = #version;
        /// The schema's text.
        pub const SCHEMA: &'static str = #text;
        #references
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
struct Rows<'a>(Vec<(&'a Subject, &'a VersionText)>);

impl Rows<'_> {
    /// The place of a schema in `SCHEMAS`.
    fn place(&self, origin: &Origin) -> usize {
        let is_it = |(subject, text): &(&Subject, &VersionText)| {
            text.version == origin.version && subject.name == origin.subject
        };
        self.0.iter().position(is_it).unwrap_or_default()
    }
}

fn schemas(rows: &Rows<'_>) -> TokenStream {
    let rows = rows.0.iter().map(|(subject, text)| {
        let (name, version) = (&subject.name, unsuffixed(text.version as usize));
        let kind = match subject.kind {
            SchemaType::Avro => quote!(Avro),
            SchemaType::Protobuf => quote!(Protobuf),
            SchemaType::Json => quote!(Json),
        };
        let row = included(&text.path);
        let row = quote!(SchemaVersion::new(#name, #version, SchemaType::#kind, #row));
        let refers = text.refers.iter().map(|refers| {
            let (name, subject, version) =
                (&refers.name, &refers.subject, unsuffixed(refers.version as usize));
            quote!((#name, #subject, #version))
        });
        let refers: Vec<TokenStream> = refers.collect();
        let references = (!refers.is_empty()).then(|| quote!(references: &[#(#refers),*],));
        let id = text.id.map(|id| {
            let id = unsuffixed(id as usize);
            quote!(id: ::annals_schema_model::SchemaId::new(#id),)
        });
        match (&references, &id) {
            (None, None) => row,
            _ => quote!(SchemaVersion { #references #id ..#row }),
        }
    });
    quote! {
        /// Every schema, older versions first.
        pub const SCHEMAS: &[::annals_schema_model::SchemaVersion] = {
            use ::annals_schema_model::{SchemaType, SchemaVersion};
            &[#(#rows),*]
        };
    }
}

fn formatted(tokens: TokenStream, deprecates: bool) -> Result<String, Vec<Diagnostic>> {
    let fail = |message: String| vec![Diagnostic::file(Path::new("annals-codegen"), message)];
    let mut file = syn::parse2::<syn::File>(tokens).map_err(|error| {
        fail(format!(
            "generated code does not parse ({error}); please report this"
        ))
    })?;
    file.items.iter_mut().for_each(|item| permit(item, deprecates));
    Ok(format!(
        "// Generated by annals-codegen from schemas. Do not edit.\n\n{}",
        prettyplease::unparse(&file)
    ))
}

/// Who uses half of what a schema has is not told of the other half, also where the types are private to a crate; and what
/// a schema deprecates is printed all the same. Modules permit it for all that is in them.
fn permit(item: &mut syn::Item, deprecates: bool) {
    let (attributes, is_named) = match item {
        syn::Item::Struct(item) => (&mut item.attrs, true),
        syn::Item::Enum(item) => (&mut item.attrs, true),
        syn::Item::Const(item) => (&mut item.attrs, true),
        syn::Item::Impl(item) => (&mut item.attrs, item.trait_.is_none()),
        _ => return,
    };
    if is_named {
        attributes.push(syn::parse_quote!(#[allow(dead_code)]));
    }
    if deprecates {
        attributes.push(syn::parse_quote!(#[allow(deprecated)]));
    }
}
