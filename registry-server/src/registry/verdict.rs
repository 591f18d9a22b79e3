//! Is a schema compatible with the versions before it, and if not, in which words are clients told?
//!
//! The rules are `annals_schema_model::compat`'s. Decided here are the versions that count, and the list of strings
//! that registry clients know: the findings, then the version and text they were found against, then the level.

use annals_schema_model::{Finding, Level, Schema, Version, compat};

use super::{
    candidate::Candidate,
    config::Config,
    view::{VersionView, View},
};

/// How much of an earlier schema's text is quoted, in bytes.
const OLD_SCHEMA_BYTES_MAX: usize = 10 * 1024;

/// The outcome of a compatibility check.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Every incompatibility with the first version that has any.
    pub findings: Vec<Finding>,
    /// The same for clients. Empty exactly when the schema is compatible.
    pub messages: Vec<String>,
}

impl Verdict {
    /// Whether the schema may follow the versions it was compared with.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.messages.is_empty()
    }
}

/// Judges a candidate against earlier versions of its subject, at the level in scope.
#[must_use]
pub fn judge(view: &View, scope: &Config, candidate: &Candidate, olds: &[VersionView]) -> Verdict {
    let level = scope.level_or_default();
    if level == Level::None {
        return Verdict::default();
    }
    let mut olds: Vec<VersionView> = olds
        .iter()
        .copied()
        .filter(|old| in_same_group(view, scope, candidate, *old))
        .collect();
    olds.sort_by_key(|old| std::cmp::Reverse(old.version));
    if !level.is_transitive() {
        olds.truncate(1);
    }
    for old in olds {
        let verdict = match view.parsed(old.id) {
            Ok(parsed) => compare(level, &candidate.parsed, old, &parsed),
            Err(error) => Verdict {
                findings: Vec::new(),
                messages: vec![unreadable(old, &error.to_string())],
            },
        };
        if !verdict.is_compatible() {
            return with_tail(verdict, view, scope, old);
        }
    }
    Verdict::default()
}

fn compare(level: Level, new: &Schema, old: VersionView, parsed: &Schema) -> Verdict {
    let findings = compat::check(level, new, &[(Version(old.version), parsed)]);
    let messages = findings.iter().map(Finding::message).collect();
    Verdict { findings, messages }
}

fn unreadable(old: VersionView, why: &str) -> String {
    format!(
        "Version {} (schema id {}) is stored but cannot be read by this server, so nothing can be compared with it: {why}",
        old.version, old.id
    )
}

fn with_tail(mut verdict: Verdict, view: &View, scope: &Config, old: VersionView) -> Verdict {
    let validates_fields = scope
        .kept
        .get("validateFields")
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(false);
    let text = view.schema(old.id).map_or("", |stored| stored.text());
    verdict.messages.extend([
        format!("{{oldSchemaVersion: {}}}", old.version),
        format!("{{oldSchema: '{}'}}", shortened(text)),
        format!(
            "{{validateFields: '{validates_fields}', compatibility: '{}'}}",
            scope.level_or_default()
        ),
    ]);
    verdict
}

fn shortened(text: &str) -> String {
    if text.len() <= OLD_SCHEMA_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = OLD_SCHEMA_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}<truncated>", &text[..end])
}

fn in_same_group(view: &View, scope: &Config, candidate: &Candidate, old: VersionView) -> bool {
    let Some(property) = scope.group_property() else {
        return true;
    };
    let new = candidate
        .content
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.properties.get(property));
    let old = view
        .schema(old.id)
        .and_then(|stored| stored.metadata()?.properties.get(property));
    new == old
}
