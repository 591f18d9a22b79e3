//! From a folder's schemas to what is generated of them: which versions, as events of which topic, and whether names fit.
//!
//! Invariant: what is wrong is said in the file where it can be repaired. Nothing is compared here.

use std::collections::BTreeMap;

use annals_schema_model::{Schema, SchemaType, avro as avro_model};

use crate::avro;
use crate::diagnostic::Diagnostic;
use crate::input::{Input, Strategy, Subject, Topic, VersionText};
use crate::model::{Definitions, reached_by};
#[cfg(feature = "proto")]
use crate::protobuf;
use crate::unit::{AvroUnit, Origin, ProtoUnit, TopicUnit, Units, short};

/// Turns a folder's schemas into what is generated.
pub(crate) fn units(input: &Input) -> Result<Units, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut units = Units::default();
    for topic in &input.topics {
        units.topics.extend(topic_unit(topic, &mut wrong));
    }
    for subject in &input.others {
        let subject = subject_units(None, subject, &mut wrong);
        units.types.extend(subject.newest.into_iter().chain(subject.kept));
        units.messages.extend(subject.message);
    }
    if wrong.is_empty() { Ok(units) } else { Err(wrong) }
}

/// What is generated of a subject: an Avro version and its kept ones, or a message.
#[derive(Default)]
struct SubjectUnits {
    /// One, or one for each branch of the union at the top.
    newest: Vec<AvroUnit>,
    kept: Vec<AvroUnit>,
    message: Option<ProtoUnit>,
}

fn subject_units(topic: Option<&Topic>, subject: &Subject, wrong: &mut Vec<Diagnostic>) -> SubjectUnits {
    let mut units = SubjectUnits::default();
    let Some((newest, older)) = subject.versions.split_last() else {
        return units;
    };
    let is_kept =
        |text: &&VersionText| subject.upcast.contains(&text.version) || subject.keep.contains(&text.version);
    let kept = older.iter().filter(is_kept);
    match subject.kind {
        SchemaType::Avro => {
            units.newest = avro_units(subject, newest, None, wrong);
            older
                .iter()
                .for_each(|text| claim_old_names(&mut units.newest, &newest.schema, &text.schema));
            for text in kept {
                let mut old = avro_units(subject, text, Some(text.version), wrong);
                // A branch that did not change is the newest's.
                let is_new =
                    |new: &AvroUnit, old: &AvroUnit| new.branch.is_some() && new.schema.same_as(&old.schema);
                old.retain(|old| !units.newest.iter().any(|new| is_new(new, old)));
                units.kept.extend(old);
            }
        }
        _ => {
            for text in kept {
                let reason =
                    "old versions can be kept of Avro subjects only: a Protobuf message reads them all";
                wrong.push(Diagnostic::file(&text.path, reason));
            }
            units.message = proto_unit(topic, subject, newest, wrong);
        }
    }
    units
}

fn topic_unit(topic: &Topic, wrong: &mut Vec<Diagnostic>) -> Option<TopicUnit> {
    let mut events = Vec::new();
    let mut old = Vec::new();
    let mut messages = Vec::new();
    for subject in &topic.subjects {
        for text in &subject.versions {
            check_name(topic, subject, text, wrong);
        }
        let units = subject_units(Some(topic), subject, wrong);
        events.extend(units.newest);
        old.extend(units.kept);
        messages.extend(units.message);
    }
    check_aliases(&topic.name, &events, wrong);
    let name = topic.name.clone();
    let by_record = topic.strategy != Strategy::Topic;
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

/// The record that a subject is named by.
fn record_of<'a>(topic: &Topic, subject: &'a Subject) -> Option<&'a str> {
    match topic.strategy {
        Strategy::Topic => None,
        Strategy::TopicRecord => subject.name.strip_prefix(&topic.name)?.strip_prefix('-'),
        Strategy::Record => Some(&subject.name),
    }
}

