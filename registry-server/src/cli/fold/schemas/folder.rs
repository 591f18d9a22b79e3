//! The schemas of a folder: those that code is generated of, and JSON Schemas, of which none is.
//!
//! Invariant: what is found here is what `annals gen` finds of Avro and Protobuf. JSON Schemas are in the folders of their subjects
//! alone (`payments-value/v1.json`). Left out: references of JSON Schemas to others.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_codegen::{configure, lock};
use annals_registry_client::{Described, resolved};
use annals_schema_model::{Schema, SchemaId, SchemaType, Unresolved, Writer};

use super::Versions;
use crate::cli::exit::{Exit, Failure};

/// A version, before it has an id.
struct Found {
    subject: String,
    version: u32,
    path: PathBuf,
    schema: Schema,
}

/// What a folder has; ids are counted, in the order of the references.
pub(super) fn subjects(folder: &Path) -> Result<BTreeMap<String, Versions>, Failure> {
    let mut found = json(folder)?;
    // A folder without any schema is for them to complain about.
    if found.is_empty() || holds_others(folder) {
        found.extend(generated(folder)?);
    }
    let mut subjects: BTreeMap<String, Versions> = BTreeMap::new();
    for (one, id) in found.into_iter().zip(1u32..) {
        let id = SchemaId::new(id).ok_or_else(|| Failure::new(Exit::Failed, "no id is left"))?;
        let versions = subjects.entry(one.subject).or_default();
        if versions.iter().any(|(version, _)| *version == one.version) {
            let message = format!("{}: version {} exists twice", one.path.display(), one.version);
            return Err(Failure::new(Exit::Failed, message));
        }
        versions.push((one.version, Arc::new(Writer::new(id, one.schema))));
    }
    for versions in subjects.values_mut() {
        versions.sort_by_key(|(version, _)| *version);
    }
    Ok(subjects)
}

fn unread(path: &Path, error: &dyn Display) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}

/// The schemas in Avro and Protobuf.
fn generated(folder: &Path) -> Result<Vec<Found>, Failure> {
    let unsound = |error: annals_codegen::Error| Failure::new(Exit::Failed, error.to_string());
    // What is odd about the folder and stops nothing is for `annals gen` to tell.
    let (found, _) = configure().schemas(folder).versions().map_err(unsound)?;
    let described = found.iter().map(|version| {
        let described = Described {
            schema_type: version.schema_type,
            text: version.text.clone(),
            references: version.references.clone(),
        };
        ((version.subject.as_str(), i64::from(version.version)), described)
    });
    let described: BTreeMap<(&str, i64), Described> = described.collect();
    let parsed = found.iter().map(|version| {
        let resolved = resolved(&version.references, |reference| {
            let found = described.get(&(reference.subject.as_str(), i64::from(reference.version)));
            found.cloned().ok_or(Unresolved::Unregistered)
        });
        let resolved = resolved.map_err(|error| unread(&version.path, &error))?;
        let schema = Schema::parse(version.schema_type, &version.text, &resolved);
        Ok(Found {
            subject: version.subject.clone(),
            version: version.version,
            path: version.path.clone(),
            schema: schema.map_err(|error| unread(&version.path, &error))?,
        })
    });
    parsed.collect()
}

/// The JSON Schemas.
fn json(folder: &Path) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    // Of a folder that cannot be read the others complain, who say what to do.
    for of_subject in entries(folder)
        .unwrap_or_default()
        .iter()
        .filter(|path| path.is_dir())
    {
        let name = of_subject.file_name().unwrap_or_default().to_string_lossy();
        for path in entries(of_subject)? {
            let Some(version) = version(&path) else { continue };
            let text = fs::read_to_string(&path).map_err(|error| unread(&path, &error))?;
            let schema = Schema::parse(SchemaType::Json, &text, &[]);
            found.push(Found {
                subject: lock::subject(&name),
                version,
                schema: schema.map_err(|error| unread(&path, &error))?,
                path,
            });
        }
    }
    Ok(found)
}

/// `v3.json` is version 3.
fn version(path: &Path) -> Option<u32> {
    let digits = path
        .file_name()?
        .to_str()?
        .strip_prefix('v')?
        .strip_suffix(".json")?;
    let version: u32 = digits.parse().ok()?;
    (version > 0 && version.to_string() == digits).then_some(version)
}

/// Whether there are schemas in Avro or Protobuf, in the folder or in one in it.
fn holds_others(folder: &Path) -> bool {
    let is_one = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ending| ending == "avsc" || ending == "proto")
    };
    let holds_one = |folder: &Path| entries(folder).is_ok_and(|paths| paths.iter().any(is_one));
    let inner = entries(folder).unwrap_or_default();
    holds_one(folder) || inner.iter().any(|path| holds_one(path))
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = read.map_err(|error| unread(folder, &error))?;
    paths.sort();
    Ok(paths)
}
