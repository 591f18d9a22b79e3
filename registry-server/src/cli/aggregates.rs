//! `annals list`, and `annals diff` without an id: what an auditor asks about all aggregates of a type. `annals changes` is in
//! `changes.rs`.
//!
//! Pages are fetched and printed as they come, with how far that is on a terminal; rows for a file are passed on as the
//! server sends them.

use annals_event_store::{ORDERED_MAX, StoreError, canonical};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::Global;
use super::api::{Api, given};
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::point::{self, point};
use super::progress::Progress;
use super::remarks::{place, say_missing, say_points, say_unnamed};
use super::rows;

/// `annals list order --where "state.status == 'refunded'"`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals list order --where \"state.status == 'refunded' && state.total > decimal('1000')\"
  annals list order --at 2026-03-04 --select total,address.city --order -total --limit 10
  annals list order --sum total,refunded --count --limit 1
  annals list order --format csv > orders.csv
  annals list order --at 2026-03-04 --select status,total --format avro > orders.avro")]
pub(crate) struct List {
    /// The aggregates' type
    #[arg(value_name = "TYPE")]
    name: String,
    #[arg(long, help = point::OF_ALL, allow_hyphen_values = true, value_parser = point)]
    at: Option<String>,
    /// Which of them: a CEL condition over `state`
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// The places of the state that are shown, with commas between
    #[arg(long, value_name = "PLACES")]
    select: Option<String>,
    /// What they are ordered by instead of their ids: places with commas between, `-` in front for the greatest first
    #[arg(long, value_name = "PLACES", allow_hyphen_values = true)]
    order: Option<String>,
    /// The places of the state that are summed up
    #[arg(long, value_name = "PLACES")]
    sum: Option<String>,
    /// Say how many there are
    #[arg(long)]
    count: bool,
    /// The most of them that are shown; all when absent. In an order they are 10,000 at most, and 100 of a table when absent
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Rows for a file, as the server sends them
    #[arg(long, value_enum)]
    format: Option<Rows>,
}

/// A form of rows for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// A JSON object a line
    Ndjson,
    /// Columns with commas between
    Csv,
    /// An Avro container file
    Avro,
}

/// The parameters that are points in the log.
const POINTS: [&str; 3] = ["at", "from", "to"];

/// A route whose answer holds a long list, and how the list is shown.
pub(super) struct Listing<'a> {
    pub(super) path: &'a str,
    pub(super) name: &'a str,
    pub(super) list: &'static str,
    /// The most rows that are shown.
    pub(super) limit: u64,
    pub(super) progress: Progress,
}

impl Listing<'_> {
    /// Fetches page after page, and gives each to be printed until nobody reads; gives the first without its list.
    pub(super) fn pages(
        &self,
        api: &Api,
        query: &[(&str, Option<&str>)],
        print: &mut dyn FnMut(Value) -> Result<bool, Failure>,
    ) -> Result<Value, Failure> {
        let segments = ["v1", self.path, self.name];
        let mut left = self.limit;
        let mut around = Value::Null;
        let mut cursor: Option<String> = None;
        loop {
            let mut given = given(query);
            if cursor.is_some() {
                // It carries the cuts, and the rest of the question stays the same.
                given.retain(|(name, _)| !POINTS.contains(name));
            }
            let limit = left.min(1_000).to_string();
            given.push(("limit", &limit));
            given.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = api.get(&segments, &given)?;
            let items = page[self.list].as_array().map_or(0, Vec::len);
            left = left.saturating_sub(items as u64);
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            let looked_at = page["looked_at"]
                .as_u64()
                .and_then(|offsets| usize::try_from(offsets).ok());
            self.progress.add(looked_at.unwrap_or(items));
            if around.is_null() {
                around = page.clone();
                around[self.list].take();
            }
            if !print(page)? || cursor.is_none() || left == 0 {
                return Ok(around);
            }
        }
    }
}

impl List {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        if self.order.is_some() && self.limit.is_some_and(|limit| limit > ORDERED_MAX as u64) {
            let problem = StoreError::Ordered { max: ORDERED_MAX };
            return Err(Failure::new(Exit::Usage, format!("--limit: {problem}")));
        }
        let api = Api::new(&global.server);
        let mut query = vec![
            ("at", self.at.as_deref()),
            ("where", self.condition.as_deref()),
            ("select", self.select.as_deref()),
            ("order", self.order.as_deref()),
            ("sum", self.sum.as_deref()),
            ("count", self.count.then_some("true")),
        ];
        if let Some(rows) = self.format {
            let limit = self.limit.map(|limit| limit.to_string());
            let format = match rows {
                Rows::Ndjson => "ndjson",
                Rows::Csv => "csv",
                Rows::Avro => "avro",
            };
            query.extend([("limit", limit.as_deref()), ("format", Some(format))]);
            return rows::pass_on(&api, &["v1", "aggregates", &self.name], &query);
        }
        let unlimited = if self.order.is_some() { 100 } else { u64::MAX };
        let listing = Listing {
            path: "aggregates",
            name: &self.name,
            list: "items",
            limit: self.limit.unwrap_or(unlimited),
            progress: Progress::new("aggregates:", None),
        };
        if global.output == Format::Json {
            let mut json = output::PagedJson::new("items");
            listing.pages(&api, &query, &mut |page| json.page(page))?;
            json.end()?;
            return Ok(Exit::Done);
        }
        let columns: Option<Vec<&str>> = self
            .select
            .as_deref()
            .map(|select| select.split(',').map(str::trim).collect());
        let mut header = vec!["ID", "REVISION", "RECORDED (UTC)"];
        match &columns {
            Some(columns) => header.extend(columns),
            None => header.push("STATE"),
        }
        let mut table = output::Table::new(&header);
        let (mut with_unknown, mut halted) = (0, 0);
        let around = listing.pages(&api, &query, &mut |page| {
            let items = page["items"].as_array().into_iter().flatten();
            let has_unknown = |item: &&Value| item["unknown_events"].as_u64().unwrap_or(0) > 0;
            with_unknown += items.clone().filter(has_unknown).count();
            halted += items.clone().filter(|item| !item["halted"].is_null()).count();
            table.rows(items.map(|item| member_row(item, columns.as_deref())))
        })?;
        say_points(&around);
        say_unnamed(self.at.as_deref(), &around["cut"]);
        say_sums(&around);
        say_partial(halted, with_unknown);
        Ok(Exit::Done)
    }
}

