//! What can go wrong in the registry, without a word of HTTP.
//!
//! The sentences are what a client is shown. Status and code are looked up in `http/error.rs`.

use thiserror::Error;

use crate::store::StoreError;

/// Why the registry said no.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// No such subject.
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    /// The subject is there, the version is not.
    #[error("Version {0} not found.")]
    VersionNotFound(String),
    /// A lookup by content found nothing.
    #[error("Schema not found")]
    SchemaNotFound,
    /// A lookup by id or guid found nothing.
    #[error("Schema {0} not found")]
    SchemaUnknown(String),
    /// The subject follows the global level.
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoSubjectLevel(String),
    /// The subject follows the global mode.
    #[error("Subject '{0}' does not have subject-level mode configured")]
    NoSubjectMode(String),
    /// The new schema breaks the subject's compatibility level.
    #[error("Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]", details.join(", "))]
    Incompatible {
        /// The subject.
        subject: String,
        /// One string a finding, then those that name the earlier version and the level.
        details: Vec<String>,
    },
    /// The text is no schema, or refers to something that is not there.
    #[error("Invalid schema: {0}")]
    InvalidSchema(String),
    /// Not a version number.
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion(String),
    /// Not a compatibility level.
    #[error(
        "Invalid compatibility level '{0}'. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive"
    )]
    InvalidLevel(String),
    /// Not a subject name.
    #[error("The specified subject '{subject}' is not a valid subject: {reason}")]
    InvalidSubject {
        /// The name as given.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of the wrong kind.
    #[error("Invalid configuration: {0}")]
    InvalidConfig(String),
    /// A rule set that is not well formed.
    #[error("Invalid rule set: {0}")]
    InvalidRuleSet(String),
    /// The mode of the subject does not allow it.
    #[error("{0}")]
    NotPermitted(String),
    /// The database failed; the outcome of a write may be unknown, and asking again is safe.
    #[error("The schema store failed; the request can be sent again")]
    Store(#[from] StoreError),
    /// Others kept registering under the same subject.
    #[error("Other registrations under this subject were always first; the request can be sent again")]
    Contended,
    /// Work on a schema broke off. Nothing was written.
    #[error("The request broke off; please report this with the server's log")]
    Broken,
}
