//! Operations and values of the file, lowered: each value is an expression, each target a way into the state.

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, lower};
use serde_saphyr::Spanned;

use super::fault::{LoadError, Place};
use super::names::NAMES;
use super::target::Target;
use super::text::{self, Arg, Entries, Inc, Targets};
use super::verb::{Operation, Verb};

/// A verb on a target, and where its value stands.
type Lowered = Result<Vec<(Target, Verb, Place)>, LoadError>;

/// Lowers a block; one operation of the file on several targets becomes one for each.
pub(crate) fn lower_block(block: &[Spanned<text::Operation>], wrong: &mut Vec<LoadError>) -> Vec<Operation> {
    let mut operations = Vec::new();
    for operation in block {
        match lower_operation(Place::of(operation), &operation.value) {
            Ok(lowered) => operations.extend(lowered),
            Err(error) => wrong.push(error),
        }
    }
    operations
}

fn lower_operation(place: Place, operation: &text::Operation) -> Result<Vec<Operation>, LoadError> {
    let each = |entries: &Option<Entries<Arg>>, make: fn(Node) -> Verb| {
        entries.as_ref().map(|entries| each(entries, make))
    };
    let verbs = [
        each(&operation.set, Verb::Set),
        operation.remove.as_ref().map(removals),
        operation.status.as_ref().map(status),
        each(&operation.add, Verb::Add),
        each(&operation.sub, Verb::Sub),
        operation.inc.as_ref().map(increment),
        each(&operation.append, Verb::Append),
        each(&operation.remove_where, Verb::RemoveWhere),
        operation.upsert_by.as_ref().map(upserts),
    ];
    let mut given = verbs.into_iter().flatten();
    let (Some(verbs), None) = (given.next(), given.next()) else {
        let message = "an operation has exactly one of set, remove, status, add, sub, inc, append, remove-where, upsert-by";
        return Err(place.wrong(message));
    };
    let mut operations = Vec::new();
    for (target, verb, place) in verbs? {
        let condition = operation.condition.as_ref().map(|condition| {
            let place = Place::of(condition);
            Ok((lower_arg(condition)?, place))
        });
        operations.push(Operation {
            condition: condition.transpose()?,
            target,
            verb,
            place,
        });
    }
    Ok(operations)
}

fn target(text: &str, place: Place) -> Result<Target, LoadError> {
    Target::read(text, place).map_err(|message| place.wrong(message))
}

fn each(entries: &Entries<Arg>, make: fn(Node) -> Verb) -> Lowered {
    let verbs = entries.0.iter().map(|(name, value)| {
        let target = target(&name.value, Place::of(name))?;
        Ok((target, make(lower_arg(value)?), Place::of(value)))
    });
    verbs.collect()
}

fn removals(targets: &Spanned<Targets>) -> Lowered {
    let removal = |name: &str, place| Ok((target(name, place)?, Verb::Remove, place));
    match &targets.value {
        Targets::One(name) => Ok(vec![removal(name, Place::of(targets))?]),
        Targets::Many(names) => {
            let names = names.iter();
            names.map(|name| removal(&name.value, Place::of(name))).collect()
        }
    }
}

fn status(word: &Spanned<String>) -> Lowered {
    let (value, place) = (Value::String(word.value.clone()), Place::of(word));
    Ok(vec![(
        target("status", place)?,
        Verb::Set(Node::Literal(value)),
        place,
    )])
}

fn increment(inc: &Spanned<Inc>) -> Lowered {
    match &inc.value {
        Inc::ByOne(name) => {
            let (one, place) = (Node::Literal(Value::Int(1)), Place::of(inc));
            Ok(vec![(target(name, place)?, Verb::Inc(one), place)])
        }
        Inc::By(entries) => each(entries, Verb::Inc),
    }
}

fn upserts(entries: &Entries<text::Upsert>) -> Lowered {
    let upserts = entries.0.iter().map(|(name, upsert)| {
        let fields = upsert.value.value.0.iter();
        let fields = fields.map(|(name, value)| Ok((name.value.clone(), lower_arg(value)?)));
        let value = fields.collect::<Result<_, LoadError>>()?;
        let key = upsert.value.key.clone();
        let target = target(&name.value, Place::of(name))?;
        Ok((target, Verb::UpsertBy { key, value }, Place::of(upsert)))
    });
    upserts.collect()
}

/// Lowers a value of the file.
fn lower_arg(arg: &Spanned<Arg>) -> Result<Node, LoadError> {
    let place = Place::of(arg);
    let plain = |value| Ok(Node::Literal(value));
    match &arg.value {
        Arg::Null => plain(Value::Null),
        Arg::Bool(value) => plain(Value::Bool(*value)),
        Arg::Int(value) => plain(Value::Int(*value)),
        Arg::Float => Err(place.wrong("a number with a fraction is not exact here; write decimal('0.00')")),
        Arg::Text(text) => lower(text, &NAMES).map_err(|message| place.wrong(message)),
        Arg::List(items) => {
            let items = items.iter().map(lower_arg);
            items.collect::<Result<_, _>>().map(Node::List)
        }
        Arg::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Ok((key.value.clone(), lower_arg(value)?)));
            entries.collect::<Result<_, LoadError>>().map(Node::Map)
        }
    }
}
