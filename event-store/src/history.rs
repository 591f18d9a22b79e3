//! An aggregate's events as they stand in the log, page by page, and where its fold stops among them.
//!
//! Invariant: one entry for each record of the key, readable or not; an entry that cannot be read says why. The pages of
//! one walk are of one cut: the cursor carries it.

use annals_kafka_wire::batch::Record;
use annals_schema_model::{ReadError, Reading, Schema, Value as Read};
#[cfg(feature = "json")]
use annals_schema_model::{cel::Shape, json};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::bookmark::Bookmarks;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::folding::{FoldUsed, Halted, SchemaUsed, Spot, open};
use crate::locate::Located;
use crate::merged::{LogName, LogUsed};
use crate::page::{Page, Room};
use crate::reconstruct::OffsetRange;
use crate::store::EventStore;
use crate::time_source::TimeSource;

/// A page of an aggregate's events up to a cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct History {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// That point as a cut, the one all pages of this walk are of.
    #[cfg_attr(feature = "http", schema(value_type = String, example = "0=12,1=40"))]
    pub cut: Cut,
    /// Whose clock recorded times are by, for all records of the partition within the cut: `append` is the log's,
    /// `producer` that of whoever sent the events.
    pub time: TimeSource,
    /// The id of the topic, where its broker gives one: a topic that is deleted and created again has another. Of a fold of several
    /// topics it stands with each of the `logs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub topic_id: Option<String>,
    /// The partition its events are in; of a fold of several topics, that of the first of them.
    pub partition: u32,
    /// The logs its events are in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub logs: Vec<LogUsed>,
    /// How many of its events are within the cut, on all pages.
    pub events: u64,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// Where the folding stops before the end of the cut, on whatever page that event stands.
    pub halted: Option<Halted>,
    /// Records of the partition within the cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Other partitions with records of this key within the cut. Their order against these is unknown, so they are left out.
    #[serde(default)]
    pub also_in_partitions: Vec<u32>,
    /// This page's events, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct HistoryEntry {
    /// Its place among the aggregate's own events, from 0.
    pub revision: u64,
    /// Its offset in the partition.
    pub offset: i64,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
    /// Its time in the log, by the clock that `time` names; a producer's may run backwards.
    pub recorded: String,
    /// When it happened in the business, by its `business-time` header.
    pub business_time: Option<String>,
    /// Who caused it, by its `actor` header.
    pub actor: Option<String>,
    /// Its name: the record's full name, or the member of a Protobuf oneof.
    pub event: Option<String>,
    /// The schema it was written with.
    pub schema: Option<SchemaUsed>,
    /// Its payload in canonical JSON, in the writer's own shape. A number of JSON that is neither an integer of 64 bits nor a double
    /// stands as a text, with all its digits.
    #[serde(serialize_with = "canonical::in_order")]
    #[cfg_attr(feature = "http", schema(value_type = Option<Object>, required = true))]
    pub data: Value,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

impl HistoryEntry {
    fn of(spot: Spot, log: Option<LogName>, recorded_ms: i64) -> HistoryEntry {
        HistoryEntry {
            revision: spot.revision,
            offset: spot.offset,
            log,
            recorded: canonical::time_text(recorded_ms),
            business_time: None,
            actor: None,
            event: None,
            schema: None,
            data: Value::Null,
            problem: None,
        }
    }
}

impl EventStore {
    /// A page of the events of one aggregate up to a point.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Page};
    ///
    /// let two = Page { limit: 2, ..Page::default() };
    /// let first = store.history("account", "a-1", &AsOf::Head, two)?;
    /// assert_eq!(first.entries[1].event.as_deref(), Some("Deposited"));
    /// assert_eq!(first.entries[1].data["cents"], 500);
    ///
    /// let next = Page { cursor: first.next_cursor.as_deref(), ..two };
    /// let second = store.history("account", "a-1", &AsOf::Head, next)?;
    /// assert_eq!(second.entries[0].actor.as_deref(), Some("jane"));
    /// assert_eq!(second.next_cursor, None);
    /// # Ok(()) }
    /// ```
    pub fn history(&self, name: &str, id: &str, at: &AsOf, page: Page<'_>) -> Result<History, StoreError> {
        let aggregate = self.aggregate(name)?;
        let mut marks = marks(&aggregate, id, at);
        let (at, from) = match page.cursor {
            Some(cursor) => {
                let ([cut], from) = marks.go_on(cursor, |place| place.parse().ok())?;
                (&AsOf::Cut(cut), from)
            }
            None => (at, page.from),
        };
        let located = aggregate.locate(id, &[at], self)?;
        let within = located.begun(at)?;
        let events = within.events;
        let mut room = Room::new(page.limit)?;
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(events);
        let upto = from.saturating_add(page.limit).min(events);
        let spots = located.spots_of(&within, from..upto)?;
        let mut reader = located.reader(&spots);
        let mut readings = FxHashMap::default();
        let mut entries = Vec::with_capacity(spots.len());
        for spot in spots {
            if room.is_full() {
                break;
            }
            let (log, log_name) = located.log(&spot);
            let record = reader.record(&spot)?;
            let recorded_ms = match &record {
                Ok(record) => record.timestamp_ms,
                Err(_) => log.recorded_by(spot.offset)?,
            };
            let mut entry = HistoryEntry::of(spot, log_name, recorded_ms);
            let read = record.and_then(|record| self.fill(&mut entry, &located, spot, record, &mut readings));
            entry.problem = read.err();
            room.take(&entry);
            entries.push(entry);
        }
        let next = from + entries.len();
        let next_cursor = (next < events).then(|| marks.cursor([&within.cut], next));
        let (time, halted) = (located.time(&within)?, self.halted(&located, &within)?);
        Ok(History {
            aggregate: aggregate.name().to_owned(),
            at: at.to_string(),
            topic_id: located.topic_id(),
            partition: located.home(&within)?,
            logs: located.logs(&within, &[])?,
            events: events as u64,
            fold: FoldUsed::from(aggregate.fold.id()),
            halted,
            unreadable: located.unreadable(&within.cut)?,
            also_in_partitions: located.also_in(&within.cut),
            entries,
            next_cursor,
            id: located.id,
            cut: within.cut,
            time,
        })
    }

