//! The state of one aggregate at a point, and everything the answer rests on.

use std::sync::Arc;

use annals_schema_model::SchemaId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::at::AsOf;
use crate::canonical;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::explain::{Explanation, RuleUsed};
use crate::fold::AnyFold;
use crate::folding::{FoldUsed, Folding, Halted, SchemaUsed, Spot, UnknownEvent};
use crate::lanes::{Counted, Reached};
use crate::locate::{Located, Within};
use crate::merged::{LogName, LogUsed};
use crate::snapshots;
use crate::store::EventStore;
use crate::time_source::TimeSource;

/// Migration rules that an answer names.
const RULES_SHOWN_MAX: usize = 100;

/// An aggregate's state at a cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Reconstruction {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// The state in canonical JSON; null when there is none.
    #[serde(serialize_with = "canonical::in_order")]
    #[cfg_attr(feature = "http", schema(value_type = Option<Object>, required = true))]
    pub state: Value,
    /// The last event that is part of the state, counted from 0 among the aggregate's own.
    pub revision: Option<u64>,
    /// When that event was recorded.
    pub recorded: Option<String>,
    /// The point the question was taken for; a time in whatever form is told as its instant.
    #[cfg_attr(feature = "http", schema(example = "2026-03-04T23:59:59.999Z"))]
    pub at: String,
    /// That point as a cut: asking for it again gives the same answer for ever, with the cut for `at`.
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
    /// How many of its events are within the cut.
    pub events: u64,
    /// Which events made the state.
    pub offsets_applied: OffsetsApplied,
    /// The schemas they were written with.
    pub schemas: Vec<SchemaUsed>,
    /// The migration rules that such events go through on their way to what the fold reads, in the order they run; 100 at most.
    /// The fold's digest has all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub migrations: Vec<RuleUsed>,
    /// The fold that was run.
    pub fold: FoldUsed,
    /// The snapshot the folding began with; null when it began with the first event.
    pub snapshot: Option<SnapshotUsed>,
    /// Where the folding stopped before the end of the cut.
    pub halted: Option<Halted>,
    /// How many events are of kinds the fold has not heard of.
    pub unknown_events: u64,
    /// The first of them.
    pub unknown: Vec<UnknownEvent>,
    /// Records of the partition within the cut that nobody can read; they may belong to this aggregate.
    pub unreadable: Vec<OffsetRange>,
    /// Other partitions with records of this key within the cut. Their order against these is unknown, so they are not folded.
    pub also_in_partitions: Vec<u32>,
    /// Where the partition's log begins; above 0, older events have been removed.
    pub log_start_offset: i64,
    /// Where each value of the state comes from, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub explanation: Option<Explanation>,
}

/// The offsets of the events that made a state: all of them by their hash, the first ones by name. One by one they stand
/// in the history at the same cut, which comes in pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct OffsetsApplied {
    /// How many.
    pub count: u64,
    /// The first; null when there is none.
    pub first: Option<i64>,
    /// The last.
    pub last: Option<i64>,
    /// Runs of offsets that follow each other, 64 at most. There are further ones when these hold fewer than `count`. Of a fold of
    /// several topics there are none here: they stand with each of the `logs`.
    pub ranges: Vec<OffsetRange>,
    /// SHA-256, in hexadecimal, of the text that has each offset on a line of its own, in rising order; of a fold of several
    /// topics in the order of the events, with the log before it (`orders/0=12`).
    pub sha256: String,
}

/// A snapshot an answer began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct SnapshotUsed {
    /// The last event it includes, counted from 0 among the aggregate's own.
    pub revision: u64,
    /// That event's offset.
    pub offset: i64,
    /// The log it is in, where the fold is of several topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(required = false))]
    pub log: Option<LogName>,
}

/// A range of offsets, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct OffsetRange {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// In the place of the first event's offset, of snapshots of several topics: each log has a first event of its own.
const FIRST_OF_EACH: i64 = -1;

/// An aggregate's first events, folded.
struct Folded<'a> {
    folding: Folding<'a>,
    state: Value,
    /// What it began with.
    snapshot: Option<SnapshotUsed>,
}

