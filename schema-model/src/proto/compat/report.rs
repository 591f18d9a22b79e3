//! From differences to findings: which count, in which order, and where in the texts they are.

use super::{Comparison, Declaration, Difference, FINDINGS_MAX, Site, hint::hint};
use crate::{
    Direction, Finding,
    finding::snippet,
    lines::Lines,
    proto::{Schema, print},
};

/// Most segments of a path that are written out.
const SEGMENTS_MAX: usize = 64;

impl Comparison {
    pub(super) fn findings(&self, reader: &Schema, writer: &Schema) -> Vec<Finding> {
        let (new, _) = self.new_and_old(reader, writer);
        let lines = Lines::of(new.text());
        self.ordered()
            .filter(|(_, difference)| difference.row.counts(self.standard))
            .take(FINDINGS_MAX)
            .map(|(pair, difference)| self.finding(pair, difference, (reader, writer), &lines))
            .collect()
    }

    /// All differences, each with its pair, in the order of the declarations; those of a pair of types come before the
    /// field that first led to it.
    pub(super) fn ordered(&self) -> impl Iterator<Item = (usize, &Difference)> {
        let incompatible = self.incompatible();
        let mut told = vec![false; self.pairs.len()];
        // Open pairs with how far each has been told.
        let mut open = vec![(0, 0)];
        std::iter::from_fn(move || {
            while let Some((pair, next)) = open.last_mut() {
                let Some(difference) = self.pairs.get(*pair).and_then(|pair| pair.found.get(*next)) else {
                    open.pop();
                    continue;
                };
                let Some(on) = difference.on else {
                    *next += 1;
                    return Some((*pair, difference));
                };
                let first = told
                    .get_mut(on)
                    .is_some_and(|told| !std::mem::replace(told, true));
                if first {
                    open.push((on, 0));
                    continue;
                }
                *next += 1;
                let pair = *pair;
                if incompatible.get(on).copied().unwrap_or(true) {
                    return Some((pair, difference));
                }
            }
            None
        })
    }

    /// `#/A/1/3`: through the fields that lead to the pair, then within it.
    pub(super) fn path(&self, pair: usize, difference: &Difference) -> String {
        let mut parts = vec![&difference.segments];
        let mut above = self.pairs.get(pair).and_then(|pair| pair.parent.as_ref());
        while let Some((pair, segments)) = above {
            parts.push(segments);
            above = self.pairs.get(*pair).and_then(|pair| pair.parent.as_ref());
        }
        let segments: Vec<&str> = parts
            .iter()
            .rev()
            .flat_map(|segments| segments.iter().map(String::as_str))
            .collect();
        if segments.len() <= SEGMENTS_MAX {
            return format!("#/{}", segments.join("/"));
        }
        let (first, rest) = segments.split_at(SEGMENTS_MAX / 2);
        let (_, last) = rest.split_at(rest.len() - SEGMENTS_MAX / 2);
        format!("#/{}/…/{}", first.join("/"), last.join("/"))
    }

    fn new_and_old<T>(&self, reader: T, writer: T) -> (T, T) {
        match self.direction {
            Direction::Backward => (reader, writer),
            Direction::Forward => (writer, reader),
        }
    }

    fn finding(
        &self,
        pair: usize,
        difference: &Difference,
        (reader, writer): (&Schema, &Schema),
        lines: &Lines<'_>,
    ) -> Finding {
        let path = self.path(pair, difference);
        let row = difference.row;
        let description = row.describe(&path, self.direction);
        let mut finding = Finding::new(row.rule, path, description, self.direction);
        let (new, old) = self.new_and_old((reader, &difference.reader), (writer, &difference.writer));
        let places = new.0.places();
        if let Some(span) = places.nearest(&new.1.path).or_else(|| places.first()) {
            finding = finding.at(lines, span);
        }
        finding.new = snippet_of(new.0, new.1);
        finding.old = snippet_of(old.0, old.1);
        finding.hint = match &difference.hint {
            Some(hint) => hint.clone(),
            None => hint(row, self.direction, &finding.old),
        };
        finding
    }
}

/// What a side declares, from its text or, if it is in another file, as it would be printed.
fn snippet_of(schema: &Schema, site: &Site) -> String {
    match &site.other {
        Some(Declaration::Field(field)) => return snippet(&print::field(field)),
        Some(Declaration::Text(text)) => return snippet(text),
        None => {}
    }
    let span = schema.places().get(&site.path).filter(|_| site.declared);
    span.map(|span| snippet(span.of(schema.text())))
        .unwrap_or_default()
}
