//! `annals gen pull | update`: registered schemas into a folder, and into its lock.
//!
//! What a schema refers to comes with it, by the versions it refers to. Nothing is taken away, and a file that was written
//! here and is not registered is not written over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use annals_codegen::files;
use annals_codegen::lock::{self, Lock};
use annals_schema_model::{Level, Policy, Reference, Resolved, Schema};
use clap::Args;
use serde_json::{Value, json};

use super::remote::{self, Registered};
use super::{Schemas, unsound_file};
use crate::cli::Global;
use crate::cli::api::Api;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::progress::Progress;

/// References of references; the registry refuses deeper ones as well.
const REFERENCE_DEPTH_MAX: usize = 64;
/// What a schema refers to, all in all; the registry refuses more as well.
const REFERENCES_MAX: usize = 1_000;

/// `annals gen pull orders-value`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals gen pull orders-value payments-value:3   the newest version, and a certain one
  annals gen pull orders-value:all                every version
  annals gen pull --topic orders                  the newest version of every subject of a topic
  annals gen pull                                 what annals.lock has, put back as it was registered

Texts go to <schemas>/<subject>/v<N>, what they are to <schemas>/annals.lock. Builds read both and ask no server.")]
pub(crate) struct Pull {
    /// Subjects, each with `:` and a version, `latest` or `all` behind it; `latest` when nothing is
    #[arg(value_name = "SUBJECT[:VERSION]")]
    subjects: Vec<String>,
    /// All subjects of a topic
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    #[command(flatten)]
    schemas: Schemas,
}

/// `annals gen update`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals gen update                  every subject in annals.lock
  annals gen update orders-value     this one

The newest version is added to what is there; code is generated from it, and older versions are what it is compared with.")]
pub(crate) struct Update {
    /// Subjects; all of the lock when none is named
    #[arg(value_name = "SUBJECT")]
    subjects: Vec<String>,
    #[command(flatten)]
    schemas: Schemas,
}

impl Pull {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        let mut pulling = Pulling::new(&api, &self.schemas.folder)?;
        if self.subjects.is_empty() && self.topic.is_empty() {
            let all = pulling.lock.schemas.keys();
            let all: Vec<_> = all
                .map(|(subject, version)| (subject.clone(), version.to_string()))
                .collect();
            if all.is_empty() {
                let message = format!(
                    "{} has no annals.lock, and no subject is named",
                    self.schemas.folder.display()
                );
                return Err(Failure::new(Exit::Usage, message).help("annals gen pull orders-value"));
            }
            pulling.open.extend(all);
        }
        for subject in &self.subjects {
            pulling.want(subject)?;
        }
        for topic in &self.topic {
            let subjects = remote::of_topic(&api, topic)?;
            if subjects.is_empty() {
                let message = format!("no subject of topic {topic} is registered");
                return Err(Failure::new(Exit::NotFound, message));
            }
            pulling
                .open
                .extend(subjects.into_iter().map(|subject| (subject, "latest".to_owned())));
        }
        let pulled = pulling.run()?;
        report(&pulled, global.output)
    }
}

impl Update {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        let mut pulling = Pulling::new(&api, &self.schemas.folder)?;
        let locked: BTreeSet<String> = pulling
            .lock
            .schemas
            .keys()
            .map(|(subject, _)| subject.clone())
            .collect();
        if let Some(other) = self.subjects.iter().find(|subject| !locked.contains(*subject)) {
            let message = format!("annals.lock has no subject {other}");
            return Err(Failure::new(Exit::NotFound, message).help(format!("annals gen pull {other}")));
        }
        let subjects = if self.subjects.is_empty() {
            locked.into_iter().collect()
        } else {
            self.subjects
        };
        pulling
            .open
            .extend(subjects.into_iter().map(|subject| (subject, "latest".to_owned())));
        let pulled = pulling.run()?;
        report(&pulled, global.output)
    }
}

/// What became of a version.
struct Pulled {
    subject: String,
    version: u32,
    id: u32,
    /// The newest version that was locked before.
    before: Option<u32>,
    /// `new`, `changed` or `unchanged`.
    state: &'static str,
    path: PathBuf,
}

fn report(pulled: &[Pulled], format: Format) -> Result<Exit, Failure> {
    if format == Format::Json {
        let rows: Vec<Value> = pulled
            .iter()
            .map(|row| {
                json!({
                    "subject": row.subject, "version": row.version, "id": row.id, "before": row.before,
                    "state": row.state, "file": row.path.display().to_string(),
                })
            })
            .collect();
        output::json(&json!({"schemas": rows}))?;
        return Ok(Exit::Done);
    }
    let rows = pulled.iter().map(|row| {
        let before = row
            .before
            .map_or_else(|| "-".to_owned(), |version| format!("v{version}"));
        let version = format!("v{}", row.version);
        vec![
            row.subject.clone(),
            before,
            version,
            row.id.to_string(),
            row.state.to_owned(),
            row.path.display().to_string(),
        ]
    });
    output::table(&["SUBJECT", "BEFORE", "VERSION", "ID", "STATE", "FILE"], rows)?;
    Ok(Exit::Done)
}

