//! JSON Schema compatibility: does a reader's schema accept everything a writer's does?
//!
//! Both are gone through together. A pair of subschemas that is met again while it is being compared counts as
//! compatible, which makes recursion end; what was found out about a pair is kept, unless it rests on such an
//! assumption that turned out wrong. Combinations are matched branch by branch (`compat/combined.rs`). Bounded in steps and
//! in depth: when either runs out, that is the finding. Swapping the sides checks the other direction.
//!
//! What is not looked at: vocabularies, `contentEncoding` and its kin, `format` beyond its being changed.

mod array;
mod assertion;
mod combined;
mod difference;
mod memo;
mod object;

use std::collections::HashMap;

use super::{
    Schema,
    node::{Keywords, Kind, NodeId},
    rules::{self, Row},
};
use crate::{Direction, Finding, Standard, lines::Lines};
use difference::{Difference, Site};
use memo::Memo;

/// Most findings given back.
pub const FINDINGS_MAX: usize = 200;

/// How many pairs of keywords and subschemas may be compared.
pub const STEPS_MAX: usize = 100_000;

/// How deep pairs may be compared within pairs on the caller's stack, which may be a small one.
const DEPTH_MAX: usize = 150;

/// The same on a thread of its own.
const DEPTH_MAX_ON_OWN_STACK: usize = 2_000;

/// The stack of that thread; its pages are taken only as they are used.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// What keeps `reader` from reading data of `writer`, the first [`FINDINGS_MAX`] of it; empty when nothing does.
///
/// ```
/// use annals_schema_model::{Direction, Standard, json::{Schema, compat}};
///
/// let old = Schema::parse(r#"{"properties": {"n": {"type": "number"}}}"#, &[])?;
/// let new = Schema::parse(r#"{"properties": {"n": {"type": "integer"}}}"#, &[])?;
/// let findings = compat::check(Standard::default(), &new, &old, Direction::Backward);
/// assert_eq!(findings[0].rule.code(), "TYPE_NARROWED");
/// assert_eq!(findings[0].path, "#/properties/n/type");
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[must_use]
pub fn check(standard: Standard, reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    let breaking = |difference: &Difference| !difference.row.is_compatible(standard);
    let mut differences = differences(standard, reader, writer, false);
    differences.retain(breaking);
    differences.truncate(FINDINGS_MAX);
    if differences.is_empty() {
        return Vec::new();
    }
    let new = match direction {
        Direction::Backward => reader,
        Direction::Forward => writer,
    };
    let lines = Lines::of(new.text());
    let finding = |difference: &Difference| difference.finding(reader, writer, direction, &lines);
    differences.iter().map(finding).collect()
}

/// All differences; the harmless ones only when asked for.
fn differences(standard: Standard, reader: &Schema, writer: &Schema, harmless: bool) -> Vec<Difference> {
    let attempt = |depth_max| Comparison::new(standard, reader, writer, harmless, depth_max).run();
    let outcome = attempt(DEPTH_MAX).or_else(|gave_up| match gave_up {
        GaveUp::Steps => Err(gave_up),
        // Recursion that deep needs a stack of its own.
        GaveUp::Depth => std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let started = thread.spawn_scoped(scope, || attempt(DEPTH_MAX_ON_OWN_STACK));
            let joined = started.ok().and_then(|running| running.join().ok());
            joined.unwrap_or(Err(GaveUp::Depth))
        }),
    });
    outcome.unwrap_or_else(|_| {
        vec![Difference {
            row: &rules::COMPARISON_TOO_LARGE,
            path: "/".to_owned(),
            writer: Site::of(writer.0.root),
            reader: Site::of(reader.0.root),
            shown_at: [None, None],
            cause: None,
        }]
    })
}

/// What ran out.
enum GaveUp {
    Steps,
    Depth,
}

/// A subschema on one side: all of it, or without its combinations and its `$ref`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Side {
    node: NodeId,
    whole: bool,
}

impl Side {
    const fn whole(node: NodeId) -> Side {
        Side { node, whole: true }
    }

    const fn base(node: NodeId) -> Side {
        Side { node, whole: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    writer: Side,
    reader: Side,
}

/// What comparing a pair came to.
#[derive(Debug, Default)]
struct Outcome {
    found: Vec<Difference>,
    breaks: bool,
}

/// A pair being compared: what was found so far, and the outermost open pair that was taken to be compatible.
struct Frame {
    found: Vec<Difference>,
    breaks: bool,
    rests_on: usize,
}

struct Comparison<'s> {
    standard: Standard,
    writer: &'s Schema,
    reader: &'s Schema,
    harmless: bool,
    /// Whether writer and reader have changed places, below a `not`.
    swapped: bool,
    memo: HashMap<(Pair, bool), Memo>,
    /// Pairs with a provisional memo, in the order they were closed.
    provisional: Vec<(Pair, bool)>,
    open: Vec<Frame>,
    steps_left: usize,
    depth_max: usize,
    too_deep: bool,
    patterns: HashMap<String, Option<regex::Regex>>,
}

/// The keywords of a schema that has none.
static NO_KEYWORDS: std::sync::LazyLock<Keywords> = std::sync::LazyLock::new(Keywords::default);

impl<'s> Comparison<'s> {
    fn new(
        standard: Standard,
        reader: &'s Schema,
        writer: &'s Schema,
        harmless: bool,
        depth_max: usize,
    ) -> Comparison<'s> {
        Comparison {
            standard,
            writer,
            reader,
            harmless,
            swapped: false,
            memo: HashMap::new(),
            provisional: Vec::new(),
            open: Vec::new(),
            steps_left: STEPS_MAX,
            depth_max,
            too_deep: false,
            patterns: HashMap::new(),
        }
    }

