//! The schemas a fold is checked against before any server has it: those of a folder, or of a registry.
//!
//! Invariant: what is found here is what a server finds that has the same schemas. What a registry does not answer is
//! kept, and told instead of a verdict that would rest on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use annals_codegen::{FolderVersion, configure};
use annals_event_store::{Registered, Subjects};
use annals_schema_model::{Resolve, Resolved, Schema, SchemaId, Unresolved, Writer};
use clap::Args;
use serde_json::Value;

use crate::cli::Global;
use crate::cli::api::Api;
use crate::cli::check;
use crate::cli::exit::{Exit, Failure};
use crate::topic_subjects::value_subjects;

/// Where the schemas are.
#[derive(Debug, Args)]
pub(super) struct SchemasAt {
    /// A folder of schemas, a folder a subject and a file a version; without it the registry at --server is asked
    #[arg(long = "schemas", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl SchemasAt {
    pub(super) fn open(&self, global: &Global) -> Result<Schemas, Failure> {
        let (api, subjects) = match &self.folder {
            Some(folder) => (None, folder_subjects(folder)?),
            None => (Some(Api::new(&global.server)), BTreeMap::new()),
        };
        Ok(Schemas {
            api,
            subjects: Mutex::new(subjects),
            failed: Mutex::default(),
        })
    }
}

/// A subject's versions, the oldest first.
type Versions = Vec<(u32, Arc<Writer>)>;

pub(super) struct Schemas {
    /// Who is asked for a subject that is not known yet.
    api: Option<Api>,
    subjects: Mutex<BTreeMap<String, Versions>>,
    /// Why a question was not answered.
    failed: Mutex<Option<Failure>>,
}

impl Schemas {
    /// # Errors
    /// What came in the way of an answer.
    pub(super) fn answered(&self) -> Result<(), Failure> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }

    fn versions(&self, subject: &str) -> Versions {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(api)) = (subjects.get(subject), &self.api) {
            let found = registered(api, subject).unwrap_or_else(|failure| {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(failure);
                Versions::new()
            });
            subjects.insert(subject.to_owned(), found);
        }
        subjects.get(subject).cloned().unwrap_or_default()
    }
}

impl Resolve for Schemas {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writers = subjects.values().flatten();
        let found = writers.find(|(_, writer)| writer.id == id);
        found
            .map(|(_, writer)| Arc::clone(writer))
            .ok_or(Unresolved::Unregistered)
    }
}

impl Subjects for Schemas {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let versions = self.versions(subject);
        let found = versions.into_iter().find(|(number, _)| *number == version);
        found.map(|(_, writer)| writer)
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        value_subjects(topic, record_name)
            .into_iter()
            .find_map(|subject| {
                let mut versions = self.versions(&subject);
                versions.retain(|(_, writer)| writer.schema.record_name().as_deref() == Some(record_name));
                let (version, writer) = versions.last().cloned()?;
                let versions = versions.iter().map(|(version, writer)| (*version, writer.id));
                Some(Registered {
                    versions: versions.collect(),
                    subject,
                    version,
                    writer,
                })
            })
    }
}

fn writer(id: SchemaId, schema: Schema) -> Arc<Writer> {
    let fingerprint = schema.fingerprint();
    Arc::new(Writer {
        id,
        schema,
        fingerprint,
    })
}

/// What a registry has under a subject; nothing where it has no such subject.
fn registered(api: &Api, subject: &str) -> Result<Versions, Failure> {
    let numbers = match api.get(&["subjects", subject, "versions"], &[]) {
        Err(failure) if failure.exit == Exit::NotFound => return Ok(Versions::new()),
        answer => answer?,
    };
    let odd = |answer: &Value| {
        let message = format!("the server's answer is not understood: {answer}");
        Failure::new(Exit::Failed, message)
    };
    let numbers = numbers.as_array().into_iter().flatten();
    let versions = numbers.map(|number| {
        let stored = api.get(&["subjects", subject, "versions", &number.to_string()], &[])?;
        let number = |field: &str| {
            stored[field]
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
        };
        let (version, id) = number("version")
            .zip(number("id").and_then(SchemaId::new))
            .ok_or_else(|| odd(&stored))?;
        Ok((version, writer(id, check::parse(api, &stored)?)))
    });
    versions.collect()
}

/// What a folder has; ids are counted, in the order of the references.
fn folder_subjects(folder: &Path) -> Result<BTreeMap<String, Versions>, Failure> {
    let unsound = |error: annals_codegen::Error| Failure::new(Exit::Failed, error.to_string());
    // What is odd about the folder and stops nothing is for `annals gen` to tell.
    let (found, _) = configure().schemas(folder).versions().map_err(unsound)?;
    let mut subjects: BTreeMap<String, Versions> = BTreeMap::new();
    // Of each version its text under what names it, after what it refers to.
    let mut texts: BTreeMap<(String, u32), (String, Vec<Resolved>)> = BTreeMap::new();
    for (version, id) in found.iter().zip(1u32..) {
        let resolved = resolved(version, &texts);
        let schema = Schema::parse(version.schema_type, &version.text, &resolved);
        let path = version.path.display();
        let schema = schema.map_err(|error| Failure::new(Exit::Failed, format!("{path}: {error}")))?;
        let id = SchemaId::new(id).ok_or_else(|| Failure::new(Exit::Failed, "no id is left"))?;
        let versions = subjects.entry(version.subject.clone()).or_default();
        versions.push((version.version, writer(id, schema)));
        let place = (version.subject.clone(), version.version);
        texts.insert(place, (version.text.clone(), resolved));
    }
    for versions in subjects.values_mut() {
        versions.sort_by_key(|(version, _)| *version);
    }
    Ok(subjects)
}

/// What a version refers to, dependencies first.
fn resolved(
    version: &FolderVersion,
    texts: &BTreeMap<(String, u32), (String, Vec<Resolved>)>,
) -> Vec<Resolved> {
    let mut all: Vec<Resolved> = Vec::new();
    for reference in &version.references {
        let number = u32::try_from(reference.version).unwrap_or(0);
        let Some((text, before)) = texts.get(&(reference.subject.clone(), number)) else {
            continue;
        };
        let own = Resolved {
            name: reference.name.clone(),
            text: text.clone(),
        };
        for resolved in before.iter().cloned().chain([own]) {
            if all.iter().all(|known| known.name != resolved.name) {
                all.push(resolved);
            }
        }
    }
    all
}
