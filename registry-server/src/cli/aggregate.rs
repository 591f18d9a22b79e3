//! `annals state | history | diff`: the auditor's three questions about one aggregate. Those about all of them are in
//! `aggregates.rs`.
//!
//! Long answers are fetched page by page and printed as they come. A fold that stopped is told the same way by every
//! command: what there is is printed, then the place and the reason, and the exit code is 1.

use annals_event_store::Halted;
use annals_event_store::key::path_id;
use clap::Args;
use serde_json::Value;

use super::Global;
use super::aggregates;
use super::api::{Api, given};
use super::exit::{Exit, Failure};
use super::explain;
use super::output::{self, Format};
use super::point::{self, point};
use super::remarks::{fold_used, log_name, logs, one_log, place, say_missing, say_unknown, say_unnamed};

/// `annals state order/990001`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals state order/990001 --at 2026-03-04T12:00:00Z\n  annals state order/990001 --explain"
)]
pub(crate) struct State {
    /// The aggregate's type and id
    #[arg(value_name = "TYPE/ID")]
    aggregate: AggregateId,
    #[arg(long, help = point::OF_ONE, allow_hyphen_values = true, value_parser = point)]
    at: Option<String>,
    /// Fold from the first event on, whatever snapshots there are; the answer is the same
    #[arg(long)]
    no_snapshots: bool,
    /// Say of each value which event made it so, who caused that, and what of the event it is
    #[arg(long)]
    explain: bool,
}

/// `annals history order/990001`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals history order/990001 -o json")]
pub(crate) struct History {
    /// The aggregate's type and id
    #[arg(value_name = "TYPE/ID")]
    aggregate: AggregateId,
    #[arg(long, help = point::OF_ONE, allow_hyphen_values = true, value_parser = point)]
    at: Option<String>,
}

/// `annals diff order/990001 --from offset:3 --to offset:7`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals diff order/990001 --from revision:3 --to revision:5
  annals diff order --from 2026-03-01 --to 2026-03-31")]
pub(crate) struct Diff {
    /// The aggregate's type and id; without an id all aggregates of the type
    #[arg(value_name = "TYPE[/ID]")]
    aggregate: String,
    #[arg(long, help = point::FROM, allow_hyphen_values = true, value_parser = point)]
    from: String,
    #[arg(long, help = point::TO, allow_hyphen_values = true, value_parser = point)]
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
            _ => Err("expected TYPE/ID, such as order/990001; the empty id is written hex:".to_owned()),
        }
    }
}

impl AggregateId {
    fn get(&self, api: &Api, tail: Option<&str>, query: &[(&str, Option<&str>)]) -> Result<Value, Failure> {
        let id = path_id(&self.id);
        let mut segments = vec!["v1", "aggregates", &self.name, &id];
        segments.extend(tail);
        api.get(&segments, &given(query))
    }

    /// Fetches page after page and prints each; gives what stands around the list.
    fn pages(
        &self,
        global: &Global,
        query: &[(&str, Option<&str>)],
        listing: &Listing,
    ) -> Result<Value, Failure> {
        let Listing {
            tail,
            list,
            header,
            row,
        } = *listing;
        let api = Api::new(&global.server);
        let first = self.get(&api, Some(tail), query)?;
        let mut around = first.clone();
        around[list].take();
        let (mut json, mut table) = (output::PagedJson::new(list), output::Table::new(header));
        let mut page = first;
        loop {
            let cursor = page["next_cursor"].as_str().map(str::to_owned);
            let is_read = match global.output {
                Format::Json => json.page(page)?,
                Format::Table => table.rows(page[list].as_array().into_iter().flatten().map(row))?,
            };
            match cursor.filter(|_| is_read) {
                None => break,
                Some(cursor) => page = self.get(&api, Some(tail), &[("cursor", Some(&cursor))])?,
            }
        }
        if global.output == Format::Json {
            json.end()?;
        } else {
            output::remark(&format!(
                "times are by the clock of: {}",
                output::cell(&around["time"])
            ));
        }
        Ok(around)
    }
}

/// A route whose answer holds a long list, and how the list is shown.
struct Listing {
    tail: &'static str,
    list: &'static str,
    header: &'static [&'static str],
    row: fn(&Value) -> Vec<String>,
}

const HISTORY: Listing = Listing {
    tail: "history",
    list: "entries",
    header: &["OFFSET", "TIME (UTC)", "ACTOR", "EVENT", "SCHEMA"],
    row: history_row,
};

const DIFF: Listing = Listing {
    tail: "diff",
    list: "changes",
    header: &["FIELD", "BEFORE", "AFTER", "OFFSET", "ACTOR"],
    row: diff_row,
};

/// Says what a point was taken for, unless it was written just so.
fn say_taken(given: Option<&str>, taken: &Value) {
    if let (Some(given), Some(taken)) = (given, taken.as_str())
        && given.trim() != taken
    {
        output::remark(&format!("{given} is taken for {taken}"));
    }
}

/// What of a state is shown whose fold stopped.
const STATE_SHOWN: &str = "what is shown is as it was before that event";

/// How a command ends: a fold that stopped is a failure, whatever could be shown.
fn ended(answer: &Value, shown: &str) -> Result<Exit, Failure> {
    match serde_json::from_value::<Option<Halted>>(answer["halted"].clone()) {
        Ok(Some(halted)) => Err(Failure::new(Exit::Failed, halted.to_string()).help(shown)),
        _ => Ok(Exit::Done),
    }
}