    fn run(mut self) -> Result<Vec<Difference>, GaveUp> {
        let pair = Pair {
            writer: Side::whole(self.writer.0.root),
            reader: Side::whole(self.reader.0.root),
        };
        let outcome = self.compare(pair);
        match (self.too_deep, self.steps_left) {
            (true, _) => Err(GaveUp::Depth),
            (false, 0) => Err(GaveUp::Steps),
            (false, _) => Ok(outcome.found.clone()),
        }
    }

    fn spend(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.steps_left > 0
    }

    /// Notes a difference at a path below the pair being compared.
    fn note(&mut self, row: &'static Row, path: &str, writer: Site, reader: Site) {
        self.add(Difference {
            row,
            path: path.to_owned(),
            writer,
            reader,
            shown_at: [None, None],
            cause: None,
        });
    }

    fn add(&mut self, difference: Difference) {
        let breaks = !difference.row.is_compatible(self.standard);
        if let Some(frame) = self.open.last_mut() {
            frame.breaks |= breaks;
            if (breaks || self.harmless) && frame.found.len() < FINDINGS_MAX {
                frame.found.push(difference);
            }
        }
    }

    /// Compares a pair and reports what is found as found at a path below the one being compared.
    fn below(&mut self, path: &str, pair: Pair, writer: &Site, reader: &Site) {
        let outcome = self.compare(pair);
        self.adopt(&outcome, path, writer, reader);
    }

    fn adopt(&mut self, outcome: &Outcome, path: &str, writer: &Site, reader: &Site) {
        for difference in &outcome.found {
            self.spend();
            let mut difference = difference.clone();
            difference.path = format!("{path}{}", difference.path);
            let [writer_shown, reader_shown] = &mut difference.shown_at;
            for (schema, own, shown, around) in [
                (self.writer, &difference.writer, writer_shown, writer),
                (self.reader, &difference.reader, reader_shown, reader),
            ] {
                if shown.as_ref().unwrap_or(own).span(schema).is_none() {
                    *shown = Some(around.clone());
                }
            }
            self.add(difference);
        }
        if let Some(frame) = self.open.last_mut() {
            frame.breaks |= outcome.breaks;
        }
    }

    /// Whether a pair is compatible; nothing is reported.
    fn accepts(&mut self, pair: Pair) -> bool {
        !self.compare(pair).breaks
    }

    fn judge(&mut self, pair: Pair) {
        let (writer, reader) = (pair.writer.node, pair.reader.node);
        let sites = || (Site::of(writer), Site::of(reader));
        let (writer_kind, reader_kind) = (&self.writer.node(writer).kind, &self.reader.node(reader).kind);
        if matches!(writer_kind, Kind::Bool(false)) {
            return;
        }
        if accepts_everything(self.reader, pair.reader) {
            if !accepts_everything(self.writer, pair.writer) {
                let (writer, reader) = sites();
                self.note(&rules::SCHEMA_REMOVED, "", writer, reader);
            }
            return;
        }
        let Kind::Object(reads) = reader_kind else {
            let (writer, reader) = sites();
            return self.note(&rules::TYPE_NARROWED, "", writer, reader);
        };
        let writes = match writer_kind {
            Kind::Object(writes) => writes,
            Kind::Bool(_) => &*NO_KEYWORDS,
        };
        if writes.connect_bytes && reads.connect_bytes {
            return;
        }
        let both = Both { pair, writes, reads };
        if pair.writer.whole && pair.reader.whole {
            self.annotations(both);
        }
        self.combinations(both);
    }

    fn annotations(&mut self, both: Both<'s>) {
        let Both { writes, reads, .. } = both;
        let mut changed = |row: &'static Row, keyword: &str, differs: bool| {
            if differs {
                self.note(
                    row,
                    &format!("/{keyword}"),
                    both.writer_at(keyword),
                    both.reader_at(keyword),
                );
            }
        };
        changed(&rules::ID_CHANGED, "$id", writes.id != reads.id);
        changed(&rules::TITLE_CHANGED, "title", writes.title != reads.title);
        changed(
            &rules::DESCRIPTION_CHANGED,
            "description",
            writes.description != reads.description,
        );
        changed(
            &rules::DEFAULT_CHANGED,
            "default",
            writes.default.is_some() && writes.default != reads.default,
        );
        changed(
            &rules::FORMAT_CHANGED,
            "format",
            reads.format.is_some() && writes.format != reads.format,
        );
    }
}

/// The keywords of both sides of a pair.
#[derive(Clone, Copy)]
struct Both<'s> {
    pair: Pair,
    writes: &'s Keywords,
    reads: &'s Keywords,
}

impl Both<'_> {
    fn writer_at(&self, keyword: &str) -> Site {
        Site::at(self.pair.writer.node, keyword)
    }

    fn reader_at(&self, keyword: &str) -> Site {
        Site::at(self.pair.reader.node, keyword)
    }
}

/// Follows `$ref`s that stand alone. Circles of them are no schemas, so this ends.
fn settle(schema: &Schema, side: Side) -> Side {
    let mut side = side;
    while let Some(keywords) = schema.keywords(side.node).filter(|_| side.whole) {
        match keywords.target {
            Some(target) if keywords.only_refers => side.node = target,
            _ => break,
        }
    }
    side
}

/// Whether no value is refused, as far as keywords alone can tell.
fn accepts_everything(schema: &Schema, side: Side) -> bool {
    match &schema.node(side.node).kind {
        Kind::Bool(value) => *value,
        Kind::Object(keywords) => {
            let combined = keywords.target.is_some()
                || !(keywords.all_of.is_empty() && keywords.any_of.is_empty() && keywords.one_of.is_empty());
            (!combined || !side.whole) && !assertion::demands(keywords)
        }
    }
}

#[cfg(test)]
mod tests;
