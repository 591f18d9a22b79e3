//! What may be done with a subject: the registry API's modes.

use std::{fmt, str::FromStr, sync::Arc};

use super::{
    RegistryError,
    change::Change,
    context::{SubjectView, VersionView},
    delete,
    name::{ANY_CONTEXT, GLOBAL_CONTEXT, Qualified},
    view::View,
};

/// The mode of a subject, a context or the whole registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything.
    #[default]
    ReadWrite,
    /// Reading alone.
    ReadOnly,
    /// Reading alone, whatever a subject's own mode says.
    ReadOnlyOverride,
    /// Registering with ids from elsewhere, unchecked.
    Import,
    /// As import; another registry sends what it gets.
    Forward,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 5] = [
        Mode::ReadWrite,
        Mode::ReadOnly,
        Mode::ReadOnlyOverride,
        Mode::Import,
        Mode::Forward,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::ReadWrite => "READWRITE",
            Mode::ReadOnly => "READONLY",
            Mode::ReadOnlyOverride => "READONLY_OVERRIDE",
            Mode::Import => "IMPORT",
            Mode::Forward => "FORWARD",
        }
    }

    /// Whether nothing may be written.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        matches!(self, Mode::ReadOnly | Mode::ReadOnlyOverride)
    }

    /// Whether schemas come with ids from elsewhere.
    #[must_use]
    pub const fn is_import(self) -> bool {
        matches!(self, Mode::Import | Mode::Forward)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Mode, RegistryError> {
        Mode::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| RegistryError::InvalidMode(text.to_owned()))
    }
}

/// Sets or clears a mode: the changes that do it.
///
/// IMPORT needs a scope without live versions, because ids given out here may be taken there; soft-deleted versions that
/// are left over are deleted for good.
///
/// # Errors
/// [`RegistryError::InvalidMode`] for FORWARD anywhere but on all contexts; [`RegistryError::NotPermitted`] for IMPORT
/// into a scope that has live versions; [`RegistryError::Referenced`].
pub fn set(
    view: &View,
    of: &Qualified,
    mode: Option<Mode>,
    force: bool,
) -> Result<Vec<Change>, RegistryError> {
    of.check_scope()?;
    let is_global = &*of.context == GLOBAL_CONTEXT;
    if mode == Some(Mode::Forward) && !is_global {
        return Err(RegistryError::InvalidMode(Mode::Forward.to_string()));
    }
    let mut changes = Vec::new();
    if mode == Some(Mode::Import) && !force && !view.mode_in_scope(of).is_import() {
        changes = emptied(view, of)?;
    }
    changes.push(Change::Mode { of: of.clone(), mode });
    Ok(changes)
}

/// What a scope's way into IMPORT mode removes. Each subject is deleted from what the ones before it left, so that a schema
/// they share goes with the last of them.
fn emptied(view: &View, of: &Qualified) -> Result<Vec<Change>, RegistryError> {
    let mut left = view.clone();
    let mut all = Vec::new();
    for (name, versions) in within(view, of) {
        if versions.latest().is_some() {
            return Err(RegistryError::NotPermitted(format!(
                "Cannot import since found existing subjects, such as {name}; delete them first, or force=true to import beside them"
            )));
        }
        let referred = |version: &&VersionView| {
            view.users_of(&name, version.version)
                .any(|(user, _)| !covers(of, &user))
        };
        if let Some(version) = versions.all().iter().find(referred) {
            return Err(RegistryError::Referenced(format!(
                "{{subject={name},version={}}}",
                version.version
            )));
        }
        let changes = delete::deletion(&left, &name, versions.all(), true);
        changes.iter().for_each(|change| left.apply(change));
        all.extend(changes);
    }
    Ok(all)
}

/// Whether a subject is in a scope.
fn covers(of: &Qualified, subject: &Qualified) -> bool {
    match of.is_context() {
        true => &*of.context == GLOBAL_CONTEXT || of.context == subject.context,
        false => of == subject,
    }
}

/// The subjects a scope covers.
fn within<'a>(
    view: &'a View,
    of: &Qualified,
) -> Box<dyn Iterator<Item = (Qualified, &'a Arc<SubjectView>)> + 'a> {
    if !of.is_context() {
        let name = of.clone();
        return Box::new(view.subject(of).map(|versions| (name, versions)).into_iter());
    }
    let context = if &*of.context == GLOBAL_CONTEXT {
        ANY_CONTEXT
    } else {
        &of.context
    };
    let all = Qualified::context_itself(context);
    Box::new(view.subjects_with(&all))
}

/// Clears a mode and answers what it was; `recursive` clears those of the subjects in the scope as well.
///
/// # Errors
/// [`RegistryError::SubjectNotFound`] when there is none to clear and it is not asked for recursively.
pub fn clear(
    view: &View,
    of: &Qualified,
    recursive: bool,
) -> Result<(Vec<Change>, Option<Mode>), RegistryError> {
    of.check_scope()?;
    let old = view.mode(of);
    if old.is_none() && !recursive && !of.is_context() {
        return Err(RegistryError::SubjectNotFound(of.to_string()));
    }
    let mut cleared = vec![of.clone()];
    if recursive && of.is_context() {
        cleared.extend(view.subjects_with_mode(&of.context));
    }
    let changes = cleared.into_iter().filter(|scope| view.mode(scope).is_some());
    Ok((changes.map(|of| Change::Mode { of, mode: None }).collect(), old))
}
