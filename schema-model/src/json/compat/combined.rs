//! Combinations: allOf, anyOf, oneOf, not, if, and a `$ref` beside other keywords.
//!
//! The writer's values meet its plain keywords and each of its combinations, so the reader's plain keywords are met when
//! the writer's plain keywords, one branch of its allOf, or every branch of its anyOf or oneOf meet them. Every demand of
//! the reader's allOf has to be met. Branches of anyOf and oneOf are paired off, each with a partner of its own as
//! Confluent does; under the policy `wire` partners may be shared, because that loses no value. Left out: that a value
//! may come to fit two branches of a oneOf.

use std::{collections::VecDeque, sync::Arc};

use super::{Both, Comparison, Outcome, Pair, Side, Site, array::whole, assertion::demands};
use crate::{
    Direction, Policy,
    json::{
        node::{Keywords, NodeId},
        rules::{self, Row},
    },
};

fn has_combinations(keywords: &Keywords) -> bool {
    keywords.target.is_some()
        || !keywords.all_of.is_empty()
        || !keywords.any_of.is_empty()
        || !keywords.one_of.is_empty()
}

/// anyOf and oneOf of a schema, by name.
fn sums(keywords: &Keywords) -> [(&'static str, &[NodeId]); 2] {
    [("anyOf", &keywords.any_of), ("oneOf", &keywords.one_of)]
}

/// The first of the two that is there.
fn sum<'k>(keywords: &'k Keywords, wanted: &str) -> Option<(&'static str, &'k [NodeId])> {
    let there = || {
        sums(keywords)
            .into_iter()
            .filter(|(_, branches)| !branches.is_empty())
    };
    there()
        .find(|(name, _)| *name == wanted)
        .or_else(|| there().next())
}

impl<'s> Comparison<'s> {
    /// Compares everything about a pair but annotations.
    pub(super) fn combinations(&mut self, both: Both<'s>) {
        let Both { pair, writes, reads } = both;
        let writer_combines = pair.writer.whole && has_combinations(writes);
        let reader_combines = pair.reader.whole && has_combinations(reads);
        if !writer_combines && !reader_combines {
            self.base(both);
            self.negation(both);
            self.condition(both);
            return;
        }
        let base = self.compare(Pair {
            writer: Side::base(pair.writer.node),
            reader: Side::base(pair.reader.node),
        });
        if !(base.breaks && writer_combines) {
            self.adopt_here(both, &base);
        } else if !self.is_covered(both) {
            if demands(writes) {
                self.adopt_here(both, &base);
            } else {
                self.uncovered(both);
            }
        }
        if reader_combines {
            self.reference(both, writer_combines);
            self.product(both, writer_combines);
            for (keyword, branches) in sums(reads) {
                if !branches.is_empty() {
                    self.sum(both, keyword, branches, writer_combines);
                }
            }
        }
        if writer_combines && !writes.all_of.is_empty() && reads.all_of.is_empty() {
            self.at_keyword(both, &rules::PRODUCT_TYPE_NARROWED, "allOf", None);
        }
    }

    fn adopt_here(&mut self, both: Both<'s>, outcome: &Outcome) {
        let sites = (Site::of(both.pair.writer.node), Site::of(both.pair.reader.node));
        self.adopt(outcome, "", &sites.0, &sites.1);
    }

    fn at_keyword(&mut self, both: Both<'s>, row: &'static Row, keyword: &str, cause: Option<Arc<str>>) {
        self.add(super::Difference {
            row,
            path: format!("/{keyword}"),
            writer: both.writer_at(keyword),
            reader: both.reader_at(keyword),
            shown_at: [None, None],
            cause,
        });
    }

    /// Whether a combination of the writer meets the reader's plain keywords.
    fn is_covered(&mut self, both: Both<'s>) -> bool {
        let reader = Side::base(both.pair.reader.node);
        let meets = |comparison: &mut Self, branch: NodeId| {
            let writer = Side::whole(branch);
            comparison.accepts(Pair { writer, reader })
        };
        let writes = both.writes;
        writes.target.is_some_and(|target| meets(self, target))
            || writes.all_of.iter().any(|branch| meets(self, *branch))
            || sums(writes).into_iter().any(|(_, branches)| {
                !branches.is_empty() && branches.iter().all(|branch| meets(self, *branch))
            })
    }