impl State {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        let query = [
            ("at", self.at.as_deref()),
            ("snapshots", self.no_snapshots.then_some("off")),
            ("explain", self.explain.then_some("true")),
        ];
        let answer = self.aggregate.get(&api, None, &query)?;
        if global.output == Format::Json {
            output::json(&answer)?;
            return ended(&answer, STATE_SHOWN);
        }
        say_taken(self.at.as_deref(), &answer["at"]);
        output::line(&format!(
            "{}/{} at cut {}: revision {}, {} of {}, time {}, {}",
            self.aggregate.name,
            self.aggregate.id,
            output::cell(&answer["cut"]),
            answer["revision"],
            match answer["offsets_applied"]["count"].as_u64() {
                Some(1) => "1 event".to_owned(),
                count => format!("{} events", count.unwrap_or(0)),
            },
            match logs(&answer).map(log_name).collect::<Vec<_>>() {
                one if one.is_empty() => one_log(&answer),
                several => several.join(", "),
            },
            output::cell(&answer["time"]),
            fold_used(&answer),
        ))?;
        say_missing(&answer);
        say_unknown(&answer);
        if let Some(revision) = answer["snapshot"]["revision"].as_u64() {
            output::remark(&format!("it began with the snapshot after revision {revision}"));
        }
        if self.explain {
            explain::print(&answer)?;
            return ended(&answer, STATE_SHOWN);
        }
        let mut rows = Vec::new();
        flatten("", &answer["state"], &mut rows);
        output::table(&["FIELD", "VALUE"], rows)?;
        ended(&answer, STATE_SHOWN)
    }
}

impl History {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let at = self.at.as_deref();
        let answer = self.aggregate.pages(global, &[("at", at)], &HISTORY)?;
        if global.output == Format::Table {
            say_taken(at, &answer["at"]);
            say_missing(&answer);
        }
        ended(
            &answer,
            "what is shown are all events, whether the fold took them or not",
        )
    }
}

fn history_row(event: &Value) -> Vec<String> {
    let mut name = short(&output::cell(&event["event"])).to_owned();
    if let Some(problem) = event["problem"].as_str() {
        name = format!("{name} (cannot be read: {problem})");
    }
    let schema = &event["schema"];
    vec![
        place(event),
        output::cell(&event["recorded"]),
        output::cell(&event["actor"]),
        name,
        match (schema, schema["version"].as_u64()) {
            (Value::Null, _) => output::cell(schema),
            (_, Some(version)) => format!("v{version} (id {})", schema["id"]),
            (_, None) => format!("id {}", schema["id"]),
        },
    ]
}

impl Diff {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        if !self.aggregate.is_empty() && !self.aggregate.contains('/') {
            return aggregates::diff(global, &self.aggregate, &self.from, self.to.as_deref());
        }
        let aggregate: AggregateId = self
            .aggregate
            .parse()
            .map_err(|problem| Failure::new(Exit::Usage, problem))?;
        let query = [("from", Some(self.from.as_str())), ("to", self.to.as_deref())];
        let answer = aggregate.pages(global, &query, &DIFF)?;
        if global.output == Format::Table {
            say_taken(Some(&self.from), &answer["from"]["at"]);
            say_taken(self.to.as_deref(), &answer["to"]["at"]);
            say_unnamed(Some(&self.from), &answer["from"]["cut"]);
            say_unnamed(self.to.as_deref(), &answer["to"]["cut"]);
            say_missing(&answer);
        }
        ended(&answer, STATE_SHOWN)
    }
}

fn diff_row(change: &Value) -> Vec<String> {
    let mark = match change["kind"].as_str() {
        Some("added") => "+",
        Some("removed") => "-",
        _ => "~",
    };
    vec![
        format!("{mark} {}", output::cell(&change["path"])),
        aggregates::side_of(change, "before"),
        aggregates::side_of(change, "after"),
        place(&change["by"]),
        output::cell(&change["by"]["actor"]),
    ]
}

/// `OrderPlaced` of `shop.orders.OrderPlaced`: a column has no room for namespaces, JSON does.
pub(crate) fn short(event: &str) -> &str {
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
        let (server, served) = serve(vec![(
            "GET /v1/aggregates/order/hex%3A2e2e?at=now ",
            serde_json::json!({}),
        )]);
        let dots: AggregateId = "order/..".parse().unwrap();
        dots.get(&Api::new(&server), None, &[("at", Some("now"))])
            .unwrap();
        served.join().unwrap();
        for bad in ["order", "order/", "/1", ""] {
            assert!(bad.parse::<AggregateId>().is_err(), "{bad}");
        }
    }

    /// Answers requests from a list, each by what its first line holds, and gives the lines.
    fn serve(answers: Vec<(&'static str, Value)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        use std::io::{BufRead as _, BufReader, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut asked = Vec::new();
            for (wanted, answer) in answers {
                let first = lines.next().unwrap().unwrap();
                while !lines.next().unwrap().unwrap().is_empty() {}
                assert!(first.contains(wanted), "{first}");
                asked.push(first);
                let body = answer.to_string();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
            asked
        });
        (address, served)
    }

    #[test]
    fn pages_are_fetched_to_the_last() {
        let entry = |offset: u64| serde_json::json!({"offset": offset, "event": "t.E"});
        let (server, served) = serve(vec![
            (
                "/history?at=now ",
                serde_json::json!({"at": "x", "entries": [entry(1), entry(2)], "next_cursor": "0=9;2"}),
            ),
            (
                "/history?cursor=0%3D9%3B2 ",
                serde_json::json!({"at": "0=9", "entries": [entry(3)], "next_cursor": null}),
            ),
        ]);
        let global = Global {
            server,
            brokers: String::new(),
            output: Format::Json,
        };
        let id: AggregateId = "order/1".parse().unwrap();
        let around = id.pages(&global, &[("at", Some("now"))], &HISTORY).unwrap();
        assert_eq!(around["at"], "x");
        assert_eq!(served.join().unwrap().len(), 2);
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
