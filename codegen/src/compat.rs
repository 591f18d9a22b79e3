//! Whether the newest version of a subject may follow the older ones: the registry's own verdict, and what reading needs.
//!
//! The verdict is `annals_schema_model::compat`'s at the subject's level and by its policy, drawn as `annals schema check`
//! draws it; where the folder may lack what the registry compares with, it is told and refuses nothing. Beyond it, what the newest version cannot read, or reads as something else, is an error where the level asks
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

impl Incompatible {
    /// How much is made of what the registry would refuse, and of data that would be read as something else.
    fn weight(self) -> Weight {
        match self {
            Incompatible::Refuse => Weight::Error,
            Incompatible::Warn => Weight::Warning,
        }
    }
}

/// Compares the newest version with those before it, and those that are to be registered before it with theirs. What the
/// level does not ask about, and reading will meet, is told.
pub(crate) fn compare(
    subject: &Subject,
    newest: &VersionText,
    older: &[VersionText],
    incompatible: Incompatible,
) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    let refused = incompatible.weight();
    let locked = older.iter().rposition(|text| text.id.is_some());
    let first_own = locked.map_or(older.len(), |locked| locked + 1);
    for (at, text) in older.iter().enumerate().skip(first_own) {
        let mut drawing = Drawing::of(text, refused);
        drawing.judge(subject, older.get(..at).unwrap_or_default(), &mut said);
    }
    let mut drawing = Drawing::of(newest, refused);
    let asked = drawing.judge(subject, older, &mut said);
    let level = subject.standard.level;
    if level == Level::None {
        return said;
    }
    for text in older.iter().rev().filter(|text| is_read(subject, text)) {
        let must_read =
            level.is_backward() && asked.contains(&text.version) && is_certain(subject, newest, text);
        let weight = if must_read { refused } else { Weight::Warning };
        for (does, finding) in unread(&newest.schema, &text.schema) {
            let (old, new) = (text.version, newest.version);
            let title = format!("v{new} {does} what {} v{old} wrote", subject.name);
            let is_asked = level.is_backward() && asked.contains(&old);
            let doubt = is_asked.then(|| doubt(subject, newest, text)).flatten();
            said.extend(drawing.draw(old, &title, weight, with(finding, doubt.as_deref())));
        }
    }
    said
}

/// Whether an old version is read as the newest by the rules, and not by what its user makes of it.
fn is_read(subject: &Subject, old: &VersionText) -> bool {
    !subject.upcast.contains(&old.version)
}

/// Whether the registry compares the two as it is done here. One that is locked it took already, whatever it was compared
/// with; and where the level asks for the version before it, that may be one which is not in the folder.
fn is_certain(subject: &Subject, new: &VersionText, old: &VersionText) -> bool {
    let is_next = old.version.checked_add(1) == Some(new.version);
    new.id.is_none() && (subject.standard.level.is_transitive() || is_next || old.id.is_some())
}

/// Why a finding is told and refuses nothing, though the level asks for it and the registry has not taken the version.
fn doubt(subject: &Subject, new: &VersionText, old: &VersionText) -> Option<String> {
    let is_doubtful = new.id.is_none() && !is_certain(subject, new, old);
    is_doubtful.then(|| {
        let (name, old, new) = (&subject.name, old.version, new.version);
        format!(
            "what is between v{old} and v{new} is not here, so the registry's verdict may be another: `annals gen check` asks \
             for it, `annals gen pull {name}:all` brings what is registered"
        )
    })
}

/// A finding with what is in doubt of it.
fn with(mut finding: Finding, doubt: Option<&str>) -> Finding {
    if let Some(doubt) = doubt {
        finding.hint = format!("{}\n{doubt}", help(&finding));
    }
    finding
}

/// What to do about a finding.
fn help(finding: &Finding) -> &str {
    match finding.hint.as_str() {
        "" => finding.rule.sentence(),
        hint => hint,
    }
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
    /// How much is made of what is refused.
    refused: Weight,
    /// What was said already, by version, rule and place.
    known: BTreeSet<(u32, &'static str, String)>,
}

impl<'a> Drawing<'a> {
    fn of(newest: &'a VersionText, refused: Weight) -> Drawing<'a> {
        Drawing {
            newest,
            refused,
            known: BTreeSet::new(),
        }
    }

    /// The registry's verdict, and the versions it is about. Those that are upcast are left out last: they are no reason to
    /// compare with others.
    fn judge(
        &mut self,
        subject: &Subject,
        older: &[VersionText],
        into: &mut Vec<Diagnostic>,
    ) -> BTreeSet<u32> {
        let standard = subject.standard;
        let asked = compat::compared(standard.level, older.iter().collect(), |text| {
            Version(text.version)
        });
        let asked: Vec<&VersionText> = asked.into_iter().filter(|text| is_read(subject, text)).collect();
        for old in &asked {
            let mut findings = compat::check_pair(standard, &self.newest.schema, &old.schema);
            findings
                .iter_mut()
                .for_each(|finding| finding.version = Some(Version(old.version)));
            let (version, is_certain) = (old.version, is_certain(subject, self.newest, old));
            let title = format!(
                "not {} compatible with {} v{version}",
                standard.level, subject.name
            );
            let weight = if is_certain { self.refused } else { Weight::Warning };
            let doubt = doubt(subject, self.newest, old);
            let is_refused = !findings.is_empty();
            let findings = findings
                .into_iter()
                .map(|finding| with(finding, doubt.as_deref()));
            into.extend(findings.filter_map(|finding| self.draw(version, &title, weight, finding)));
            // The registry goes no further either.
            if is_refused {
                break;
            }
        }
        asked.into_iter().map(|text| text.version).collect()
    }

    fn draw(&mut self, old: u32, title: &str, weight: Weight, finding: Finding) -> Option<Diagnostic> {
        if !self
            .known
            .insert((old, finding.rule.code(), finding.path.clone()))
        {
            return None;
        }
        let path = self.newest.path.display().to_string();
        let drawn = draw::finding(&finding, weight, title, &path, &self.newest.text);
        let message = format!(
            "{title}: {} at {}: {}",
            finding.rule.code(),
            finding.path,
            draw::sentence(&finding)
        );
        let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
        let diagnostic = Diagnostic::at(&self.newest.path, line, column, message);
        let diagnostic = diagnostic.help(help(&finding)).drawn(drawn);
        Some(match weight {
            Weight::Error => diagnostic,
            Weight::Warning => diagnostic.warning(),
        })
    }
}