/// Under `topic_record` the subject ends in the record's own name.
fn check_name(topic: &Topic, subject: &Subject, text: &VersionText, wrong: &mut Vec<Diagnostic>) {
    let Some(record) = text.schema.record_name() else {
        let what = match subject.kind {
            SchemaType::Protobuf => "has no message",
            // Where the topic alone names subjects, any type is an event, and each branch of a union.
            _ if topic.strategy == Strategy::Topic => return,
            _ => "has no name at its top that its subject could be called by",
        };
        let diagnostic = Diagnostic::at(&text.path, 1, 1, what);
        wrong.push(match subject.kind {
            SchemaType::Protobuf => diagnostic,
            _ => diagnostic.help(format!(
                "call the subject `{}-value`, or put it into a record",
                topic.name
            )),
        });
        return;
    };
    let named = record_of(topic, subject);
    if named.is_some_and(|named| !text.schema.has_record(named)) {
        let wanted = match topic.strategy {
            Strategy::Record => record.clone(),
            _ => format!("{}-{record}", topic.name),
        };
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
    let own = events.iter().map(|unit| (unit.event_name(), unit));
    let aliases = events
        .iter()
        .flat_map(|unit| unit.aliases.iter().map(move |alias| (alias.as_str(), unit)));
    for (name, unit) in own.chain(aliases) {
        let owner = *owners.entry(name).or_insert(unit);
        if owner.event_name() != unit.event_name() {
            let message = format!(
                "`{name}` is an alias of `{}` and a name of `{}` in topic `{topic}`; take the alias away",
                unit.event_name(),
                owner.event_name()
            );
            wrong.push(Diagnostic::at(&unit.origin.path, 1, 1, message));
        }
    }
    let mut readers: BTreeMap<&str, &AvroUnit> = BTreeMap::new();
    let was = events
        .iter()
        .flat_map(|unit| unit.was.iter().map(move |name| (name.as_str(), unit)));
    for (name, unit) in was.filter(|(name, _)| !owners.contains_key(name)) {
        let reader = *readers.entry(name).or_insert(unit);
        if reader.event_name() != unit.event_name() {
            let message = format!(
                "`{name}` of older versions is read as `{}` and as `{}` in topic `{topic}`; list it among the aliases of one",
                reader.event_name(),
                unit.event_name()
            );
            wrong.push(Diagnostic::at(&unit.origin.path, 1, 1, message));
        }
    }
}

fn origin(subject: &Subject, text: &VersionText) -> Origin {
    let references = text.references.iter();
    Origin {
        subject: subject.name.clone(),
        version: text.version,
        label: text.label.clone(),
        path: text.path.clone(),
        references: references
            .map(|referred| (referred.name.clone(), referred.path.clone()))
            .collect(),
        kind: subject.kind,
        whole_text: match &text.schema {
            Schema::Avro(schema) => schema.resolved_text(),
            _ => text.text.clone(),
        },
        fingerprint: text.schema.fingerprint(),
    }
}

/// A unit, or one for each branch of the union at the top.
fn avro_units(
    subject: &Subject,
    text: &VersionText,
    keep: Option<u32>,
    wrong: &mut Vec<Diagnostic>,
) -> Vec<AvroUnit> {
    let Schema::Avro(schema) = &text.schema else {
        return Vec::new();
    };
    let Some((definitions, tops)) = avro::definitions(text, schema, &subject.name, wrong) else {
        return Vec::new();
    };
    let origin = origin(subject, text);
    let unit = |top: avro::Top| AvroUnit {
        origin: origin.clone(),
        keep,
        is_upcast: subject.upcast.contains(&text.version),
        definitions: match top.branch {
            None => definitions.clone(),
            Some(_) => within(&definitions, &top.name),
        },
        top: top.name,
        branch: top.branch,
        aliases: top.aliases,
        was: Vec::new(),
        schema: top.schema,
    };
    tops.into_iter().map(unit).collect()
}

/// Gives what an older version calls otherwise to the type that reads it, as a field of the union would: events are told by
/// their names, and that of a known version is never an unknown one.
fn claim_old_names(newest: &mut [AvroUnit], reader: &Schema, old: &Schema) {
    let (Schema::Avro(reader), Schema::Avro(old)) = (reader, old) else {
        return;
    };
    let branches = old.branches().map_or(0, <[_]>::len);
    let tops: Vec<_> = match old.branches() {
        Some(_) => (0..branches).filter_map(|index| old.branch(index)).collect(),
        None => vec![old.clone()],
    };
    for top in tops {
        let name = top.type_label(top.root());
        let is_named = top.node(top.root()).kind.type_name().is_some();
        if !is_named || newest.iter().any(|unit| unit.names().any(|known| known == name)) {
            continue;
        }
        let branch = avro_model::Plan::named_branch(&top, reader);
        let is_it = |unit: &AvroUnit| match reader.branches() {
            Some(_) => branch.is_some() && unit.branch == branch,
            None => short(unit.event_name()) == short(name),
        };
        if let Some(unit) = newest.iter_mut().find(|unit| is_it(unit))
            && !unit.was.iter().any(|was| was == name)
        {
            unit.was.push(name.to_owned());
        }
    }
}

/// A definition, and those it needs.
fn within(definitions: &Definitions, name: &str) -> Definitions {
    let mut needed = reached_by(definitions, name);
    needed.insert(name);
    let needed = definitions
        .iter()
        .filter(|(name, _)| needed.contains(name.as_str()));
    needed
        .map(|(name, definition)| (name.clone(), definition.clone()))
        .collect()
}

#[cfg(feature = "proto")]
fn proto_unit(
    topic: Option<&Topic>,
    subject: &Subject,
    text: &VersionText,
    wrong: &mut Vec<Diagnostic>,
) -> Option<ProtoUnit> {
    let Schema::Proto(proto) = &text.schema else {
        return None;
    };
    let imports = crate::input::resolved(&text.references);
    let read = protobuf::schema(proto, &text.label, &imports);
    let endless = read.valueless().into_iter();
    wrong.extend(endless.map(|message| {
        let reason = format!(
            "`{}` requires another of itself without an end, so it has no values",
            message.full_name
        );
        Diagnostic::at(&text.path, message.about.line, 0, reason)
    }));
    let events = topic.map(|topic| protobuf::events(&read, record_of(topic, subject)));
    Some(ProtoUnit {
        origin: origin(subject, text),
        events: events.unwrap_or(crate::unit::ProtoEvents::Messages(Vec::new())),
        schema: read,
        imports,
    })
}

/// A build without Protobuf has read none.
#[cfg(not(feature = "proto"))]
fn proto_unit(_: Option<&Topic>, _: &Subject, _: &VersionText, _: &mut Vec<Diagnostic>) -> Option<ProtoUnit> {
    None
}