/// Says how many of the rows that are shown are not of all events.
fn say_partial(halted: usize, with_unknown: usize) {
    if halted > 0 {
        output::remark(&format!(
            "the fold stopped before the end of the cut for {halted} of those shown, whose states are those of before: \
             `annals state` says where and why"
        ));
    }
    if with_unknown > 0 {
        output::remark(&format!(
            "events of {with_unknown} of those shown are no part of their states, of kinds the fold has not heard of: \
             `annals state` names them"
        ));
    }
}

fn member_row(member: &Value, columns: Option<&[&str]>) -> Vec<String> {
    let mut row: Vec<String> = ["id", "revision", "recorded"]
        .iter()
        .map(|field| output::cell(&member[*field]))
        .collect();
    match columns {
        Some(columns) => row.extend(
            columns
                .iter()
                .map(|column| output::cell(&member["state"][*column])),
        ),
        None => row.push(output::cell(&member["state"])),
    }
    if let Some(reason) = member["halted"]["reason"].as_str() {
        let place = place(&member["halted"]);
        row.push(format!("(the fold stopped at offset {place}: {reason})"));
    }
    row
}

/// Says what was counted and summed up over all, and what may be missing from it.
fn say_sums(around: &Value) {
    say_missing(around);
    if let Some(matched) = around["matched"].as_u64() {
        output::remark(&format!("{matched} of {}", around["total"]));
    }
    match around["halted"].as_u64() {
        None | Some(0) => {}
        Some(halted) => output::remark(&format!(
            "the fold stopped before the end of the cut for {halted} of these: what is counted and summed up of them is as it \
             was before"
        )),
    }
    for (name, sum) in around["sums"].as_object().into_iter().flatten() {
        output::remark(&format!(
            "sum of {name}: {} (of {})",
            output::cell(&sum["sum"]),
            sum["of"]
        ));
    }
}

/// A row for each change of an answer, behind what is told of all of them.
pub(super) fn change_rows(of: &[String], answer: &Value) -> Vec<Vec<String>> {
    let changes = answer["changes"].as_array().into_iter().flatten();
    let mut rows: Vec<Vec<String>> = changes
        .map(|change| {
            let mark = match change["kind"].as_str() {
                Some("added") => "+",
                Some("removed") => "-",
                _ => "~",
            };
            let value = |side| side_of(change, side);
            let cells = [
                format!("{mark} {}", output::cell(&change["path"])),
                value("before"),
                value("after"),
            ];
            [of, &cells].concat()
        })
        .collect();
    let more = answer["total"]
        .as_u64()
        .unwrap_or(0)
        .saturating_sub(rows.len() as u64);
    if more > 0 {
        rows.push([of, &[format!("… and {more} more")]].concat());
    }
    rows
}

/// What stood there on one side of a change.
pub(super) fn side_of(change: &Value, side: &str) -> String {
    change
        .get(side)
        .map_or_else(|| "-".to_owned(), canonical::to_text)
}

/// `annals diff order --from A --to B`: all aggregates of a type at two points.
pub(crate) fn diff(global: &Global, name: &str, from: &str, to: Option<&str>) -> Result<Exit, Failure> {
    let api = Api::new(&global.server);
    let listing = Listing {
        path: "diff",
        name,
        list: "items",
        limit: u64::MAX,
        progress: Progress::new("aggregates that differ:", None),
    };
    let query = [("from", Some(from)), ("to", to)];
    if global.output == Format::Json {
        let mut json = output::PagedJson::new("items");
        listing.pages(&api, &query, &mut |page| json.page(page))?;
        json.end()?;
        return Ok(Exit::Done);
    }
    let mut table = output::Table::new(&["AGGREGATE", "HOW", "REVISIONS", "FIELD", "BEFORE", "AFTER"]);
    let around = listing.pages(&api, &query, &mut |page| {
        let items = page["items"].as_array().into_iter().flatten();
        table.rows(items.flat_map(|item| {
            let revision = |side: &str| output::cell(&item[side]["revision"]);
            let of = [
                format!("{name}/{}", output::cell(&item["id"])),
                output::cell(&item["kind"]),
                format!("{} to {}", revision("from"), revision("to")),
            ];
            let rows = change_rows(&of, item);
            if rows.is_empty() { vec![of.to_vec()] } else { rows }
        }))
    })?;
    say_missing(&around);
    say_points(&around);
    say_unnamed(Some(from), &around["from"]["cut"]);
    say_unnamed(to, &around["to"]["cut"]);
    Ok(Exit::Done)
}
