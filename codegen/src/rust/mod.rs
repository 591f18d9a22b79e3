//! The generated file: modules after namespaces, an event type per topic, formatted.
//!
//! Invariant: the same input gives the same bytes, on every machine. Nothing that is printed depends on the order of
//! a hash map, on the time or on absolute paths (unless the user gave one).

mod codec;
mod definition;
mod doc;
mod module;
mod proto;
mod shape;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::model::{Definition, Ranks, is_endless, ranks};
use crate::names::{Scope, camel};
use crate::unit::{AvroUnit, Origin, TopicUnit};
use definition::Source;
use module::{Here, Key, Names, Tree, ident, modules};
use shape::unsuffixed;

/// Prints all topics as one Rust file, and a list of all schema texts of the manifest.
pub(crate) fn file(manifest: &Manifest, topics: &[TopicUnit]) -> Result<String, Vec<Diagnostic>> {
    let mut names = Names::default();
    let topic_names: Vec<String> = topics
        .iter()
        .map(|topic| names.scope(&[]).camel(&format!("{}_event", topic.name())))
        .collect();
    let units = units(topics);
    let mut wrong = conflicts(&units);
    claim_modules(&mut names, topics, &units);
    for unit in &units {
        for definition in unit.definitions.values() {
            let key = (unit.keep, definition.name.clone());
            names.claim(&key, definition.namespace(), definition.simple_name());
        }
    }

    let mut tree = Tree::default();
    let mut printed: BTreeSet<Key> = BTreeSet::new();
    let mut opened: BTreeSet<Vec<String>> = BTreeSet::new();
    // A type at the top of one schema may be inside another; it is printed with what only a top type has.
    let mut tops: BTreeMap<Key, &Origin> = BTreeMap::new();
    for unit in &units {
        tops.entry((unit.keep, unit.top.clone())).or_insert(&unit.origin);
    }
    for unit in &units {
        let ranks = ranks(&unit.definitions);
        for definition in unit.definitions.values() {
            let key = (unit.keep, definition.name.clone());
            let is_here = tops
                .get(&key)
                .is_none_or(|origin| origin.path == unit.origin.path);
            if is_here && printed.insert(key) {
                let modules = modules(definition.namespace(), unit.keep);
                if opened.insert(modules.clone()) {
                    tree.add(&modules, library(&names));
                }
                print_definition(unit, definition, &ranks, &mut names, &mut tree);
            }
        }
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
                let events = avro_events(events, &names);
                roots.extend(topic::items(topic, name, *by_record, &events, &names.avro()));
            }
            TopicUnit::Proto { name: topic, unit } => match proto::items(topic, name, unit, &mut tree) {
                Ok(items) => roots.extend(items),
                Err(diagnostic) => wrong.push(diagnostic),
            },
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if !units.is_empty() && !opened.contains(&Vec::new()) {
        roots = [library(&names), roots].into_iter().collect();
    }
    roots.extend(schemas(manifest));
    tree.add(&[], roots);
    formatted(tree.print(""))
}

impl TopicUnit {
    fn name(&self) -> &str {
        match self {
            TopicUnit::Avro { name, .. } | TopicUnit::Proto { name, .. } => name,
        }
    }
}

/// Modules get their names first.
fn claim_modules(names: &mut Names, topics: &[TopicUnit], units: &[&AvroUnit]) {
    for unit in units {
        for definition in unit.definitions.values() {
            names.claim_modules(&modules(definition.namespace(), unit.keep));
        }
    }
    for topic in topics {
        if let TopicUnit::Proto { unit, .. } = topic {
            let packages = unit.files.file.iter().map(|file| modules(file.package(), None));
            packages.for_each(|package| names.claim_modules(&package));
        }
    }
}

/// Every Avro version that is printed, the newest ones first, so that they get the plain names.
fn units(topics: &[TopicUnit]) -> Vec<&AvroUnit> {
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

/// Full names that two schemas define differently: they would be one Rust type.
fn conflicts(units: &[&AvroUnit]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<Key, (&AvroUnit, &Definition)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for unit in units {
        for definition in unit.definitions.values() {
            let key = (unit.keep, definition.name.clone());
            let (earlier, other) = *first.entry(key).or_insert((unit, definition));
            if !definition.same_shape(other) {
                let message = format!(
                    "`{}` is defined differently in {}:{}; give one of them another name or the same shape",
                    definition.name, earlier.origin.label, other.line
                );
                wrong.push(Diagnostic::at(&unit.origin.path, definition.line, 0, message));
            }
        }
    }
    wrong
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

fn print_definition(
    unit: &AvroUnit,
    definition: &Definition,
    ranks: &Ranks,
    names: &mut Names,
    tree: &mut Tree,
) {
    let modules = modules(definition.namespace(), unit.keep);
    let constants = (definition.name == unit.top).then(|| origin_constants(&unit.origin));
    let source = Source {
        label: &unit.origin.label,
        constants,
    };
    let mut scope = std::mem::take(names.scope(&modules));
    let here = Here {
        names,
        modules: &modules,
        keep: unit.keep,
        definitions: &unit.definitions,
        ranks,
    };
    let items = definition::items(definition, &source, &here, &mut scope);
    *names.scope(&modules) = scope;
    tree.add(&modules, items);
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
    let fingerprint = origin
        .fingerprint
        .iter()
        .map(|byte| unsuffixed(usize::from(*byte)));
    quote! {
        /// The subject the schema belongs to.
        pub const SUBJECT: &'static str = #subject;
        /// The version within the subject.
        pub const VERSION: u32 = #version;
        /// The schema's text.
        pub const SCHEMA: &'static str = #text;
        /// SHA-256 of the schema's canonical form.
        pub const FINGERPRINT: [u8; 32] = [#(#fingerprint),*];
    }
}

/// Every version of every subject, in the order in which a registry can take them.
fn schemas(manifest: &Manifest) -> TokenStream {
    let subjects = manifest.topics.iter().flat_map(|topic| &topic.subjects);
    let rows = subjects.flat_map(|subject| {
        subject.versions.iter().map(|text| {
            let (name, version, kind) = (
                &subject.name,
                unsuffixed(text.version as usize),
                subject.kind.name(),
            );
            let text = included(&text.path);
            quote!((#name, #version, #kind, #text))
        })
    });
    quote! {
        /// Subject, version, schema type and text of every schema, older versions first.
        pub const SCHEMAS: &[(&str, u32, &str, &str)] = &[#(#rows),*];
    }
}

fn avro_events(units: &[AvroUnit], names: &Names) -> Vec<topic::Event> {
    let mut variants = Scope::default();
    units
        .iter()
        .map(|unit| topic::Event {
            name: unit.top.clone(),
            aliases: unit.aliases.clone(),
            variant: ident(&variants.camel(&camel(unit.top.rsplit('.').next().unwrap_or_default()))),
            path: names.path(&[], &(None, unit.top.clone())),
            subject: unit.origin.subject.clone(),
            is_endless: is_endless(&unit.definitions, &unit.top),
        })
        .collect()
}

fn formatted(tokens: TokenStream) -> Result<String, Vec<Diagnostic>> {
    let fail = |message: String| vec![Diagnostic::file(Path::new("annals-codegen"), message)];
    let file = syn::parse2::<syn::File>(tokens).map_err(|error| {
        fail(format!(
            "generated code does not parse ({error}); please report this"
        ))
    })?;
    Ok(format!(
        "// Generated by annals-codegen from schemas. Do not edit.\n\n{}",
        prettyplease::unparse(&file)
    ))
}
