//! One incompatibility between two schemas: which rule, where, and both sides of it.
//!
//! A [`Rule`] is a row: a stable code and one sentence. The codes of the Avro rules are Avro's own, those of the
//! Protobuf and JSON Schema rules Confluent's, because tools match on them. [`Finding::message`] is the string clients
//! see.

use std::fmt;

use crate::{Span, Version, lines::Lines};

/// In which shape a rule's message is written out for registry clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `{errorType:'X', description:'…', additionalInfo:'…'}`
    Avro,
    /// `{errorType:"X", description:"…"}`, in JSON Schema too.
    Protobuf,
    /// The description alone.
    Plain,
}

/// A compatibility rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    code: &'static str,
    form: Form,
    sentence: &'static str,
    fix: &'static str,
}

impl Rule {
    /// A row of a rule table.
    #[must_use]
    pub const fn new(code: &'static str, form: Form, sentence: &'static str) -> Rule {
        Rule {
            code,
            form,
            sentence,
            fix: "",
        }
    }

    /// The same row with what its breaker can do about it.
    #[must_use]
    pub const fn fixed_by(mut self, fix: &'static str) -> Rule {
        self.fix = fix;
        self
    }

    /// The stable code: `MISSING_UNION_BRANCH`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What the rule asks for, in one sentence.
    #[must_use]
    pub const fn sentence(&self) -> &'static str {
        self.sentence
    }

    /// What to do about a broken rule, in one imperative sentence; empty where only another design helps.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        self.fix
    }

    /// How messages of this rule are written.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.code == other.code && self.form == other.form
    }
}

impl Eq for Rule {}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code)
    }
}

/// Who cannot read whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new schema cannot read old data: the reader is the new schema, the writer the old one.
    Backward,
    /// The old schema cannot read new data: the reader is the old schema, the writer the new one.
    Forward,
}

impl Direction {
    /// The words for reader and writer: `("new", "old")` going backward.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Direction::Backward => ("new", "old"),
            Direction::Forward => ("old", "new"),
        }
    }

    /// The level's name: `BACKWARD` or `FORWARD`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Backward => "BACKWARD",
            Direction::Forward => "FORWARD",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One incompatibility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// Where in the reader: a JSON pointer (`/fields/2/type`) in Avro, `#/Message/3` in Protobuf,
    /// `#/properties/a/type` in JSON Schema.
    pub path: String,
    /// What is wrong, in Confluent's words.
    pub description: String,
    /// Avro's extra detail; empty in Protobuf and JSON Schema.
    pub additional_info: String,
    /// Where in the new schema's text; `None` when the place is not in that text.
    pub span: Option<Span>,
    /// Line of the span's start, from 1.
    pub line: Option<u32>,
    /// Column of the span's start, from 1.
    pub column: Option<u32>,
    /// The old side, shortened.
    pub old: String,
    /// The new side, shortened.
    pub new: String,
    /// What to do about it: the rule's [`Rule::fix`], or something closer to the case.
    pub hint: String,
    /// The version that was compared against; filled in by [`crate::compat::check`].
    pub version: Option<Version>,
    /// Who cannot read whom.
    pub direction: Direction,
}

impl Finding {
    /// A finding without place and snippets.
    #[must_use]
    pub fn new(
        rule: Rule,
        path: impl Into<String>,
        description: impl Into<String>,
        direction: Direction,
    ) -> Finding {
        Finding {
            rule,
            path: path.into(),
            description: description.into(),
            additional_info: String::new(),
            span: None,
            line: None,
            column: None,
            old: String::new(),
            new: String::new(),
            hint: rule.fix().to_owned(),
            version: None,
            direction,
        }
    }

    /// Sets span, line and column, given the lines of the new schema's text.
    #[must_use]
    pub(crate) fn at(mut self, new_lines: &Lines<'_>, span: Span) -> Finding {
        let (line, column) = new_lines.line_column(span.start);
        self.span = Some(span);
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    /// The string registry clients are given.
    #[must_use]
    pub fn message(&self) -> String {
        let (code, description) = (self.rule.code(), &self.description);
        match self.rule.form() {
            Form::Avro => format!(
                "{{errorType:'{code}', description:'{description}', additionalInfo:'{}'}}",
                self.additional_info
            ),
            Form::Protobuf => format!("{{errorType:\"{code}\", description:\"{description}\"}}"),
            Form::Plain => description.clone(),
        }
    }
}

/// Shortens a schema snippet for [`Finding::old`] and [`Finding::new`]: one line, at most 160 characters. Of a long text
/// only the start is looked at, be it white space or not.
pub(crate) fn snippet(text: &str) -> String {
    const CHARACTERS_MAX: usize = 160;
    const BYTES_MAX: usize = 4 * 1024;
    if text.len() > BYTES_MAX {
        let mut short = snippet(&text[..text.floor_char_boundary(BYTES_MAX)]);
        if !short.ends_with('…') {
            short.push('…');
        }
        return short;
    }
    let mut out = String::new();
    for (count, character) in text
        .split_whitespace()
        .flat_map(|word| word.chars().chain([' ']))
        .enumerate()
    {
        if count == CHARACTERS_MAX {
            out.push('…');
            return out;
        }
        out.push(character);
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        let finding = |form| {
            let mut finding = Finding::new(Rule::new("X", form, "."), "/a", "d", Direction::Backward);
            finding.additional_info = "i".into();
            finding.message()
        };
        assert_eq!(
            finding(Form::Avro),
            "{errorType:'X', description:'d', additionalInfo:'i'}"
        );
        assert_eq!(finding(Form::Protobuf), "{errorType:\"X\", description:\"d\"}");
        assert_eq!(finding(Form::Plain), "d");
    }

    #[test]
    fn snippets_are_one_line_and_short() {
        assert_eq!(snippet("{\n  \"a\":  1 }\n"), "{ \"a\": 1 }");
        assert_eq!(snippet(&"x".repeat(500)).chars().count(), 161);
        assert_eq!(snippet(&format!("é{}y", " \n".repeat(3_000))), "é…");
    }
}
