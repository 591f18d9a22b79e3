//! One migration rule, typed against the event it is run on and the one it makes.
//!
//! Rules are a version's, whatever events it has. Of several, a rule says by its guard which it is of: where the guard asks for
//! what an event does not have by its schema, and another event of the version has, the rule is none of that event's.
//!
//! Invariant: what a rule gives fits the fields that its version has, as far as types are known; an event that its guard lets
//! in all the same is not read. Left out: rules of other languages than CEL, rules for fields by their tags, `onFailure`: where a
//! rule fails, the event is not read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::cel::{
    Budget, Comparison, Names, Node, Path, Root, Roots, RuleText, Scope, Shape, evaluate, holds, shown,
};
use annals_schema_model::{MigrationRule, SchemaType, Value};
use prost_reflect::MessageDescriptor;

use super::names::MESSAGE;
use super::oneofs;
use super::typing::{Known, condition_fits, shape};
use crate::explain::RuleUsed;

static NAMES: Names = Names {
    known: &[MESSAGE],
    told: MESSAGE,
    besides: "",
};

/// A rule of an event.
pub(super) struct Rule {
    pub(super) used: RuleUsed,
    text: RuleText,
    says: Says,
}

/// What a rule does with an event.
enum Says {
    Gives(Gives),
    Judges,
    /// Nothing: it is of other events, and its guard keeps it from this one.
    Passes,
}

/// The fields that a transform gives.
struct Gives {
    /// These, whatever the event.
    surely: Vec<String>,
    /// And these at times; all there are, where it is not known.
    perhaps: Option<Vec<String>>,
}

impl Gives {
    fn of(node: &Node, given: &Shape) -> Gives {
        match node {
            Node::Map(entries) => {
                let names: Vec<String> = entries.iter().map(|(name, _)| name.to_string()).collect();
                Gives {
                    surely: names.clone(),
                    perhaps: Some(names),
                }
            }
            Node::If(_, then, other) => {
                let (then, other) = (Gives::of(then, given), Gives::of(other, given));
                let both = |name: &String| other.surely.contains(name);
                Gives {
                    surely: then.surely.into_iter().filter(both).collect(),
                    perhaps: then
                        .perhaps
                        .zip(other.perhaps)
                        .map(|(then, other)| [then, other].concat()),
                }
            }
            _ => Gives {
                surely: Vec::new(),
                perhaps: match given {
                    Shape::Record { fields, .. } => {
                        Some(fields.iter().map(|(name, _)| name.clone()).collect())
                    }
                    _ => None,
                },
            },
        }
    }

    fn perhaps(&self, field: &str) -> bool {
        let given = self.perhaps.as_ref();
        given.is_none_or(|names| names.iter().any(|name| name == field))
    }
}

/// What a rule is compiled for.
pub(super) struct Target<'a> {
    /// The event as it was written.
    pub(super) written: &'a Shape,
    /// The event it makes, or judges.
    pub(super) wanted: &'a Shape,
    /// Whether it has a field that the shape does not name.
    pub(super) describes: &'a dyn Fn(&str) -> bool,
    /// Other events of the versions.
    pub(super) others: &'a [Shape],
    /// What the event it makes is in Protobuf.
    pub(super) message: Option<MessageDescriptor>,
    /// What the event is written in: in JSON numbers are one type, and there are few others.
    pub(super) format: SchemaType,
}

impl Rule {
    /// Reads a rule, and finds how it fits: `message` becomes what rules behind it see.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(
        used: RuleUsed,
        rule: &MigrationRule,
        message: &mut Shape,
        target: &Target<'_>,
    ) -> Result<Rule, String> {
        let wrong = |why: String| format!("{used}: {why}");
        if !rule.language.eq_ignore_ascii_case("CEL") {
            return Err(wrong(format!(
                "it is written in {}, and only CEL is run here; register the version with a rule in CEL, or with this one disabled",
                rule.language
            )));
        }
        let text = RuleText::read(&rule.expr, &NAMES).map_err(wrong)?;
        let says = says(rule, &text, message, target).map_err(|why| {
            let other = match target.others {
                [] => "",
                _ => "; a guard says which events of the version a rule is of, such as `has(message.total) ; …`",
            };
            wrong(format!("{why}, in `{}`{other}", rule.expr))
        })?;
        Ok(Rule { used, text, says })
    }

    /// Whether it is of other events.
    pub(super) fn passes(&self) -> bool {
        matches!(self.says, Says::Passes)
    }

    /// The fields that it gives whatever the event.
    pub(super) fn gives_surely(&self) -> &[String] {
        match &self.says {
            Says::Gives(gives) => &gives.surely,
            Says::Judges | Says::Passes => &[],
        }
    }

    /// The fields that it gives of an event.
    pub(super) fn run(&self, message: &Value, budget: &Budget) -> Result<Vec<(Arc<str>, Value)>, String> {
        let roots = Message(message);
        let scope = Scope::new(&roots).within(budget);
        let RuleText { guard, expression } = &self.text;
        if let Some(guard) = guard
            && !holds(guard, &scope)?
        {
            return Ok(Vec::new());
        }
        match self.says {
            Says::Gives(_) => {}
            Says::Judges if holds(expression, &scope)? => return Ok(Vec::new()),
            Says::Judges => return Err("its condition does not hold".to_owned()),
            Says::Passes => {
                let strange = "its guard lets in an event that has by its schema not what it asks for";
                return Err(strange.to_owned());
            }
        }
        match scope.kept(evaluate(expression, &scope)?)? {
            Value::Map(fields) | Value::Record { fields, .. } => Ok(fields),
            other => Err(format!("it gives {}, and not fields of the event", shown(&other))),
        }
    }

    /// Whether it may give a field.
    pub(super) fn may_give(&self, field: &str) -> bool {
        matches!(&self.says, Says::Gives(gives) if gives.perhaps(field))
    }
}

