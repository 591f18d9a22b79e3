//! `annals changes`: who did what, of one type or of all.
//!
//! Invariant: what is printed as JSON is one document, whatever was asked; a question that fits no type is refused before
//! anything is printed.

use annals_event_store::{AsOf, parse_at};
use clap::Args;
use serde_json::Value;

use super::Global;
use super::aggregate::short;
use super::aggregates::{Listing, change_rows};
use super::api::Api;
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::point::{self, point};
use super::progress::Progress;
use super::remarks::{place, say_missing, say_points, say_unnamed};

/// `annals changes order --actor jane --field address.street`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals changes --actor jane --since 2026-03-01
  annals changes order --field address.street --since -2w
  annals changes order --kind OrderRefunded --since 2026-03-01 --until 2026-03-31 -o json")]
pub(crate) struct Changes {
    /// The aggregates' type; all types when absent
    #[arg(value_name = "TYPE")]
    name: Option<String>,
    /// Who caused them
    #[arg(long)]
    actor: Option<String>,
    /// The kind of the events: their full name, or its last part
    #[arg(long)]
    kind: Option<String>,
    /// What they changed: a place in the state, such as `address.street` or `items[*].status`
    #[arg(long)]
    field: Option<String>,
    #[arg(long, help = point::SINCE, visible_alias = "from", value_name = "AT", allow_hyphen_values = true, value_parser = point)]
    since: Option<String>,
    #[arg(long, help = point::UNTIL, visible_alias = "to", value_name = "AT", allow_hyphen_values = true, value_parser = point)]
    until: Option<String>,
}

const CHANGES_HEADER: &[&str] = &[
    "AGGREGATE",
    "OFFSET",
    "TIME (UTC)",
    "ACTOR",
    "EVENT",
    "FIELD",
    "BEFORE",
    "AFTER",
];

impl Changes {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        let since = self.since.as_deref().map(point::before_date);
        let query = [
            ("from", since.as_deref()),
            ("to", self.until.as_deref()),
            ("actor", self.actor.as_deref()),
            ("kind", self.kind.as_deref()),
            ("field", self.field.as_deref()),
        ];
        let mut table = output::Table::new(CHANGES_HEADER);
        match (&self.name, global.output) {
            (Some(name), Format::Json) => print_json(&api, name, &query, &mut || Ok(()))?,
            (Some(name), Format::Table) => print_rows(&api, name, &query, &mut table)?,
            (None, output) => self.of_all(&api, output, &query, &mut table)?,
        }
        Ok(Exit::Done)
    }

    /// The changes of all types, one after the other. A type that has no such kind or field is left out, and that is said.
    fn of_all(
        &self,
        api: &Api,
        output: Format,
        query: &[(&str, Option<&str>)],
        table: &mut output::Table,
    ) -> Result<(), Failure> {
        for at in [&self.since, &self.until].into_iter().flatten() {
            if matches!(
                parse_at(at, 0),
                Ok(AsOf::Offset(_) | AsOf::Revision(_) | AsOf::Cut(_))
            ) {
                let message = format!("{at} is a point of one topic's log; name a type, or give a time");
                return Err(Failure::new(Exit::Usage, message));
            }
        }
        let all = api.get(&["v1", "aggregates"], &[])?;
        let all = all["aggregates"].as_array().into_iter().flatten();
        let names: Vec<&str> = all.filter_map(|one| one["name"].as_str()).collect();
        let (mut told, mut refused) = (0, Vec::new());
        for name in &names {
            let mut begin = || {
                told += 1;
                let before = if told == 1 { ALL_BEGIN } else { ",\n" };
                output::bytes(before.as_bytes()).map(drop)
            };
            let printed = match output {
                Format::Json => print_json(api, name, query, &mut begin),
                Format::Table => print_rows(api, name, query, table).inspect(|()| told += 1),
            };
            match printed {
                Err(failure) if failure.exit == Exit::Usage => refused.push((name, failure)),
                printed => printed?,
            }
        }
        if told == 0
            && let Some((_, failure)) = refused.pop()
        {
            return Err(failure);
        }
        if output == Format::Json {
            let before = if told == 0 { ALL_BEGIN } else { "" };
            output::line(&format!("{before}]}}"))?;
        }
        for (name, failure) in refused {
            output::remark(&format!("{name} is left out: {}", failure.message));
        }
        Ok(())
    }
}

/// What stands before the answers about all types, which are one JSON document.
const ALL_BEGIN: &str = "{\"aggregates\": [\n";

fn changes_of<'a>(name: &'a str) -> Listing<'a> {
    Listing {
        path: "changes",
        name,
        list: "entries",
        limit: u64::MAX,
        progress: Progress::new("offsets:", None),
    }
}

/// Prints the changes of a type as JSON; `begin` is told when there is an answer.
fn print_json(
    api: &Api,
    name: &str,
    query: &[(&str, Option<&str>)],
    begin: &mut dyn FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut json = output::PagedJson::new("entries");
    let mut is_first = true;
    changes_of(name).pages(api, query, &mut |page| {
        if std::mem::take(&mut is_first) {
            begin()?;
        }
        json.page(page)
    })?;
    json.end()
}

/// Prints the changes of a type as rows.
fn print_rows(
    api: &Api,
    name: &str,
    query: &[(&str, Option<&str>)],
    table: &mut output::Table,
) -> Result<(), Failure> {
    let around = changes_of(name).pages(api, query, &mut |page| {
        let entries = page["entries"].as_array().into_iter().flatten();
        table.rows(entries.flat_map(|entry| deed_rows(name, entry)))
    })?;
    say_missing(&around);
    say_points(&around);
    for (side, given) in query {
        if matches!(*side, "from" | "to") {
            say_unnamed(*given, &around[*side]["cut"]);
        }
    }
    output::remark(&format!(
        "times of {name} are by the clock of: {}",
        output::cell(&around["time"])
    ));
    Ok(())
}

/// A row for each field an event changed; one for the event where it changed nothing.
fn deed_rows(name: &str, deed: &Value) -> Vec<Vec<String>> {
    let by = &deed["by"];
    let event = by["event"].as_str().map_or("-", short);
    let of = vec![
        format!("{name}/{}", output::cell(&deed["id"])),
        place(by),
        output::cell(&by["recorded"]),
        output::cell(&by["actor"]),
        event.to_owned(),
    ];
    let mut rows = change_rows(&of, deed);
    if rows.is_empty() {
        let problem = deed["problem"]
            .as_str()
            .map_or_else(|| "-".to_owned(), |problem| format!("({problem})"));
        rows.push([&of[..], &[problem]].concat());
    }
    rows
}
