//! The fold files as they are on disk, each with the lock beside it.
//!
//! `order.lock` holds the schema version each event of `order.yaml` is read with. It is on disk before the fold answers
//! anything, so that no restart can read with another version. What a file is called does not matter, but for a fold that
//! gives no name. Left out: what the texts mean.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use annals_event_store::declarative::{self, Pins};
use annals_event_store::{NotLoaded, revision_name, revision_of};

/// A fold is read by people; one larger than this is something else.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Fold files of one folder; a server answers for a handful of aggregates.
pub(super) const FILES_MAX: usize = 1_000;

/// A fold file: what was read of it, or why it could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoldFile {
    pub(super) path: PathBuf,
    name: String,
    /// Where in the text the name stands; nothing where it gives none.
    name_line: Option<u32>,
    rev: Option<u32>,
    text: Result<String, String>,
    /// Nothing where there is no lock yet.
    lock: Result<Option<String>, String>,
}

/// Why a fold does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// The line in the fold file, from 1.
    pub(super) line: Option<u32>,
    pub(super) text: String,
}

impl From<String> for Reason {
    fn from(text: String) -> Reason {
        Reason { line: None, text }
    }
}

impl From<declarative::LoadError> for Reason {
    fn from(error: declarative::LoadError) -> Reason {
        Reason {
            line: Some(error.line),
            text: error.message,
        }
    }
}

/// The fold files of a folder, by name.
pub(super) fn read(folder: &Path) -> Result<Vec<FoldFile>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
    let is_fold = |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_fold)
        .collect();
    paths.sort();
    let files = paths.into_iter().zip(0..).map(|(path, place)| {
        if place >= FILES_MAX {
            let text = Err(format!("a folder has at most {FILES_MAX} folds"));
            return FoldFile::new(path, text, Ok(None));
        }
        let text = read_text(&path).and_then(|text| text.ok_or_else(|| "the file is gone".to_owned()));
        let lock = read_text(&path.with_extension("lock"));
        FoldFile::new(path, text, lock)
    });
    Ok(files.collect())
}

fn read_text(path: &Path) -> Result<Option<String>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|e| e.to_string())?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|e| e.to_string())?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("the file has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(Some(text))
}

impl FoldFile {
    fn new(path: PathBuf, text: Result<String, String>, lock: Result<Option<String>, String>) -> FoldFile {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        // What the text does not say, the file's name may: `order@2.yaml` is written for revision 2 of `order`.
        let (stem, stem_rev) = match revision_of(&stem) {
            Some((name, rev)) => (name, Some(rev)),
            None => (&*stem, None),
        };
        let read = text.as_deref().ok();
        let named = read.and_then(declarative::name_of);
        let rev = read.and_then(declarative::rev_of).map(|(rev, _)| rev);
        let (name, name_line) = match named {
            Some((name, line)) => (name, Some(line)),
            None => (stem.to_owned(), None),
        };
        FoldFile {
            name,
            name_line,
            rev: rev.or(stem_rev),
            path,
            text,
            lock,
        }
    }

    /// Writes a fold that is new, with the versions it reads with. Its lock is there before it is, so that no crash leaves
    /// a fold that would choose others; a lock without a fold is nothing.
    pub(super) fn create(path: PathBuf, text: &str, pins: &Pins) -> Result<FoldFile, Reason> {
        let mut file = FoldFile::new(path, Ok(text.to_owned()), Ok(None));
        file.write_lock(pins)?;
        replace(&file.path, text.as_bytes()).map_err(|error| {
            // Without its fold it would only be in the way of one that somebody writes by hand.
            let _ = fs::remove_file(file.lock_path());
            Reason::from(format!("{} cannot be written: {error}", file.path.display()))
        })?;
        Ok(file)
    }

    /// The file's name without its folder.
    pub(super) fn file(&self) -> String {
        file_name(&self.path)
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    /// The fold's name; the file's where it gives none.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The line that gives the name.
    pub(super) fn name_line(&self) -> Option<u32> {
        self.name_line
    }

    /// The fold's revision, where the file says it.
    pub(super) fn rev(&self) -> Option<u32> {
        self.rev
    }

    /// What the fold is asked for by beside its other revisions.
    fn own_name(&self) -> String {
        match self.rev {
            Some(rev) => revision_name(&self.name, rev),
            None => self.name.clone(),
        }
    }

    /// Whether this is what is asked for, where it is called `label` among the others.
    pub(super) fn is_asked_for(&self, asked: &str, label: &str) -> bool {
        asked == label || asked == self.own_name()
    }

    pub(super) fn text(&self) -> Result<&str, Reason> {
        self.text
            .as_deref()
            .map_err(|reason| Reason::from(reason.clone()))
    }

    /// The schema versions the fold is told to read with; none where it was never loaded.
    pub(super) fn pins(&self) -> Result<Pins, Reason> {
        let wrong = |reason: &dyn std::fmt::Display| {
            let lock = file_name(&self.lock_path());
            let name = self.own_name();
            Reason::from(format!(
                "{lock} cannot be read: {reason}; `annals fold update {name}` writes it anew, with the newest versions"
            ))
        };
        match &self.lock {
            Ok(None) => Ok(Pins::default()),
            Ok(Some(text)) => Pins::parse(text).map_err(|error| wrong(&error)),
            Err(reason) => Err(wrong(reason)),
        }
    }

    /// Writes the versions beside the fold. A crash leaves the old lock or the new one, never half of it.
    pub(super) fn write_lock(&mut self, pins: &Pins) -> Result<(), Reason> {
        let name = self.own_name();
        let text = format!(
            "# The schema version each event of {} is read with. A later version changes nothing until\n\
             # `annals fold update {name}` says so.\n{}",
            self.file(),
            pins.to_text().map_err(|error| Reason::from(error.to_string()))?
        );
        let path = self.lock_path();
        replace(&path, text.as_bytes()).map_err(|error| {
            Reason::from(format!(
                "{} cannot be written: {error}; without it a restart could read with other versions",
                path.display()
            ))
        })?;
        self.lock = Ok(Some(text));
        Ok(())
    }

    /// The fold as one that does not run, by what it is called among the others.
    pub(super) fn not_loaded(&self, label: &str, reason: Reason) -> NotLoaded {
        NotLoaded {
            name: label.to_owned(),
            file: self.file(),
            line: reason.line,
            reason: reason.text,
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // No fold, while it is half of one.
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
