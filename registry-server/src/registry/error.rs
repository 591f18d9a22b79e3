//! What can go wrong in the registry, without a word of HTTP.
//!
//! The sentences are what a client is shown. Status and code are looked up in `http/error.rs`; what can go
//! wrong with keeping it is `service::ServiceError`'s.

use annals_schema_model::SchemaId;
use thiserror::Error;

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
    /// Every version of the subject is soft-deleted already. (Clients know the missing space.)
    #[error("Subject '{0}' was soft deleted.Set permanent=true to delete permanently")]
    SubjectSoftDeleted(String),
    /// A subject with live versions cannot be deleted for good.
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted(String),
    /// The version is soft-deleted already.
    #[error(
        "Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete permanently"
    )]
    VersionSoftDeleted {
        /// The subject.
        subject: String,
        /// The version.
        version: u32,
    },
    /// A live version cannot be deleted for good.
    #[error("Subject '{subject}' Version {version} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted {
        /// The subject.
        subject: String,
        /// The version.
        version: u32,
    },
    /// Other schemas refer to it.
    #[error("One or more references exist to the schema {0}; delete the schemas that refer to it first")]
    Referenced(String),
    /// An importer gives a schema another id than it has.
    #[error("Schema already registered with id {known} instead of input id {asked}")]
    IdDoesNotMatch {
        /// The id asked for.
        asked: SchemaId,
        /// The id the content has.
        known: SchemaId,
    },
    /// The context still has subjects, live or soft-deleted.
    #[error("The context '{0}' is not empty; delete its subjects permanently first")]
    ContextNotEmpty(String),
    /// Not a mode, or not one for this scope.
    #[error(
        "Invalid mode '{0}'. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, and FORWARD; FORWARD is for :.__GLOBAL: alone"
    )]
    InvalidMode(String),
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
    /// All 2^31-1 ids of a context are given out.
    #[error("every schema id of this context is given out; register in another context")]
    IdsUsedUp,
}
