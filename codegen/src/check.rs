//! From texts to schemas that may be generated from: each parses, the newest reads every older one, and names fit.
//!
//! Invariant: a finding is placed in the newest version's file, where it can be repaired. Older versions are compared
//! one by one, so every version that breaks is named, not only the first.

use std::collections::BTreeMap;

use annals_schema_model::avro::compat as avro_compat;
use annals_schema_model::{Direction, Level, Resolved, Schema, SchemaType, Version, compat};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Strategy, Subject, Topic, VersionText};
use crate::settings::Settings;
use crate::unit::{AvroUnit, Origin, ProtoUnit, TopicUnit};
use crate::{avro, protobuf};

/// A version of a subject that is generated beside the newest.
pub(crate) type Kept = (String, u32);

/// Turns a manifest into what is generated.
pub(crate) fn units(manifest: &Manifest, settings: &Settings) -> Result<Vec<TopicUnit>, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let topics = manifest
        .topics
        .iter()
        .filter_map(|topic| topic_unit(topic, settings, &mut wrong))
        .collect();
    if wrong.is_empty() { Ok(topics) } else { Err(wrong) }
}

/// Kept versions nobody has.
pub(crate) fn unknown_kept(manifest: &Manifest, kept: &[Kept]) -> Vec<String> {
    let exists = |(subject, version): &&Kept| {
        manifest
            .topics
            .iter()
            .flat_map(|topic| &topic.subjects)
            .any(|candidate| {
                candidate.name == *subject && candidate.versions.iter().any(|text| text.version == *version)
            })
    };
    kept.iter()
        .filter(|kept| !exists(kept))
        .map(|(subject, version)| {
            format!("version {version} of `{subject}` is to be kept, but there is no such file")
        })
        .collect()
}

fn topic_unit(topic: &Topic, settings: &Settings, wrong: &mut Vec<Diagnostic>) -> Option<TopicUnit> {
    let kept = settings.kept.as_slice();
    let mut events = Vec::new();
    let mut old = Vec::new();
    let mut messages = Vec::new();
    for subject in &topic.subjects {
        let schemas = parse(subject, wrong);
        let Some(((newest_text, newest), older)) = schemas.split_last() else {
            continue;
        };
        if older.len() + 1 == subject.versions.len() {
            // What is upcast need not be readable as it is.
            let is_read = |old: &&(&VersionText, Schema)| !is_kept(&settings.upcasts, subject, old.0);
            let older: Vec<_> = older.iter().filter(is_read).cloned().collect();
            compare(newest_text, newest, &older, wrong);
        }
        for (text, schema) in &schemas {
            check_name(topic, subject, text, schema, wrong);
        }
        match newest {
            Schema::Avro(_) => {
                events.extend(avro_unit(subject, newest_text, newest, None, wrong));
                for (text, schema) in older.iter().filter(|(text, _)| is_kept(kept, subject, text)) {
                    old.extend(avro_unit(subject, text, schema, Some(text.version), wrong));
                }
            }
            Schema::Proto(_) => {
                for (text, _) in older.iter().filter(|(text, _)| is_kept(kept, subject, text)) {
                    let reason =
                        "old versions can be kept of Avro subjects only: a Protobuf message reads them all";
                    wrong.push(Diagnostic::file(&text.path, reason));
                }
                messages.extend(proto_unit(topic, subject, newest_text, newest, wrong));
            }
            // The manifest takes no other files; a build may know more types all the same.
            #[allow(unreachable_patterns)]
            _ => {}
        }
    }
    check_aliases(&topic.name, &events, wrong);
    let name = topic.name.clone();
    let by_record = topic.strategy == Strategy::TopicRecord;
    match messages.first() {
        None => Some(TopicUnit::Avro {
            name,
            by_record,
            events,
            kept: old,
        }),
        Some(_) if events.is_empty() => Some(TopicUnit::Proto {
            name,
            by_record,
            events: messages,
        }),
        Some(unit) => {
            let reason =
                format!("topic `{name}` mixes Avro and Protobuf; the subjects of a topic are of one type");
            wrong.push(Diagnostic::file(&unit.origin.path, reason));
            None
        }
    }
}

fn is_kept(kept: &[Kept], subject: &Subject, text: &VersionText) -> bool {
    kept.iter()
        .any(|(name, version)| *name == subject.name && *version == text.version)
}

/// What a Protobuf schema imports, if it is all there.
fn imports(subject: &Subject, text: &VersionText, wrong: &mut Vec<Diagnostic>) -> Option<Vec<Resolved>> {
    let (SchemaType::Protobuf, Some(root)) = (subject.kind, subject.folder.parent()) else {
        return Some(Vec::new());
    };
    let (imports, missing) = protobuf::imports(root, text);
    let is_whole = missing.is_empty();
    wrong.extend(missing);
    is_whole.then_some(imports)
}

fn parse<'a>(subject: &'a Subject, wrong: &mut Vec<Diagnostic>) -> Vec<(&'a VersionText, Schema)> {
    let mut schemas = Vec::new();
    for text in &subject.versions {
        let Some(imports) = imports(subject, text, wrong) else {
            continue;
        };
        match Schema::parse(subject.kind, &text.text, &imports) {
            Ok(schema) => schemas.push((text, schema)),
            Err(error) => wrong.push(Diagnostic::at(
                &text.path,
                error.line,
                error.column,
                error.message,
            )),
        }
    }
    schemas
}

