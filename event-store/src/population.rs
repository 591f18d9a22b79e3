//! What is asked of all aggregates of a type at a cut, by pages or row by row.
//!
//! Row by row, what is held is an aggregate or a group of them at a time (`members.rs`), whatever there is in all. In an order that was asked for, the
//! rows that come first are held until all aggregates are looked at (`ranked.rs`), so only so many can be asked for. Counts
//! and sums are of all aggregates, and stand on the first page.
//! Invariant: the pages of one walk are of one cut; a page with a condition ends after so many events, found or not, so that
//! the work on one page is bounded and the next one goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "avro-files")]
use annals_schema_model::cel::Shape;
use annals_segment_log::Removals;
use serde::{Deserialize, Serialize};

use crate::aggregates::Aggregate;
use crate::at::AsOf;
use crate::bookmark::Bookmarks;
use crate::error::StoreError;
use crate::folding::Folding;
use crate::key::key_text;
use crate::list::{Member, Population, Sum, Walk};
use crate::page::{PAGE_EVENTS_MAX, Room};
use crate::path::StatePath;
use crate::question::{Asked, Question};
use crate::ranked::Ranked;
use crate::store::EventStore;
use crate::sweep::Wanted;
use crate::work::PAGE_WORK_PART;

mod look;

use look::Seen;
pub(crate) use look::{Row, weight};

/// Rows that can be asked for in an order of their own.
pub const ORDERED_MAX: usize = 10_000;

/// What was counted and summed up over all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Summary {
    /// How many aggregates the condition holds for.
    pub matched: u64,
    /// How many of those halted before the end of the cut: what is summed up of them is as it was before.
    #[serde(default)]
    pub halted: u64,
    /// The sums, by the names that were given.
    pub sums: BTreeMap<String, Sum>,
}

/// Who is told of aggregates and their rows, and says whether to go on.
type Told<'t> = &'t mut dyn FnMut(&Wanted, Option<Row>) -> Result<Go, StoreError>;

/// Whether to go on.
struct Go {
    on: bool,
    /// Whether rows are wanted, and not only what is counted and summed up.
    wants_more: bool,
}

/// A question about all aggregates of a type, understood and taken for a cut: what [`EventStore::rows`] makes of a
/// [`Question`].
pub struct Rows {
    store: EventStore,
    aggregate: Arc<Aggregate>,
    asked: Asked,
    /// The answer without rows.
    around: Population,
    /// What had gone from the log when it was taken for its cut.
    removals: Vec<Removals>,
    is_of_all: bool,
    is_summed: bool,
    form: Form,
}

/// What rows are made of besides what is told of each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The state, or the columns of it.
    Value,
    /// The columns with their types.
    #[cfg(feature = "avro-files")]
    Typed,
    /// The columns, or the text of the state.
    Text,
}

impl EventStore {
    /// A question about all aggregates of a type at a point.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Question};
    ///
    /// let question = Question {
    ///     condition: Some("state.balance > 100".to_owned()),
    ///     select: Some("owner,balance".to_owned()),
    ///     ..Question::default()
    /// };
    /// let rows = store.rows("account", &AsOf::Head, &question)?;
    /// assert_eq!(rows.columns(), Some(vec!["owner".to_owned(), "balance".to_owned()]));
    /// assert!(!rows.is_summed());
    /// let mut told = Vec::new();
    /// let summary = rows.each(None, &mut |one| Ok(told.push((one.id, one.state["balance"].clone()))))?;
    /// assert_eq!(told, [("a-1".to_owned(), 530.into())]);
    /// assert_eq!((summary.matched, rows.around().total), (1, 2));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the question is not understood, or does not fit the state; [`StoreError::Question`] says where.
    pub fn rows(&self, name: &str, at: &AsOf, question: &Question) -> Result<Rows, StoreError> {
        self.rows_of(self.aggregate(name)?, at, question)
    }

    fn rows_of(&self, aggregate: Arc<Aggregate>, at: &AsOf, question: &Question) -> Result<Rows, StoreError> {
        let asked = Asked::new(question, &*aggregate.fold)?;
        Ok(Rows {
            removals: aggregate.removals(),
            around: aggregate.population(at, &self.work)?,
            store: self.at_work(&self.work),
            is_of_all: question.is_of_all(),
            is_summed: question.sum.is_some() || question.count,
            form: Form::Value,
            aggregate,
            asked,
        })
    }

