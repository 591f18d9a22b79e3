//! Folds that are sent: what one would change, and taking one in for good.
//!
//! Invariant: what was answered by a revision of a fold stays what it was: the same revision with another content is
//! refused. A fold that is taken in is whole on disk, with the versions it reads with, before it answers anything; one that
//! is refused leaves nothing behind. Left out: taking folds out, which is taking away their files.

use std::path::PathBuf;
use std::sync::Arc;

use annals_event_store::declarative::{Declarative, LoadError, Pins, load_checked, name_of, rev_of};
use annals_event_store::{
    AnyFold, AsOf, FoldUsed, NotLoaded, ReaderUsed, StoreError, WhatIf, Work, revision_name,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::files::{self, FILES_MAX, FoldFile};
use super::names::labels;
use super::{Folds, State};

/// Revisions of one fold that are taken in; people look through the list of them.
const REVISIONS_MAX: usize = 100;
/// Longest name of a fold that is taken in: its file's name is a little longer.
const NAME_BYTES_MAX: usize = 200;

/// A fold that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoadedFold {
    /// What it is asked for by: `order` where no higher revision is there, else `order@1`.
    pub name: String,
    /// The file it is kept in.
    pub file: String,
    /// Whether it is new; one that runs already is left as it is.
    pub new: bool,
    /// The fold.
    pub fold: FoldUsed,
    /// What it reads its events with.
    pub readers: Vec<ReaderUsed>,
}

/// Why a fold that was sent is of no use.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SentError {
    /// It is wrong in itself, at these places.
    #[error("{}", told(.0))]
    Wrong(Vec<LoadError>),
    /// There is another fold of its name and revision.
    #[error(
        "{} is there already, with another content ({file}); raise `rev`, so that what was answered by it stays what it was",
        revision_name(name, *rev)
    )]
    Other {
        /// Its name.
        name: String,
        /// Its revision.
        rev: u32,
        /// The file that has it.
        file: String,
    },
    /// The newest revision of its name is of other topics, and so of other aggregates.
    #[error(
        "{} is of {theirs}, and this fold of {mine}: `{name}` would from now on be of other aggregates; give the fold another name",
        revision_name(name, *rev)
    )]
    Elsewhere {
        /// Its name.
        name: String,
        /// The newest revision that runs.
        rev: u32,
        /// The topics of that.
        theirs: String,
        /// The topics of the one that was sent.
        mine: String,
    },
    /// Its file is in the way, or was just changed.
    #[error("{0}")]
    InTheWay(String),
    /// The folder has no place for it.
    #[error("{0}")]
    TooMany(String),
    /// It does not run.
    #[error("{0}; nothing was changed")]
    Refused(String),
    /// It is kept, and something keeps it from running.
    #[error("the fold is kept, but does not run: {0}")]
    NotRunning(NotLoaded),
    /// The folder of the folds cannot be read or written.
    #[error("{0}; nothing was changed")]
    Folder(String),
    /// What would be otherwise cannot be said.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn told(wrong: &[LoadError]) -> String {
    match wrong {
        [] => "the fold cannot be loaded".to_owned(),
        [one] => one.to_string(),
        [first, others @ ..] => format!("{first} (and {} more)", others.len()),
    }
}

/// A fold that is sound in itself.
struct Sound {
    fold: Declarative,
    /// The line of its name.
    line: u32,
    /// The file that has its name and revision.
    of_file: Option<FoldFile>,
}

impl Folds {
    /// Takes a fold in: it is checked, kept in the folder of the folds and runs, at once and after a restart.
    ///
    /// # Errors
    /// It is unsound, would change what a revision answered, or cannot be kept or run.
    pub fn load(&self, text: &str) -> Result<LoadedFold, SentError> {
        let mut state = self.state();
        let found = files::read(&self.folder).map_err(SentError::Folder)?;
        let mut files = state.still(&found);
        let Sound { fold, line, of_file } = self.sound(text, &found)?;
        let id = fold.id();
        if let Some(file) = of_file {
            return self.there_already(&state, &files, &file, text, &fold);
        }
        let path = self.place(&fold, line, &found)?;
        self.topics(&fold)
            .map_err(|reason| SentError::Refused(reason.text))?;
        goes_on(&state, &fold)?;
        let file = FoldFile::create(path, text, fold.pins());
        let file = file.map_err(|reason| SentError::Folder(reason.text))?;
        let (name, rev) = (id.name.clone(), id.rev);
        let file_name = file.file();
        let at = files.partition_point(|before| before.path < file.path);
        files.insert(at, file);
        let label = labels(&files).swap_remove(at);
        self.bring_up(&mut state, files);
        self.runs(&state, &file_name, &name, rev)?;
        Ok(LoadedFold {
            name: label,
            file: file_name,
            new: true,
            fold: FoldUsed::from(id),
            readers: fold.readers(),
        })
    }

    /// A page of what would be otherwise if a fold that is sent ran in place of the newest revision that does. It reads its
    /// events as [`Folds::load`] would have it do.
    ///
    /// # Errors
    /// It is unsound, there is no fold of its name to compare with, or as [`EventStore::what_if`].
    ///
    /// [`EventStore::what_if`]: annals_event_store::EventStore::what_if
    pub fn what_if(
        &self,
        text: &str,
        at: &AsOf,
        limit: usize,
        cursor: Option<&str>,
        work: &Work,
    ) -> Result<WhatIf, SentError> {
        let found = files::read(&self.folder).map_err(SentError::Folder)?;
        let Sound { fold, .. } = self.sound(text, &found)?;
        let name = fold.id().name.clone();
        let events = self.events.at_work(work);
        Ok(events.what_if(&name, Arc::new(fold), at, limit, cursor)?)
    }

