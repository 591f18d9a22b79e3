//! Is a schema compatible with the versions before it, and if not, in which words are clients told?
//!
//! The rules are `annals_schema_model::compat`'s, and so is which versions count at a level. Decided here are the versions
//! a level looks at (the live ones, of the candidate's group), and the list of strings that registry clients know: the findings, then the version and text they were found against, then the level.
//!
//! Which pairs were found compatible is remembered, because a transitive check of a subject with a thousand versions asks
//! the same again and again. Invariant: what is remembered holds as long as ids mean what they mean, so views share one
//! memory until a version is deleted for good; from then on there is a new one.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use annals_schema_model::{Finding, Policy, Schema, SchemaId, Standard, Version, compat};
use rustc_hash::FxBuildHasher;

use super::{
    RegistryError,
    candidate::{Candidate, RegisterRequest},
    config::Config,
    content::Identity,
    context::{Deleted, VersionView},
    name::Qualified,
    register, reserved,
    version::VersionSpec,
    view::View,
};

/// How much of an earlier schema's text is quoted, in bytes.
const OLD_SCHEMA_BYTES_MAX: usize = 10 * 1024;
/// How many candidates' verdicts are remembered; then the memory starts anew.
const CANDIDATES_MAX: usize = 4_096;

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

/// A candidate in its context, judged by a standard.
type Judged = (Arc<str>, Identity, Standard);
type Passed = HashSet<SchemaId, FxBuildHasher>;

/// Judges candidates, and remembers what passed.
#[derive(Debug, Default)]
pub struct Verdicts {
    passed: Mutex<HashMap<Judged, Arc<Mutex<Passed>>>>,
}

impl Verdicts {
    /// Judges a candidate against earlier versions of its subject, by the standard in force.
    #[must_use]
    pub fn judge(
        &self,
        view: &View,
        subject: &Qualified,
        scope: &Config,
        candidate: &Candidate,
        olds: &[VersionView],
    ) -> Verdict {
        if scope.validate_fields == Some(true) {
            let newest = olds.iter().max_by_key(|old| old.version);
            let latest = newest.and_then(|old| view.schema_in(&subject.context, old.id));
            let messages = reserved::messages(candidate, latest.map(AsRef::as_ref));
            if !messages.is_empty() {
                let verdict = Verdict {
                    findings: Vec::new(),
                    messages,
                };
                return newest.map_or(verdict.clone(), |old| {
                    with_tail(verdict, view, subject, scope, *old)
                });
            }
        }
        let standard = scope.standard();
        let Ok(new) = &candidate.parsed else {
            return Verdict::default();
        };
        let in_group = |old: &&VersionView| in_same_group(view, subject, scope, candidate, old);
        let in_group = olds.iter().filter(in_group).copied().collect();
        let mut counting =
            compat::compared(standard.level, in_group, |old: &VersionView| Version(old.version));
        let passed = self.passed(
            subject,
            (candidate.form(), candidate.content.schema_type),
            standard,
        );
        {
            let known = passed.lock().unwrap_or_else(PoisonError::into_inner);
            counting.retain(|old| !known.contains(&old.id));
        }
        for old in counting {
            let verdict = compare(view, subject, standard, new, old);
            if !verdict.is_compatible() {
                return with_tail(verdict, view, subject, scope, old);
            }
            passed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(old.id);
        }
        Verdict::default()
    }

    /// How many pairs are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let all = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        all.values()
            .map(|passed| passed.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    fn passed(&self, subject: &Qualified, content: Identity, standard: Standard) -> Arc<Mutex<Passed>> {
        let mut all = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CANDIDATES_MAX {
            all.clear();
        }
        let key = (Arc::clone(&subject.context), content, standard);
        Arc::clone(all.entry(key).or_default())
    }
}

/// Judges a schema against a subject: against one version, or as registering it would. With `by_policy` what each policy
/// would say, all else being equal, is answered as well.
///
/// # Errors
/// The version is not there, or the schema is invalid.
pub fn asked(
    view: &View,
    subject: &Qualified,
    against: Option<VersionSpec>,
    request: &RegisterRequest,
    by_policy: bool,
) -> Result<(Verdict, Vec<(Policy, bool)>), RegistryError> {
    let versions = view.subject(subject);
    let olds: Vec<VersionView> = match against {
        None => versions.map_or_else(Vec::new, |versions| versions.live().copied().collect()),
        Some(VersionSpec::Latest) => versions
            .and_then(|versions| versions.latest())
            .into_iter()
            .collect(),
        Some(VersionSpec::Number(number)) => {
            let version = versions.and_then(|versions| versions.version(number));
            let version = version.filter(VersionView::is_live);
            vec![version.ok_or_else(|| RegistryError::VersionNotFound(number.to_string()))?]
        }
    };
    let scope = view.config_in_scope(subject);
    let normalize = request.normalizes(view, subject);
    let candidate = Candidate::read(view, &subject.context, request, normalize, Deleted::With)?;
    // As registering it would: what the subject holds is not asked for what is asked of new schemas.
    let is_held = register::held(view, subject, &candidate, normalize).is_some();
    let is_welcome = |policy| match is_held {
        true => Ok(()),
        false => register::check_new(view, subject, &candidate, policy),
    };
    is_welcome(scope.standard().policy)?;
    let verdict = view.verdicts().judge(view, subject, &scope, &candidate, &olds);
    let passes = |policy: Policy| {
        let scope = Config {
            policy: Some(policy),
            ..scope.clone()
        };
        let verdict = view.verdicts().judge(view, subject, &scope, &candidate, &olds);
        (policy, verdict.is_compatible() && is_welcome(policy).is_ok())
    };
    let asked = if by_policy { &Policy::ALL[..] } else { &[] };
    Ok((verdict, asked.iter().copied().map(passes).collect()))
}

fn compare(view: &View, subject: &Qualified, standard: Standard, new: &Schema, old: VersionView) -> Verdict {
    let unreadable = |why: String| Verdict {
        findings: Vec::new(),
        messages: vec![format!(
            "Version {} (schema id {}) is stored but cannot be read by this server, so nothing can be compared with it: {why}",
            old.version, old.id
        )],
    };
    let Some(stored) = view.schema_in(&subject.context, old.id) else {
        return unreadable("it is not there".to_owned());
    };
    match view.parsed(stored) {
        Ok(parsed) => {
            let mut findings = compat::check_pair(standard, new, &parsed);
            for finding in &mut findings {
                finding.version = Some(Version(old.version));
            }
            let messages = findings.iter().map(Finding::message).collect();
            Verdict { findings, messages }
        }
        Err(error) => unreadable(error.to_string()),
    }
}

fn with_tail(
    mut verdict: Verdict,
    view: &View,
    subject: &Qualified,
    scope: &Config,
    old: VersionView,
) -> Verdict {
    let text = view
        .schema_in(&subject.context, old.id)
        .map_or("", |stored| stored.text());
    verdict.messages.extend([
        format!("{{oldSchemaVersion: {}}}", old.version),
        format!("{{oldSchema: '{}'}}", shortened(text)),
        format!(
            "{{validateFields: '{}', compatibility: '{}'}}",
            scope.validate_fields.unwrap_or(false),
            scope.standard().level
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

fn in_same_group(
    view: &View,
    subject: &Qualified,
    scope: &Config,
    candidate: &Candidate,
    old: &VersionView,
) -> bool {
    let Some(property) = scope.group_property() else {
        return true;
    };
    let new = candidate
        .content
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.properties.get(property));
    let old = view
        .schema_in(&subject.context, old.id)
        .and_then(|stored| stored.metadata()?.properties.get(property));
    new == old
}
