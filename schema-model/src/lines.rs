//! Lines and columns of many positions in one text.
//!
//! [`crate::Span::line_column`] reads the text up to the position; a thousand findings in a megabyte would read a gigabyte.
//! This reads the text once and then at most [`STEP`] bytes a position. It gives the same answers.

/// Characters are counted up to every multiple of this many bytes.
const STEP: usize = 256;

pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    characters: Vec<usize>,
}

/// Whether a byte begins a character.
const fn begins(byte: &u8) -> bool {
    *byte & 0xc0 != 0x80
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Lines<'a> {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let mut count = 0;
        let mut characters = vec![0];
        for chunk in text.as_bytes().chunks(STEP) {
            count += chunk.iter().filter(|byte| begins(byte)).count();
            characters.push(count);
        }
        Lines {
            text,
            starts: std::iter::once(0).chain(newlines).collect(),
            characters,
        }
    }

    /// Line and column of a byte position, from 1.
    pub(crate) fn line_column(&self, position: usize) -> (u32, u32) {
        let position = position.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= position);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index));
        let column = 1 + self.before(position) - self.before(start.copied().unwrap_or_default());
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (small(line), small(column))
    }

    /// How many characters begin before a position.
    fn before(&self, position: usize) -> usize {
        let step = position / STEP;
        let rest = self
            .text
            .as_bytes()
            .get(step * STEP..position)
            .unwrap_or_default();
        let counted = self.characters.get(step).copied().unwrap_or_default();
        counted + rest.iter().filter(|byte| begins(byte)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn places_are_those_of_a_span() {
        let check = |text: &str| {
            let lines = Lines::of(text);
            for (position, _) in text
                .char_indices()
                .chain([(text.len(), ' '), (text.len() + 9, ' ')])
            {
                assert_eq!(
                    lines.line_column(position),
                    Span::line_column(text, position),
                    "{text:?} {position}"
                );
            }
        };
        check("");
        check("\n");
        check("a\né\n\n☃x");
        check(&"näher\n".repeat(100));
        check(&"ä☃".repeat(300));
    }
}