    /// Checks a fold. One of a revision that is there reads with the versions of that, and any other with the newest.
    fn sound(&self, text: &str, files: &[FoldFile]) -> Result<Sound, SentError> {
        let (named, rev) = (name_of(text), rev_of(text));
        let same = named.as_ref().zip(rev).and_then(|((name, _), (rev, _))| {
            let same = |file: &&FoldFile| file.name() == name && file.rev() == Some(rev);
            files.iter().find(same)
        });
        let pins = same.map_or(Ok(Pins::default()), FoldFile::pins);
        let pins = pins.map_err(|reason| SentError::Refused(reason.text))?;
        let fold = load_checked(text, &pins, &self.resolve).map_err(SentError::Wrong)?;
        let id = fold.id();
        match (named, rev) {
            (Some((name, line)), Some((rev, _))) if name == id.name && rev == id.rev => Ok(Sound {
                fold,
                line,
                of_file: same.cloned(),
            }),
            // Whoever looks through the files finds them there.
            _ => Err(wrong(1, "`name:` and `rev:` each begin a line of their own")),
        }
    }

    /// The answer for a fold whose name and revision are there.
    fn there_already(
        &self,
        state: &State,
        files: &[FoldFile],
        file: &FoldFile,
        text: &str,
        fold: &Declarative,
    ) -> Result<LoadedFold, SentError> {
        let id = fold.id();
        let Some(at) = files.iter().position(|still| still == file) else {
            return Err(just_changed(file));
        };
        let runs = state.running.get(&(id.name.clone(), id.rev));
        let is_same = runs.is_some_and(|running| running.fold == *id);
        if !is_same && file.text().ok() != Some(text) {
            return Err(SentError::Other {
                name: id.name.clone(),
                rev: id.rev,
                file: file.file(),
            });
        }
        self.runs(state, &file.file(), &id.name, id.rev)?;
        Ok(LoadedFold {
            name: labels(files).swap_remove(at),
            file: file.file(),
            new: false,
            fold: FoldUsed::from(id),
            readers: fold.readers(),
        })
    }

    /// Where a new fold is kept.
    fn place(&self, fold: &Declarative, line: u32, files: &[FoldFile]) -> Result<PathBuf, SentError> {
        let id = fold.id();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if id.name.len() > NAME_BYTES_MAX || id.name.starts_with('.') || !id.name.bytes().all(fits) {
            let message = format!(
                "the name becomes a file's: at most {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`, and no `.` first"
            );
            return Err(wrong(line, &message));
        }
        if files.len() >= FILES_MAX {
            let text = format!("a folder has at most {FILES_MAX} folds; take some away");
            return Err(SentError::TooMany(text));
        }
        if files.iter().filter(|file| file.name() == id.name).count() >= REVISIONS_MAX {
            let text = format!("a fold has at most {REVISIONS_MAX} revisions; take away the files of some");
            return Err(SentError::TooMany(text));
        }
        let path = self
            .folder
            .join(format!("{}.yaml", revision_name(&id.name, id.rev)));
        match files
            .iter()
            .find(|file| file.lock_path() == path.with_extension("lock"))
        {
            Some(file) => Err(SentError::InTheWay(format!(
                "{} is there already, and is another fold; give it another name",
                file.file()
            ))),
            None => Ok(path),
        }
    }

    /// Whether a fold runs, and why it does not.
    fn runs(&self, state: &State, file: &str, name: &str, rev: u32) -> Result<(), SentError> {
        if state.running.contains_key(&(name.to_owned(), rev)) {
            return Ok(());
        }
        let mut not_loaded = self.events.not_loaded().into_iter();
        let why = not_loaded.find(|one| one.file == file);
        Err(SentError::NotRunning(why.unwrap_or_else(|| NotLoaded {
            name: revision_name(name, rev),
            file: file.to_owned(),
            line: None,
            reason: "it has just changed; ask again".to_owned(),
        })))
    }
}

/// Refuses a fold that has no topic of the newest revision of its name.
fn goes_on(state: &State, fold: &Declarative) -> Result<(), SentError> {
    let (id, mine) = (fold.id(), fold.topics());
    let mut revisions = state.running.iter().rev();
    let Some(((_, rev), newest)) = revisions.find(|((name, _), _)| *name == id.name) else {
        return Ok(());
    };
    let theirs: Vec<&str> = newest.topics.iter().map(|(name, ..)| name.as_str()).collect();
    match theirs.iter().any(|topic| mine.contains(topic)) {
        true => Ok(()),
        false => Err(SentError::Elsewhere {
            name: id.name.clone(),
            rev: *rev,
            theirs: theirs.join(", "),
            mine: mine.join(", "),
        }),
    }
}

fn wrong(line: u32, message: &str) -> SentError {
    SentError::Wrong(vec![LoadError {
        line,
        column: 1,
        span: None,
        message: message.to_owned(),
    }])
}

fn just_changed(file: &FoldFile) -> SentError {
    SentError::InTheWay(format!(
        "{} has just changed; ask again when it stands still",
        file.file()
    ))
}