/// The newest version must read what every older one wrote.
fn compare(
    newest_text: &VersionText,
    newest: &Schema,
    older: &[(&VersionText, Schema)],
    wrong: &mut Vec<Diagnostic>,
) {
    for (text, schema) in older {
        for finding in compat::check(Level::Backward, newest, &[(Version(text.version), schema)]) {
            let detail = if finding.additional_info.is_empty() {
                String::new()
            } else {
                format!(" ({})", finding.additional_info)
            };
            let message = format!(
                "version {} cannot read data of version {}: {} at {}: {}{detail}",
                newest_text.version,
                text.version,
                finding.rule.code(),
                finding.path,
                finding.description,
            );
            let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
            wrong.push(Diagnostic::at(&newest_text.path, line, column, message));
        }
        if let (Schema::Avro(reader), Schema::Avro(writer)) = (newest, schema) {
            let misread = avro_compat::misreadings(reader, writer, Direction::Backward);
            let narrowed = avro_compat::narrowings(reader, writer, Direction::Backward);
            let all = misread.into_iter().map(|finding| ("misreads", finding));
            let all = all.chain(narrowed.into_iter().map(|finding| ("cannot read all", finding)));
            wrong.extend(all.map(|(does, finding)| {
                let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
                let message = format!(
                    "version {} {does} data of version {}: {} at {}: {} ({})",
                    newest_text.version,
                    text.version,
                    finding.rule.code(),
                    finding.path,
                    finding.description,
                    finding.additional_info,
                );
                Diagnostic::at(&newest_text.path, line, column, message)
            }));
        }
    }
}

/// The record that a subject is named by.
fn record_of<'a>(topic: &Topic, subject: &'a Subject) -> Option<&'a str> {
    let record = subject.name.strip_prefix(&topic.name)?.strip_prefix('-')?;
    (topic.strategy == Strategy::TopicRecord).then_some(record)
}

/// Under `topic_record` the subject ends in the record's own name.
fn check_name(
    topic: &Topic,
    subject: &Subject,
    text: &VersionText,
    schema: &Schema,
    wrong: &mut Vec<Diagnostic>,
) {
    let Some(record) = schema.record_name() else {
        let what = match schema.schema_type() {
            SchemaType::Protobuf => "has no message",
            _ => "has no record at its top; events are records",
        };
        wrong.push(Diagnostic::at(&text.path, 1, 1, what));
        return;
    };
    let wanted = format!("{}-{record}", topic.name);
    // A file of Protobuf may have the message of the subject's name anywhere.
    let named = record_of(topic, subject).is_some_and(|named| schema.has_record(named));
    if topic.strategy == Strategy::TopicRecord && !named {
        let message = format!(
            "the subject of `{record}` in topic `{}` is `{wanted}`, not `{}`",
            topic.name, subject.name
        );
        wrong.push(Diagnostic::at(&text.path, 1, 1, message));
    }
}

/// A name is one event's: who is called so by an alias cannot be told from who is called so.
fn check_aliases(topic: &str, events: &[AvroUnit], wrong: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, &AvroUnit> = BTreeMap::new();
    let own = events.iter().map(|unit| (unit.top.as_str(), unit));
    let aliases = events
        .iter()
        .flat_map(|unit| unit.aliases.iter().map(move |alias| (alias.as_str(), unit)));
    for (name, unit) in own.chain(aliases) {
        let owner = *owners.entry(name).or_insert(unit);
        if owner.top != unit.top {
            let message = format!(
                "`{name}` is an alias of `{}` and a name of `{}` in topic `{topic}`; take the alias away",
                unit.top, owner.top
            );
            wrong.push(Diagnostic::at(&unit.origin.path, 1, 1, message));
        }
    }
}

fn origin(subject: &Subject, text: &VersionText, schema: &Schema) -> Origin {
    Origin {
        subject: subject.name.clone(),
        version: text.version,
        label: text.label.clone(),
        path: text.path.clone(),
        kind: schema.schema_type(),
        whole_text: match schema {
            Schema::Avro(schema) => schema.resolved_text(),
            _ => schema.text().to_owned(),
        },
        fingerprint: schema.fingerprint(),
    }
}

fn avro_unit(
    subject: &Subject,
    text: &VersionText,
    schema: &Schema,
    keep: Option<u32>,
    wrong: &mut Vec<Diagnostic>,
) -> Option<AvroUnit> {
    let Schema::Avro(avro) = schema else { return None };
    let (definitions, aliases) = avro::definitions(avro, &text.path, wrong)?;
    Some(AvroUnit {
        origin: origin(subject, text, schema),
        keep,
        top: schema.record_name()?,
        aliases,
        definitions,
    })
}

fn proto_unit(
    topic: &Topic,
    subject: &Subject,
    text: &VersionText,
    schema: &Schema,
    wrong: &mut Vec<Diagnostic>,
) -> Option<ProtoUnit> {
    let Schema::Proto(proto) = schema else { return None };
    let imports = imports(subject, text, wrong)?;
    let read = protobuf::schema(proto, &text.label, &imports);
    let endless = protobuf::endless(&read).into_iter();
    wrong.extend(endless.map(|message| {
        let reason = format!(
            "`{}` requires another of itself without an end, so it has no values",
            message.full_name
        );
        Diagnostic::at(&text.path, message.about.line, 0, reason)
    }));
    Some(ProtoUnit {
        origin: origin(subject, text, schema),
        events: protobuf::events(&read, record_of(topic, subject)),
        schema: read,
        imports,
    })
}
