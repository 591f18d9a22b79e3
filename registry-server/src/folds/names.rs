//! Which fold each file is: its name, its revision, and which files stand in each other's way.
//!
//! Invariant: no two files that run are one revision of one fold, and none shares its lock. The file of the highest revision
//! has the name alone, whether it loads or not, so that no older one answers in its place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use annals_event_store::revision_name;

use super::files::{FoldFile, Reason};

/// What the fold of each file is asked for by: the highest revision of a name by the name alone.
pub(super) fn labels(files: &[FoldFile]) -> Vec<String> {
    let mut highest: BTreeMap<&str, u32> = BTreeMap::new();
    for file in files {
        let highest = highest.entry(file.name()).or_default();
        *highest = (*highest).max(order(file));
    }
    let label = |file: &FoldFile| match file.rev() {
        Some(rev) if highest.get(file.name()) != Some(&rev) => revision_name(file.name(), rev),
        _ => file.name().to_owned(),
    };
    files.iter().map(label).collect()
}

/// A revision that cannot be read may be any, so it is above all others.
fn order(file: &FoldFile) -> u32 {
    file.rev().unwrap_or(u32::MAX)
}

/// For each file, whether another one is the same fold or has its lock: then neither runs.
pub(super) fn clashes(files: &[FoldFile]) -> Vec<Option<Reason>> {
    let mut by_fold: BTreeMap<(&str, u32), Vec<&FoldFile>> = BTreeMap::new();
    let mut by_lock: BTreeMap<PathBuf, Vec<&FoldFile>> = BTreeMap::new();
    for file in files {
        by_fold.entry((file.name(), order(file))).or_default().push(file);
        by_lock.entry(file.lock_path()).or_default().push(file);
    }
    let names = |files: &[&FoldFile]| {
        let names: Vec<String> = files.iter().map(|file| file.file()).collect();
        names.join(" and ")
    };
    let clash = |file: &FoldFile| {
        let name = file.name();
        if let Some(same) = by_fold.get(&(name, order(file))).filter(|same| same.len() > 1) {
            let rev = file
                .rev()
                .map_or_else(String::new, |rev| format!(" of revision {rev}"));
            let text = format!(
                "{} are all the fold `{name}`{rev}; give each its own name, or its own revision",
                names(same)
            );
            let line = file.name_line();
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
