//! The generated file: modules after namespaces, an event type per topic, support code, formatted.
//!
//! Invariant: the same input gives the same bytes, on every machine. Nothing that is printed depends on the order of
//! a hash map, on the time or on absolute paths (unless the user gave one).

mod codec;
mod definition;
mod module;
mod proto;
mod shape;
mod support;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::model::Definition;
use crate::names::{Scope, camel};
use crate::unit::{AvroUnit, Origin, TopicUnit};
use definition::Source;
use module::{Here, Key, Names, Tree, ident, modules};
use shape::unsuffixed;
use support::Needs;

/// Names at the root of the file that are ours.
const ROOT_NAMES: &[&str] = &["Exact"];

/// Prints all topics as one Rust file, and a list of all schema texts of the manifest.
pub(crate) fn file(manifest: &Manifest, topics: &[TopicUnit]) -> Result<String, Vec<Diagnostic>> {
    let mut names = Names::default();
    ROOT_NAMES
        .iter()
        .for_each(|name| drop(names.scope(&[]).camel(name)));
    let topic_names: Vec<String> = topics
        .iter()
        .map(|topic| names.scope(&[]).camel(&format!("{}_event", topic.name())))
        .collect();
    let units = units(topics);
    let mut wrong = conflicts(&units);
    for unit in &units {
        for definition in unit.definitions.values() {
            let key = (unit.keep, definition.name.clone());
            names.claim(&key, definition.namespace(), definition.simple_name());
        }
    }

    let mut tree = Tree::default();
    let mut needs = Needs::default();
    let mut printed: BTreeSet<Key> = BTreeSet::new();
    let mut opened: BTreeSet<Vec<String>> = BTreeSet::new();
    for unit in &units {
        needs.add(&unit.definitions);
        for definition in unit.definitions.values() {
            if printed.insert((unit.keep, definition.name.clone())) {
                let modules = modules(definition.namespace(), unit.keep);
                if !modules.is_empty() && opened.insert(modules.clone()) {
                    let root = module::root(&modules);
                    tree.add(&modules, quote!(use #root annals_support;));
                }
                print_definition(unit, definition, &mut names, &mut tree);
            }
        }
    }
    let mut roots = TokenStream::new();
    for (topic, name) in topics.iter().zip(&topic_names) {
        match topic {
            TopicUnit::Avro {
                name: topic, events, ..
            } => {
                roots.extend(topic::items(topic, name, &avro_events(events, &names)));
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
    if !units.is_empty() {
        roots.extend(support::items(needs, true));
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

fn print_definition(unit: &AvroUnit, definition: &Definition, names: &mut Names, tree: &mut Tree) {
    let modules = modules(definition.namespace(), unit.keep);
    let constants = if definition.name == unit.top {
        origin_constants(&unit.origin)
    } else {
        TokenStream::new()
    };
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
