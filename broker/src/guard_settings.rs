//! The settings a guard gives to topics: a row each, with its default, other names it goes by, and what it may be.
//!
//! The broker keeps them, shows them and checks them as its own, and knows of their meaning only what the rows say.
//! Invariant: what is set under several names says one thing, or is refused.

use std::collections::BTreeMap;

use crate::topic_config::clipped;

/// One setting of a guard's, or another name for one.
#[derive(Debug, Clone, Copy)]
pub struct GuardSetting {
    /// Its name.
    pub name: &'static str,
    /// What holds where a topic does not say; for another name, the setting it stands for.
    pub standing: Standing,
    /// The setting's own value that a text means; nothing when it is no value.
    pub means: fn(&str) -> Option<&'static str>,
    /// What a value must be, for a sentence: `off or full`.
    pub wants: &'static str,
    /// What it is for, for DescribeConfigs.
    pub meaning: &'static str,
}

/// Whether a row is a setting or another name for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A setting, with its default. Every topic has it.
    Own {
        /// What holds where a topic does not say.
        default: &'static str,
        /// Whether its values are lists of words.
        is_list: bool,
    },
    /// Another name for a setting; shown where it is set.
    NameOf(&'static str),
}

/// A setting as a topic has it.
pub(crate) struct Effective<'a> {
    pub(crate) row: &'a GuardSetting,
    pub(crate) value: String,
    /// The name it is set by; nothing where its default holds.
    pub(crate) set_by: Option<&'static str>,
}

impl GuardSetting {
    pub(crate) fn default(&self) -> Option<&'static str> {
        match self.standing {
            Standing::Own { default, .. } => Some(default),
            Standing::NameOf(_) => None,
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.standing, Standing::Own { is_list: true, .. })
    }

    /// The setting that it is, or stands for.
    fn of(&self) -> &'static str {
        match self.standing {
            Standing::Own { .. } => self.name,
            Standing::NameOf(name) => name,
        }
    }
}

/// The row of this name.
pub(crate) fn named<'a>(rows: &'a [GuardSetting], name: &str) -> Option<&'a GuardSetting> {
    rows.iter().find(|row| row.name == name)
}

/// Checks one setting; whether it is the guard's.
///
/// # Errors
/// A sentence that says what it may be.
pub(crate) fn check(rows: &[GuardSetting], name: &str, value: &str) -> Result<bool, String> {
    let Some(row) = named(rows, name) else {
        return Ok(false);
    };
    match (row.means)(value) {
        Some(_) => Ok(true),
        None => Err(format!(
            "{name} = {:?} is not accepted: it must be {}.",
            clipped(value),
            row.wants
        )),
    }
}

/// Checks that no two names of one setting say different things.
///
/// # Errors
/// A sentence that names both.
pub(crate) fn agree(rows: &[GuardSetting], config: &BTreeMap<String, String>) -> Result<(), String> {
    let mut said: BTreeMap<&str, (&GuardSetting, &str)> = BTreeMap::new();
    for row in rows {
        let Some(meant) = config.get(row.name).and_then(|value| (row.means)(value)) else {
            continue;
        };
        let (first, before) = *said.entry(row.of()).or_insert((row, meant));
        if before != meant {
            return Err(format!(
                "{} = {:?} and {} = {:?} are names of one setting and say different things: set one of them.",
                first.name, config[first.name], row.name, config[row.name]
            ));
        }
    }
    Ok(())
}

/// Every setting as a topic has it, and the other names it uses.
pub(crate) fn effective<'a>(
    rows: &'a [GuardSetting],
    config: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Effective<'a>> {
    rows.iter().filter_map(move |row| {
        let set = config.get(row.name).map(|value| (value.clone(), row.name));
        let otherwise = || {
            let names = rows
                .iter()
                .filter(|other| other.standing == Standing::NameOf(row.name));
            let mut set =
                names.filter_map(|other| Some(((other.means)(config.get(other.name)?)?, other.name)));
            set.next().map(|(meant, name)| (meant.to_owned(), name))
        };
        match set.or_else(otherwise) {
            Some((value, name)) => Some(Effective {
                row,
                value,
                set_by: Some(name),
            }),
            None => Some(Effective {
                row,
                value: row.default()?.to_owned(),
                set_by: None,
            }),
        }
    })
}
