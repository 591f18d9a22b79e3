//! Rules that make an event of one version into an event of another, where resolution cannot.
//!
//! They are registered with a version and say how the events of the versions before become its own, and its own those of
//! the version before. Who runs them reads `expr`, if the language is one it knows. Invariant: what is switched off is not here.

/// A migration rule of a registered schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationRule {
    /// Its name, of which a rule set has one.
    pub name: String,
    /// Whether it makes another event, and does not only judge one.
    pub transforms: bool,
    /// Whether it is for readers of this version, of what versions before have written.
    pub upgrades: bool,
    /// Whether it is for readers of versions before, of what this one has written.
    pub downgrades: bool,
    /// What `expr` is written in, such as `CEL` or `JSONATA`.
    pub language: String,
    /// The rule itself.
    pub expr: String,
}
