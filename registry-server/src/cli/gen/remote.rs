//! What a registry says of subjects and versions, as the lock needs it.

use annals_codegen::lock::{Locked, sha256};
use annals_registry_client::Described;
use annals_schema_model::{Level, Policy, Reference};
use serde_json::Value;

use crate::cli::api::{Api, Method, odd};
use crate::cli::exit::Failure;

/// The version of a reference that is to whatever is the newest.
pub(super) const LATEST: i32 = -1;

/// A registered version.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) subject: String,
    pub(super) version: u32,
    pub(super) id: u32,
    pub(super) schema: Described,
}

/// A version, `latest` or a number, if it is there. What it refers to is named with its context: a name alone would be one
/// of the version's own context, and is asked for in the default one.
pub(super) fn version(api: &Api, subject: &str, version: &str) -> Result<Option<Registered>, Failure> {
    let path = ["subjects", subject, "versions", version];
    match api.ask(Method::Get, &path, &[("referenceFormat", "qualified")])? {
        Ok(answer) => read(&answer).map(Some),
        Err(refusal) if refusal.is_not_found() => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The numbers of a subject's versions; none when it is not registered.
pub(super) fn versions(api: &Api, subject: &str) -> Result<Vec<String>, Failure> {
    match api.ask(Method::Get, &["subjects", subject, "versions"], &[])? {
        Ok(answer) => {
            let numbers = answer.as_array().into_iter().flatten();
            Ok(numbers.map(ToString::to_string).collect())
        }
        Err(refusal) if refusal.is_not_found() => Ok(Vec::new()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The subjects of a topic's records: `<topic>-value`, `<topic>-key`, and those of a record each.
pub(super) fn of_topic(api: &Api, topic: &str) -> Result<Vec<String>, Failure> {
    let prefix = format!("{topic}-");
    let answer = api.get(&["subjects"], &[("subjectPrefix", &prefix)])?;
    let all = answer.as_array().into_iter().flatten().filter_map(Value::as_str);
    // Names of records have no dashes: a further one is another topic's.
    let own = all.filter(|subject| {
        subject
            .strip_prefix(&prefix)
            .is_some_and(|rest| !rest.contains('-'))
    });
    Ok(own.map(str::to_owned).collect())
}

/// The level and the policy of a subject.
pub(super) fn standard(api: &Api, subject: &str) -> Result<(Level, Policy), Failure> {
    let answer = api.get(&["config", subject], &[("defaultToGlobal", "true")])?;
    let level = answer["compatibilityLevel"]
        .as_str()
        .and_then(|word| word.parse().ok());
    let policy = match answer["policy"].as_str() {
        Some(word) => word.parse().ok(),
        None => Some(Policy::default()),
    };
    level.zip(policy).ok_or_else(|| odd(&answer))
}

/// A version as the lock has it.
pub(super) fn locked(registered: &Registered, (compatibility, policy): (Level, Policy)) -> Locked {
    Locked {
        id: registered.id,
        schema_type: registered.schema.schema_type,
        references: registered.schema.references.clone(),
        sha256: sha256(&registered.schema.text),
        compatibility,
        policy,
    }
}

fn read(answer: &Value) -> Result<Registered, Failure> {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let schema = Described::read(answer)?;
    let is_version = |reference: &Reference| reference.version >= 1 || reference.version == LATEST;
    let found = || {
        Some(Registered {
            subject: answer["subject"].as_str()?.to_owned(),
            version: number(&answer["version"]).filter(|number| *number >= 1)?,
            id: number(&answer["id"])?,
            schema: Some(schema).filter(|schema| schema.references.iter().all(is_version))?,
        })
    };
    found().ok_or_else(|| odd(answer))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_those_a_lock_may_have() {
        let check = |version: i64, reference: i64, is_sound: bool| {
            let answer = json!({
                "subject": "a", "version": version, "id": 1, "schema": "",
                "references": [{"name": "n", "subject": "b", "version": reference}],
            });
            assert_eq!(read(&answer).is_ok(), is_sound, "{answer}");
        };
        check(1, 1, true);
        check(1, -1, true);
        check(0, 1, false);
        check(-1, 1, false);
        check(1, 0, false);
        check(1, -2, false);
    }
}
