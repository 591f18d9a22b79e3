//! Findings as rustc draws its own: the line of the new schema, what is wrong with it, and what to do.
//!
//! Whoever has the text and its path draws alike: commands, and builds that generate code.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use annals_schema_model::Finding;

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
    if let Some(excerpt) = Excerpt::around(text, finding) {
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
    /// Nothing when the finding has no place, or stands on a line too long to be drawn.
    fn around(text: &'t str, finding: &Finding) -> Option<Excerpt<'t>> {
        const BYTES_MAX: usize = 8 * 1024;
        let (span, line) = (finding.span?, finding.line?);
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
    use annals_schema_model::{Direction, Form, Rule, Span};

    #[test]
    fn findings_are_drawn_on_their_own_lines() {
        let check = |text: &str, span: std::ops::Range<usize>, line: u32, wanted: Option<(&str, &str)>| {
            let mut finding = Finding::new(Rule::new("X", Form::Plain, "."), "/", "", Direction::Backward);
            (finding.span, finding.line) = (
                Some(Span {
                    start: span.start,
                    end: span.end,
                }),
                Some(line),
            );
            let excerpt = Excerpt::around(text, &finding);
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
}
