//! What was taken out of use: numbers and names are reserved when a field goes, and stay reserved.
//!
//! This is about the old and the new schema, whoever reads; it does not change whether today's bytes can be read.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};

use super::{Comparison, Site, field::segment};
use crate::proto::rules::{self, Row};

/// What a message or enum reserves.
struct Reserved {
    /// Inclusive, sorted, without overlap.
    ranges: Vec<(i64, i64)>,
    names: BTreeSet<String>,
}

impl Reserved {
    fn new(ranges: impl Iterator<Item = (i64, i64)>, names: impl Iterator<Item = String>) -> Reserved {
        Reserved {
            ranges: merged(ranges.collect()),
            names: names.collect(),
        }
    }

    fn of_message(message: &MessageDescriptor) -> Reserved {
        let ranges = message.reserved_ranges();
        Reserved::new(
            ranges.map(|range| (i64::from(range.start), i64::from(range.end) - 1)),
            message.reserved_names().map(str::to_owned),
        )
    }

    fn of_enum(descriptor: &EnumDescriptor) -> Reserved {
        let ranges = descriptor.reserved_ranges();
        Reserved::new(
            ranges.map(|range| (i64::from(*range.start()), i64::from(*range.end()))),
            descriptor.reserved_names().map(str::to_owned),
        )
    }

    fn holds(&self, number: i64) -> bool {
        let after = self.ranges.partition_point(|(start, _)| *start <= number);
        let nearest = after.checked_sub(1).and_then(|index| self.ranges.get(index));
        nearest.is_some_and(|(_, end)| number <= *end)
    }
}

fn merged(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match out.last_mut() {
            Some((_, last)) if start <= last.saturating_add(1) => *last = end.max(*last),
            _ => out.push((start, end)),
        }
    }
    out
}

/// The parts of `ranges` that lie outside `others`; both are sorted and without overlap.
fn outside(ranges: &[(i64, i64)], others: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut out = Vec::new();
    let mut next = 0;
    for (start, end) in ranges.iter().copied() {
        let mut from = start;
        while others.get(next).is_some_and(|(_, last)| *last < from) {
            next += 1;
        }
        for (first, last) in others.get(next..).unwrap_or_default() {
            if *first > end {
                break;
            }
            if from < *first {
                out.push((from, first - 1));
            }
            from = last + 1;
        }
        if from <= end {
            out.push((from, end));
        }
    }
    out
}

/// Declared numbers and names, each with where it is declared.
type Declared = Vec<(i64, String, Option<Site>)>;

impl Comparison {
    /// Looks at what left the old message and at what it had reserved.
    pub(super) fn message_history(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        if !self.history {
            return;
        }
        let (old, new) = self.in_time(writer, reader);
        let (old, new) = (old.clone(), new.clone());
        let (_, new_file) = self.in_time(&self.writer_file, &self.reader_file);
        let own = new.parent_file().name() == new_file;
        let reserved = Reserved::of_message(&new);
        let numbers: BTreeMap<String, FieldDescriptor> = new
            .fields()
            .map(|field| (field.name().to_owned(), field))
            .collect();
        for field in old
            .fields()
            .filter(|field| new.get_field(field.number()).is_none())
        {
            self.left(&field, &reserved, numbers.get(field.name()), new.name());
        }
        let declared = new.fields().map(|field| {
            let site = own.then(|| Site::declared(field.path())).flatten();
            (i64::from(field.number()), field.name().to_owned(), site)
        });
        self.kept(&Reserved::of_message(&old), &reserved, declared.collect());
    }

    pub(super) fn enum_history(&mut self, writer: &EnumDescriptor, reader: &EnumDescriptor) {
        if !self.history {
            return;
        }
        let (old, new) = self.in_time(writer, reader);
        let declared = new.values().map(|value| {
            (
                i64::from(value.number()),
                value.name().to_owned(),
                Site::declared(value.path()),
            )
        });
        self.kept(
            &Reserved::of_enum(old),
            &Reserved::of_enum(new),
            declared.collect(),
        );
    }

