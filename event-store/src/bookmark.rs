//! Where a long answer goes on: the one form that every `cursor` has.
//!
//! A walk is one question at fixed cuts, answered page by page. Its cursor has, with `;` between, what it is of (short digests of
//! the folds, the question and the points it was asked for), the cuts, and the place behind which the next page begins.
//! Invariant: a cursor goes on with the walk that gave it out, or is refused with the reason. A point that is not given
//! again, or is the cursor's own cut, is the walk's.
//! Left out: a signature. Whoever makes a cursor up has asked another question of what they may ask anyway.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::at::AsOf;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::fold::FoldId;
use crate::hex::hex;

/// Hexadecimal digits of each short digest: enough that nobody meets the digest of another question by mistake.
const DIGITS: usize = 8;

/// The cursors of one walk through the answer to a question at so many points.
pub(crate) struct Bookmarks<const POINTS: usize> {
    folds: String,
    question: String,
    points: [Asked; POINTS],
}

/// A point of a walk.
struct Asked {
    /// The digest of what it was asked for by; nothing where it was not.
    point: Option<String>,
    /// The cut it is, where it was given as one.
    cut: Option<Cut>,
}

impl Asked {
    fn of(at: &AsOf) -> Asked {
        let (point, cut) = match at {
            AsOf::Head => (None, None),
            // Before everything, as the absent beginning of two points is told.
            AsOf::Cut(cut) if cut.iter().next().is_none() => (None, None),
            AsOf::Cut(cut) => (Some(digest([Some(&*at.to_string())])), Some(cut.clone())),
            at => (Some(digest([Some(&*at.to_string())])), None),
        };
        Asked { point, cut }
    }
}

impl<const POINTS: usize> Bookmarks<POINTS> {
    /// Of a question by all its parts, answered by these folds, at these points.
    pub(crate) fn of<'q>(
        folds: impl IntoIterator<Item = &'q FoldId>,
        question: impl IntoIterator<Item = Option<&'q str>>,
        points: [&AsOf; POINTS],
    ) -> Bookmarks<POINTS> {
        let folds: Vec<String> = folds.into_iter().map(FoldId::digest_hex).collect();
        Bookmarks {
            folds: digest(folds.iter().map(|fold| Some(fold.as_str()))),
            question: digest(question),
            points: points.map(Asked::of),
        }
    }

    /// The cuts of a cursor and its place, as `place` reads it.
    ///
    /// # Errors
    /// It is no cursor, or one of another walk.
    pub(crate) fn go_on<P>(
        &mut self,
        cursor: &str,
        place: impl FnOnce(&str) -> Option<P>,
    ) -> Result<([Cut; POINTS], P), StoreError> {
        let wrong = || StoreError::cursor(cursor);
        let mut parts = cursor.splitn(POINTS + 2, ';');
        let mut digests = parts.next().and_then(digests).ok_or_else(wrong)?.into_iter();
        let mut cuts: [Cut; POINTS] = std::array::from_fn(|_| Cut::default());
        for cut in &mut cuts {
            let part = parts.next().and_then(|part| part.parse().ok());
            *cut = part.ok_or_else(wrong)?;
        }
        let place = parts.next().and_then(place).ok_or_else(wrong)?;
        let mut digest = || digests.next().ok_or_else(wrong);
        if digest()? != self.question {
            return Err(StoreError::OtherQuestion);
        }
        if digest()? != self.folds {
            return Err(StoreError::OtherFolds);
        }
        for (asked, cut) in self.points.iter_mut().zip(&cuts) {
            let walked = digest()?;
            let is_same = asked.point.as_ref().is_none_or(|asked| *asked == walked);
            if !is_same && asked.cut.as_ref() != Some(cut) {
                return Err(StoreError::OtherPoint);
            }
            asked.point = Some(walked);
        }
        if digests.next().is_some() {
            return Err(wrong());
        }
        Ok((cuts, place))
    }

    /// The cursor of what comes behind a place.
    pub(crate) fn cursor(&self, cuts: [&Cut; POINTS], place: impl fmt::Display) -> String {
        let mut cursor = format!("{}{}", self.question, self.folds);
        for asked in &self.points {
            match &asked.point {
                Some(point) => cursor.push_str(point),
                None => cursor.push_str(&digest([None])),
            }
        }
        for cut in cuts {
            cursor.push_str(&format!(";{cut}"));
        }
        cursor.push_str(&format!(";{place}"));
        cursor
    }
}

/// The short digests in front of a cursor.
fn digests(text: &str) -> Option<Vec<String>> {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let each = text.as_bytes().chunks(DIGITS);
    let each = each.map(|digits| String::from_utf8(digits.to_vec()).ok());
    each.map(|digits| digits.filter(|digits| digits.len() == DIGITS && is_hex(digits)))
        .collect()
}

/// A short digest of what may be there or not.
fn digest<'q>(parts: impl IntoIterator<Item = Option<&'q str>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths go before texts, so that no two lists feed the same bytes.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    let mut digits = hex(&hash.finalize());
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(rev: u32) -> FoldId {
        FoldId::new("order", rev, [], "")
    }

    /// What comes of going on with the cursor of one walk in another.
    fn check(
        one: (u32, [Option<&str>; 2], &AsOf),
        other: (u32, [Option<&str>; 2], &AsOf),
        wanted: Result<(), &str>,
    ) {
        let cut: Cut = "0=3".parse().unwrap();
        let marks = |(rev, question, at)| Bookmarks::of([&fold(rev)], question, [at]);
        let cursor = marks(one).cursor([&cut], "a;b");
        let mut went_on = marks(other);
        let got = went_on.go_on(&cursor, |place| Some(place.to_owned()));
        match (got, wanted) {
            (Ok((cuts, place)), Ok(())) => {
                assert_eq!((cuts, place.as_str()), ([cut.clone()], "a;b"));
                assert_eq!(went_on.cursor([&cut], "a;b"), cursor, "it is the same walk");
            }
            (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
            (got, wanted) => panic!("{got:?} and not {wanted:?}"),
        }
    }

    #[test]
    fn a_cursor_is_of_one_walk() {
        let (head, time) = (&AsOf::Head, &AsOf::Time(5));
        let one = (1, [Some("a"), None], time);
        check(one, one, Ok(()));
        check(one, (1, one.1, head), Ok(()));
        check(one, (1, one.1, &AsOf::Cut("0=3".parse().unwrap())), Ok(()));
        check(
            one,
            (1, one.1, &AsOf::Cut("0=2".parse().unwrap())),
            Err("another point"),
        );
        check(one, (1, one.1, &AsOf::Time(6)), Err("another point"));
        check((1, one.1, head), one, Err("another point"));
        check(one, (2, one.1, time), Err("the folds are not those"));
        check(one, (1, [Some("a"), Some("")], time), Err("another question"));
        check(one, (1, [None, Some("a")], time), Err("another question"));
    }

    proptest! {
        #[test]
        fn what_is_no_cursor_is_refused(text in "[0-9a-f;=,é-]{0,60}") {
            let mut marks = Bookmarks::of([&fold(1)], [Some("a")], [&AsOf::Head, &AsOf::Head]);
            prop_assert!(marks.go_on(&text, |place| Some(place.len())).is_err());
        }
    }
}
