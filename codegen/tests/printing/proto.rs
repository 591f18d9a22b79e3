//! Printed Protobuf: beside what prost-build prints, and of files that look like chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use annals_codegen::configure;
use annals_schema_model::{Resolved, Schema, SchemaType};
use prost_build::Module;
use quote::ToTokens;

use crate::random_proto::{Dice, Files, files};

/// Generates from the last file of each, under a subject.
fn generated(subjects: &[(String, &Files)]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    for (subject, files) in subjects {
        let (last, imports) = files.files.split_last().unwrap();
        let own = (format!("{subject}/v1.proto"), last.1.clone());
        for (name, text) in [&own].into_iter().chain(imports) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let text = configure().schemas(folder.path()).generate();
    text.map_err(|wrong| format!("{wrong:#?}"))
}

fn schema(files: &Files) -> Option<annals_schema_model::proto::Schema> {
    let (last, imports) = files.files.split_last().unwrap();
    let imports = imports.iter().map(|(name, text)| Resolved {
        name: name.clone(),
        text: text.clone(),
    });
    match Schema::parse(SchemaType::Protobuf, &last.1, &imports.collect::<Vec<_>>()) {
        Ok(Schema::Proto(schema)) => Some(schema),
        _ => None,
    }
}

fn shown(files: &Files) -> String {
    files
        .files
        .iter()
        .map(|(name, text)| format!("// {name}\n{text}\n"))
        .collect()
}

/// Every struct and enum by its path, without docs and permissions.
fn types(text: &str, modules: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    collect(&syn::parse_file(text).unwrap().items, modules, &mut all);
    all
}

fn collect(items: &[syn::Item], modules: &[String], all: &mut BTreeMap<String, String>) {
    let bare = |attributes: &mut Vec<syn::Attribute>| {
        attributes
            .retain(|attribute| !attribute.path().is_ident("doc") && !attribute.path().is_ident("allow"));
    };
    for item in items {
        let (name, tokens) = match item.clone() {
            syn::Item::Struct(mut item) => {
                bare(&mut item.attrs);
                item.fields.iter_mut().for_each(|field| bare(&mut field.attrs));
                (item.ident.to_string(), item.into_token_stream())
            }
            syn::Item::Enum(mut item) => {
                bare(&mut item.attrs);
                item.variants
                    .iter_mut()
                    .for_each(|variant| bare(&mut variant.attrs));
                (item.ident.to_string(), item.into_token_stream())
            }
            syn::Item::Mod(item) => {
                let modules = [modules, &[item.ident.to_string()]].concat();
                collect(&item.content.unwrap().1, &modules, all);
                continue;
            }
            _ => continue,
        };
        // Spaces, and commas at the end, are layout.
        let tokens = tokens.to_string().replace(' ', "");
        let tokens = tokens.replace(",}", "}").replace(",)", ")").replace(",>", ">");
        let before = all.insert([modules, &[name]].concat().join("::"), tokens);
        assert_eq!(before, None);
    }
}

#[test]
fn types_are_those_of_prost_build() {
    let mut compared = 0;
    for seed in 0..50 {
        let files = files(&mut Dice(seed), false, "dir");
        let Some(schema) = schema(&files) else {
            panic!("{}", shown(&files));
        };
        let ours = types(&generated(&[("t-value".to_owned(), &files)]).unwrap(), &[]);
        let protos = schema.file().parent_pool().file_descriptor_protos();
        let requests = protos.map(|file| {
            let mut file = file.clone();
            file.source_code_info = None;
            (Module::from_protobuf_package_name(file.package()), file)
        });
        let mut config = prost_build::Config::new();
        let printed = config.btree_map(["."]).generate(requests.collect()).unwrap();
        let mut theirs = BTreeMap::new();
        for (module, text) in printed {
            let modules: Vec<String> = module.parts().map(str::to_owned).collect();
            theirs.extend(types(&text, &modules));
        }
        for (path, tokens) in &theirs {
            assert_eq!(ours.get(path), Some(tokens), "{seed} {path}\n{}", shown(&files));
        }
        // The topic's own.
        assert_eq!(ours.len(), theirs.len() + 1);
        compared += theirs.len();
    }
    assert!(compared > 300, "{compared}");
}

/// Names that are given in a module, and paths that are written in it.
#[derive(Default)]
struct Paths {
    module: Vec<String>,
    given: BTreeSet<String>,
    written: Vec<(Vec<String>, String)>,
}

impl Paths {
    fn give(&mut self, name: &syn::Ident) {
        let path = [self.module.as_slice(), &[name.to_string()]].concat().join("::");
        assert!(self.given.insert(path.clone()), "{path} is there twice");
    }

    fn unique<'i>(idents: impl Iterator<Item = &'i syn::Ident>) {
        let mut seen = BTreeSet::new();
        idents.for_each(|ident| assert!(seen.insert(ident.to_string()), "{ident} is there twice"));
    }

    fn check(&self) {
        for (module, path) in &self.written {
            let mut at = module.clone();
            for part in path.split("::") {
                if part == "super" {
                    at.pop().unwrap();
                } else {
                    at.push(part.to_owned());
                }
            }
            let is_local = path.contains("::") || self.given.contains(&at.join("::"));
            let primitive = ["i32", "i64", "u32", "u64", "f32", "f64", "bool", "u8"].contains(&path.as_str());
            assert!(
                self.given.contains(&at.join("::")) != primitive && (is_local || primitive),
                "{module:?} {path}"
            );
        }
    }
}