/// What a rule says of an event, by the types of both.
fn says(
    rule: &MigrationRule,
    text: &RuleText,
    message: &mut Shape,
    target: &Target<'_>,
) -> Result<Says, String> {
    if let Some(guard) = &text.guard {
        let fits = |event: &Shape| condition_fits(guard, &over(&widened(event, target.others)));
        if !never(guard, message) {
            fits(message)?;
        } else if target
            .others
            .iter()
            .any(|other| fits(other).is_ok() && !never(guard, other))
        {
            return Ok(Says::Passes);
        } else {
            condition_fits(guard, &over(message))?;
        }
    }
    if !rule.transforms {
        condition_fits(&text.expression, &over(message))?;
        return Ok(Says::Judges);
    }
    let given = shape(&text.expression, &over(message))?;
    if let Some(of) = &target.message {
        let of_message = over(message);
        let is_set = |node: &Node| {
            let shape = shape(node, &of_message);
            shape.is_ok_and(|shape| !matches!(shape, Shape::Any | Shape::Null | Shape::Optional(_)))
        };
        oneofs::check(&text.expression, of, &is_set)?;
    }
    let mut gives = Gives::of(&text.expression, &given);
    let is_open = |guard: &Node| target.format == SchemaType::Avro && always(guard, target.written);
    if text.guard.as_ref().is_some_and(|guard| !is_open(guard)) {
        gives.surely.clear();
    }
    match &given {
        Shape::Record { fields, .. } => {
            for (name, shape) in fields {
                field_fits(name, shape, target)?;
                lay(message, name, shape, gives.surely.contains(name));
            }
        }
        // Whatever it gives may be anything from here on.
        Shape::Any | Shape::Map(_) => *message = Shape::Any,
        other => {
            return Err(format!(
                "it gives {other}, and not fields of the event, such as {{'name': message.full_name}}"
            ));
        }
    }
    Ok(Says::Gives(gives))
}

/// What an expression over an event may refer to.
fn over(message: &Shape) -> Known<'_> {
    static NO_STATE: BTreeMap<String, Shape> = BTreeMap::new();
    Known {
        event: message,
        state: &NO_STATE,
        it: None,
        variables: &[],
    }
}

/// An event whose words may be those of the same field of other events: a guard may name several of them.
fn widened(event: &Shape, others: &[Shape]) -> Shape {
    let mut event = event.clone();
    if let Shape::Record { fields, .. } = &mut event {
        for (name, shape) in fields.iter_mut().filter(|(_, shape)| shape.symbols().is_some()) {
            let of_others = others.iter().filter_map(|other| other.field(name, "").ok());
            for other in of_others.filter(|other| other.symbols().is_some()) {
                *shape = std::mem::replace(shape, Shape::Any).merge(other);
            }
        }
    }
    event
}

/// Whether a guard can hold for no event of this shape: it asks for a field that there is not, or for a symbol of another enum.
fn never(guard: &Node, event: &Shape) -> bool {
    match guard {
        Node::And(a, b) => never(a, event) || never(b, event),
        Node::Or(a, b) => never(a, event) && never(b, event),
        Node::Has(path) => at(path, event).is_none(),
        Node::Compare(Comparison::Equal, a, b) => is_no_symbol(a, b, event) || is_no_symbol(b, a, event),
        Node::In(a, list) => is_no_symbol(a, list, event),
        _ => false,
    }
}

