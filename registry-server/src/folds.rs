//! The folds the server runs: YAML files in one folder, kept in step with the files, topics and schemas.
//!
//! A fold is loaded when its topic exists and every event it names is registered. The schema versions its events are
//! read with are then written beside it and stay, whatever is registered or deleted later, until [`Folds::update`].
//!
//! Invariant: what runs is what a start would load from the files as they are; so an answer is the same before and
//! after a restart. A file that cannot be loaded does not run: it is listed with its reason, reported once, and tried
//! again at the next change.

mod files;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_broker::Broker;
use annals_event_store::declarative::{self, Declarative, Pins};
use annals_event_store::{AnyFold, EventStore, FoldId, FoldUsed, NotLoaded, SchemaUsed, Source};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::files::{FoldFile, Reason};
use crate::resolve::RegistryResolve;

/// The fold files and what became of them.
pub struct Folds {
    folder: PathBuf,
    broker: Broker,
    resolve: RegistryResolve,
    events: Arc<EventStore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<String, Running>,
    /// The files as they were when they were last brought up.
    brought_up: Vec<FoldFile>,
    /// The files as they were last seen.
    seen: Vec<FoldFile>,
    /// Why a file is not running, as last reported.
    reported: HashMap<PathBuf, Reason>,
}

/// Which fold runs under a name, over which topic of how many partitions.
#[derive(Clone, PartialEq, Eq)]
struct Running {
    fold: FoldId,
    topic: Uuid,
    partitions: usize,
}

/// A fold that was told to read with the newest schema versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Updated {
    /// The fold as it ran before; null when it did not.
    pub before: Option<FoldUsed>,
    /// The fold as it is now.
    pub after: FoldUsed,
    /// What each event was read with, and is from now on.
    pub readers: Vec<UpdatedReader>,
}

/// What an event is read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UpdatedReader {
    /// The event.
    pub event: String,
    /// The version before; null when there was none.
    pub before: Option<SchemaUsed>,
    /// The version from now on.
    pub after: SchemaUsed,
}

/// Why a fold was not updated. It runs on as it did.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpdateError {
    /// No fold file has this name.
    #[error("there is no fold `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// It does not load with the newest versions.
    #[error("{0}; nothing was changed")]
    Refused(NotLoaded),
}

impl Folds {
    /// Folds from the YAML files in `folder`; nothing runs before [`Folds::refresh`].
    #[must_use]
    pub fn new(folder: PathBuf, broker: Broker, resolve: RegistryResolve, events: Arc<EventStore>) -> Folds {
        Folds {
            folder,
            broker,
            resolve,
            events,
            state: Mutex::default(),
        }
    }

    /// Bring what runs into step with the files, the topics and the registered schemas. Reads files and the log, so it
    /// is not for an async thread.
    pub fn refresh(&self) {
        let mut state = self.state();
        if let Some(files) = self.files() {
            state.seen.clone_from(&files);
            self.bring_up(&mut state, files);
        }
    }

    /// The same, if files have changed and stand still again: one that is just being written is not half a fold.
    pub fn look(&self) {
        let mut state = self.state();
        let Some(files) = self.files() else { return };
        if files == state.brought_up {
            state.seen = files;
        } else if files == state.seen {
            self.bring_up(&mut state, files);
        } else {
            state.seen = files;
        }
    }