    /// A page of the answer to a question. A cursor carries its own cut: `at` is to be the head then, or as it was; the
    /// question is to be the same.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/example.in"));
    /// # fn main() -> Shown { let bank = two_accounts(); let store = &bank.store;
    /// use annals_event_store::{AsOf, Question};
    ///
    /// let some = |text: &str| Some(text.to_owned());
    /// let richest = Question { order: some("-balance"), sum: some("balance"), ..Question::default() };
    /// let page = store.ask("account", &AsOf::Head, &richest, 1, None)?;
    /// assert_eq!(page.items[0].id, "a-1");
    /// assert_eq!(page.sums.expect("they were asked for")["balance"].sum, 600);
    /// # Ok(()) }
    /// ```
    pub fn ask(
        &self,
        name: &str,
        at: &AsOf,
        question: &Question,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Population, StoreError> {
        if *question == Question::default() {
            return self.list(name, at, limit, cursor);
        }
        let aggregate = self.aggregate(name)?;
        let parts = [Some("ask"), Some(name)].into_iter().chain(question.parts());
        let mut marks = Bookmarks::of([aggregate.fold.id()], parts, [at]);
        if question.order.is_some() {
            let from = cursor.map(|cursor| marks.go_on(cursor, |place| place.parse().ok()));
            let from = from.transpose()?;
            let (at, from) = from.map_or((at.clone(), 0), |([cut], from)| (AsOf::Cut(cut), from));
            return self
                .rows_of(aggregate, &at, question)?
                .ranked_page(from, limit, &marks);
        }
        let after = aggregate.go_on(&mut marks, cursor, &self.work)?;
        let (at, after) = after.map_or((at.clone(), None), |([cut], after)| (AsOf::Cut(cut), Some(after)));
        self.rows_of(aggregate, &at, question)?.page(limit, after, &marks)
    }
}

impl Rows {
    /// The answer without its rows: what it rests on.
    #[must_use]
    pub fn around(&self) -> &Population {
        &self.around
    }

    /// Whether the fold is of several topics, so that offsets say too little alone.
    pub(crate) fn is_merged(&self) -> bool {
        self.aggregate.index.is_merged()
    }

    /// Whether something is counted or summed up.
    #[must_use]
    pub fn is_summed(&self) -> bool {
        self.is_summed
    }

    /// The names of the columns that every row has in place of its state.
    #[must_use]
    pub fn columns(&self) -> Option<Vec<String>> {
        let columns = self.asked.columns.as_ref()?;
        Some(columns.iter().map(ToString::to_string).collect())
    }

    /// The same question with columns, where it names none: the fields of the state, or the state as a whole where those
    /// are not known.
    #[must_use]
    pub fn in_columns(mut self) -> Rows {
        self.asked
            .columns
            .get_or_insert_with(|| match self.aggregate.fold.fields() {
                [] => vec![StatePath::whole()],
                fields => fields.iter().map(|field| StatePath::field(field)).collect(),
            });
        self
    }

    /// The same question, whose rows have their columns with types.
    #[cfg(feature = "avro-files")]
    pub(crate) fn with_types(self) -> Rows {
        Rows {
            form: Form::Typed,
            ..self
        }
    }

    /// The same question, whose rows have the text of their states where no columns are chosen.
    pub(crate) fn in_text(self) -> Rows {
        Rows {
            form: Form::Text,
            ..self
        }
    }

    /// The columns, with the types of what stands there.
    #[cfg(feature = "avro-files")]
    pub(crate) fn typed_columns(&self) -> Result<Vec<(String, Shape)>, StoreError> {
        let columns = self.asked.columns.iter().flatten();
        let typed = columns.map(|column| {
            let shape = self.aggregate.fold.shape(column.steps());
            let shape = shape.map_err(|problem| self.undecided(&[], problem))?;
            Ok((column.to_string(), shape))
        });
        typed.collect()
    }

    /// Gives the rows one by one, at most so many, and says what was counted and summed up over all.
    ///
    /// # Errors
    /// What the rows cannot be had for, or what whoever takes them says; [`StoreError::Ordered`] for more rows in an order than
    /// [`ORDERED_MAX`], whether a limit asks for them or there are so many.
    pub fn each(
        &self,
        limit: Option<usize>,
        given: &mut dyn FnMut(Member) -> Result<(), StoreError>,
    ) -> Result<Summary, StoreError> {
        self.each_row(limit, &mut |row| given(row.member))
    }

