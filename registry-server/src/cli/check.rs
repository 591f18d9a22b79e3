//! `annals schema check`: is a change safe, and if not, where in the file and why.
//!
//! The versions, the level and the policies come from the server; the verdict is made here with the engine the server uses, because
//! only here the file's own lines are at hand to point at. Registering asks the server again, so the two cannot part.

use annals_codegen::draw::{self, Weight};
use annals_registry_client::{Described, resolved};
use annals_schema_model::{Finding, Level, Policy, Schema, Standard, Version, compat};
use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::api::{Api, odd};
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::schema::SchemaFile;

/// References named with their contexts: a name alone would be asked for in the default one.
pub(super) const QUALIFIED: (&str, &str) = ("referenceFormat", "qualified");

/// `annals schema check orders-value order.avsc`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals schema check orders-value order.avsc
  annals schema check orders-value order.avsc --against all --level FULL")]
pub(crate) struct Check {
    #[command(flatten)]
    file: SchemaFile,
    /// `latest`, `all` or a version number; what the level asks for when absent
    #[arg(long)]
    against: Option<String>,
    /// Judge by this level instead of the subject's own
    #[arg(long)]
    level: Option<Level>,
    /// Judge by this policy instead of the subject's own: confluent, strict or wire
    #[arg(long)]
    policy: Option<Policy>,
}

struct Old {
    version: Version,
    schema: Schema,
    /// The value of the property by which versions are compared with their like alone.
    group: Option<String>,
}

impl Check {
    pub(crate) fn run(self, api: &Api, global: &Global) -> Result<Exit, Failure> {
        let config = api.get(&["config", &self.file.subject], &[("defaultToGlobal", "true")])?;
        let mut standard = standard_of(&config).ok_or_else(|| odd(&config))?;
        standard.level = self.level.unwrap_or(standard.level);
        standard.policy = self.policy.unwrap_or(standard.policy);
        let level = standard.level;
        let request = self.file.request()?;
        let new = parse(api, &request)?;
        let mut olds = self.olds(api, config["compatibilityGroup"].as_str())?;
        // The new version takes the newest one's metadata over.
        let newest = olds.iter().max_by_key(|old| old.version);
        let group = newest.and_then(|newest| newest.group.clone());
        let is_held = olds.iter().any(|old| is_layout_of(&new, &old.schema));
        let is_welcome = |policy| match is_held {
            true => Ok(()),
            // What is new is asked for more than that it can be read.
            false => new.check_new(policy),
        };
        is_welcome(standard.policy).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        olds.retain(|old| old.group == group);
        let pairs: Vec<(Version, &Schema)> = olds.iter().map(|o| (o.version, &o.schema)).collect();
        standard.level = self.effective(level);
        let findings = compat::check(standard, &new, &pairs);
        let exit = if findings.is_empty() { Exit::Done } else { Exit::No };
        match global.output {
            Format::Json => {
                let mut answer = as_json(level, &pairs, &findings);
                let verdicts = Policy::ALL.map(|policy| {
                    let findings = compat::check(Standard { policy, ..standard }, &new, &pairs);
                    let passes = findings.is_empty() && is_welcome(policy).is_ok();
                    (policy.name().to_owned(), Value::Bool(passes))
                });
                answer["policies"] = Value::Object(verdicts.into_iter().collect());
                output::json(&answer)?;
            }
            Format::Table if findings.is_empty() => output::line(&format!(
                "{} is {level} compatible with {}",
                self.file.path().display(),
                against(&self.file.subject, &pairs)
            ))?,
            Format::Table => self.report(level, &new, &findings)?,
        }
        Ok(exit)
    }

    /// `--against all` asks of a level its transitive form.
    fn effective(&self, level: Level) -> Level {
        match (self.against.as_deref(), level) {
            (Some("all"), Level::Backward) => Level::BackwardTransitive,
            (Some("all"), Level::Forward) => Level::ForwardTransitive,
            (Some("all"), Level::Full) => Level::FullTransitive,
            _ => level,
        }
    }

