//! `annals fold list | check | test | diff | load | update`: the folds a server runs and with which schema versions they read,
//! and folds before any server has them.

mod check;
mod schemas;
mod sent;
mod test;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Global;
use super::api::Api;
use super::exit::{Exit, Failure};
use super::output::{self, Format};

/// Characters of a digest that tell folds apart for people.
const DIGEST_CHARS: usize = 12;

#[derive(Debug, Subcommand)]
pub(crate) enum Fold {
    /// The folds: which run, what they read their events with, and why others do not run
    #[command(after_help = "Example:\n  annals fold list -o json\n\nExit code 1 when a fold does not load.")]
    List,
    /// Is a fold sound? Each mistake on its line; exit code 3 says no
    Check(check::Check),
    /// Does a fold make of given events what its cases say? Exit code 3 says no
    Test(test::Test),
    /// What if a changed fold ran: which aggregates would differ, how, and from which event on? Exit code 3 says some would
    Diff(sent::Diff),
    /// Have the server run a fold, beside the other revisions of its name
    Load(sent::Load),
    /// Have a fold read its events with the newest schema versions; until then later versions change nothing
    #[command(
        after_help = "Example:\n  annals fold update order\n\nThe fold gets another id. One that does not load with the newest \
                      versions is left as it is, with exit code 1."
    )]
    Update {
        /// The aggregate type; `order@1` for revision 1 of its fold
        name: String,
    },
}

impl Fold {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        match self {
            Self::Check(check) => check.run(global),
            Self::Test(test) => test.run(global),
            Self::Diff(diff) => diff.run(global),
            Self::Load(load) => load.run(global),
            Self::List => list(&api.get(&["v1", "aggregates"], &[])?, global.output),
            Self::Update { name } => {
                let answer = api.post(&["v1", "folds", &name, "update"], &[], &json!({}))?;
                updated(&name, &answer, global.output)
            }
        }
    }
}

fn list(answer: &Value, format: Format) -> Result<Exit, Failure> {
    let (running, broken) = (items(&answer["aggregates"]), items(&answer["not_loaded"]));
    if format == Format::Json {
        output::json(&json!({"running": folds(running), "not_loaded": broken}))?;
    } else {
        let rows = running.iter().map(|fold| {
            vec![
                output::cell(&fold["name"]),
                "runs".to_owned(),
                topics(fold),
                fold["fold"]["rev"].to_string(),
                digest(&fold["fold"]),
            ]
        });
        let unknown = || "-".to_owned();
        let broken_rows = broken.iter().map(|fold| {
            let name = output::cell(&fold["name"]);
            vec![name, "does not load".to_owned(), unknown(), unknown(), unknown()]
        });
        output::table(
            &["FOLD", "STATE", "TOPIC", "REV", "DIGEST"],
            rows.chain(broken_rows),
        )?;
        let readers = running.iter().flat_map(|fold| {
            let name = output::cell(&fold["name"]);
            let readers = items(&fold["readers"]).iter();
            readers.map(move |reader| {
                vec![
                    name.clone(),
                    output::cell(&reader["event"]),
                    version(&reader["schema"]),
                ]
            })
        });
        output::line("")?;
        output::table(&["FOLD", "EVENT", "READ AS"], readers)?;
    }
    if broken.is_empty() {
        return Ok(Exit::Done);
    }
    let reasons: Vec<String> = broken.iter().map(reason).collect();
    Err(Failure::new(
        Exit::Failed,
        format!("not loaded: {}", reasons.join("\n  ")),
    ))
}

/// What of the aggregates is about their folds.
fn folds(aggregates: &[Value]) -> Vec<Value> {
    let fold = |one: &Value| {
        let mut fold = json!({"name": one["name"], "topic": one["topic"], "fold": one["fold"], "readers": one["readers"]});
        for part in ["topics", "by"] {
            if let Some(told) = one.get(part) {
                fold[part] = told.clone();
            }
        }
        fold
    };
    aggregates.iter().map(fold).collect()
}

/// The topic of an aggregate, or its topics, with the fields that say whose their events are.
fn topics(fold: &Value) -> String {
    match items(&fold["topics"]) {
        [] => output::cell(&fold["topic"]),
        topics => {
            let told = |topic: &Value| match fold["by"][topic.as_str().unwrap_or_default()].as_str() {
                None => output::cell(topic),
                Some(field) => format!("{} by {field}", output::cell(topic)),
            };
            topics.iter().map(told).collect::<Vec<_>>().join(", ")
        }
    }
}

fn updated(name: &str, answer: &Value, format: Format) -> Result<Exit, Failure> {
    if format == Format::Json {
        output::json(answer)?;
        return Ok(Exit::Done);
    }
    let changed: Vec<&Value> = items(&answer["readers"])
        .iter()
        .filter(|reader| reader["before"] != reader["after"])
        .collect();
    if changed.is_empty() {
        output::line(&format!("{name} reads with the newest versions already"))?;
        return Ok(Exit::Done);
    }
    let rows = changed.iter().map(|reader| {
        vec![
            output::cell(&reader["event"]),
            version(&reader["before"]),
            version(&reader["after"]),
        ]
    });
    output::table(&["EVENT", "READ AS", "FROM NOW ON"], rows)?;
    output::line(&format!(
        "\n{name} is fold {} now, and was {}",
        digest(&answer["after"]),
        digest(&answer["before"])
    ))?;
    Ok(Exit::Done)
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn digest(fold: &Value) -> String {
    output::cell(&fold["digest"]).chars().take(DIGEST_CHARS).collect()
}

/// `orders-value v3 (id 7)`.
fn version(schema: &Value) -> String {
    if schema.is_null() {
        return "-".to_owned();
    }
    format!(
        "{} v{} (id {})",
        output::cell(&schema["subject"]),
        schema["version"],
        schema["id"]
    )
}

fn reason(fold: &Value) -> String {
    let line = fold["line"]
        .as_u64()
        .map_or_else(String::new, |line| format!(", line {line}"));
    format!(
        "{}{line}: {}",
        output::cell(&fold["file"]),
        output::cell(&fold["reason"])
    )
}
