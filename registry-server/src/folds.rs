//! The folds the server runs: YAML files in one folder, kept in step with topics and schemas.
//!
//! A fold is loaded when its topic exists and every event it names is registered, and loaded anew when a newer schema
//! version becomes its reader, so that its id always tells which schemas it reads into. A file that cannot be loaded
//! is reported once per reason and tried again at the next change. Left out: noticing edited files while running.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use annals_broker::Broker;
use annals_event_store::{AnyFold, EventStore, FoldId, Source, declarative};
use uuid::Uuid;

use crate::resolve::RegistryResolve;

/// A fold is read by people; one larger than this is something else.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

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
    /// What runs under each aggregate name: which fold, over which topic.
    running: HashMap<String, (FoldId, Uuid)>,
    /// Why a file is not running, as last reported.
    reported: HashMap<PathBuf, String>,
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for file in self.files() {
            match self.refresh_file(&file, &mut state) {
                Ok(()) => drop(state.reported.remove(&file)),
                Err(reason) => {
                    if state.reported.get(&file) != Some(&reason) {
                        tracing::warn!(file = %file.display(), reason, "this fold does not run yet");
                        state.reported.insert(file, reason);
                    }
                }
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let is_fold = |path: &Path| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_fold(path))
            .collect();
        files.sort();
        files
    }

    fn refresh_file(&self, file: &Path, state: &mut State) -> Result<(), String> {
        let size = fs::metadata(file).map_err(|e| e.to_string())?.len();
        if size > FILE_BYTES_MAX {
            return Err(format!(
                "the file has {size} bytes; a fold has at most {FILE_BYTES_MAX}"
            ));
        }
        let text = fs::read_to_string(file).map_err(|e| e.to_string())?;
        let fold = declarative::load(&text, &self.resolve).map_err(|e| e.to_string())?;
        let id = fold.id().clone();
        let Some(topic) = self.broker.topic(fold.topic()) else {
            return Err(format!("its topic {} does not exist", fold.topic()));
        };
        let now_running = (id, topic.id);
        if state.running.get(&now_running.0.name) == Some(&now_running) {
            return Ok(());
        }
        let source = Source {
            topic: topic.name.clone(),
            partitions: topic.partitions.clone(),
        };
        self.events
            .add_aggregate(Box::new(fold), source)
            .map_err(|e| e.to_string())?;
        state.running.insert(now_running.0.name.clone(), now_running);
        Ok(())
    }
}
