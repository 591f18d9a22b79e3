//! Reading everything a server holds over the registry API.
//!
//! Versions come from `GET /schemas`, page by page. Settings and modes have no list: every subject, alias and context is
//! asked for its own. What has settings but neither a version nor an alias is not seen; the API does not name it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::progress::Progress;
use super::pool::{self, Stop};
use super::snapshot::{self, Snapshot, settings};
use super::topic;
use crate::cli::api::{Api, Method};
use crate::cli::exit::{Exit, Failure};
use crate::registry::config::LEVEL_READ;
use crate::registry::{DEFAULT_CONTEXT, GLOBAL_CONTEXT, Mode, Qualified};

/// Versions a page: a record of a Kafka-backed registry is at most one mebibyte, and a page is held in memory.
const PAGE_VERSIONS_MAX: usize = 200;
/// The level of a server that was told nothing.
const LEVEL_DEFAULT: &str = "BACKWARD";

/// Everything a server holds. `also` are names to ask for settings and modes beside those it lists.
///
/// # Errors
/// No answer, or one that is not understood.
pub(super) fn fetch(api: &Api, also: BTreeSet<Qualified>, stop: &Stop) -> Result<Snapshot, Failure> {
    let mut into = Snapshot::default();
    let mut scopes = also;
    let mut knows_deleted = true;
    let progress = Progress::new(&format!("reading {}: versions", api.base()), None);
    list(api, true, |listed| {
        knows_deleted &= listed.get("deleted").is_some();
        scopes.extend(aliases(&listed));
        let listed = understood(api, listed)?;
        into.insert(Qualified::parse(&listed.subject), listed.number, listed.version);
        progress.add(1);
        Ok(())
    })?;
    if !knows_deleted {
        mark_deleted(api, &mut into)?;
    }
    scopes.extend(into.scopes());
    if let Ok(contexts) = api.ask(Method::Get, &["contexts"], &[])? {
        let names = contexts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        scopes.extend(names.map(Qualified::context_itself));
    }
    fetch_settings(api, scopes, &mut into, stop)?;
    Ok(into)
}

/// Calls `each` with every version of every context.
fn list(api: &Api, deleted: bool, mut each: impl FnMut(Value) -> Result<(), Failure>) -> Result<(), Failure> {
    let (deleted, limit) = (deleted.to_string(), PAGE_VERSIONS_MAX.to_string());
    let mut offset = 0;
    loop {
        let at = offset.to_string();
        let query = [
            ("subjectPrefix", ":*:"),
            ("aliases", "true"),
            ("deleted", deleted.as_str()),
            ("offset", at.as_str()),
            ("limit", limit.as_str()),
        ];
        let page = api
            .get(&["schemas"], &query)
            .map_err(|failure| match failure.exit {
                Exit::NotFound => failure.help(format!("is {} a schema registry?", api.base())),
                _ => failure,
            })?;
        let Value::Array(page) = page else {
            return Err(odd(api, "GET /schemas should answer a list"));
        };
        if page.is_empty() {
            return Ok(());
        }
        offset += page.len();
        page.into_iter().try_for_each(&mut each)?;
    }
}

fn understood(api: &Api, listed: Value) -> Result<topic::Listed, Failure> {
    topic::listed(listed).map_err(|why| odd(api, &why))
}

fn odd(api: &Api, why: &str) -> Failure {
    let message = format!("the answer of {} is not understood: {why}", api.base());
    Failure::new(Exit::Failed, message).help("is it the address of a schema registry?")
}

/// Names that stand for the subject of a listed version.
fn aliases(listed: &Value) -> impl Iterator<Item = Qualified> {
    let subject = Qualified::parse(listed["subject"].as_str().unwrap_or_default());
    let names = listed["aliases"].as_array().into_iter().flatten();
    names
        .filter_map(Value::as_str)
        .map(move |name| Qualified::parse_within(&subject.context, name))
}

/// Servers before 8.0 do not say of a version whether it is deleted: what a list without deleted ones lacks, is.
fn mark_deleted(api: &Api, into: &mut Snapshot) -> Result<(), Failure> {
    let mut live = BTreeSet::new();
    list(api, false, |listed| {
        let version = understood(api, listed)?;
        live.insert((Qualified::parse(&version.subject), version.number));
        Ok(())
    })?;
    for (subject, versions) in &mut into.subjects {
        for (number, version) in versions {
            version.deleted = !live.contains(&(subject.clone(), *number));
        }
    }
    Ok(())
}

fn fetch_settings(
    api: &Api,
    mut scopes: BTreeSet<Qualified>,
    into: &mut Snapshot,
    stop: &Stop,
) -> Result<(), Failure> {
    let global = Qualified::context_itself(GLOBAL_CONTEXT);
    let default = Qualified::context_itself(DEFAULT_CONTEXT);
    scopes.insert(global.clone());
    scopes.remove(&default);
    let scopes: Vec<Qualified> = scopes.into_iter().collect();
    let progress = Progress::new(&format!("reading {}: settings of", api.base()), scopes.len());
    let answers = pool::map(&scopes, stop, |scope| {
        progress.add(1);
        Ok((own(api, "config", scope)?, own(api, "mode", scope)?))
    })?;
    for (scope, (config, mode)) in scopes.iter().zip(answers) {
        into.configs
            .extend(config.map(|config| (scope.clone(), settings(config))));
        into.modes
            .extend(mode.and_then(named).map(|mode| (scope.clone(), mode)));
    }
    let beneath = into.configs.get(&global).cloned().unwrap_or_default();
    let mut fallback: Map<String, Value> = [(LEVEL_READ.to_owned(), LEVEL_DEFAULT.into())]
        .into_iter()
        .collect();
    fallback.extend(beneath);
    let config = of_default(api, "config", |config| settings(config.clone()) != fallback)?;
    let beneath = into.modes.get(&global).cloned();
    let beneath = beneath.unwrap_or_else(|| Mode::default().to_string());
    let mode = of_default(api, "mode", |mode| {
        named(mode.clone()).is_some_and(|mode| mode != beneath)
    })?;
    into.configs
        .extend(config.map(|config| (default.clone(), settings(config))));
    into.modes
        .extend(mode.and_then(named).map(|mode| (default, mode)));
    Ok(())
}

/// The settings or the mode that a scope has itself.
fn own(api: &Api, kind: &str, scope: &Qualified) -> Result<Option<Map<String, Value>>, Failure> {
    match api.ask(Method::Get, &[kind, &snapshot::name(scope)], &[])? {
        Ok(Value::Object(json)) => Ok(Some(json)),
        Ok(_) => Err(odd(
            api,
            &format!("GET /{kind}/{{subject}} should answer an object"),
        )),
        Err(refusal) if refusal.is_not_found() => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The same for the default context. Registries without contexts only know `GET /config`, which answers the server's own
/// settings where there are none; those are not worth a record.
fn of_default(
    api: &Api,
    kind: &str,
    says_more: impl Fn(&Map<String, Value>) -> bool,
) -> Result<Option<Map<String, Value>>, Failure> {
    let default = Qualified::context_itself(DEFAULT_CONTEXT);
    if let Some(own) = own(api, kind, &default)? {
        return Ok(Some(own));
    }
    match api.get(&[kind], &[])? {
        Value::Object(json) => Ok(says_more(&json).then_some(json)),
        _ => Err(odd(api, &format!("GET /{kind} should answer an object"))),
    }
}

fn named(json: Map<String, Value>) -> Option<String> {
    let mode = json.get("mode")?.as_str()?;
    Some(mode.to_ascii_uppercase())
}