    pub(crate) fn each_row(
        &self,
        limit: Option<usize>,
        given: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<Summary, StoreError> {
        if !self.asked.order.is_empty() {
            let too_many = || StoreError::Ordered { max: ORDERED_MAX };
            if limit.is_some_and(|limit| limit > ORDERED_MAX) {
                return Err(too_many());
            }
            let (rows, summary) = self.ranked(limit.unwrap_or(ORDERED_MAX))?;
            if limit.is_none() && summary.matched > rows.len() as u64 {
                return Err(too_many());
            }
            rows.into_iter().try_for_each(given)?;
            return Ok(summary);
        }
        let mut left = limit.unwrap_or(usize::MAX);
        let mut walk = Walk::new(&self.aggregate, &self.around.cut, None);
        self.sweep(&mut walk, &mut |_, row| {
            if let Some(row) = row.filter(|_| left > 0) {
                left -= 1;
                given(row)?;
            }
            let wants_more = left > 0;
            let on = wants_more || self.is_of_all;
            Ok(Go { on, wants_more })
        })
    }

    /// A page of the rows behind an aggregate, in the order of their ids.
    fn page(
        mut self,
        limit: usize,
        after: Option<(Vec<u8>, usize)>,
        marks: &Bookmarks<1>,
    ) -> Result<Population, StoreError> {
        let mut room = Room::new(limit)?;
        let is_first = after.is_none();
        let to_the_end = is_first && self.is_of_all;
        let (mut items, mut last, mut events) = (Vec::new(), None, 0);
        let mut walk = Walk::new(&self.aggregate, &self.around.cut, after);
        let mut wants_more = true;
        let summary = self.sweep(&mut walk, &mut |one, row| {
            if wants_more {
                events += one.events();
                last = Some((one.key.clone(), one.partition));
                if let Some(row) = row {
                    room.take(&row.member);
                    items.push(row.member);
                }
            }
            let is_cheap = events < PAGE_EVENTS_MAX && !self.store.work.has_cost_a(PAGE_WORK_PART);
            wants_more &= !room.is_full() && is_cheap;
            let on = to_the_end || wants_more;
            Ok(Go { on, wants_more })
        })?;
        let next = walk.cursor_behind(last.as_ref())?;
        self.around.next_cursor = next.map(|place| marks.cursor([&self.around.cut], place));
        if to_the_end {
            self.around.count(summary);
        }
        self.around.items = items;
        self.with_unreadable()
    }

    /// A page of the rows in the order that was asked for, behind so many.
    fn ranked_page(
        mut self,
        from: usize,
        limit: usize,
        marks: &Bookmarks<1>,
    ) -> Result<Population, StoreError> {
        let mut room = Room::new(limit)?;
        let upto = from.saturating_add(limit);
        if upto > ORDERED_MAX {
            return Err(StoreError::Ordered { max: ORDERED_MAX });
        }
        let (rows, summary) = self.ranked(upto)?;
        for row in rows.into_iter().skip(from) {
            if room.is_full() {
                break;
            }
            room.take(&row.member);
            self.around.items.push(row.member);
        }
        let given = from.saturating_add(self.around.items.len());
        let more = given > from && (given as u64) < summary.matched && given < ORDERED_MAX;
        self.around.next_cursor = more.then(|| marks.cursor([&self.around.cut], given));
        self.around.count(summary);
        self.with_unreadable()
    }

    /// With what was come upon on the way.
    fn with_unreadable(mut self) -> Result<Population, StoreError> {
        self.around.unreadable_batches = self.aggregate.index.unreadable(&self.around.cut)?;
        Ok(self.around)
    }

    /// The rows that come first, as many as are wanted.
    fn ranked(&self, count: usize) -> Result<(Vec<Row>, Summary), StoreError> {
        let mut ranked = Ranked::new(&self.asked, count);
        let mut walk = Walk::new(&self.aggregate, &self.around.cut, None);
        let summary = self.sweep(&mut walk, &mut |_, row| {
            row.map_or(Ok(()), |row| ranked.add(row))?;
            Ok(Go {
                on: true,
                wants_more: true,
            })
        })?;
        Ok((ranked.in_order(), summary))
    }

    /// Looks at aggregates in the order of their ids, as long as whoever is told of them wants to go on.
    fn sweep(&self, walk: &mut Walk<'_>, told: Told<'_>) -> Result<Summary, StoreError> {
        let mut summary = Summary::default();
        let mut sums = self.asked.sums();
        let wants_rows = AtomicBool::new(true);
        let look = |one: &Wanted, _, folding: &mut Folding<'_>| self.look(one, folding, &wants_rows);
        self.store
            .each_member(walk, &look, &mut |one, Seen { row, is_halted, .. }| {
                if let Some(row) = &row {
                    summary.matched += 1;
                    summary.halted += u64::from(is_halted);
                    sums.add(&row.taken)
                        .map_err(|problem| self.undecided(&one.key, problem))?;
                }
                let Go { on, wants_more } = told(&one, row)?;
                wants_rows.store(wants_more, Ordering::Relaxed);
                Ok(on)
            })?;
        self.aggregate.still(&self.removals)?;
        summary.sums = sums.done();
        Ok(summary)
    }

    pub(crate) fn undecided(&self, key: &[u8], problem: String) -> StoreError {
        StoreError::Undecided {
            aggregate: self.around.aggregate.clone(),
            id: key_text(key),
            problem,
        }
    }
}
