//! Golden states: a file that says which states histories lead to, so that a fold cannot come to mean something else
//! under the revision that it has.
//!
//! The file is JSON: the fold's name and revision, and for each history, by its name, the SHA-256 of the canonical text of
//! its state. Invariant: a file is never rewritten while a state in it has changed and the revision has not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::fold::Fold;
use crate::hex::hex;
use crate::testing::Given;

#[derive(PartialEq, Serialize, Deserialize)]
struct File {
    fold: String,
    rev: u32,
    states: BTreeMap<String, String>,
}

/// Why a fold is not what its golden file says.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use annals_event_store::testing::{GoldenError, golden};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("account.json");
/// # let owner = "Ada".to_owned();
/// let never_written = golden::<AccountFold, _>(&path, false, [("opened", vec![AccountEvent::Opened { owner }])]);
/// assert!(matches!(never_written, Err(GoldenError::Stale { .. })));
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// States have changed and the revision has not.
    #[error(
        "fold {fold} gives other states than revision {rev} of it did, for {}: take the change back, or raise REV and \
         write the file anew",
        changed.join(", ")
    )]
    Changed {
        /// The fold.
        fold: &'static str,
        /// Its revision.
        rev: u32,
        /// The histories.
        changed: Vec<String>,
    },
    /// The file is of another revision or of other histories, or there is none.
    #[error(
        "{path} {why}: look at the change, and write the file anew (with UPDATE=1, if the test asks for that)"
    )]
    Stale {
        /// The file.
        path: String,
        /// What is not as it was.
        why: String,
    },
    /// The revision is lower than that of the file.
    #[error("fold {fold} has revision {rev}, and {path} has {found}: revisions only rise")]
    Older {
        /// The fold.
        fold: &'static str,
        /// Its revision.
        rev: u32,
        /// The file.
        path: String,
        /// The revision in it.
        found: u32,
    },
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

/// Holds a fold to the golden file at `path`: each of these histories leads to the state that it did. With `update` the
/// file is written anew, where the revision was raised or other histories are asked about.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/account.in"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use annals_event_store::testing::golden;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("account.json");
/// let opened = AccountEvent::Opened { owner: "Ada".to_owned() };
/// let histories = || [
///     ("opened", vec![opened.clone()]),
///     ("rich", vec![opened.clone(), AccountEvent::Deposited { cents: 1_000_000 }]),
/// ];
/// // let path = "tests/golden/account.json"; let update = std::env::var_os("UPDATE").is_some();
/// golden::<AccountFold, _>(&path, true, histories())?;
/// golden::<AccountFold, _>(&path, false, histories())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the fold is not what the file says.
///
/// # Panics
/// When the fold does not accept one of the events.
pub fn golden<F: Fold, N: Into<String>>(
    path: impl AsRef<Path>,
    update: bool,
    histories: impl IntoIterator<Item = (N, Vec<F::Event>)>,
) -> Result<(), GoldenError> {
    let path = path.as_ref();
    let shown = path.display().to_string();
    let state = |(name, events): (N, Vec<F::Event>)| {
        let text = canonical::to_text(&Given::<F>::events(events).view());
        (name.into(), hex(&Sha256::digest(text)))
    };
    let is = File {
        fold: F::NAME.to_owned(),
        rev: F::REV,
        states: histories.into_iter().map(state).collect(),
    };
    let failed = |cause| GoldenError::Io {
        path: shown.clone(),
        cause,
    };
    let why = match fs::read(path) {
        Ok(bytes) => {
            let was: File = serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?;
            if was == is {
                return Ok(());
            }
            differs::<F>(&shown, &was, &is)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => "is not there".to_owned(),
        Err(error) => return Err(failed(error)),
    };
    if !update {
        return Err(GoldenError::Stale { path: shown, why });
    }
    let mut text = serde_json::to_string_pretty(&is).map_err(|error| failed(error.into()))?;
    text.push('\n');
    fs::write(path, text).map_err(failed)
}

/// What is not as it was, where that may be.
fn differs<F: Fold>(path: &str, was: &File, is: &File) -> Result<String, GoldenError> {
    if was.fold != is.fold {
        return Ok(format!("is of fold {}, and not of {}", was.fold, is.fold));
    }
    if was.rev > is.rev {
        return Err(GoldenError::Older {
            fold: F::NAME,
            rev: F::REV,
            path: path.to_owned(),
            found: was.rev,
        });
    }
    if was.rev < is.rev {
        return Ok(format!("is of revision {}, and the fold has {}", was.rev, is.rev));
    }
    let changed = |(name, state): (&String, &String)| {
        let before = was.states.get(name)?;
        (before != state).then(|| name.clone())
    };
    let changed: Vec<String> = is.states.iter().filter_map(changed).collect();
    match changed.is_empty() {
        true => Ok("has other histories".to_owned()),
        false => Err(GoldenError::Changed {
            fold: F::NAME,
            rev: F::REV,
            changed,
        }),
    }
}
