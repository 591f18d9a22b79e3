//! Whether the newest version of a subject may follow the older ones: the registry's own verdict, and what reading needs.
//!
//! The verdict is `annals_schema_model::compat`'s at the subject's level and by its policy, drawn as `annals schema check`
//! draws it. Beyond it, what the newest version cannot read, or reads as something else, is an error where the level asks
//! that it be read, and told in any case: generated code would meet it. A version that is upcast is its user's affair.

use std::collections::BTreeSet;

use annals_schema_model::avro::compat as avro_compat;
use annals_schema_model::{Direction, Finding, Level, Schema, Version, compat};

use crate::diagnostic::Diagnostic;
use crate::draw::{self, Weight};
use crate::input::{Subject, VersionText};

/// What is done about an incompatible schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Incompatible {
    /// The build fails.
    #[default]
    Refuse,
    /// The build warns.
    Warn,
}

/// What was found between the versions of a subject.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// What the registry would refuse, and data that would be read as something else.
    pub(crate) refused: Vec<Diagnostic>,
    /// What the level does not ask about, and reading will meet.
    pub(crate) told: Vec<Diagnostic>,
}

impl Compared {
    /// Adds what was found between the versions of another.
    pub(crate) fn add(&mut self, other: Compared) {
        self.refused.extend(other.refused);
        self.told.extend(other.told);
    }
}

/// Compares the newest version with those before it.
pub(crate) fn compare(subject: &Subject, newest: &VersionText, older: &[VersionText]) -> Compared {
    let standard = subject.standard;
    let is_read = |text: &&VersionText| !subject.upcast.contains(&text.version);
    let olds: Vec<&VersionText> = older.iter().filter(is_read).collect();
    let pairs: Vec<(Version, &Schema)> = olds
        .iter()
        .map(|text| (Version(text.version), &text.schema))
        .collect();
    let mut drawing = Drawing {
        newest,
        known: BTreeSet::new(),
    };
    let mut compared = Compared::default();
    for finding in compat::check(standard, &newest.schema, &pairs) {
        let version = finding.version.map_or(0, Version::get);
        let title = format!(
            "not {} compatible with {} v{version}",
            standard.level, subject.name
        );
        compared
            .refused
            .extend(drawing.draw(version, &title, Weight::Error, &finding));
    }
    let asked = compat::compared(standard.level, pairs, |(version, _)| *version);
    let asked: BTreeSet<u32> = asked.into_iter().map(|(version, _)| version.get()).collect();
    if standard.level == Level::None {
        return compared;
    }
    for text in olds.into_iter().rev() {
        let must_read = standard.level.is_backward() && asked.contains(&text.version);
        let weight = if must_read { Weight::Error } else { Weight::Warning };
        for (does, finding) in unread(&newest.schema, &text.schema) {
            let (old, new) = (text.version, newest.version);
            let title = format!("v{new} {does} what {} v{old} wrote", subject.name);
            let drawn = drawing.draw(old, &title, weight, &finding);
            let into = if must_read {
                &mut compared.refused
            } else {
                &mut compared.told
            };
            into.extend(drawn);
        }
    }
    compared
}

/// What a reader makes of a writer's data that it should not, and how.
fn unread(reader: &Schema, writer: &Schema) -> Vec<(&'static str, Finding)> {
    let backward = compat::check_pair(Level::Backward.into(), reader, writer);
    let mut all: Vec<_> = backward
        .into_iter()
        .map(|finding| ("cannot read", finding))
        .collect();
    if let (Schema::Avro(reader), Schema::Avro(writer)) = (reader, writer) {
        let misread = avro_compat::misreadings(reader, writer, Direction::Backward);
        let narrowed = avro_compat::narrowings(reader, writer, Direction::Backward);
        all.extend(misread.into_iter().map(|finding| ("misreads", finding)));
        all.extend(
            narrowed
                .into_iter()
                .map(|finding| ("cannot read all of", finding)),
        );
    }
    all
}

struct Drawing<'a> {
    newest: &'a VersionText,
    /// What was said already, by version, rule and place.
    known: BTreeSet<(u32, &'static str, String)>,
}

impl Drawing<'_> {
    fn draw(&mut self, old: u32, title: &str, weight: Weight, finding: &Finding) -> Option<Diagnostic> {
        if !self
            .known
            .insert((old, finding.rule.code(), finding.path.clone()))
        {
            return None;
        }
        let path = self.newest.path.display().to_string();
        let drawn = draw::finding(finding, weight, title, &path, &self.newest.text);
        let message = format!(
            "{title}: {} at {}: {}",
            finding.rule.code(),
            finding.path,
            format!("{} {}", finding.description, finding.additional_info).trim()
        );
        let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
        let diagnostic = Diagnostic::at(&self.newest.path, line, column, message);
        let help = match finding.hint.as_str() {
            "" => finding.rule.sentence(),
            hint => hint,
        };
        Some(diagnostic.help(help).drawn(drawn))
    }
}
