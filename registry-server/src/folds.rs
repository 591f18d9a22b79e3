//! The folds the server runs: YAML files in one folder, kept in step with the files, topics and schemas.
//!
//! A fold is loaded when its topic exists and every event it names is registered. The schema versions its events are
//! read with are then written beside it and stay, whatever is registered or deleted later, until [`Folds::update`].
//!
//! Several revisions of a fold, a file each, run side by side.
//!
//! Invariant: what runs is what a start would load from the files as they are; so an answer is the same before and
//! after a restart. A file that cannot be loaded does not run: it is listed with its reason, reported once, and tried
//! again at the next change.

mod files;
mod names;
mod sent;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_broker::{Broker, Topic};
use annals_event_store::declarative::{self, Declarative, Pins};
use annals_event_store::{
    AnyFold, EventStore, FoldId, FoldUsed, NotLoaded, SchemaUsed, Source, revision_name,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::files::{FoldFile, Reason};
use self::names::{clashes, labels};
pub use self::sent::{LoadedFold, SentError};
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
    running: BTreeMap<Fold, Running>,
    /// The files as they were when they were last brought up.
    brought_up: Vec<FoldFile>,
    /// The files as they were last seen; nothing before the first look.
    seen: Option<Vec<FoldFile>>,
    /// Why a file is not running, as last reported.
    reported: HashMap<PathBuf, Reason>,
}

impl State {
    /// The files that are as they were when they were last seen, and for any other what was brought up of it: one that
    /// is just being written is not half a fold. At a start nobody has seen any.
    fn still(&self, files: &[FoldFile]) -> Vec<FoldFile> {
        let Some(seen) = &self.seen else {
            return files.to_vec();
        };
        let still = files.iter().filter_map(|file| match seen.contains(file) {
            true => Some(file),
            false => self.brought_up.iter().find(|up| up.path == file.path),
        });
        still.cloned().collect()
    }
}

/// A fold's name and revision.
type Fold = (String, u32);

