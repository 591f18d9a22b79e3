//! By what standard a verdict is reached: the level, the policy and the registry API's own compatibility policy.
//!
//! A [`Level`] says which versions are compared and who must read whom; a [`Policy`] says which differences count.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::Level;

/// Which differences between two schemas break compatibility.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// What Confluent's registry refuses, difference by difference.
    #[default]
    Confluent,
    /// That, and what it lets pass although it harms: changed decimal scale or precision, changed logical types, removed
    /// enum values, lossy promotions, moved namespaces, reused reserved numbers and names.
    Strict,
    /// Only what keeps a reader from understanding the bytes.
    Wire,
}

/// The `compatibilityPolicy` of the registry API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CompatibilityPolicy {
    /// No relaxations.
    #[default]
    Strict,
    /// JSON Schema: properties may come and go in open and closed content models.
    Lenient,
    /// Protobuf: reserved numbers and names are looked at; Avro: logical types are.
    Logical,
}

/// Everything a verdict depends on beside the schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Standard {
    /// Which versions, and who must read whom.
    pub level: Level,
    /// Which differences count.
    pub policy: Policy,
    /// Relaxations and additions of the registry API.
    pub compatibility_policy: CompatibilityPolicy,
}

impl From<Level> for Standard {
    fn from(level: Level) -> Standard {
        Standard {
            level,
            ..Standard::default()
        }
    }
}

/// A word that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{given}\" is not a policy; use one of {known}")]
pub struct PolicyError {
    /// The word.
    pub given: String,
    /// The words that are known.
    pub known: &'static str,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Policy; 3] = [Policy::Confluent, Policy::Strict, Policy::Wire];

    /// The name in settings: `confluent`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Confluent => "confluent",
            Policy::Strict => "strict",
            Policy::Wire => "wire",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        let named = |policy: &Policy| policy.name().eq_ignore_ascii_case(text);
        Policy::ALL.into_iter().find(named).ok_or_else(|| PolicyError {
            given: text.to_owned(),
            known: "confluent, strict, wire",
        })
    }
}

impl CompatibilityPolicy {
    /// Every one.
    pub const ALL: [CompatibilityPolicy; 3] = [
        CompatibilityPolicy::Strict,
        CompatibilityPolicy::Lenient,
        CompatibilityPolicy::Logical,
    ];

    /// The name in the API: `LENIENT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CompatibilityPolicy::Strict => "STRICT",
            CompatibilityPolicy::Lenient => "LENIENT",
            CompatibilityPolicy::Logical => "LOGICAL",
        }
    }
}

impl fmt::Display for CompatibilityPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CompatibilityPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<CompatibilityPolicy, PolicyError> {
        let named = |policy: &CompatibilityPolicy| policy.name().eq_ignore_ascii_case(text);
        CompatibilityPolicy::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| PolicyError {
                given: text.to_owned(),
                known: "STRICT, LENIENT, LOGICAL",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for policy in Policy::ALL {
            assert_eq!(policy.name().to_ascii_uppercase().parse(), Ok(policy));
        }
        for policy in CompatibilityPolicy::ALL {
            assert_eq!(policy.name().to_ascii_lowercase().parse(), Ok(policy));
        }
        assert!(
            "harsh"
                .parse::<Policy>()
                .unwrap_err()
                .to_string()
                .contains("confluent")
        );
        assert!(
            "harsh"
                .parse::<CompatibilityPolicy>()
                .unwrap_err()
                .to_string()
                .contains("LENIENT")
        );
    }
}
