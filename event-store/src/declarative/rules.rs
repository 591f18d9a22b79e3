//! The migration rules of one version, compiled for the events of another: bytes of the one become bytes of the other.
//!
//! `message` is the event in the shape it was written in. What a transform gives are fields of the event as it is next; the
//! fields it does not give come over as they would without a rule, by resolution. So a rule says what resolution cannot, and
//! nothing twice. What comes out is written with the schema of that version and read like any event of it.
//!
//! Invariant: what a rule gives fits the fields that its version has, as far as types are known when it is compiled, and is held
//! by them as it is when it runs; whatever it does not give can be resolved. Left out: rules of other languages than CEL, rules for fields by their tags,
//! events in JSON Schema, `onFailure`: where a rule fails, the event is not read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use annals_schema_model::cel::{
    Budget, Names, Node, Path, Root, Roots, RuleText, Scope, Shape, evaluate, holds, shown,
};
use annals_schema_model::{MigrationRule, Reading, Schema, Value, Writer, Writing};

use super::names::MESSAGE;
use super::reader::schema_shape;
use super::typing::{Known, condition_fits, shape};
use crate::explain::RuleUsed;

static NAMES: Names = Names {
    known: &[MESSAGE],
    told: MESSAGE,
    besides: "",
};

/// A version that events go from, or to.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) writer: Arc<Writer>,
}

/// Rules between two versions, in the order they run, and the version they are registered with.
pub(super) struct Leg {
    pub(super) from: Version,
    pub(super) to: Version,
    pub(super) owner: u32,
    pub(super) rules: Vec<MigrationRule>,
}

/// The same, compiled.
pub(super) struct Step {
    pub(super) from: Version,
    pub(super) to: Version,
    rules: Vec<Rule>,
    read: Reading,
    /// Reads what the rules do not give.
    resolve: Reading,
    write: Writing,
    /// What is told of an event that none of the rules can be named for.
    told: String,
}

struct Rule {
    used: RuleUsed,
    text: RuleText,
    /// Which fields it gives; nothing where it only judges.
    gives: Option<Gives>,
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

impl Step {
    /// Compiles the rules of a subject.
    ///
    /// # Errors
    /// The rule that is wrong, and how.
    pub(super) fn new(subject: &str, leg: Leg) -> Result<Step, String> {
        let Leg {
            from,
            to,
            owner,
            rules,
        } = leg;
        let (mut message, wanted) = (schema_shape(&from.writer.schema), schema_shape(&to.writer.schema));
        let mut compiled: Vec<Rule> = Vec::with_capacity(rules.len());
        for rule in &rules {
            let used = RuleUsed {
                name: rule.name.clone(),
                subject: subject.to_owned(),
                version: owner,
            };
            let wrong = |why: String| format!("{used}: {why}");
            let (text, gives) = compile(rule, &mut message, wanted.as_ref()).map_err(wrong)?;
            compiled.push(Rule { used, text, gives });
        }
        let given = compiled.iter().filter_map(|rule| rule.gives.as_ref());
        let given: Vec<&str> = given
            .flat_map(|gives| gives.surely.iter().map(String::as_str))
            .collect();
        let resolve = resolve(&from, &to, &given)
            .map_err(|why| format!("version {owner} of {subject} has migration rules, and {why}"))?;
        Ok(Step {
            read: Reading::of(&from.writer.schema),
            resolve,
            write: Writing::of(&to.writer.schema),
            told: format!("the migration rules of version {owner} of {subject}"),
            rules: compiled,
            from,
            to,
        })
    }

    /// The event as the other version would have written it.
    ///
    /// # Errors
    /// The rule that fails, and why.
    pub(super) fn run(&self, body: &[u8], budget: &Budget) -> Result<Vec<u8>, String> {
        let read = |reading: &Reading| {
            let read = reading.read(body);
            read.map_err(|error| format!("{}: the event cannot be read: {error}", self.told))
        };
        let mut message = read(&self.read)?;
        let name = self.from.writer.schema.record_name().unwrap_or_default();
        if !matches!(&message, Value::Record { name: found, .. } if **found == *name) {
            return Err(format!("{} are for {name}, and the event is none", self.told));
        }
        let mut event = read(&self.resolve)?;
        let mut given: BTreeMap<Arc<str>, &Rule> = BTreeMap::new();
        for rule in &self.rules {
            let fields = rule
                .run(&message, budget)
                .map_err(|why| format!("{}: {why}", rule.used))?;
            for (name, value) in fields {
                set(&mut message, &name, value.clone());
                set(&mut event, &name, value);
                given.insert(name, rule);
            }
        }
        for (name, rule) in given {
            let value = event.get(&name).unwrap_or(&Value::Null);
            self.write
                .holds(&name, value)
                .map_err(|error| format!("{}: {error}", rule.used))?;
        }
        let written = self.write.write_value(&event);
        written.map_err(|error| format!("{}: {error}", self.told))
    }

    /// Its rules, in the order they run.
    pub(super) fn rules(&self) -> impl Iterator<Item = &RuleUsed> {
        self.rules.iter().map(|rule| &rule.used)
    }

