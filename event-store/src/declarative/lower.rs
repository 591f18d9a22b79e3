//! Operations and values of the file, lowered: each value is an expression, each target a way into the state.

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, lower};
use serde_saphyr::Spanned;

use super::fault::{LoadError, Place};
use super::names::NAMES;
use super::target::Target;
use super::text::{self, Arg, Entries, Inc, Targets};
use super::verb::{Operation, Verb};

/// A verb on a target, and where its value stands; or what is wrong with it, which is nothing of the other targets.
type Lowered = Vec<Result<(Target, Verb, Place), LoadError>>;

/// Lowers a block; one operation of the file on several targets becomes one for each.
pub(crate) fn lower_block(block: &[Spanned<text::Operation>], wrong: &mut Vec<LoadError>) -> Vec<Operation> {
    let mut operations = Vec::new();
    for operation in block {
        for lowered in lower_operation(Place::of(operation), &operation.value) {
            match lowered {
                Ok(operation) => operations.push(operation),
                Err(error) => wrong.push(error),
            }
        }
    }
    operations
}

fn lower_operation(place: Place, operation: &text::Operation) -> Vec<Result<Operation, LoadError>> {
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
        return vec![Err(place.wrong(message))];
    };
    // A condition that is wrong is told once, however many targets it stands beside.
    let condition = operation.condition.as_ref().map(lower_arg);
    if let Some(Err(wrong)) = condition {
        return vec![Err(wrong)];
    }
    let with_condition = |verb: Result<(Target, Verb, Place), LoadError>| {
        let (target, verb, place) = verb?;
        let condition = operation.condition.as_ref().map(|condition| {
            let place = Place::of(condition);
            Ok((lower_arg(condition)?, place))
        });
        Ok(Operation {
            condition: condition.transpose()?,
            target,
            verb,
            takes: false,
            place,
        })
    };
    verbs.into_iter().map(with_condition).collect()
}

fn target(text: &str, place: Place) -> Result<Target, LoadError> {
    Target::read(text, place).map_err(|message| place.wrong(message))
}

fn each(entries: &Entries<Arg>, make: fn(Node) -> Verb) -> Lowered {
    let mut verbs = Vec::new();
    for (name, value) in &entries.0 {
        let node = lower_arg(value).or_else(|wrong| {
            verbs.push(Err(wrong));
            // The target has a value all the same: nobody wants to hear that nothing sets it.
            lower("dyn(null)", &NAMES).map_err(|message| Place::of(value).wrong(message))
        });
        let target = target(&name.value, Place::of(name));
        verbs.push(target.and_then(|target| Ok((target, make(node?), Place::of(value)))));
    }
    verbs
}

fn removals(targets: &Spanned<Targets>) -> Lowered {
    let removal = |name: &str, place| Ok((target(name, place)?, Verb::Remove, place));
    match &targets.value {
        Targets::One(name) => vec![removal(name, Place::of(targets))],
        Targets::Many(names) => {
            let names = names.iter();
            names.map(|name| removal(&name.value, Place::of(name))).collect()
        }
    }
}

fn status(word: &Spanned<String>) -> Lowered {
    let (value, place) = (Value::String(word.value.clone()), Place::of(word));
    vec![target("status", place).map(|target| (target, Verb::Set(Node::Literal(value)), place))]
}

fn increment(inc: &Spanned<Inc>) -> Lowered {
    match &inc.value {
        Inc::ByOne(name) => {
            let (one, place) = (Node::Literal(Value::Int(1)), Place::of(inc));
            vec![target(name, place).map(|target| (target, Verb::Inc(one), place))]
        }
        Inc::By(entries) => each(entries, Verb::Inc),
    }
}

fn upserts(entries: &Entries<text::Upsert>) -> Lowered {
    let upserts = entries.0.iter().map(|(name, upsert)| {
        let fields = upsert.value.value.0.iter();
        let fields = fields.map(|(name, value)| Ok((name.value.as_str().into(), lower_arg(value)?)));
        let value = fields.collect::<Result<_, LoadError>>()?;
        let key = upsert.value.key.clone();
        let target = target(&name.value, Place::of(name))?;
        Ok((target, Verb::UpsertBy { key, value }, Place::of(upsert)))
    });
    upserts.collect()
}

/// Whether a text is a date, as YAML's people write them: as an expression it would be a sum, and seldom the one that is meant.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(is_number)
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
        Arg::Text(text) if is_date(text) => Err(place.wrong(format!(
            "`{text}` is a subtraction here; write timestamp('{text}T00:00:00Z'), or \"'{text}'\" for the text"
        ))),
        Arg::Text(text) => lower(text, &NAMES).map_err(|message| place.wrong(message)),
        Arg::List(items) => {
            let items = items.iter().map(lower_arg);
            items.collect::<Result<_, _>>().map(Node::List)
        }
        Arg::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Ok((key.value.as_str().into(), lower_arg(value)?)));
            entries.collect::<Result<_, LoadError>>().map(Node::Map)
        }
    }
}