/// Versions on their way.
struct Pulling<'a> {
    api: &'a Api,
    folder: &'a Path,
    lock: Lock,
    /// Subjects and versions that are still to be asked for.
    open: VecDeque<(String, String)>,
}

impl<'a> Pulling<'a> {
    fn new(api: &'a Api, folder: &'a Path) -> Result<Pulling<'a>, Failure> {
        Ok(Pulling {
            api,
            folder,
            lock: Lock::read(folder).map_err(|diagnostic| unsound_file(&diagnostic))?,
            open: VecDeque::new(),
        })
    }

    /// Adds what an argument names.
    fn want(&mut self, argument: &str) -> Result<(), Failure> {
        let is_version = |text: &str| text == "latest" || text == "all" || text.parse::<u32>().is_ok();
        // A subject may have colons itself.
        let split = argument
            .rsplit_once(':')
            .filter(|(_, version)| is_version(version));
        let (subject, version) = split.unwrap_or((argument, "latest"));
        if version != "all" {
            self.open.push_back((subject.to_owned(), version.to_owned()));
            return Ok(());
        }
        let versions = remote::versions(self.api, subject)?;
        if versions.is_empty() {
            return Err(not_registered(subject, "any version"));
        }
        self.open
            .extend(versions.into_iter().map(|version| (subject.to_owned(), version)));
        Ok(())
    }

    /// Asks for all that is open, and for what it refers to.
    fn fetch(&mut self) -> Result<BTreeMap<(String, u32), Registered>, Failure> {
        let progress = Progress::new("pulling schemas", None);
        let mut fetched = BTreeMap::new();
        let questions = Questions::of(self.open.drain(..));
        let answered = questions.ask(|subject, wanted| {
            let found = remote::version(self.api, subject, wanted)?;
            progress.add(1);
            found.ok_or_else(|| not_registered(subject, wanted))
        })?;
        for found in answered {
            fetched.insert((found.subject.clone(), found.version), found);
        }
        Ok(fetched)
    }

    /// Fetches everything first, and writes when all of it is there: texts, and then the lock.
    fn run(mut self) -> Result<Vec<Pulled>, Failure> {
        let fetched = self.fetch()?;
        let mut standards: BTreeMap<String, (Level, Policy)> = BTreeMap::new();
        for (subject, _) in fetched.keys() {
            if !standards.contains_key(subject) {
                standards.insert(subject.clone(), remote::standard(self.api, subject)?);
            }
        }
        let mut pulled = Vec::new();
        for registered in fetched.values() {
            let mut texts = Vec::new();
            referred(&fetched, &registered.references, 0, &mut texts);
            pulled.push(self.place(registered, &texts)?);
        }
        for row in &pulled {
            if let Some(registered) = fetched.get(&(row.subject.clone(), row.version)) {
                let folder = row.path.parent().unwrap_or(self.folder);
                fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
                files::write(&row.path, &registered.text).map_err(|error| failed(&row.path, &error))?;
            }
        }
        for (key, registered) in fetched {
            let standard = standards.get(&key.0).copied().unwrap_or_default();
            self.lock
                .schemas
                .insert(key, remote::locked(&registered, standard));
        }
        // The subject has one level, whichever of its versions were asked for.
        for ((subject, _), locked) in &mut self.lock.schemas {
            if let Some((level, policy)) = standards.get(subject) {
                (locked.compatibility, locked.policy) = (*level, *policy);
            }
        }
        let path = self.folder.join(lock::FILE);
        files::write(&path, &self.lock.text()).map_err(|error| failed(&path, &error))?;
        Ok(pulled)
    }

    /// Where a version goes, and what is there. A text that is no registered one is not written over, unless it is this
    /// one in another layout.
    fn place(&self, registered: &Registered, texts: &[Resolved]) -> Result<Pulled, Failure> {
        let Registered {
            subject,
            version,
            id,
            schema_type,
            text,
            ..
        } = registered;
        let path = self.folder.join(lock::place(subject, *version, *schema_type));
        let present = match fs::read_to_string(&path) {
            Ok(present) => Some(present),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path, &error)),
        };
        let is_locked = self.lock.get(subject, *version).is_some();
        let is_same = |present: &str| {
            let printed = |text: &str| Some(Schema::parse(*schema_type, text, texts).ok()?.printed());
            present == text || printed(present).is_some_and(|present| Some(present) == printed(text))
        };
        let state = match &present {
            None => "new",
            Some(present) if present == text => "unchanged",
            Some(present) if is_locked || is_same(present) => "changed",
            Some(_) => {
                let message = format!(
                    "{} is there, and is not what is registered as {subject} v{version}",
                    path.display()
                );
                return Err(Failure::new(Exit::Failed, message)
                    .help("nothing was written; give your file the number of a version that is not taken, or remove it"));
            }
        };
        Ok(Pulled {
            subject: subject.clone(),
            version: *version,
            id: *id,
            before: self.lock.newest(subject),
            state,
            path,
        })
    }
}