    /// The cursor of a history at a cut behind so many events.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Page};
    ///
    /// let cursor = store.history_cursor("account", "a-1", &"0=4".parse()?, 2)?;
    /// let page = Page { cursor: Some(&cursor), ..Page::default() };
    /// let rest = store.history("account", "a-1", &AsOf::Head, page)?;
    /// assert_eq!(rest.entries[0].revision, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No such aggregate.
    pub fn history_cursor(&self, name: &str, id: &str, cut: &Cut, from: u64) -> Result<String, StoreError> {
        let at = AsOf::Cut(cut.clone());
        Ok(marks(&*self.aggregate(name)?, id, &at).cursor([cut], from))
    }

    fn fill(
        &self,
        entry: &mut HistoryEntry,
        located: &Located<'_>,
        spot: Spot,
        record: &Record,
        readings: &mut FxHashMap<u32, Payloads>,
    ) -> Result<(), String> {
        let at = spot.at(located.log(&spot).0, record);
        entry.actor = at.actor().map(str::to_owned);
        entry.business_time = at.business_time().map(|time| time.to_string());
        let opened = open(&at, record.value.as_deref(), &*self.shared.resolve)?;
        entry.event = Some(opened.writer.event_name(&opened.body));
        entry.schema = Some(located.aggregate.fold.schema(opened.writer.id));
        let schema: &Schema = &opened.writer.schema;
        let payloads = readings
            .entry(opened.writer.id.get())
            .or_insert_with(|| Payloads::of(schema));
        let value = payloads.read(&opened.body).map_err(|error| error.to_string())?;
        entry.data = canonical::as_read(canonical::sorted(value.to_json()));
        Ok(())
    }
}

/// How payloads of a schema are read, so that no digit of a number is lost.
enum Payloads {
    #[cfg(feature = "json")]
    Json(json::Reading),
    Others(Reading),
}

impl Payloads {
    fn of(schema: &Schema) -> Payloads {
        match schema {
            #[cfg(feature = "json")]
            Schema::Json(schema) => Payloads::Json(json::Reading::of(schema)),
            schema => Payloads::Others(Reading::of(schema)),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Read, ReadError> {
        match self {
            #[cfg(feature = "json")]
            Payloads::Json(reading) => {
                let event = reading.judge(body)?;
                json::event_value(event, body, &Shape::Any).map(with_doubles)
            }
            Payloads::Others(reading) => reading.read(body),
        }
    }
}

/// The same value with a double for each number that is one.
#[cfg(feature = "json")]
fn with_doubles(mut value: Read) -> Read {
    match &mut value {
        Read::Decimal(number) => {
            if let Some(double) = number.as_double() {
                value = Read::Float(double);
            }
        }
        Read::Array(items) => {
            let same = std::mem::take(items).into_iter();
            *items = same.map(with_doubles).collect();
        }
        Read::Map(fields) | Read::Record { fields, .. } => {
            let same = std::mem::take(fields).into_iter();
            *fields = same.map(|(name, value)| (name, with_doubles(value))).collect();
        }
        _ => {}
    }
    value
}

/// The cursors of an aggregate's history.
fn marks(aggregate: &Aggregate, id: &str, at: &AsOf) -> Bookmarks<1> {
    let question = ["history", aggregate.name(), id].map(Some);
    Bookmarks::of([aggregate.fold.id()], question, [at])
}
