//! `annals gen check`: do the folder, its lock and the registry say the same, and would the registry take what is new?
//!
//! The registry is asked by its own answers: what a version is, whether it holds a text, whether a text may follow. A
//! subject that is not registered yet is new, and that is no fault.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use annals_codegen::lock::{Lock, Locked};
use annals_codegen::{Diagnostic, FolderVersion, configure};
use annals_registry_client::request;
use annals_schema_model::{Level, Policy, Reference};
use clap::Args;
use serde_json::{Value, json};

use super::remote;
use super::{Schemas, listed, tell, unsound, unsound_file};
use crate::cli::Global;
use crate::cli::api::{Api, Method};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::progress::Progress;

/// `annals gen check`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  annals gen check --schemas schemas --server http://registry:8081

Exit code 3 when a file is not what annals.lock says; when a locked version is gone from the registry, or its text, id, \
type, references, level or policy are others there; or when the registry would refuse a version that is not registered yet.

That a registry has newer versions is told as `behind`, with exit code 0 unless --latest is given: a lock holds on to its \
versions, and `annals gen update` takes the newer ones.")]
pub(crate) struct Check {
    #[command(flatten)]
    schemas: Schemas,
    /// Exit code 3 also when the registry has a newer version than annals.lock
    #[arg(long)]
    latest: bool,
}

/// What is said of a version.
struct Row {
    subject: String,
    version: u32,
    state: State,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As the registry has it.
    Same,
    /// Not registered, and welcome.
    New,
    /// The registry has newer versions.
    Behind,
    /// The file is not what the lock says.
    Edited,
    /// The lock is not what the registry says.
    Differs,
    /// The registry would not take it.
    Refused,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Same => "same",
            State::New => "new",
            State::Behind => "behind",
            State::Edited => "edited",
            State::Differs => "differs",
            State::Refused => "refused",
        }
    }

    fn is_fault(self, latest: bool) -> bool {
        match self {
            State::Same | State::New => false,
            State::Behind => latest,
            State::Edited | State::Differs | State::Refused => true,
        }
    }
}

impl Check {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        let folder = self.schemas.folder.as_path();
        let lock = Lock::read(folder).map_err(|diagnostic| unsound_file(&diagnostic))?;
        let mut rows = edited(&lock, folder);
        // A folder is read as a build reads it, and that an edited one is not.
        let is_whole = rows.is_empty();
        let mut odd = Vec::new();
        let progress = Progress::new("checking schemas", None);
        rows.extend(registered(&api, &lock, &progress)?);
        if is_whole {
            let versions = configure().schemas(folder).versions();
            let (local, said) = versions.map_err(|wrong| unsound(&wrong, Format::Table))?;
            let is_own = |version: &FolderVersion| {
                let newest = lock.newest(&version.subject);
                newest.is_none_or(|newest| version.version > newest)
            };
            rows.extend(own(
                &api,
                local.iter().filter(|version| is_own(version)),
                &progress,
            )?);
            odd = said;
        }
        drop(progress);
        let is_fault = rows.iter().any(|row| row.state.is_fault(self.latest));
        tell(&odd);
        report(&rows, &odd, !is_fault, global.output)?;
        Ok(if is_fault { Exit::No } else { Exit::Done })
    }
}

/// Every locked version beside the registered one, and where the registry is ahead.
fn registered(api: &Api, lock: &Lock, progress: &Progress) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut standards: BTreeMap<&str, (Level, Policy)> = BTreeMap::new();
    for ((subject, version), locked) in &lock.schemas {
        let (state, message) = match remote::version(api, subject, &version.to_string())? {
            None => (State::Differs, "the registry does not have it".to_owned()),
            Some(found) => {
                let standard = match standards.get(subject.as_str()) {
                    Some(known) => *known,
                    None => {
                        let standard = remote::standard(api, subject)?;
                        standards.insert(subject, standard);
                        standard
                    }
                };
                beside(locked, &remote::locked(&found, standard))
            }
        };
        rows.push(Row {
            subject: subject.clone(),
            version: *version,
            state,
            message,
        });
        progress.add(1);
    }
    rows.extend(behind(api, lock)?);
    Ok(rows)
}

/// What the registry says to versions that are not locked.
fn own<'a>(
    api: &Api,
    versions: impl Iterator<Item = &'a FolderVersion>,
    progress: &Progress,
) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    let mut unregistered = BTreeSet::new();
    for version in versions {
        let row = welcome(api, version, &unregistered)?;
        if row.state == State::New {
            unregistered.insert((row.subject.clone(), row.version));
        }
        rows.push(row);
        progress.add(1);
    }
    Ok(rows)
}

fn report(rows: &[Row], odd: &[Diagnostic], is_sound: bool, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "subject": row.subject, "version": row.version, "state": row.state.name(),
                    "message": row.message,
                })
            })
            .collect();
        return output::json(&json!({"ok": is_sound, "schemas": rows, "diagnostics": listed(odd)}));
    }
    let rows = rows.iter().map(|row| {
        let (version, state) = (format!("v{}", row.version), row.state.name().to_owned());
        vec![row.subject.clone(), version, state, row.message.clone()]
    });
    output::table(&["SUBJECT", "VERSION", "STATE", ""], rows)
}

