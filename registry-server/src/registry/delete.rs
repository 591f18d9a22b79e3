//! Deleting subjects, versions and contexts: decisions over a view, nothing written.
//!
//! A soft delete hides; a hard delete removes what is hidden already. What others refer to stays. With its last version a
//! subject loses its settings and its mode, and a schema that no version stands for any more is no longer served.

use std::{collections::BTreeSet, sync::Arc};

use annals_schema_model::SchemaId;

use super::{
    RegistryError,
    change::Change,
    context::{Deleted, VersionState, VersionView},
    lookup,
    name::{DEFAULT_CONTEXT, GLOBAL_CONTEXT, Qualified},
    register::check_writable,
    version::VersionSpec,
    view::View,
};

/// Deletes a subject; answers the numbers of the versions deleted.
///
/// # Errors
/// The subject is not there, not in the state to be deleted so, referred to, or read-only.
pub fn subject(
    view: &View,
    name: &Qualified,
    permanent: bool,
) -> Result<(Vec<Change>, Vec<u32>), RegistryError> {
    let versions = lookup::subject(view, name, Deleted::With)?;
    let live = versions.latest().is_some();
    match (permanent, live) {
        (true, true) => return Err(RegistryError::SubjectNotSoftDeleted(name.to_string())),
        (false, false) => return Err(RegistryError::SubjectSoftDeleted(name.to_string())),
        _ => {}
    }
    let by = if permanent {
        Deleted::With
    } else {
        Deleted::Without
    };
    let doomed: Vec<VersionView> = versions.listed(by).copied().collect();
    let referenced = |version: &&VersionView| is_referred_to_by_others(view, name, version.version, by);
    if let Some(version) = doomed.iter().find(referenced) {
        return Err(referenced_error(name, version.version));
    }
    check_writable(view, name)?;
    let numbers = doomed.iter().map(|version| version.version).collect();
    Ok((deletion(view, name, &doomed, permanent), numbers))
}

/// Deletes a version; answers its number.
///
/// # Errors
/// The version is not there, not in the state to be deleted so, referred to, or read-only.
pub fn version(
    view: &View,
    name: &Qualified,
    spec: VersionSpec,
    permanent: bool,
) -> Result<(Vec<Change>, u32), RegistryError> {
    let subject = || name.to_string();
    let found = lookup::version(view, name, spec, Deleted::With)?.version;
    let found = match spec {
        // The newest version is the newest live one as long as there is any.
        VersionSpec::Latest if !permanent => view
            .subject(name)
            .and_then(|versions| versions.latest())
            .unwrap_or(found),
        _ => found,
    };
    let number = found.version;
    match (permanent, found.is_live()) {
        (true, true) => {
            return Err(RegistryError::VersionNotSoftDeleted {
                subject: subject(),
                version: number,
            });
        }
        (false, false) => {
            return Err(RegistryError::VersionSoftDeleted {
                subject: subject(),
                version: number,
            });
        }
        _ => {}
    }
    let by = if permanent {
        Deleted::With
    } else {
        Deleted::Without
    };
    if view.is_referred_to(name, number, by) {
        return Err(referenced_error(name, number));
    }
    check_writable(view, name)?;
    Ok((deletion(view, name, &[found], permanent), number))
}

/// Removes a context without subjects, with its settings and modes.
///
/// # Errors
/// The context is not there or not empty.
pub fn context(view: &View, name: &str) -> Result<Vec<Change>, RegistryError> {
    let whole = Qualified::context_itself(name);
    let context = view
        .context(name)
        .filter(|_| view.contexts().any(|known| known == name))
        .ok_or_else(|| RegistryError::SubjectNotFound(whole.to_string()))?;
    if context.has_subjects() || name == DEFAULT_CONTEXT || name == GLOBAL_CONTEXT {
        return Err(RegistryError::ContextNotEmpty(name.to_owned()));
    }
    check_writable(view, &whole)?;
    let mut changes = vec![Change::Context {
        name: Arc::clone(&whole.context),
        last_id: context.last_id,
        removed: true,
    }];
    let within = |subject: &Arc<str>| Qualified::new(Arc::clone(&whole.context), Arc::clone(subject));
    changes.extend(context.configs.iter().map(|(subject, _)| Change::Config {
        of: within(subject),
        config: None,
    }));
    changes.extend(context.modes.iter().map(|(subject, _)| Change::Mode {
        of: within(subject),
        mode: None,
    }));
    Ok(changes)
}

/// The changes that delete some versions of a subject.
pub(super) fn deletion(
    view: &View,
    name: &Qualified,
    doomed: &[VersionView],
    permanent: bool,
) -> Vec<Change> {
    let state = if permanent {
        VersionState::Gone
    } else {
        VersionState::SoftDeleted
    };
    let mut changes: Vec<Change> = doomed
        .iter()
        .map(|version| Change::Version {
            of: name.clone(),
            version: VersionView { state, ..*version },
        })
        .collect();
    if !permanent {
        return changes;
    }
    let left: Vec<&VersionView> = view.subject(name).map_or_else(Vec::new, |versions| {
        let stays = |version: &&VersionView| doomed.iter().all(|gone| gone.version != version.version);
        versions.all().iter().filter(stays).collect()
    });
    let ids: BTreeSet<SchemaId> = doomed.iter().map(|version| version.id).collect();
    let unused = ids.into_iter().filter(|id| {
        let elsewhere = view
            .uses(&name.context, *id)
            .iter()
            .any(|used| used.subject != name.subject);
        !elsewhere && left.iter().all(|version| version.id != *id)
    });
    changes.extend(unused.filter_map(|id| retirement(view, &name.context, id)));
    if left.is_empty() {
        let own_config = view.config(name).is_some().then(|| Change::Config {
            of: name.clone(),
            config: None,
        });
        let own_mode = view.mode(name).is_some().then(|| Change::Mode {
            of: name.clone(),
            mode: None,
        });
        changes.extend(own_config.into_iter().chain(own_mode));
    }
    changes
}

fn retirement(view: &View, context: &Arc<str>, id: SchemaId) -> Option<Change> {
    Some(view.schema_in(context, id)?.to_change(true))
}

/// What an importer's version that stands for `id` from now on takes out of service: the schema it stood for, when no
/// other version does.
pub(super) fn retired_by(view: &View, name: &Qualified, version: u32, id: SchemaId) -> Option<Change> {
    let versions = view.subject(name)?;
    let before = versions.version(version).filter(|before| before.id != id)?;
    let mut others = versions.all().iter().filter(|other| other.version != version);
    let mut elsewhere = view.uses(&name.context, before.id).iter();
    let is_used =
        others.any(|other| other.id == before.id) || elsewhere.any(|used| used.subject != name.subject);
    (!is_used).then(|| retirement(view, &name.context, before.id))?
}

fn is_referred_to_by_others(view: &View, name: &Qualified, version: u32, by: Deleted) -> bool {
    view.users_of(name, version)
        .any(|(user, version)| user != *name && by.includes(&version))
}

fn referenced_error(name: &Qualified, version: u32) -> RegistryError {
    RegistryError::Referenced(format!("{{subject={name},version={version}}}"))
}