/// Which fold runs, over which topics of how many partitions.
#[derive(Clone, PartialEq, Eq)]
struct Running {
    fold: FoldId,
    /// By name, with their ids.
    topics: Vec<(String, Uuid, usize)>,
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

/// Why a fold was not updated. Unless it says otherwise, it runs on as it did.
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
    /// Its newest versions are written down, and something else keeps it from running since.
    #[error("the newest versions are written down, but the fold does not run: {0}")]
    NotRunning(NotLoaded),
    /// The folder of the folds cannot be read.
    #[error("{0}; nothing was changed")]
    Folder(String),
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
        let Some(files) = self.files() else { return };
        let still = state.still(&files);
        state.seen = Some(files);
        self.bring_up(&mut state, still);
    }

    /// The same with the files as they are now, for who wrote them and knows that they are whole.
    pub fn take(&self) {
        let mut state = self.state();
        let Some(files) = self.files() else { return };
        state.seen = Some(files.clone());
        self.bring_up(&mut state, files);
    }

    /// The same, if files have changed and stand still again: one that is just being written is not half a fold.
    pub fn look(&self) {
        let mut state = self.state();
        let Some(files) = self.files() else { return };
        if files != state.brought_up && state.seen.as_ref() == Some(&files) {
            self.bring_up(&mut state, files);
        } else {
            state.seen = Some(files);
        }
    }

    /// Have a fold read its events with the newest schema versions from now on.
    ///
    /// # Errors
    /// There is no such fold, or it does not load with them.
    pub fn update(&self, name: &str) -> Result<Updated, UpdateError> {
        let mut state = self.state();
        let found = files::read(&self.folder).map_err(UpdateError::Folder)?;
        let mut files = state.still(&found);
        let (labels, clashes) = (labels(&files), clashes(&files));
        let mut named = files.iter_mut().zip(labels.iter().zip(clashes));
        let named = named.find(|(file, (label, _))| file.is_asked_for(name, label));
        let Some((file, (label, clash))) = named else {
            return Err(UpdateError::Unknown {
                name: name.to_owned(),
                known: labels.clone(),
            });
        };
        let refused = |file: &FoldFile, reason| UpdateError::Refused(file.not_loaded(label, reason));
        if !found.contains(&*file) {
            let reason = Reason::from("it has just changed; ask again when it stands still".to_owned());
            return Err(refused(file, reason));
        }
        // A lock that cannot be read is what an update mends.
        let pins_before = file.pins().unwrap_or_default();
        let fold = match clash {
            Some(clash) => Err(clash),
            None => self.load_newest(file, &pins_before),
        };
        let fold = fold.map_err(|reason| refused(file, reason))?;
        let before = state.running.get(&(fold.id().name.clone(), fold.id().rev));
        let before = before.map(|running| FoldUsed::from(&running.fold));
        let file = file.file();
        self.bring_up(&mut state, files);
        let mut not_loaded = self.events.not_loaded().into_iter();
        if let Some(not_loaded) = not_loaded.find(|one| one.file == file) {
            return Err(UpdateError::NotRunning(not_loaded));
        }
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
        self.topics(&fold)?;
        // A fold that reads as it did is the same fold, and goes on calling schemas what it did.
        if !fold.pins().read_as(before) {
            file.write_lock(fold.pins())?;
        }
        Ok(fold)
    }

    /// The topics of a fold, in the order in which it names them.
    fn topics(&self, fold: &Declarative) -> Result<Vec<Topic>, Reason> {
        let topics = fold.topics().into_iter().map(|name| {
            let topic = self.broker.topic(name);
            topic.ok_or_else(|| Reason::from(format!("its topic {name} does not exist")))
        });
        topics.collect()
    }

    /// Runs what these files say. They stand still, see [`State::still`].
    fn bring_up(&self, state: &mut State, mut files: Vec<FoldFile>) {
        let mut running = BTreeMap::new();
        let mut not_loaded = Vec::new();
        let mut reported = HashMap::new();
        let (labels, clashes) = (labels(&files), clashes(&files));
        for (file, (label, clash)) in files.iter_mut().zip(labels.iter().zip(clashes)) {
            let run = match clash {
                Some(clash) => Err(clash),
                None => self.run(file, &state.running),
            };
            match run {
                Ok(run) => drop(running.insert((run.fold.name.clone(), run.fold.rev), run)),
                Err(reason) => {
                    let problem = file.not_loaded(label, reason.clone());
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
        for (name, rev) in state.running.keys().filter(|fold| !running.contains_key(*fold)) {
            self.events.remove_aggregate(&revision_name(name, *rev));
        }
        state.running = running;
        state.reported = reported;
        state.brought_up = files;
    }

    /// Runs a file's fold, unless it does already.
    fn run(&self, file: &mut FoldFile, running: &BTreeMap<Fold, Running>) -> Result<Running, Reason> {
        let pins = file.pins()?;
        let fold = declarative::load_pinned(file.text()?, &pins, &self.resolve)?;
        let topics = self.topics(&fold)?;
        if *fold.pins() != pins {
            file.write_lock(fold.pins())?;
        }
        let now = Running {
            fold: fold.id().clone(),
            topics: topics
                .iter()
                .map(|topic| (topic.name.clone(), topic.id, topic.partitions.len()))
                .collect(),
        };
        if running.get(&(now.fold.name.clone(), now.fold.rev)) != Some(&now) {
            let sources = topics.into_iter().map(|topic| Source {
                topic: topic.name.clone(),
                topic_id: Some(topic.id.to_string()),
                partitions: topic.partitions.clone(),
            });
            self.events
                .add_merged(Box::new(fold), sources.collect())
                .map_err(|e| Reason::from(e.to_string()))?;
        }
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_being_written_is_not_taken_yet() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let read = || files::read(folder.path()).unwrap();
        write("a.yaml", "whole");
        let mut state = State::default();
        let before = read();
        assert_eq!(state.still(&before), before, "a start takes what there is");
        state.seen = Some(before.clone());
        state.brought_up.clone_from(&before);
        write("a.yaml", "half");
        write("b.yaml", "new");
        let now = read();
        assert_eq!(state.still(&now), before);
        state.seen = Some(now.clone());
        assert_eq!(state.still(&now), now);
    }
}