    /// A field of the old message whose number the new one does not have.
    fn left(
        &mut self,
        field: &FieldDescriptor,
        reserved: &Reserved,
        namesake: Option<&FieldDescriptor>,
        message: &str,
    ) {
        let (number, name) = (field.number(), field.name());
        let (old_file, new_file) = self.in_time(self.writer_file.clone(), self.reader_file.clone());
        let site = Self::field_site(field, &old_file);
        if let Some(namesake) = namesake {
            let hint = format!(
                "Give field \"{name}\" its number {number} back, or call the one with number {} something else.",
                namesake.number()
            );
            let new_site = Self::field_site(namesake, &new_file);
            self.note_in_time(
                &rules::FIELD_NUMBER_CHANGED,
                &segment(field),
                site,
                new_site,
                hint,
            );
            return;
        }
        let missing = match (reserved.holds(i64::from(number)), reserved.names.contains(name)) {
            (true, true) => return,
            (false, true) => format!("\"reserved {number};\""),
            (true, false) => format!("'reserved \"{name}\";'"),
            (false, false) => format!("\"reserved {number};\" and 'reserved \"{name}\";'"),
        };
        let hint = format!("Add {missing} to message {message}.");
        self.note_in_time(
            &rules::FIELD_REMOVED_UNRESERVED,
            &segment(field),
            site,
            None,
            hint,
        );
    }

    /// What was reserved is reserved still.
    fn kept(&mut self, old: &Reserved, new: &Reserved, declared: Declared) {
        let (mut taken, mut names) = (Vec::new(), BTreeSet::new());
        for (number, name, site) in declared {
            taken.push((number, number));
            if old.holds(number) {
                let hint = format!("Keep {number} reserved, and give \"{name}\" another number.");
                let segment = number.to_string();
                let old = Site::text(format!("reserved {number};"));
                self.note_in_time(&rules::RESERVED_NUMBER_REUSED, &segment, old, site.clone(), hint);
            }
            if old.names.contains(&name) {
                let hint = format!("Keep \"{name}\" reserved, and call this one something else.");
                let old = Site::text(format!("reserved \"{name}\";"));
                self.note_in_time(&rules::RESERVED_NAME_REUSED, &name, old, site, hint);
            }
            names.insert(name);
        }
        let covered = merged(new.ranges.iter().copied().chain(taken).collect());
        for (start, end) in outside(&old.ranges, &covered) {
            let range = if start == end {
                start.to_string()
            } else {
                format!("{start} to {end}")
            };
            let hint = format!("Add \"reserved {range};\" again.");
            let old = Site::text(format!("reserved {range};"));
            self.note_in_time(&rules::RESERVED_NUMBER_REMOVED, &range, old, None, hint);
        }
        for name in old
            .names
            .difference(&new.names)
            .filter(|name| !names.contains(*name))
        {
            let hint = format!("Add 'reserved \"{name}\";' again.");
            let old = Site::text(format!("reserved \"{name}\";"));
            self.note_in_time(&rules::RESERVED_NAME_REMOVED, name, old, None, hint);
        }
    }

    fn note_in_time(
        &mut self,
        row: &'static Row,
        segment: &str,
        old: Option<Site>,
        new: Option<Site>,
        hint: String,
    ) {
        // Swapping the sides is its own inverse.
        let sites = self.in_time(old, new);
        self.note_hinted(row, segment, sites, Some(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_taken_from_ranges() {
        let check = |ranges: &[(i64, i64)], others: &[(i64, i64)], wanted: &[(i64, i64)]| {
            assert_eq!(
                outside(&merged(ranges.to_vec()), &merged(others.to_vec())),
                wanted
            );
        };
        check(&[(1, 5)], &[], &[(1, 5)]);
        check(&[(1, 5)], &[(0, 9)], &[]);
        check(&[(1, 5)], &[(3, 3)], &[(1, 2), (4, 5)]);
        check(&[(1, 5), (7, 9)], &[(5, 7)], &[(1, 4), (8, 9)]);
        check(&[(1, 2), (2, 4), (8, 8)], &[(3, 3), (4, 4)], &[(1, 2), (8, 8)]);
        check(&[(1, 2), (5, 6), (9, 9)], &[(1, 9)], &[]);
    }

    #[test]
    fn numbers_are_found_in_ranges() {
        let reserved = Reserved::new([(5, 7), (1, 2)].into_iter(), std::iter::empty());
        let held: Vec<i64> = (0..10).filter(|number| reserved.holds(*number)).collect();
        assert_eq!(held, [1, 2, 5, 6, 7]);
    }
}
