//! Findings as rustc draws its own: the line of the new schema, what is wrong with it, and what to do.
//!
//! Whoever has the text and its path draws alike: commands, and builds that generate code.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use annals_schema_model::{Finding, Span};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It stops what is done.
    Error,
    /// It does not.
    Warning,
}

impl Weight {
    /// As compilers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Weight::Error => "error",
            Weight::Warning => "warning",
        }
    }
}

/// A finding on its line of the new schema: `title` says what it means, `path` where the text is.
#[must_use]
pub fn finding(finding: &Finding, weight: Weight, title: &str, path: &str, text: &str) -> String {
    let level = match weight {
        Weight::Error => Level::ERROR,
        Weight::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(title).id(finding.rule.code()));
    let label = sentence(finding);
    let place = match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}: "),
        _ => String::new(),
    };
    let said = format!("{place}{label}");
    if let Some(excerpt) = finding
        .span
        .zip(finding.line)
        .and_then(|(span, line)| Excerpt::around(text, span, line))
    {
        let mark = AnnotationKind::Primary.span(excerpt.marked).label(label.as_str());
        let lines = Snippet::source(excerpt.lines).line_start(excerpt.first_line);
        group = group.element(lines.path(path).annotation(mark));
    } else {
        group = group.element(Level::NOTE.message(said.as_str()));
    }
    let sides = format!(
        "at {}: old {}, new {}",
        finding.path,
        or_none(&finding.old),
        or_none(&finding.new)
    );
    group = group.element(Level::NOTE.message(sides.as_str()));
    let help = if finding.hint.is_empty() {
        finding.rule.sentence()
    } else {
        &finding.hint
    };
    group = group.element(Level::HELP.message(help));
    Renderer::plain().render(&[group])
}

/// What is wrong, and the names and numbers it is about.
pub(crate) fn sentence(finding: &Finding) -> String {
    match finding.additional_info.trim() {
        "" => finding.description.clone(),
        about => format!("{} ({about})", finding.description),
    }
}

/// A sentence about a place of a text that is no schema.
#[derive(Clone, Copy, Debug)]
pub struct Remark<'a> {
    /// What is wrong.
    pub title: &'a str,
    /// What to do, where that is known.
    pub help: Option<&'a str>,
    /// The bytes of the text it is about.
    pub span: Option<Span>,
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
}

/// A sentence on its line of a text; `path` is where the text is.
#[must_use]
pub fn remark(remark: &Remark<'_>, path: &str, text: &str) -> String {
    let mut group = Group::with_title(Level::ERROR.primary_title(remark.title));
    let span = remark.span.filter(|span| span.end <= text.len());
    let span = span.or_else(|| character(text, remark.line, remark.column));
    let excerpt = span.and_then(|span| Excerpt::around(text, span, remark.line));
    let place = format!("{path}:{}:{}", remark.line, remark.column);
    group = match excerpt {
        Some(excerpt) => {
            let mark = AnnotationKind::Primary.span(excerpt.marked);
            let lines = Snippet::source(excerpt.lines).line_start(excerpt.first_line);
            group.element(lines.path(path).annotation(mark))
        }
        None => group.element(Level::NOTE.message(place.as_str())),
    };
    if let Some(help) = remark.help {
        group = group.element(Level::HELP.message(help));
    }
    Renderer::plain().render(&[group])
}

/// The character at a place of a text; the last one of the line where the place is behind it.
fn character(text: &str, line: u32, column: u32) -> Option<Span> {
    let before = usize::try_from(line).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let line = text.get(start..)?.lines().next()?;
    let before = usize::try_from(column).ok()?.checked_sub(1)?;
    let (at, found) = line
        .char_indices()
        .nth(before)
        .or_else(|| line.char_indices().next_back())?;
    let start = start + at;
    let end = start + found.len_utf8();
    Some(Span { start, end })
}

fn or_none(snippet: &str) -> &str {
    if snippet.is_empty() { "nothing" } else { snippet }
}

/// The lines a finding is drawn on. Drawing costs as much as it is drawn from, so a long text is not drawn from for each of
/// a thousand findings.
#[derive(Debug, PartialEq)]
struct Excerpt<'t> {
    lines: &'t str,
    first_line: usize,
    /// What the finding is about, as far as it is in the excerpt.
    marked: Range<usize>,
}

impl<'t> Excerpt<'t> {
    /// Nothing when it stands on a line too long to be drawn.
    fn around(text: &'t str, span: Span, line: u32) -> Option<Excerpt<'t>> {
        const BYTES_MAX: usize = 8 * 1024;
        let start = text
            .get(..span.start)?
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let limit = text.floor_char_boundary(start + BYTES_MAX);
        let end_of_line = |from: usize| {
            let rest = text.get(from..limit)?;
            let newline = rest.find('\n').map(|newline| from + newline);
            newline.or_else(|| (limit == text.len()).then_some(limit))
        };
        let marked_to = span.end.min(limit);
        // Of what goes beyond the limit the first line is drawn.
        let end = end_of_line(marked_to).or_else(|| end_of_line(span.start))?;
        Some(Excerpt {
            lines: text.get(start..end)?,
            first_line: usize::try_from(line).ok()?,
            marked: span.start - start..span.end.min(end) - start,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_drawn_on_their_own_lines() {
        let check = |text: &str, span: std::ops::Range<usize>, line: u32, wanted: Option<(&str, &str)>| {
            let marked = Span {
                start: span.start,
                end: span.end,
            };
            let excerpt = Excerpt::around(text, marked, line);
            let drawn = excerpt
                .as_ref()
                .map(|excerpt| (excerpt.lines, &excerpt.lines[excerpt.marked.clone()]));
            assert_eq!(drawn, wanted, "{}", &text[..text.len().min(40)]);
            if let Some(excerpt) = excerpt {
                assert_eq!(excerpt.first_line, line as usize);
            }
        };
        check("a\nbcd\ne", 3..4, 2, Some(("bcd", "c")));
        check("a\nbcd\ne", 3..7, 2, Some(("bcd\ne", "cd\ne")));
        check("abc", 0..3, 1, Some(("abc", "abc")));
        let long = format!("{{\n  é\n{}}}", "x\n".repeat(10_000));
        check(&long, 0..long.len(), 1, Some(("{", "{")));
        check(&long, 4..6, 2, Some(("  é", "é")));
        check(&"x".repeat(10_000), 4..6, 1, None);
        check(&"é".repeat(5_000), 9_000..9_002, 1, None);
    }

    #[test]
    fn a_place_is_a_character_of_its_line() {
        let check = |text: &str, line: u32, column: u32, wanted: Option<&str>| {
            let found = character(text, line, column).map(|span| &text[span.start..span.end]);
            assert_eq!(found, wanted, "{text:?} {line}:{column}");
        };
        check("a\néb\n", 2, 1, Some("é"));
        check("a\néb\n", 2, 2, Some("b"));
        check("a\néb\n", 2, 3, Some("b"));
        check("a\r\nb", 1, 2, Some("a"));
        check("a\n\nb", 2, 1, None);
        check("a\n", 2, 1, None);
        check("", 1, 1, None);
        check("a", 0, 0, None);
    }
}