    fn olds(&self, api: &Api, group: Option<&str>) -> Result<Vec<Old>, Failure> {
        let subject = self.file.subject.as_str();
        let wanted: Vec<String> = match self.against.as_deref() {
            Some(one) if one != "all" => vec![one.to_owned()],
            _ => match api.get(&["subjects", subject, "versions"], &[]) {
                Ok(versions) => versions
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string)
                    .collect(),
                // A subject nobody registered yet accepts anything.
                Err(failure) if failure.exit == Exit::NotFound => Vec::new(),
                Err(failure) => return Err(failure),
            },
        };
        wanted
            .iter()
            .map(|version| {
                let stored = api.get(&["subjects", subject, "versions", version], &[QUALIFIED])?;
                let number = stored["version"].as_u64().and_then(|v| u32::try_from(v).ok());
                let version = number.map(Version).ok_or_else(|| odd(&stored))?;
                let group = group.and_then(|group| stored["metadata"]["properties"][group].as_str());
                Ok(Old {
                    version,
                    schema: parse(api, &stored)?,
                    group: group.map(str::to_owned),
                })
            })
            .collect()
    }

    fn report(&self, level: Level, new: &Schema, findings: &[Finding]) -> Result<(), Failure> {
        let path = self.file.path().display().to_string();
        for finding in findings {
            let version = finding.version.map_or_else(String::new, |v| format!(" v{v}"));
            let title = format!("not {level} compatible with {}{version}", self.file.subject);
            output::line(&draw::finding(finding, Weight::Error, &title, &path, new.text()))?;
        }
        Ok(())
    }
}

fn against(subject: &str, pairs: &[(Version, &Schema)]) -> String {
    match pairs {
        [] => format!("{subject}, which has no version yet"),
        [(version, _)] => format!("{subject} v{version}"),
        many => format!("{subject} ({} versions)", many.len()),
    }
}

fn as_json(level: Level, pairs: &[(Version, &Schema)], findings: &[Finding]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|f| {
            json!({
                "rule": f.rule.code(), "path": f.path, "direction": f.direction.name(),
                "description": f.description, "additional_info": f.additional_info,
                "line": f.line, "column": f.column, "old": f.old, "new": f.new,
                "version": f.version.map(Version::get), "hint": f.hint, "help": f.rule.sentence(),
            })
        })
        .collect();
    let versions: Vec<u32> = pairs.iter().map(|(v, _)| v.get()).collect();
    json!({
        "compatible": findings.is_empty(), "level": level.to_string(),
        "versions": versions, "findings": findings,
    })
}

/// Whether registering a schema finds another there.
fn is_layout_of(new: &Schema, old: &Schema) -> bool {
    new.schema_type() == old.schema_type() && new.printed() == old.printed()
}

/// The standard a subject is judged by, from its settings; `None` where they are not understood.
fn standard_of(config: &Value) -> Option<Standard> {
    Some(Standard {
        level: config["compatibilityLevel"].as_str()?.parse().ok()?,
        policy: named(&config["policy"])?,
        compatibility_policy: named(&config["compatibilityPolicy"])?,
    })
}

/// A setting, or its default where there is none; `None` where it is not understood.
fn named<T: Default + std::str::FromStr>(setting: &Value) -> Option<T> {
    setting
        .as_str()
        .map_or_else(|| Some(T::default()), |name| name.parse().ok())
}

/// Parse a request or a stored version, its references fetched.
pub(super) fn parse(api: &Api, schema: &Value) -> Result<Schema, Failure> {
    let Described {
        schema_type,
        text,
        references,
    } = Described::read(schema)?;
    let resolved = resolved(&references, |reference| {
        let path = [
            "subjects",
            &reference.subject,
            "versions",
            &reference.version.to_string(),
        ];
        let found = api.get(&path, &[("deleted", "true"), QUALIFIED])?;
        Ok::<_, Failure>(Described::read(&found)?)
    })?;
    Schema::parse(schema_type, &text, &resolved).map_err(|e| Failure::new(Exit::Failed, e.to_string()))
}
