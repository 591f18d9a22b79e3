//! Topics whose events say in a field which aggregate they belong to.
//!
//! Every event of such a topic that the fold names has the field, of a type that can be an id; that is checked when the fold is
//! loaded. Events that it ignores need not. Of a Protobuf message the field is the message's, or else that of the member
//! that is set.

use annals_schema_model::cel::{Budget, Shape};
use annals_schema_model::envelope::SchemaKey;
use annals_schema_model::{DecodeError, Raw, Resolve, Unresolved, Value};
use serde_saphyr::Spanned;

use super::fault::{LoadError, Place};
use super::plan::Met;
use super::text::{File, TopicOf};
use super::verb::EVENT_COST_MAX;
use super::{Declarative, Events};
use crate::by_field::IdField;
use crate::merged::TOPICS_MAX;
use crate::resolve::Subjects;

/// Longest path to a field, in bytes.
const FIELD_BYTES_MAX: usize = 1_024;

/// A topic of a fold.
pub(crate) struct Topic {
    pub(crate) name: String,
    /// The field that says whose its events are, and where the file says so; nothing where their keys do.
    pub(crate) by: Option<(IdField, Place)>,
}

/// The topics of a fold, in the order in which it names them.
pub(super) fn topics(file: &File) -> Result<Vec<Topic>, LoadError> {
    let topics = match (&file.topic, &file.topics) {
        (Some(topic), None) => {
            let name = topic.value.clone();
            return Ok(vec![Topic { name, by: None }]);
        }
        (None, Some(topics)) => topics,
        (None, None) => return Err(Place::START.wrong("a fold says its `topic:`, or its `topics:`")),
        (Some(_), Some(topics)) => {
            return Err(Place::of(topics).wrong("a fold says its `topic:` or its `topics:`, and not both"));
        }
    };
    if topics.value.is_empty() || topics.value.len() > TOPICS_MAX {
        let message = format!(
            "a fold is of 1 to {TOPICS_MAX} topics, and this one of {}",
            topics.value.len()
        );
        return Err(Place::of(topics).wrong(message));
    }
    let mut named: Vec<Topic> = Vec::with_capacity(topics.value.len());
    for topic in &topics.value {
        let (name, by) = match &topic.value {
            TopicOf::Key(name) => (name, None),
            TopicOf::Field { topic, by } => (&topic.value, Some((field(by)?, Place::of(by)))),
        };
        if named.iter().any(|known| known.name == *name) {
            return Err(Place::of(topic).wrong(format!("topic {name} is named twice")));
        }
        let name = name.clone();
        named.push(Topic { name, by });
    }
    Ok(named)
}

fn field(by: &Spanned<String>) -> Result<IdField, LoadError> {
    let field = IdField::new(&by.value);
    if by.value.len() > FIELD_BYTES_MAX || field.steps().iter().any(String::is_empty) {
        let message = "`by:` names a field of the topic's events, or one within it such as order.id";
        return Err(Place::of(by).wrong(message));
    }
    Ok(field)
}

/// Notes which events of topics that are told apart by a field have no such field, or one that is no id. `shapes` are those of
/// the fold's events.
pub(super) fn check(
    file: &File,
    topics: &[Topic],
    (shapes, events): (&[Shape], &Events),
    subjects: &dyn Subjects,
    wrong: &mut Vec<LoadError>,
) {
    for (topic, field, place) in topics
        .iter()
        .filter_map(|topic| topic.by.as_ref().map(|(field, place)| (topic, field, place)))
    {
        for ((event, _), shape) in file.events.0.iter().zip(shapes) {
            let message = events.message_of(&event.value);
            let kind = message.map_or(&event.value, |message| &message.name);
            if topics.len() > 1 && subjects.latest(&topic.name, kind).is_none() {
                continue;
            }
            let found = match (message, at(shape, field, "the message")) {
                (Some(_), Err(_)) => shape
                    .field(&event.value, "the message")
                    .and_then(|member| at(&member, field, &event.value)),
                (Some(_), found) => found,
                (None, _) => at(shape, field, &event.value),
            };
            let message = match found {
                Err(message) => message,
                Ok(Shape::Text | Shape::Int | Shape::Uuid | Shape::Any) => continue,
                Ok(other) => format!(
                    "{} of {} is {other}, which is no id; that is a text, a whole number, an enum or a uuid",
                    field.text(),
                    event.value
                ),
            };
            wrong.push(place.wrong(message));
        }
    }
}

/// What stands at a field, where there is something.
fn at(event: &Shape, field: &IdField, name: &str) -> Result<Shape, String> {
    let mut of = name.to_owned();
    let found = field.steps().iter().try_fold(event.clone(), |shape, step| {
        let within = shape.field(step, &of)?;
        of = format!("{of}.{step}");
        Ok::<_, String>(within)
    });
    Ok(found?.present().clone())
}

impl Declarative {
    /// What an event has in a field, null where it has nothing there; `None` where the fold does not read the event.
    pub(super) fn read_id(
        &self,
        field: &IdField,
        raw: &Raw<'_>,
        resolve: &dyn Resolve,
    ) -> Result<Option<Value>, DecodeError> {
        let found = match self.meet(raw, resolve, &Budget::new(EVENT_COST_MAX))? {
            Met::Ignored | Met::Unknown => return Ok(None),
            // It may be readable with a registry that knows more.
            Met::Unreadable(reason) => {
                let why = Unresolved::Unusable(reason);
                return Err(DecodeError::schema(SchemaKey::Id(raw.schema), why));
            }
            Met::Event(_, event) => field.find(&event).cloned(),
            Met::Message(event) => field.find(&event).cloned().or_else(|| {
                let message = self.events.message.as_ref()?;
                let mut set = message.members.iter().filter_map(|member| event.get(member));
                field.find(set.find(|member| **member != Value::Null)?).cloned()
            }),
        };
        Ok(Some(found.unwrap_or_default()))
    }
}