/// Whether a guard holds for all records of this shape: it asks for a field, and they have all of theirs.
fn always(guard: &Node, record: &Shape) -> bool {
    match guard {
        Node::And(a, b) => always(a, record) && always(b, record),
        Node::Or(a, b) => always(a, record) || always(b, record),
        Node::Has(path) => path.steps.len() == 1 && at(path, record).is_some(),
        _ => false,
    }
}

/// What is at a path of an event.
fn at(path: &Path, event: &Shape) -> Option<Shape> {
    if path.root != Root::Name(MESSAGE) {
        return Some(Shape::Any);
    }
    let mut steps = path.steps.iter();
    steps.try_fold(event.clone(), |shape, step| shape.field(step, "").ok())
}

/// Whether a field is an enum, and these texts are none of its symbols.
fn is_no_symbol(field: &Node, texts: &Node, event: &Shape) -> bool {
    let Node::Path(path) = field else {
        return false;
    };
    let field = at(path, event);
    let Some(symbols) = field.as_ref().and_then(Shape::symbols) else {
        return false;
    };
    let texts = match texts {
        Node::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_strange =
        |text: &Node| matches!(text, Node::Literal(Value::String(text)) if !symbols.contains(text));
    texts.iter().all(is_strange)
}

/// Whether values of a shape are such as JSON has.
fn is_json(shape: &Shape) -> bool {
    match shape.present() {
        Shape::Timestamp | Shape::Duration | Shape::Bytes => false,
        Shape::List(of) | Shape::Map(of) => is_json(of),
        Shape::Record { fields, .. } => fields.iter().all(|(_, shape)| is_json(shape)),
        _ => true,
    }
}

/// A field of a message is another from now on.
fn lay(message: &mut Shape, name: &str, given: &Shape, surely: bool) {
    let Shape::Record { fields, .. } = message else {
        return;
    };
    match fields.iter_mut().find(|(field, _)| **field == *name) {
        Some((_, shape)) if surely => *shape = given.clone(),
        Some((_, shape)) => *shape = std::mem::replace(shape, Shape::Any).merge(given.clone()),
        None => fields.push((name.to_owned(), given.clone())),
    }
}

/// Whether a field of the event may be given a value.
fn field_fits(name: &str, given: &Shape, target: &Target<'_>) -> Result<(), String> {
    let wanted = match target.wanted.field(name, "the event") {
        Err(_) if (target.describes)(name) => Shape::Any,
        wanted => wanted?,
    };
    let in_json = target.format == SchemaType::Json;
    if in_json && !is_json(given) {
        return Err(format!(
            "it gives {given} as `{name}`, and JSON has no such type; string(…) makes a text of it"
        ));
    }
    fits(name, given, &wanted, in_json)
}

/// Whether a value may stand at a place where another type is wanted. That one which may be null is not, only the event can say.
fn fits(place: &str, given: &Shape, wanted: &Shape, in_json: bool) -> Result<(), String> {
    let is_fit = match (given.present(), wanted.present()) {
        (Shape::Any, _) | (_, Shape::Any) => true,
        (Shape::Null, _) => matches!(wanted, Shape::Optional(_) | Shape::Null),
        (Shape::Int, Shape::Float | Shape::Decimal) => true,
        // Of the one type that JSON has, only the event can say which are whole.
        (Shape::Float | Shape::Decimal, Shape::Int) | (Shape::Float, Shape::Decimal) if in_json => true,
        // What has no expression of its own is written as its text.
        (Shape::Text, Shape::Uuid | Shape::Date | Shape::TimeOfDay) => true,
        (given, wanted) if given.is_duration() && wanted.is_duration() => true,
        (Shape::List(given), Shape::List(wanted)) => {
            return fits(&format!("{place}[…]"), given, wanted, in_json);
        }
        (Shape::Map(given), Shape::Map(wanted)) => {
            return fits(&format!("{place}[…]"), given, wanted, in_json);
        }
        (Shape::Record { fields, .. }, of @ (Shape::Map(_) | Shape::Record { .. })) => {
            return fields.iter().try_for_each(|(name, given)| {
                let wanted = of.field(name, place)?;
                fits(&format!("{place}.{name}"), given, &wanted, in_json)
            });
        }
        (given, wanted) => given == wanted,
    };
    match is_fit {
        true => Ok(()),
        false => Err(format!("it gives {given} as `{place}`, which is {wanted}")),
    }
}

/// What a rule is asked about.
struct Message<'a>(&'a Value);

impl Roots for Message<'_> {
    fn start(&self, path: &Path, _: usize) -> Result<(Cow<'_, Value>, usize), String> {
        match path.root {
            Root::Name(MESSAGE) => Ok((Cow::Borrowed(self.0), 0)),
            root => Err(format!("`{}` stands for nothing", root.name())),
        }
    }
}
