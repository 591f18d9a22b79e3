//! `annals fold diff | load`: what a changed fold would make of a server's history, and having the server run it.

use std::path::{Path, PathBuf};

use annals_event_store::declarative::LoadError;
use annals_event_store::http::Mistake;
use annals_registry_client::server::Refusal;
use annals_schema_model::Span;
use clap::Args;
use serde_json::Value;

use super::check::{drawn, read};
use super::{digest, items, version};
use crate::cli::Global;
use crate::cli::api::{Api, Method};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format, PagedJson};
use crate::cli::point::{self, point};

/// `annals fold diff order.yaml`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals fold diff order.yaml                     over all there is
  annals fold diff order.yaml --at 2026-03-04     as of the end of that day
  annals fold diff order.yaml -o json | jq .items[].id

The newest revision that runs under the fold's name is what it is compared with; nothing is changed. Events are read as
`annals fold load` would have them read: with the newest schema versions, unless this very revision is there.
Exit code 3 when an aggregate differs.")]
pub(crate) struct Diff {
    /// The changed fold
    file: PathBuf,
    #[arg(long, help = point::OF_ALL, allow_hyphen_values = true, value_parser = point)]
    at: Option<String>,
}

/// `annals fold load order.yaml`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  annals fold load order.yaml

The server keeps it in its folder and runs it at once, beside the other revisions of its name: `order` is the newest from
now on, and `order@1` that of revision 1. What a revision answered stays what it was: another text of a `rev` that is there
is refused. Loading the same again changes nothing.")]
pub(crate) struct Load {
    /// The fold
    file: PathBuf,
}

impl Load {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let text = read(&self.file)?;
        let answer = send(
            &Api::new(&global.server),
            &["v1", "folds"],
            &[],
            &self.file,
            &text,
        )?;
        if global.output == Format::Json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        let readers = items(&answer["readers"])
            .iter()
            .map(|reader| vec![output::cell(&reader["event"]), version(&reader["schema"])]);
        output::table(&["EVENT", "READ AS"], readers)?;
        let what = if answer["new"] == true {
            "runs"
        } else {
            "runs already"
        };
        output::line(&format!(
            "\n{} {what}: fold {} of revision {} ({}), kept in {}",
            output::cell(&answer["name"]),
            output::cell(&answer["fold"]["name"]),
            answer["fold"]["rev"],
            digest(&answer["fold"]),
            output::cell(&answer["file"]),
        ))?;
        Ok(Exit::Done)
    }
}

impl Diff {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let text = read(&self.file)?;
        let api = Api::new(&global.server);
        let ask = |query: &[(&str, &str)]| {
            let mut page = send(&api, &["v1", "folds", "diff"], query, &self.file, &text)?;
            // Of one page; what is printed is of all.
            let compared = page.as_object_mut().and_then(|page| page.remove("compared"));
            Ok::<_, Failure>((page, compared.and_then(|compared| compared.as_u64()).unwrap_or(0)))
        };
        let at: Vec<(&str, &str)> = self.at.iter().map(|at| ("at", at.as_str())).collect();
        let (mut page, mut compared) = ask(&at)?;
        let mut around = page.clone();
        around["items"].take();
        let (mut json, mut differ) = (PagedJson::new("items"), 0);
        loop {
            let cursor = page["next_cursor"].as_str().map(str::to_owned);
            differ += items(&page["items"]).len();
            let is_read = match global.output {
                Format::Json => json.page(page)?,
                Format::Table => table(items(&page["items"]))?,
            };
            let Some(cursor) = cursor.filter(|_| is_read) else {
                break;
            };
            let next = ask(&[("cursor", &cursor)])?;
            page = next.0;
            compared += next.1;
        }
        match global.output {
            Format::Json => json.end()?,
            Format::Table => output::line(&format!(
                "{differ} of {compared} {} differ at cut {}: revision {} ({}) runs, revision {} ({}) is asked about",
                output::cell(&around["aggregate"]),
                output::cell(&around["cut"]),
                around["before"]["rev"],
                digest(&around["before"]),
                around["after"]["rev"],
                digest(&around["after"]),
            ))?,
        }
        Ok(if differ == 0 { Exit::Done } else { Exit::No })
    }
}

/// Each aggregate with what differs in it; says whether anybody still reads.
fn table(differing: &[Value]) -> Result<bool, Failure> {
    let mut text = String::new();
    for one in differing {
        text.push_str(&format!(
            "{}  {}\n",
            output::cell(&one["id"]),
            since(&one["since"])
        ));
        let changes = items(&one["changes"]);
        for change in changes {
            let mark = match change["kind"].as_str() {
                Some("added") => '+',
                Some("removed") => '-',
                _ => '~',
            };
            let value = |side: &str| change.get(side).map_or_else(|| "-".to_owned(), Value::to_string);
            let (before, after) = (value("before"), value("after"));
            text.push_str(&format!(
                "  {mark} {}  {before} -> {after}\n",
                output::cell(&change["path"])
            ));
        }
        let more = one["changes_total"]
            .as_u64()
            .unwrap_or(0)
            .saturating_sub(changes.len() as u64);
        if more > 0 {
            text.push_str(&format!("  and {more} fields more\n"));
        }
        for (who, side) in [
            ("the fold that runs", "halted_before"),
            ("the changed fold", "halted_after"),
        ] {
            if let Some(reason) = one[side]["reason"].as_str() {
                text.push_str(&format!(
                    "  ! {who} stops at offset {}: {reason}\n",
                    one[side]["offset"]
                ));
            }
        }
        text.push('\n');
    }
    output::bytes(text.as_bytes())
}

/// `from event 3 on (OrderRefunded at offset 17, recorded …, by jane)`.
fn since(event: &Value) -> String {
    if event.is_null() {
        return "from an event on that takes too much work to find".to_owned();
    }
    let actor = event["actor"]
        .as_str()
        .map_or_else(String::new, |actor| format!(", by {actor}"));
    format!(
        "from event {} on ({} at offset {}, recorded {}{actor})",
        event["revision"],
        output::cell(&event["event"]),
        event["offset"],
        output::cell(&event["recorded"]),
    )
}

/// Sends a fold; what is wrong with it is drawn on its lines.
fn send(
    api: &Api,
    segments: &[&str],
    query: &[(&str, &str)],
    file: &Path,
    text: &str,
) -> Result<Value, Failure> {
    let answered = api.ask(Method::PostYaml(text), segments, query)?;
    answered.map_err(|refusal| refused(refusal, file, text))
}

fn refused(refusal: Refusal, file: &Path, text: &str) -> Failure {
    let mistakes = refusal.body.get("mistakes").cloned().unwrap_or_default();
    let mistakes: Vec<Mistake> = serde_json::from_value(mistakes).unwrap_or_default();
    if mistakes.is_empty() {
        return refusal.into();
    }
    let drawn = mistakes.into_iter().map(|mistake| {
        let wrong = LoadError {
            line: mistake.line,
            column: mistake.column,
            span: mistake.bytes.map(|[start, end]| Span { start, end }),
            message: mistake.message,
        };
        drawn(&wrong, file, text)
    });
    let drawn: Vec<String> = drawn.collect();
    Failure::new(
        Exit::Failed,
        format!("the server takes no such fold\n{}", drawn.join("\n")),
    )
}