    /// Says why no combination of the writer meets the reader's plain keywords.
    fn uncovered(&mut self, both: Both<'s>) {
        let reader = Side::base(both.pair.reader.node);
        if let Some((keyword, branches)) = sum(both.writes, "anyOf") {
            let failing = branches.iter().find_map(|branch| {
                let writer = Side::whole(*branch);
                let outcome = self.compare(Pair { writer, reader });
                outcome.breaks.then_some(outcome)
            });
            let cause = failing.and_then(|outcome| self.cause(&outcome));
            return self.at_keyword(both, &rules::SUM_TYPE_NARROWED, keyword, cause);
        }
        let all = both.writes.target.iter().chain(&both.writes.all_of);
        match all.collect::<Vec<_>>().as_slice() {
            [only] => {
                let writer = Side::whole(**only);
                let outcome = self.compare(Pair { writer, reader });
                self.adopt_here(both, &outcome);
            }
            _ => self.at_keyword(both, &rules::COMBINED_TYPE_CHANGED, "allOf", None),
        }
    }

    /// The first thing that breaks in an outcome, as a sentence for a hint.
    fn cause(&self, outcome: &Outcome) -> Option<Arc<str>> {
        let difference = outcome
            .found
            .iter()
            .find(|difference| !difference.row.is_compatible(self.standard))?;
        let path = format!("#{}", difference.path);
        let what = difference.row.describe(&path, Direction::Backward);
        Some(format!("Within it: {what} ({}).", difference.row.rule).into())
    }

    /// A `$ref` beside other keywords is one more demand.
    fn reference(&mut self, both: Both<'s>, writer_combines: bool) {
        let Some(reader) = both.reads.target else { return };
        let target = both.writes.target.filter(|_| writer_combines);
        let writer = target.map_or(both.pair.writer, Side::whole);
        let reader = Side::whole(reader);
        let outcome = self.compare(Pair { writer, reader });
        let writer = both.pair.writer;
        if !outcome.breaks || !self.accepts(Pair { writer, reader }) {
            self.adopt_here(both, &outcome);
        }
    }

    fn product(&mut self, both: Both<'s>, writer_combines: bool) {
        let readers = &both.reads.all_of;
        let writers: &[NodeId] = if writer_combines { &both.writes.all_of } else { &[] };
        for (index, reader) in readers.iter().enumerate() {
            let near = writers.get(index).into_iter().chain(writers);
            let mut met = false;
            for writer in near {
                met = met || self.accepts(whole(*writer, *reader));
            }
            let all = Pair {
                writer: both.pair.writer,
                reader: Side::whole(*reader),
            };
            if met || self.accepts(all) {
                continue;
            }
            if let ([writer], [reader]) = (writers, readers.as_slice()) {
                let sites = (both.writer_at("allOf"), both.reader_at("allOf"));
                return self.below("/allOf/0", whole(*writer, *reader), &sites.0, &sites.1);
            }
            let row = if readers.len() > writers.len() {
                &rules::PRODUCT_TYPE_EXTENDED
            } else {
                &rules::COMBINED_TYPE_SUBSCHEMAS_CHANGED
            };
            let outcome = self.compare(all);
            let cause = self.cause(&outcome);
            return self.at_keyword(both, row, "allOf", cause);
        }
        if !readers.is_empty() && readers.len() < writers.len() {
            self.at_keyword(both, &rules::PRODUCT_TYPE_NARROWED, "allOf", None);
        }
    }

    fn sum(&mut self, both: Both<'s>, keyword: &'static str, readers: &'s [NodeId], writer_combines: bool) {
        let found = sum(both.writes, keyword).filter(|_| writer_combines);
        let Some((kind, writers)) = found else {
            let row = if self.fits_one(both, readers) {
                &rules::SUM_TYPE_EXTENDED
            } else {
                &rules::COMBINED_TYPE_CHANGED
            };
            return self.at_keyword(both, row, keyword, None);
        };
        let single = writers.len() == 1 && readers.len() == 1;
        if kind != keyword && !single {
            // A value may fit two choices of a oneOf, which Confluent's registry does not mind if there are more of them.
            let more = readers.len() > writers.len() && self.standard.policy == Policy::Confluent;
            let row = if keyword == "anyOf" || more {
                &rules::COMBINED_TYPE_EXTENDED
            } else {
                &rules::COMBINED_TYPE_CHANGED
            };
            self.at_keyword(both, row, keyword, None);
        }
        let unmatched = self.unmatched(writers, readers);
        let Some(first) = unmatched.and_then(|index| writers.get(index)) else {
            if readers.len() > writers.len() {
                self.at_keyword(both, &rules::SUM_TYPE_EXTENDED, keyword, None);
            }
            return;
        };
        if self.standard.policy == Policy::Wire && self.fits_one(both, readers) {
            return;
        }
        if single {
            let sites = (both.writer_at(kind), both.reader_at(keyword));
            let path = format!("/{keyword}/0");
            return self.below(&path, whole(*first, readers[0]), &sites.0, &sites.1);
        }
        let row = if readers.len() < writers.len() {
            &rules::SUM_TYPE_NARROWED
        } else {
            &rules::COMBINED_TYPE_SUBSCHEMAS_CHANGED
        };
        let near = unmatched.and_then(|index| readers.get(index));
        let cause = near.and_then(|reader| {
            let outcome = self.compare(whole(*first, *reader));
            self.cause(&outcome)
        });
        self.at_keyword(both, row, keyword, cause);
    }

