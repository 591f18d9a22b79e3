//! The schemas a fold is checked against before any server has it: those of a folder, or of a registry.
//!
//! Invariant: what is found here is what a server finds that has the same schemas. What a registry does not answer is
//! kept, and told instead of a verdict that would rest on it. Left out: versions that a registry has soft-deleted; migration rules
//! of a folder, which has none.

mod folder;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use annals_event_store::{Registered, Subjects};
use annals_schema_model::{Resolve, SchemaId, Unresolved, Writer};
use clap::Args;
use serde::Deserialize as _;

use crate::cli::Global;
use crate::cli::api::{self, Api};
use crate::cli::check;
use crate::cli::exit::{Exit, Failure};
use crate::registry::RuleSet;
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
            Some(folder) => (None, folder::subjects(folder)?),
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

    fn of_subject(&self, subject: &str) -> Versions {
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

    fn versions(&self, subject: &str, event: &str) -> BTreeMap<u32, SchemaId> {
        let mut versions = self.of_subject(subject);
        versions.retain(|(_, writer)| writer.schema.has_event(event));
        versions
            .iter()
            .map(|(version, writer)| (*version, writer.id))
            .collect()
    }
}

impl Subjects for Schemas {
    fn version(&self, subject: &str, version: u32) -> Option<Arc<Writer>> {
        let versions = self.of_subject(subject);
        let found = versions.into_iter().find(|(number, _)| *number == version);
        found.map(|(_, writer)| writer)
    }

    fn latest(&self, topic: &str, record_name: &str) -> Option<Registered> {
        self.newest(topic, record_name).next()
    }

    fn latest_of_each(&self, topic: &str, record_name: &str) -> Vec<Registered> {
        self.newest(topic, record_name).collect()
    }
}

impl Schemas {
    /// The newest schema of a record under each of a topic's subjects that has it.
    fn newest(&self, topic: &str, record_name: &str) -> impl Iterator<Item = Registered> {
        value_subjects(topic, record_name)
            .into_iter()
            .filter_map(move |subject| {
                let mut versions = self.of_subject(&subject);
                versions.retain(|(_, writer)| writer.schema.has_event(record_name));
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

/// What a registry has under a subject; nothing where it has no such subject.
fn registered(api: &Api, subject: &str) -> Result<Versions, Failure> {
    let numbers = match api.get(&["subjects", subject, "versions"], &[]) {
        Err(failure) if failure.exit == Exit::NotFound => return Ok(Versions::new()),
        answer => answer?,
    };
    let numbers = numbers.as_array().into_iter().flatten();
    let versions = numbers.map(|number| {
        let stored = api.get(
            &["subjects", subject, "versions", &number.to_string()],
            &[check::QUALIFIED],
        )?;
        let number = |field: &str| {
            stored[field]
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
        };
        let (version, id) = number("version")
            .zip(number("id").and_then(SchemaId::new))
            .ok_or_else(|| api::odd(&stored))?;
        let rules = RuleSet::deserialize(&stored["ruleSet"]).map(|rules| rules.migrations());
        let writer = Writer::new(id, check::parse(api, &stored)?);
        // Without rules, or of a registry that has none.
        Ok((
            version,
            Arc::new(writer.with_migrations(rules.unwrap_or_default())),
        ))
    });
    versions.collect()
}