fn edited(lock: &Lock, folder: &Path) -> Vec<Row> {
    let wrong = lock.wrong_files(folder).into_iter();
    let row = |((subject, version), diagnostic): ((String, u32), Diagnostic)| Row {
        subject,
        version,
        state: State::Edited,
        message: diagnostic.to_string(),
    };
    wrong.map(row).collect()
}

/// A locked version beside the registered one.
fn beside(locked: &Locked, there: &Locked) -> (State, String) {
    let parts = [
        (there.sha256 == locked.sha256, "its text".to_owned()),
        (
            there.id == locked.id,
            format!("its id: {} there, {} in annals.lock", there.id, locked.id),
        ),
        (
            there.schema_type == locked.schema_type,
            format!("its type: {} there", there.schema_type),
        ),
        (
            is_locked_as(&there.references, &locked.references),
            "its references".to_owned(),
        ),
        (
            there.compatibility == locked.compatibility,
            format!(
                "the subject's level: {} there, {} in annals.lock",
                there.compatibility, locked.compatibility
            ),
        ),
        (
            there.policy == locked.policy,
            format!(
                "the subject's policy: {} there, {} in annals.lock",
                there.policy, locked.policy
            ),
        ),
    ];
    let differing: Vec<String> = parts
        .into_iter()
        .filter(|(same, _)| !same)
        .map(|(_, what)| what)
        .collect();
    match differing.is_empty() {
        true => (State::Same, String::new()),
        false => (
            State::Differs,
            format!("the registry differs in {}", differing.join("; ")),
        ),
    }
}

/// Whether references are those that are locked. One to the newest version is locked to the one that was it.
fn is_locked_as(there: &[Reference], locked: &[Reference]) -> bool {
    let is_same = |(there, locked): (&Reference, &Reference)| {
        let is_version = there.version == locked.version || there.version == remote::LATEST;
        is_version && there.name == locked.name && there.subject == locked.subject
    };
    there.len() == locked.len() && there.iter().zip(locked).all(is_same)
}

/// Subjects of which the registry has newer versions.
fn behind(api: &Api, lock: &Lock) -> Result<Vec<Row>, Failure> {
    let subjects: BTreeSet<&String> = lock.schemas.keys().map(|(subject, _)| subject).collect();
    let mut rows = Vec::new();
    for subject in subjects {
        let newest = lock.newest(subject).unwrap_or_default();
        if let Some(latest) =
            remote::version(api, subject, "latest")?.filter(|latest| latest.version > newest)
        {
            rows.push(Row {
                subject: subject.clone(),
                version: newest,
                state: State::Behind,
                message: format!(
                    "the registry has v{}; `annals gen update` takes it",
                    latest.version
                ),
            });
        }
    }
    Ok(rows)
}

/// Whether the registry has a version that is not locked, or would take it.
fn welcome(api: &Api, own: &FolderVersion, unregistered: &BTreeSet<(String, u32)>) -> Result<Row, Failure> {
    let row = |state, message: String| {
        Ok(Row {
            subject: own.subject.clone(),
            version: own.version,
            state,
            message,
        })
    };
    let waits = own.references.iter().find(|reference| {
        let version = u32::try_from(reference.version).unwrap_or_default();
        unregistered.contains(&(reference.subject.clone(), version))
    });
    if let Some(waits) = waits {
        let message = format!(
            "to be asked when {} v{} is registered",
            waits.subject, waits.version
        );
        return row(State::New, message);
    }
    let body = request(own.schema_type, &own.text, &own.references);
    if let Ok(there) = api.ask(Method::Post(&body), &["subjects", &own.subject], &[])? {
        let version = &there["version"];
        let pull = format!("`annals gen pull {}:{version}`", own.subject);
        return if *version == own.version {
            row(State::Same, format!("registered as v{version}; {pull} locks it"))
        } else {
            // Code generated from the file would name a version that is another schema, or none.
            row(
                State::Differs,
                format!("the registry has this text as v{version}; remove the file, and {pull}"),
            )
        };
    }
    let taken = remote::versions(api, &own.subject)?;
    if taken.is_empty() {
        return row(State::New, "the subject is not registered yet".to_owned());
    }
    if taken.contains(&own.version.to_string()) {
        let message = format!(
            "the registry has another text as v{}; give the file a number that is not taken",
            own.version
        );
        return row(State::Differs, message);
    }
    let path = ["compatibility", "subjects", &own.subject, "versions"];
    match api.ask(Method::Post(&body), &path, &[("verbose", "true")])? {
        Ok(answer) if answer["is_compatible"] == true => {
            row(State::New, "the registry would take it".to_owned())
        }
        Ok(answer) => {
            let messages = answer["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let messages: Vec<&str> = messages
                .filter(|message| !message.starts_with("{oldSchema"))
                .collect();
            row(State::Refused, messages.join(" "))
        }
        Err(refusal) => row(State::Refused, refusal.message),
    }
}
