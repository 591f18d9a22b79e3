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
use annals_registry_client::{Described, resolved};
use annals_schema_model::{Level, Policy, Reference, Resolved, Schema, Unresolved};
use clap::Args;
use serde_json::{Value, json};

use super::questions::Questions;
use super::remote::{self, Registered};
use super::{Schemas, failed, unsound_file};
use crate::cli::Global;
use crate::cli::api::Api;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::progress::Progress;

/// `annals gen pull orders-value`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals gen pull orders-value payments-value:3   the newest version, and a certain one
  annals gen pull orders-value:all                every version
  annals gen pull --topic orders                  the newest version of every subject of a topic
  annals gen pull                                 what annals.lock has, put back as it was registered

What annals.lock has of a subject that is named, and is gone or edited, is put back as well.

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

Every version since the newest in the lock is added. Code is generated from the last; older ones are what it is compared with.")]
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
        for subject in &subjects {
            pulling.newer(subject)?;
        }
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

    /// Adds every version of a subject since the newest that is locked: a level may ask about each of them.
    fn newer(&mut self, subject: &str) -> Result<(), Failure> {
        let newest = self.lock.newest(subject).unwrap_or_default();
        let is_newer = |version: &String| version.parse().is_ok_and(|version: u32| version > newest);
        let newer = remote::versions(self.api, subject)?.into_iter().filter(is_newer);
        self.open
            .extend(newer.map(|version| (subject.to_owned(), version)));
        // Whether there are newer ones or not, so that it is said what there is.
        self.open.push_back((subject.to_owned(), "latest".to_owned()));
        Ok(())
    }

    /// Adds what is locked of the subjects that are asked for, and is not there as it was locked.
    fn put_back(&mut self) {
        let asked: BTreeSet<&str> = self.open.iter().map(|(subject, _)| subject.as_str()).collect();
        let wrong = self.lock.wrong_files(self.folder).into_iter();
        let own = wrong.filter(|((subject, _), _)| asked.contains(subject.as_str()));
        let own: Vec<_> = own
            .map(|((subject, version), _)| (subject, version.to_string()))
            .collect();
        self.open.extend(own);
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
        self.put_back();
        let fetched = self.fetch()?;
        one_place_each(self.lock.schemas.keys().chain(fetched.keys()))?;
        let mut standards: BTreeMap<String, (Level, Policy)> = BTreeMap::new();
        for (subject, _) in fetched.keys() {
            if !standards.contains_key(subject) {
                standards.insert(subject.clone(), remote::standard(self.api, subject)?);
            }
        }
        let mut pulled = Vec::new();
        for registered in fetched.values() {
            let texts = referred(&fetched, &registered.schema.references);
            pulled.push(self.place(registered, &texts)?);
        }
        for row in &pulled {
            if let Some(registered) = fetched.get(&(row.subject.clone(), row.version)) {
                let folder = row.path.parent().unwrap_or(self.folder);
                fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
                files::write(&row.path, &registered.schema.text)
                    .map_err(|error| failed(&row.path, &error))?;
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
            schema: Described {
                schema_type, text, ..
            },
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

/// Two subjects that differ by case alone have one folder on some systems, where one text would be written over the other.
fn one_place_each<'a>(all: impl Iterator<Item = &'a (String, u32)>) -> Result<(), Failure> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (subject, _) in all {
        let first = *known.entry(subject.to_lowercase()).or_insert(subject);
        if first != subject {
            let message = format!("the subjects {first} and {subject} differ by case alone");
            return Err(Failure::new(Exit::Failed, message)
                .help("nothing was written: they have one folder on macOS and Windows; pull one of them, the other into another --schemas"));
        }
    }
    Ok(())
}

/// What references lead to among what was fetched; nothing where one of them leads elsewhere.
fn referred(fetched: &BTreeMap<(String, u32), Registered>, references: &[Reference]) -> Vec<Resolved> {
    let resolved = resolved(references, |reference| {
        let version = u32::try_from(reference.version).unwrap_or_default();
        let found = fetched.get(&(reference.subject.clone(), version));
        let found = found.map(|found| found.schema.clone());
        found.ok_or(Unresolved::Unregistered)
    });
    resolved.unwrap_or_default()
}

fn not_registered(subject: &str, version: &str) -> Failure {
    let message = format!("subject {subject} is not registered, or not in version {version}");
    Failure::new(Exit::NotFound, message)
}