impl Paths {
    fn items(&mut self, items: &[syn::Item]) {
        for item in items {
            match item {
                syn::Item::Mod(item) => {
                    self.give(&item.ident);
                    self.module.push(item.ident.to_string());
                    self.items(&item.content.as_ref().unwrap().1);
                    self.module.pop();
                }
                syn::Item::Struct(item) => {
                    self.give(&item.ident);
                    Paths::unique(item.fields.iter().filter_map(|field| field.ident.as_ref()));
                    item.fields.iter().for_each(|field| self.field(field));
                }
                syn::Item::Enum(item) => {
                    self.give(&item.ident);
                    Paths::unique(item.variants.iter().map(|variant| &variant.ident));
                    let fields = item.variants.iter().flat_map(|variant| &variant.fields);
                    fields.for_each(|field| self.field(field));
                }
                _ => {}
            }
        }
    }

    fn field(&mut self, field: &syn::Field) {
        for attribute in field
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("prost"))
        {
            let written = attribute.to_token_stream().to_string().replace(' ', "");
            for start in ["oneof=\"", "enumeration=\"", "enumeration("] {
                if let Some((_, path)) = written.split_once(start) {
                    self.write(path.split(['"', ')']).next().unwrap_or_default());
                }
            }
        }
        let kind = field.ty.to_token_stream().to_string().replace(' ', "");
        kind.split(['<', '>', ',', '(', ')'])
            .for_each(|path| self.write(path));
    }

    fn write(&mut self, path: &str) {
        if !path.is_empty() && !path.starts_with("::") {
            self.written.push((self.module.clone(), path.to_owned()));
        }
    }
}

/// The names in a text are apart, and its paths lead somewhere.
fn checked(subjects: &[(String, &Files)]) -> String {
    let shown = || subjects.iter().map(|(_, files)| shown(files)).collect::<String>();
    let text = generated(subjects).unwrap_or_else(|wrong| panic!("{wrong}\n{}", shown()));
    let mut paths = Paths::default();
    paths.items(&syn::parse_file(&text).unwrap().items);
    paths.check();
    text
}

/// The full names of the messages that indexes in a text lead to.
fn indexed(text: &str, schema: &annals_schema_model::proto::Schema) -> Vec<String> {
    let written = text.split("proto::body(&[").skip(1);
    let written = written.map(|rest| rest.split(']').next().unwrap());
    let named = written.map(|list| {
        let indexes: Vec<i32> = list.split(", ").map(|index| index.parse().unwrap()).collect();
        schema.message(&indexes).unwrap().full_name().to_owned()
    });
    named.collect()
}

#[test]
fn names_are_apart_and_paths_lead_somewhere() {
    let mut sound = 0;
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let files = files(&mut dice, true, "dir");
        let Some(schema) = schema(&files) else { continue };
        sound += 1;
        let name = dice.pick(&files.messages).clone();
        let text = checked(&[(format!("t-{name}"), &files)]);
        assert_eq!(indexed(&text, &schema), [name]);
        let text = checked(&[("t-value".to_owned(), &files)]);
        let named = indexed(&text, &schema);
        assert!(!named.is_empty());
        named
            .iter()
            .for_each(|name| assert!(text.contains(&format!("\"{name}\""))));
    }
    assert!(sound > 15, "{sound}");
}

/// A text all of whose declarations are like none of another text.
fn distinct(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let is_top = line.starts_with("message ") || line.starts_with("enum ");
        let reserved = if is_top { " reserved 4000;" } else { "" };
        format!("{line}{reserved}\n")
    });
    lines.collect()
}

#[test]
fn schemas_that_declare_one_name_each_have_their_types() {
    let made = |seed: u64, folder: &str| files(&mut Dice(seed), true, folder);
    let sound: Vec<u64> = (0..60)
        .filter(|seed| schema(&made(*seed, "dir")).is_some())
        .collect();
    for pair in sound.chunks_exact(2) {
        let [one, two, mut other] = [made(pair[0], "one"), made(pair[0], "two"), made(pair[1], "other")];
        for (_, text) in &mut other.files {
            *text = distinct(text);
        }
        let [a, b, c] = ["a", "b", "c"].map(|topic| format!("{topic}-value"));
        let count = |subjects: &[(String, &Files)]| types(&checked(subjects), &[]).len();
        let alone = count(&[(a.clone(), &one)]);
        // What is the same is one type; the topics have one each.
        assert_eq!(count(&[(a.clone(), &one), (b.clone(), &two)]), alone + 1);
        // What is not the same is there twice.
        let all = count(&[(a, &one), (b, &two), (c.clone(), &other)]);
        assert_eq!(all, alone + 1 + count(&[(c, &other)]), "{pair:?}");
    }
}