impl EventStore {
    /// The state of one aggregate at a point.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, parse_at};
    ///
    /// let now = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// assert_eq!(now.state["balance"], 530);
    /// assert_eq!((now.revision, now.cut.to_string()), (Some(2), "0=4".to_owned()));
    /// assert_eq!((now.offsets_applied.count, now.offsets_applied.last), (3, Some(3)));
    ///
    /// let earlier = store.reconstruct("account", "a-1", &parse_at("2026-01-05T09:30:00Z", 0)?)?;
    /// assert_eq!(earlier.state["balance"], 500);
    /// assert_eq!(earlier.cut, "0=1".parse()?);
    /// # Ok(()) }
    /// ```
    ///
    /// Where the fold does not accept an event, the state is the one before it. An event of a kind that the fold has not heard of
    /// is no part of the state. The answer says so:
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, EventLog, Headers, NewEvent};
    /// use annals_schema_model::{Identify, Timestamp, envelope};
    ///
    /// let write = |value| {
    ///     let log = store.log("account")?;
    ///     let place = log.read(b"a-1", &AsOf::Head, &mut |_| ())?;
    ///     let event = NewEvent { value, headers: Headers::default() };
    ///     Ok::<_, Box<dyn std::error::Error>>(log.append(b"a-1", &place, &[event], Timestamp::from_millis(NOW))?)
    /// };
    /// let mut frozen = Vec::new();
    /// envelope::write(bank.schemas.id(&SCHEMAS[3])?, &mut frozen);
    /// write(frozen)?;
    /// let answer = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// assert_eq!((answer.unknown_events, &*answer.unknown[0].event), (1, "Frozen"));
    ///
    /// write(AccountEvent::Opened { owner: "Eve".to_owned() }.to_record(&*bank.schemas)?)?;
    /// let answer = store.reconstruct("account", "a-1", &AsOf::Head)?;
    /// assert_eq!(answer.state["owner"], "Ada");
    /// let halted = answer.halted.expect("an account is opened once");
    /// assert_eq!(halted.to_string(), "the fold stopped at offset 6: it is open already");
    /// # Ok(()) }
    /// ```
    pub fn reconstruct(&self, name: &str, id: &str, at: &AsOf) -> Result<Reconstruction, StoreError> {
        let aggregate = self.aggregate(name)?;
        let located = aggregate.locate(id, &[at], self)?;
        let within = located.begun(at)?;
        let Folded {
            folding,
            state,
            snapshot,
        } = self.fold(&located, &within)?;
        let logs = located.logs(&within, &folding.account.logs)?;
        let time = located.time(&within)?;
        let partition = folding.home().unwrap_or(located.partition.number);
        let (events, cut) = (within.events as u64, within.cut);
        let account = folding.account;
        let answer = Reconstruction {
            at: at.to_string(),
            state,
            revision: folding.last.map(|last| last.spot.revision),
            recorded: folding.last.map(|last| canonical::time_text(last.recorded_ms)),
            time,
            topic_id: located.topic_id(),
            partition,
            logs,
            events,
            offsets_applied: account.offsets(),
            migrations: self.rules_used(&*aggregate.fold, &account.schemas),
            schemas: account
                .schemas
                .iter()
                .map(|id| aggregate.fold.schema(*id))
                .collect(),
            fold: FoldUsed::from(aggregate.fold.id()),
            snapshot,
            halted: folding.halted,
            unknown_events: account.unknown.events,
            unknown: account.unknown.first,
            unreadable: located.unreadable(&cut)?,
            explanation: None,
            log_start_offset: located.partition.log.log_start_offset(),
            also_in_partitions: located.also_in(&cut),
            aggregate: aggregate.name().to_owned(),
            id: located.id,
            cut,
        };
        if answer.snapshot.is_some() {
            self.shared.checks.note(&answer);
        }
        Ok(answer)
    }

    /// The migration rules that events of some schemas go through, each once.
    fn rules_used(&self, fold: &dyn AnyFold, schemas: &[SchemaId]) -> Vec<RuleUsed> {
        let mut used: Vec<RuleUsed> = Vec::new();
        for rule in schemas
            .iter()
            .flat_map(|schema| fold.rules_of(*schema, &*self.shared.resolve))
        {
            if used.len() < RULES_SHOWN_MAX && !used.contains(&rule) {
                used.push(rule);
            }
        }
        used
    }

    /// Folds an aggregate's events within a cut, and shows the state.
    fn fold<'a>(&'a self, located: &'a Located<'_>, within: &Within) -> Result<Folded<'a>, StoreError> {
        let events = within.events;
        let mut folding = Folding::new(self, located.aggregate, located.partition, &located.key);
        let snapshot = match &within.counted {
            Some(counted) => self.fold_of_several(&mut folding, located, counted)?,
            None => {
                let snapshot = self.begin(&mut folding, located, within)?;
                let from = snapshot
                    .as_ref()
                    .map_or(0, |snapshot| snapshot.revision as usize + 1);
                folding.run(&located.spots_of(within, from..events)?)?;
                snapshot
            }
        };
        let state = folding.view();
        if folding.halted.is_none() && !within.is_merged() {
            self.shared.unhalted.remember(located, events);
        }
        Ok(Folded {
            folding,
            state,
            snapshot,
        })
    }

    /// Begins a folding with the last snapshot that there is of its events, and has it leave others on its way.
    fn begin<'a>(
        &'a self,
        folding: &mut Folding<'a>,
        located: &'a Located<'_>,
        within: &Within,
    ) -> Result<Option<SnapshotUsed>, StoreError> {
        // Of so few events there is none, and none is left.
        let events = within.events as u64;
        if events < snapshots::EVENTS_MIN {
            return Ok(None);
        }
        let Some(file) = self.snapshots_of(located.aggregate, located.partition) else {
            return Ok(None);
        };
        let Some(first) = located.offset(0)? else {
            return Ok(None);
        };
        folding.keep_in(Arc::clone(&file), first);
        let Some(snapshot) = file.before(&located.key, (events, 0)) else {
            return Ok(None);
        };
        // What the index says now it must have said then; and what was deleted is missing, snapshot or not.
        let Spot { offset, revision, .. } = snapshot.last.spot;
        if snapshot.first != first
            || first < located.partition.log.log_start_offset()
            || located.offset(revision)? != Some(offset)
        {
            return Ok(None);
        }
        let used = SnapshotUsed {
            revision,
            offset,
            log: None,
        };
        let begun = folding.begin_with(snapshot);
        Ok(begun.then(|| {
            file.note_used();
            used
        }))
    }

    /// Folds events in several topics, from the nearest snapshot on.
    fn fold_of_several<'a>(
        &'a self,
        folding: &mut Folding<'a>,
        located: &'a Located<'_>,
        counted: &Counted,
    ) -> Result<Option<SnapshotUsed>, StoreError> {
        let mut used = None;
        let mut behind = None;
        if counted.total() as u64 >= snapshots::EVENTS_MIN
            && let Some(file) = located.snapshots_of_several()
        {
            if let Some((snapshot, lanes)) = located.nearest(counted, counted.total())? {
                let Spot { offset, revision, .. } = snapshot.last.spot;
                if folding.begin_with(snapshot) {
                    file.note_used();
                    let log = folding.last_log();
                    used = Some(SnapshotUsed {
                        revision,
                        offset,
                        log,
                    });
                    behind = Some(lanes);
                }
            }
            folding.keep_in(file, FIRST_OF_EACH);
        }
        let mut lanes = match behind {
            Some(lanes) => lanes,
            None => located.lanes(counted, &|_| Reached::default())?,
        };
        folding.run_in_order(&mut lanes, counted.total())?;
        Ok(used)
    }

    /// Where the folding of an aggregate's events within a cut stops, if it does.
    pub(crate) fn halted(
        &self,
        located: &Located<'_>,
        within: &Within,
    ) -> Result<Option<Halted>, StoreError> {
        if !within.is_merged() && self.shared.unhalted.knows(located, within.events) {
            return Ok(None);
        }
        Ok(self.fold(located, within)?.folding.halted)
    }
}
