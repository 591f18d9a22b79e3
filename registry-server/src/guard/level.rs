//! How much is asked of one side of a record.

use std::fmt;

/// Which half of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The record's key.
    Key,
    /// The record's value.
    Value,
}

impl Side {
    /// `key` or `value`, as in settings and subject names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Side::Key => "key",
            Side::Value => "value",
        }
    }
}

/// What is asked of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// As much as [`Level::Full`], but what falls short is let in and told.
    Warn,
    /// A registered schema id.
    Id,
    /// A schema id registered under one of the topic's subjects.
    Subject,
    /// And the payload must read with that schema, and keep its rules.
    Full,
}

impl Level {
    /// All of them.
    pub const ALL: [Level; 5] = [Level::Off, Level::Warn, Level::Id, Level::Subject, Level::Full];

    /// As in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Warn => "warn",
            Level::Id => "id",
            Level::Subject => "subject",
            Level::Full => "full",
        }
    }

    pub(super) fn asks_subject(self) -> bool {
        matches!(self, Level::Warn | Level::Subject | Level::Full)
    }

    pub(super) fn asks_payload(self) -> bool {
        matches!(self, Level::Warn | Level::Full)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
