//! `annals state | history | diff`: the auditor's three questions about one aggregate.

use clap::Args;
use serde_json::Value;

use super::Global;
use super::api::Api;
use super::exit::{Exit, Failure};
use super::output::{self, Format};

const AT_HELP: &str = "\
A point in the log: `offset:N` (in the aggregate's partition), `revision:N`, an RFC 3339 time, a time ago
such as `-2h`, or a full cut `0=12,1=40`; the head of the log when absent";

/// `annals state order/990001`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals state order/990001 --at 2026-03-04T12:00:00Z")]
pub(crate) struct State {
    /// The aggregate's type and id
    #[arg(value_name = "TYPE/ID")]
    aggregate: AggregateId,
    #[arg(long, help = AT_HELP, allow_hyphen_values = true)]
    at: Option<String>,
}

/// `annals history order/990001`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals history order/990001 -o json")]
pub(crate) struct History {
    /// The aggregate's type and id
    #[arg(value_name = "TYPE/ID")]
    aggregate: AggregateId,
    #[arg(long, help = AT_HELP, allow_hyphen_values = true)]
    at: Option<String>,
}

/// `annals diff order/990001 --from offset:3 --to offset:7`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals diff order/990001 --from revision:3 --to revision:5")]
pub(crate) struct Diff {
    /// The aggregate's type and id
    #[arg(value_name = "TYPE/ID")]
    aggregate: AggregateId,
    #[arg(long, help = AT_HELP, allow_hyphen_values = true)]
    from: String,
    #[arg(long, help = AT_HELP, allow_hyphen_values = true)]
    to: Option<String>,
}

/// `order/990001`; the id may hold slashes itself.
#[derive(Debug, Clone)]
struct AggregateId {
    name: String,
    id: String,
}

impl std::str::FromStr for AggregateId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((name, id)) if !name.is_empty() && !id.is_empty() => Ok(Self {
                name: name.to_owned(),
                id: id.to_owned(),
            }),
            _ => Err("expected TYPE/ID, such as order/990001".to_owned()),
        }
    }
}

impl AggregateId {
    fn get(&self, global: &Global, tail: Option<&str>, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut segments = vec!["v1", "aggregates", &self.name, &self.id];
        segments.extend(tail);
        Api::new(&global.server).get(&segments, query)
    }
}

fn at_query(at: Option<&String>) -> Vec<(&str, &str)> {
    at.map(|at| ("at", at.as_str())).into_iter().collect()
}

impl State {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let answer = self.aggregate.get(global, None, &at_query(self.at.as_ref()))?;
        if global.output == Format::Json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        output::line(&format!(
            "{}/{} at cut {}: revision {}, {} events of partition {}, time {}, fold {} rev {} ({})",
            self.aggregate.name,
            self.aggregate.id,
            output::cell(&answer["cut"]),
            answer["revision"],
            answer["offsets_applied"].as_array().map_or(0, Vec::len),
            answer["partition"],
            output::cell(&answer["time"]),
            output::cell(&answer["fold"]["name"]),
            answer["fold"]["rev"],
            output::cell(&answer["fold"]["digest"])
                .chars()
                .take(12)
                .collect::<String>(),
        ))?;
        let mut rows = Vec::new();
        flatten("", &answer["state"], &mut rows);
        output::table(&["FIELD", "VALUE"], rows)?;
        if let Some(reason) = answer["halted"]["reason"].as_str() {
            let offset = &answer["halted"]["offset"];
            return Err(Failure::new(
                Exit::Failed,
                format!("the fold stopped at offset {offset}: {reason}"),
            )
            .help("the state above is the one before that event"));
        }
        Ok(Exit::Done)
    }
}

impl History {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let answer = self
            .aggregate
            .get(global, Some("history"), &at_query(self.at.as_ref()))?;
        if global.output == Format::Json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        let events = answer["entries"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let rows = events.iter().map(|event| {
            vec![
                output::cell(&event["offset"]),
                output::cell(&event["recorded"]),
                output::cell(&event["actor"]),
                short(&output::cell(&event["event"])).to_owned(),
                format!(
                    "v{} (id {})",
                    output::cell(&event["schema"]["version"]),
                    event["schema"]["id"]
                ),
            ]
        });
        output::table(&["OFFSET", "TIME (UTC)", "ACTOR", "EVENT", "SCHEMA"], rows)?;
        Ok(Exit::Done)
    }
}

impl Diff {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let mut query = vec![("from", self.from.as_str())];
        query.extend(self.to.as_deref().map(|to| ("to", to)));
        let answer = self.aggregate.get(global, Some("diff"), &query)?;
        if global.output == Format::Json {
            output::json(&answer)?;
            return Ok(Exit::Done);
        }
        let changes = answer["changes"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let rows = changes.iter().map(|change| {
            let mark = match change["kind"].as_str() {
                Some("added") => "+",
                Some("removed") => "-",
                _ => "~",
            };
            vec![
                format!("{mark} {}", output::cell(&change["path"])),
                change["before"].to_string(),
                change["after"].to_string(),
                output::cell(&change["by"]["offset"]),
                output::cell(&change["by"]["actor"]),
            ]
        });
        output::table(&["FIELD", "BEFORE", "AFTER", "OFFSET", "ACTOR"], rows)?;
        Ok(Exit::Done)
    }
}

/// `OrderPlaced` of `shop.orders.OrderPlaced`: a column has no room for namespaces, JSON does.
fn short(event: &str) -> &str {
    event.rsplit('.').next().unwrap_or(event)
}

/// One row a leaf: `items[2].status  PICKED`. Small objects read better this way than as nested JSON.
fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, field, rows);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, rows);
            }
        }
        leaf => rows.push(vec![path.to_owned(), output::cell(leaf)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregate_ids() {
        let id: AggregateId = "order/a/b".parse().unwrap();
        assert_eq!((id.name.as_str(), id.id.as_str()), ("order", "a/b"));
        for bad in ["order", "order/", "/1", ""] {
            assert!(bad.parse::<AggregateId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn state_is_one_row_a_leaf() {
        let mut rows = Vec::new();
        flatten(
            "",
            &serde_json::json!({"a": {"b": [1, {"c": "x"}]}, "d": [], "e": null}),
            &mut rows,
        );
        assert_eq!(
            rows,
            [["a.b[0]", "1"], ["a.b[1].c", "x"], ["d", "[]"], ["e", "-"]]
        );
    }
}