    /// The rule that may have given a field.
    pub(super) fn giver(&self, field: &str) -> Option<&RuleUsed> {
        let giver = self.rules.iter().rfind(|rule| rule.may_give(field));
        giver.map(|rule| &rule.used)
    }
}

/// Reads a rule, and finds how it fits: `message` becomes what rules behind it see.
fn compile(
    rule: &MigrationRule,
    message: &mut Option<Shape>,
    wanted: Option<&Shape>,
) -> Result<(RuleText, Option<Gives>), String> {
    if !rule.language.eq_ignore_ascii_case("CEL") {
        return Err(format!(
            "it is written in {}, and only CEL is run here; register the version with a rule in CEL, or with this one disabled",
            rule.language
        ));
    }
    let (Some(known), Some(wanted)) = (&mut *message, wanted) else {
        return Err("migration rules are run on records of Avro and messages of Protobuf alone, and not on events in a union".to_owned());
    };
    let text = RuleText::read(&rule.expr, &NAMES)?;
    let told = |why: String| format!("{why}, in `{}`", rule.expr);
    let over = Known {
        event: &*known,
        state: &BTreeMap::new(),
        it: None,
        variables: &[],
    };
    if let Some(guard) = &text.guard {
        condition_fits(guard, &over).map_err(told)?;
    }
    if !rule.transforms {
        condition_fits(&text.expression, &over).map_err(told)?;
        return Ok((text, None));
    }
    let given = shape(&text.expression, &over).map_err(told)?;
    let mut gives = Gives::of(&text.expression, &given);
    if text.guard.is_some() {
        gives.surely.clear();
    }
    match &given {
        Shape::Record { fields, .. } => {
            for (name, shape) in fields {
                let field = wanted.field(name, "the event").map_err(told)?;
                if !fits(shape, &field) {
                    return Err(told(format!("it gives {shape} as `{name}`, which is {field}")));
                }
                lay(known, name, shape, gives.surely.contains(name));
            }
        }
        // Whatever it gives may be anything from here on.
        Shape::Any | Shape::Map(_) => *known = Shape::Any,
        other => {
            return Err(told(format!(
                "it gives {other}, and not fields of the event, such as {{'name': message.full_name}}"
            )));
        }
    }
    Ok((text, Some(gives)))
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

/// How everything but some fields comes over.
fn resolve(from: &Version, to: &Version, given: &[&str]) -> Result<Reading, String> {
    let rest = match &to.writer.schema {
        Schema::Avro(schema) => schema.without_fields(given).map(Schema::Avro),
        _ => None,
    };
    let rest = rest.as_ref().unwrap_or(&to.writer.schema);
    Reading::new(&from.writer.schema, rest).map_err(|findings| {
        let first = findings.first();
        let first = first.map_or_else(String::new, |finding| format!(": {}", finding.message()));
        format!(
            "what they do not always give cannot be resolved from version {} to version {}{first}",
            from.number, to.number
        )
    })
}

/// Whether a value may stand where another type is wanted. That one which may be null is not, only the event can say.
fn fits(given: &Shape, wanted: &Shape) -> bool {
    match (given.present(), wanted.present()) {
        (Shape::Any, _) | (_, Shape::Any) => true,
        (Shape::Null, _) => matches!(wanted, Shape::Optional(_) | Shape::Null),
        (Shape::Int, Shape::Float | Shape::Decimal) => true,
        // What has no expression of its own is written as its text.
        (Shape::Text, Shape::Uuid | Shape::Date | Shape::TimeOfDay) => true,
        (given, wanted) if given.is_duration() && wanted.is_duration() => true,
        (Shape::List(given), Shape::List(wanted)) | (Shape::Map(given), Shape::Map(wanted)) => {
            fits(given, wanted)
        }
        (Shape::Record { fields, .. }, Shape::Map(wanted)) => {
            fields.iter().all(|(_, given)| fits(given, wanted))
        }
        (Shape::Record { fields, .. }, wanted @ Shape::Record { .. }) => fields
            .iter()
            .all(|(name, given)| wanted.field(name, "").is_ok_and(|wanted| fits(given, &wanted))),
        (given, wanted) => given == wanted,
    }
}

impl Rule {
    /// The fields that it gives of an event.
    fn run(&self, message: &Value, budget: &Budget) -> Result<Vec<(Arc<str>, Value)>, String> {
        let roots = Message(message);
        let scope = Scope::new(&roots).within(budget);
        let RuleText { guard, expression } = &self.text;
        if let Some(guard) = guard
            && !holds(guard, &scope)?
        {
            return Ok(Vec::new());
        }
        if self.gives.is_none() {
            return match holds(expression, &scope)? {
                true => Ok(Vec::new()),
                false => Err("its condition does not hold".to_owned()),
            };
        }
        match scope.kept(evaluate(expression, &scope)?)? {
            Value::Map(fields) | Value::Record { fields, .. } => Ok(fields),
            other => Err(format!("it gives {}, and not fields of the event", shown(&other))),
        }
    }

    /// Whether it may give a field, or what the path within one leads to.
    fn may_give(&self, path: &str) -> bool {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        self.gives.as_ref().is_some_and(|gives| gives.perhaps(field))
    }
}

/// A field has this value, as what was set last: of a oneof it is the member that counts.
fn set(of: &mut Value, name: &str, value: Value) {
    if let Value::Record { fields, .. } | Value::Map(fields) = of {
        fields.retain(|(field, _)| **field != *name);
        fields.push((name.into(), value));
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