    /// Have a fold read its events with the newest schema versions from now on.
    ///
    /// # Errors
    /// There is no such fold, or it does not load with them.
    pub fn update(&self, name: &str) -> Result<Updated, UpdateError> {
        let mut state = self.state();
        let mut files = self.files().unwrap_or_default();
        let known: Vec<String> = files.iter().map(|file| file.name().0).collect();
        let clash = clashes(&files).into_iter();
        let named = files
            .iter_mut()
            .zip(clash)
            .find(|(file, _)| file.name().0 == name);
        let Some((file, clash)) = named else {
            return Err(UpdateError::Unknown {
                name: name.to_owned(),
                known,
            });
        };
        // A lock that cannot be read is what an update mends.
        let pins_before = file.pins().unwrap_or_default();
        let before = state
            .running
            .get(name)
            .map(|running| FoldUsed::from(&running.fold));
        let fold = match clash {
            Some(clash) => Err(clash),
            None => self.load_newest(file, &pins_before),
        };
        let fold = fold.map_err(|reason| UpdateError::Refused(file.not_loaded(reason)))?;
        self.bring_up(&mut state, files);
        let readers = fold.pins().iter().map(|(event, pin)| UpdatedReader {
            event: event.to_owned(),
            before: pins_before.get(event).map(SchemaUsed::from),
            after: SchemaUsed::from(pin),
        });
        Ok(Updated {
            before,
            after: FoldUsed::from(fold.id()),
            readers: readers.collect(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files, or nothing when the folder cannot be read now; what runs is then left as it is.
    fn files(&self) -> Option<Vec<FoldFile>> {
        files::read(&self.folder)
            .inspect_err(|reason| tracing::error!(reason, "the folds are left as they are"))
            .ok()
    }

    fn load_newest(&self, file: &mut FoldFile, before: &Pins) -> Result<Declarative, Reason> {
        let fold = declarative::load(file.text()?, &self.resolve)?;
        // A fold that reads as it did is the same fold, and goes on calling schemas what it did.
        if !fold.pins().read_as(before) {
            file.write_lock(fold.pins())?;
        }
        Ok(fold)
    }

    fn bring_up(&self, state: &mut State, mut files: Vec<FoldFile>) {
        let mut running = BTreeMap::new();
        let mut not_loaded = Vec::new();
        let mut reported = HashMap::new();
        let clashes = clashes(&files);
        for (file, clash) in files.iter_mut().zip(clashes) {
            let run = match clash {
                Some(clash) => Err(clash),
                None => self.run(file, &state.running),
            };
            match run {
                Ok(run) => drop(running.insert(run.fold.name.clone(), run)),
                Err(reason) => {
                    let problem = file.not_loaded(reason.clone());
                    if state.reported.get(&file.path) != Some(&reason) {
                        tracing::warn!(fold = problem.name, "this fold does not run: {problem}");
                    }
                    reported.insert(file.path.clone(), reason);
                    not_loaded.push(problem);
                }
            }
        }
        // Before they go, so that nobody finds one gone and no reason why.
        self.events.set_not_loaded(not_loaded);
        for name in state.running.keys().filter(|name| !running.contains_key(*name)) {
            self.events.remove_aggregate(name);
        }
        *state = State {
            running,
            reported,
            seen: files.clone(),
            brought_up: files,
        };
    }

    /// Runs a file's fold, unless it does already.
    fn run(&self, file: &mut FoldFile, running: &BTreeMap<String, Running>) -> Result<Running, Reason> {
        let pins = file.pins()?;
        let fold = declarative::load_pinned(file.text()?, &pins, &self.resolve)?;
        let topic = self
            .broker
            .topic(fold.topic())
            .ok_or_else(|| Reason::from(format!("its topic {} does not exist", fold.topic())))?;
        if *fold.pins() != pins {
            file.write_lock(fold.pins())?;
        }
        let now = Running {
            fold: fold.id().clone(),
            topic: topic.id,
            partitions: topic.partitions.len(),
        };
        if running.get(&now.fold.name) != Some(&now) {
            let source = Source {
                topic: topic.name.clone(),
                partitions: topic.partitions.clone(),
            };
            self.events
                .add_aggregate(Box::new(fold), source)
                .map_err(|e| Reason::from(e.to_string()))?;
        }
        Ok(now)
    }
}

/// For each file, whether another one has its name or its lock: then neither runs.
fn clashes(files: &[FoldFile]) -> Vec<Option<Reason>> {
    let mut by_name: BTreeMap<String, Vec<&FoldFile>> = BTreeMap::new();
    let mut by_lock: BTreeMap<PathBuf, Vec<&FoldFile>> = BTreeMap::new();
    for file in files {
        by_name.entry(file.name().0).or_default().push(file);
        by_lock.entry(file.lock_path()).or_default().push(file);
    }
    let names = |files: &[&FoldFile]| {
        let names: Vec<String> = files.iter().map(|file| file.file()).collect();
        names.join(" and ")
    };
    let clash = |file: &FoldFile| {
        let (name, line) = file.name();
        if let Some(same) = by_name.get(&name).filter(|same| same.len() > 1) {
            let text = format!("{} all have the name `{name}`; give each its own", names(same));
            return Some(Reason { line, text });
        }
        let same = by_lock.get(&file.lock_path()).filter(|same| same.len() > 1)?;
        Some(Reason::from(format!(
            "{} would share one lock; rename one of the files",
            names(same)
        )))
    };
    files.iter().map(clash).collect()
}