/// What a registry is asked. What it answers is not trusted to be what was asked for: an alias is answered with another
/// subject, and `latest` with a number, so that only what was asked tells whether to ask again.
struct Questions {
    open: VecDeque<(String, String)>,
    asked: BTreeSet<(String, String)>,
    questions_max: usize,
}

impl Questions {
    fn of(open: impl Iterator<Item = (String, String)>) -> Questions {
        let open: VecDeque<_> = open.collect();
        Questions {
            questions_max: open.len().saturating_mul(REFERENCES_MAX.saturating_add(1)),
            asked: BTreeSet::new(),
            open,
        }
    }

    /// Every answer, to what was open and to what the answers refer to.
    fn ask(
        mut self,
        mut answer: impl FnMut(&str, &str) -> Result<Registered, Failure>,
    ) -> Result<Vec<Registered>, Failure> {
        let mut answers: Vec<Registered> = Vec::new();
        let mut newest: BTreeMap<String, u32> = BTreeMap::new();
        while let Some(question) = self.open.pop_front() {
            if !self.asked.insert(question.clone()) {
                continue;
            }
            if self.asked.len() > self.questions_max {
                let message = format!(
                    "what is pulled refers to more than {REFERENCES_MAX} schemas, {} v{} among them",
                    question.0, question.1
                );
                return Err(Failure::new(Exit::Failed, message));
            }
            let found = answer(&question.0, &question.1)?;
            let references = found.references.iter();
            self.open
                .extend(references.map(|reference| (reference.subject.clone(), wanted(reference))));
            if question.1 == "latest" {
                newest.insert(question.0, found.version);
            }
            answers.push(found);
        }
        // A lock has versions, and what was the newest is the one that was fetched.
        for reference in answers.iter_mut().flat_map(|found| &mut found.references) {
            if reference.version == remote::LATEST
                && let Some(version) = newest.get(&reference.subject)
            {
                reference.version = i32::try_from(*version).unwrap_or(i32::MAX);
            }
        }
        Ok(answers)
    }
}

/// The version that a reference is to, as it is asked for.
fn wanted(reference: &Reference) -> String {
    match reference.version {
        remote::LATEST => "latest".to_owned(),
        version => version.to_string(),
    }
}

/// What references lead to, dependencies first; those of imported schemas may run in a circle.
fn referred(
    fetched: &BTreeMap<(String, u32), Registered>,
    references: &[Reference],
    depth: usize,
    into: &mut Vec<Resolved>,
) {
    for Reference {
        name,
        subject,
        version,
    } in references
    {
        let version = u32::try_from(*version).unwrap_or_default();
        let found = fetched.get(&(subject.clone(), version));
        if let Some(found) =
            found.filter(|_| depth < REFERENCE_DEPTH_MAX && into.iter().all(|known| known.name != *name))
        {
            referred(fetched, &found.references, depth + 1, into);
            into.push(Resolved {
                name: name.clone(),
                text: found.text.clone(),
            });
        }
    }
}

fn not_registered(subject: &str, version: &str) -> Failure {
    let message = format!("subject {subject} is not registered, or not in version {version}");
    Failure::new(Exit::NotFound, message)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use annals_schema_model::SchemaType;

    use super::*;

    /// A version that refers to one other.
    fn registered(subject: &str, refers_to: &str) -> Registered {
        Registered {
            subject: subject.to_owned(),
            version: 1,
            id: 1,
            schema_type: SchemaType::Avro,
            references: vec![Reference {
                name: "n.N".to_owned(),
                subject: refers_to.to_owned(),
                version: 1,
            }],
            text: String::new(),
        }
    }

    fn questions() -> Questions {
        Questions::of([("a".to_owned(), "1".to_owned())].into_iter())
    }

    #[test]
    fn the_same_is_asked_once_whatever_is_answered() {
        let answers = questions().ask(|_, _| Ok(registered("b", "a"))).unwrap();
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn a_reference_to_the_newest_is_locked_to_it() {
        let answer = |subject: &str, wanted: &str| {
            let mut found = registered(subject, "b");
            match subject {
                "a" => found.references[0].version = remote::LATEST,
                _ => (found.version, found.references) = (7, Vec::new()),
            }
            assert_eq!(wanted, if subject == "a" { "1" } else { "latest" });
            Ok(found)
        };
        let answers = questions().ask(answer).unwrap();
        assert_eq!((answers[0].references[0].version, answers[1].version), (7, 7));
    }

    #[test]
    fn questions_end() {
        let mut number = 0;
        let refused = questions().ask(|subject, _| {
            number += 1;
            Ok(registered(subject, &format!("a{number}")))
        });
        assert!(refused.is_err());
        assert_eq!(number, REFERENCES_MAX + 1);
    }
}