    /// Whether one branch accepts all the writer's values.
    fn fits_one(&mut self, both: Both<'s>, readers: &[NodeId]) -> bool {
        readers.iter().any(|reader| {
            self.accepts(Pair {
                writer: both.pair.writer,
                reader: Side::whole(*reader),
            })
        })
    }

    /// The first of the writer's branches that gets no partner in a largest pairing.
    fn unmatched(&mut self, writers: &[NodeId], readers: &[NodeId]) -> Option<usize> {
        let mut owners: Vec<Option<usize>> = vec![None; readers.len()];
        let mut partners: Vec<Option<usize>> = vec![None; writers.len()];
        // Most branches stay where they were.
        for index in 0..writers.len().min(readers.len()) {
            if self.accepts(whole(writers[index], readers[index])) {
                owners[index] = Some(index);
                partners[index] = Some(index);
            }
        }
        for index in 0..writers.len() {
            if partners[index].is_some() {
                continue;
            }
            let found = if self.standard.policy == Policy::Wire {
                readers
                    .iter()
                    .any(|reader| self.accepts(whole(writers[index], *reader)))
            } else {
                self.augment(index, writers, readers, &mut owners, &mut partners)
            };
            if !found {
                return Some(index);
            }
        }
        None
    }

    /// Finds a partner for one branch, if need be by giving others new ones (an augmenting path, breadth first).
    fn augment(
        &mut self,
        start: usize,
        writers: &[NodeId],
        readers: &[NodeId],
        owners: &mut [Option<usize>],
        partners: &mut [Option<usize>],
    ) -> bool {
        let mut came_from: Vec<Option<usize>> = vec![None; readers.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(writer) = queue.pop_front() {
            for reader in 0..readers.len() {
                if came_from[reader].is_some() || !self.accepts(whole(writers[writer], readers[reader])) {
                    continue;
                }
                came_from[reader] = Some(writer);
                if let Some(owner) = owners[reader] {
                    queue.push_back(owner);
                    continue;
                }
                let mut free = Some(reader);
                while let Some(taken) = free {
                    let Some(by) = came_from[taken] else { break };
                    free = partners[by].replace(taken);
                    owners[taken] = Some(by);
                }
                return true;
            }
        }
        false
    }

    /// What is forbidden goes the other way round.
    fn negation(&mut self, both: Both<'s>) {
        let row = match (both.writes.not, both.reads.not) {
            (None, None) => return,
            (Some(_), None) => &rules::NOT_TYPE_NARROWED,
            (None, Some(_)) => &rules::NOT_TYPE_EXTENDED,
            (Some(writer), Some(reader)) => {
                if !self.accepts_swapped(writer, reader) {
                    &rules::NOT_TYPE_EXTENDED
                } else if !self.accepts(whole(writer, reader)) {
                    &rules::NOT_TYPE_NARROWED
                } else {
                    return;
                }
            }
        };
        self.at_keyword(both, row, "not", None);
    }

    /// Whether the writer's schema accepts all the reader's does.
    fn accepts_swapped(&mut self, writer: NodeId, reader: NodeId) -> bool {
        std::mem::swap(&mut self.writer, &mut self.reader);
        self.swapped = !self.swapped;
        let accepts = self.accepts(whole(reader, writer));
        std::mem::swap(&mut self.writer, &mut self.reader);
        self.swapped = !self.swapped;
        accepts
    }

    /// Conditions are compared for equality: which values take which way is nothing to be told from outside.
    fn condition(&mut self, both: Both<'s>) {
        let parts = |keywords: &Keywords| [keywords.condition, keywords.then, keywords.otherwise];
        if both.reads.condition.is_none() {
            return;
        }
        for (writer, reader) in parts(both.writes).into_iter().zip(parts(both.reads)) {
            let equal = match (writer, reader) {
                (None, None) => true,
                (Some(writer), Some(reader)) => {
                    self.accepts(whole(writer, reader)) && self.accepts_swapped(writer, reader)
                }
                _ => false,
            };
            if !equal {
                return self.at_keyword(both, &rules::CONDITION_CHANGED, "if", None);
            }
        }
    }
}
