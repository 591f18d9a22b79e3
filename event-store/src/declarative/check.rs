//! Types of the state's fields and of the operations on them, checked when a fold is loaded.
//!
//! The types of the state's fields are what `set` gives them, over all events together; what is set within them and put
//! into their lists and maps adds to that. Each operation is then checked against them. Invariant: what passes here has a
//! target that can be there.

use std::collections::BTreeMap;

use annals_schema_model::cel::Shape;

use super::fault::{LoadError, Place};
use super::names::STATE;
use super::target::{Step, Target};
use super::typing::{Known, condition_fits, shape};
use super::verb::{Operation, Verb, arithmetic};

/// Rounds of looking through all operations until the types of the fields stand still.
const ROUNDS_MAX: usize = 8;

/// A block of operations and the shape of its event.
pub(crate) struct Checked<'a> {
    pub(crate) event: &'a Shape,
    pub(crate) operations: &'a [Operation],
}

pub(crate) type Fields = BTreeMap<String, Shape>;

/// Checks all blocks of a fold; gives what is wrong with them, or the types of the state's fields.
pub(crate) fn check(blocks: &[Checked<'_>]) -> (Fields, Vec<LoadError>) {
    let state = state_shapes(blocks);
    let operations = blocks
        .iter()
        .flat_map(|block| block.operations.iter().map(|op| (block.event, op)));
    let checked = operations.map(|(event, operation)| fits(operation, &known(event, &state)));
    let wrong = checked.filter_map(Result::err).collect();
    (state, wrong)
}

fn known<'a>(event: &'a Shape, state: &'a Fields) -> Known<'a> {
    Known {
        event,
        state,
        it: None,
        variables: &[],
    }
}

/// Whether an operation sets a field as a whole.
fn sets_field(operation: &Operation) -> bool {
    matches!(operation.verb, Verb::Set(_)) && operation.target.steps.is_empty()
}

/// What the fields of the state are, as far as the operations tell.
fn state_shapes(blocks: &[Checked<'_>]) -> Fields {
    let mut state = BTreeMap::new();
    let operations = || {
        blocks
            .iter()
            .flat_map(|block| block.operations.iter().map(|op| (block.event, op)))
    };
    let (sets, others): (Vec<_>, Vec<_>) = operations().partition(|(_, operation)| sets_field(operation));
    // Every field that is set exists, whatever its type turns out to be.
    for (_, operation) in &sets {
        state.insert(operation.target.field.clone(), Shape::Any);
    }
    for _ in 0..ROUNDS_MAX {
        let mut next = Fields::new();
        for (event, operation) in sets.iter().chain(&others) {
            // What is wrong is found when the operation itself is checked.
            let field = &operation.target.field;
            let made = made(operation, next.get(field), &known(event, &state));
            if let Ok(shape) = made {
                next.insert(field.clone(), shape);
            }
        }
        for field in state.keys() {
            next.entry(field.clone()).or_insert(Shape::Any);
        }
        if next == state {
            break;
        }
        state = next;
    }
    state
}

/// Whether an operation can be done on the state as it is.
fn fits(operation: &Operation, known: &Known<'_>) -> Result<(), LoadError> {
    if let Some((condition, place)) = &operation.condition {
        condition_fits(condition, known).map_err(|message| place.wrong(message))?;
    }
    made(operation, known.state.get(&operation.target.field), known).map(drop)
}

/// What an operation makes of its field, which is as it is now.
fn made(operation: &Operation, field: Option<&Shape>, known: &Known<'_>) -> Result<Shape, LoadError> {
    let target = &operation.target;
    let value = given(&operation.verb, known).map_err(|message| operation.place.wrong(message))?;
    if sets_field(operation) {
        return Ok(match field {
            None => value,
            Some(before) => before.clone().merge(value),
        });
    }
    let unset = || {
        let field = &target.field;
        let help = match field == STATE {
            true => "a target is in the state already: leave `state.` out",
            false => "set it in a begin block first",
        };
        format!("nothing sets state.{field}; {help}")
    };
    let field = field.ok_or_else(|| target.place.wrong(unset()))?.clone();
    let mut steps = Vec::with_capacity(target.steps.len());
    for step in &target.steps {
        steps.push(match step {
            Step::Name(name) => Kind::Name(name),
            Step::Key(node) => {
                let key = shape(node, known).map_err(|message| target.place.wrong(message))?;
                // A key that is null halts.
                Kind::Key(key.present().clone())
            }
        });
    }
    let verb = Applied {
        verb: &operation.verb,
        value,
        known,
        target,
        place: operation.place,
    };
    verb.within(field, &steps, format!("state.{}", target.field))
}

/// The type of what an operation is given.
fn given(verb: &Verb, known: &Known<'_>) -> Result<Shape, String> {
    match verb {
        Verb::Set(node) | Verb::Add(node) | Verb::Sub(node) | Verb::Inc(node) => shape(node, known),
        Verb::Remove => Ok(Shape::Null),
        Verb::Append(node) => shape(node, known).map(Shape::list),
        Verb::RemoveWhere(_) => Ok(Shape::list(Shape::Any)),
        Verb::UpsertBy { value, .. } => {
            let fields = value
                .iter()
                .map(|(name, node)| Ok((name.to_string(), shape(node, known)?)));
            let fields = fields.collect::<Result<_, String>>()?;
            Ok(Shape::list(Shape::Record {
                name: String::new(),
                fields,
            }))
        }
    }
}

/// Whether sums of it are of time.
fn is_time(shape: &Shape) -> bool {
    shape.is_duration() || *shape.present() == Shape::Timestamp
}

/// A step of a target, by the type of its key.
enum Kind<'a> {
    Name(&'a str),
    Key(Shape),
}

/// A verb with the type of its value, on its way to its target.
struct Applied<'a> {
    verb: &'a Verb,
    value: Shape,
    known: &'a Known<'a>,
    target: &'a Target,
    /// Where its value stands.
    place: Place,
}

impl Applied<'_> {
    /// What becomes of a value, when the verb does its work some steps within; `of` is the way so far, for sentences.
    fn within(&self, shape: Shape, steps: &[Kind<'_>], of: String) -> Result<Shape, LoadError> {
        let Some((step, rest)) = steps.split_first() else {
            return self.done(shape, &of);
        };
        let wrong = |message: String| Err(self.target.place.wrong(message));
        let deeper = match step {
            Kind::Name(name) => format!("{of}.{name}"),
            Kind::Key(_) => format!("{of}[…]"),
        };
        match (shape, step) {
            (Shape::Optional(inner), _) => self.within(*inner, steps, of).map(Shape::optional),
            (shape @ (Shape::Any | Shape::Null), _) => {
                self.argument_fits(&Shape::Any)
                    .map_err(|message| self.place.wrong(message))?;
                Ok(shape)
            }
            (Shape::Map(value), Kind::Name(_) | Kind::Key(Shape::Text | Shape::Any)) => {
                let entry = self.entry(*value, rest, deeper)?;
                Ok(Shape::Map(Box::new(entry)))
            }
            (Shape::Record { name, fields }, Kind::Key(Shape::Text | Shape::Any)) if name.is_empty() => {
                // Whatever stood in it, its keys are values from now on.
                let values = fields.into_iter().map(|(_, shape)| shape);
                let value = values.reduce(Shape::merge).unwrap_or(Shape::Any);
                let entry = self.entry(value, rest, deeper)?;
                Ok(Shape::Map(Box::new(entry)))
            }
            (Shape::Record { name, mut fields }, Kind::Name(field)) => {
                match fields.iter_mut().find(|(known, _)| known == field) {
                    Some((_, shape)) => {
                        if rest.is_empty() && matches!(self.verb, Verb::Remove) && !name.is_empty() {
                            return wrong(format!(
                                "{of} is a record {name}, whose fields stay; set it to null"
                            ));
                        }
                        *shape = self.within(std::mem::replace(shape, Shape::Any), rest, deeper)?;
                    }
                    None if name.is_empty() && rest.is_empty() && matches!(self.verb, Verb::Set(_)) => {
                        fields.push(((*field).to_owned(), self.value.clone()));
                    }
                    None => {
                        let record = Shape::Record { name, fields };
                        return match record.field(field, &of) {
                            Err(message) => wrong(message),
                            Ok(_) => Ok(record),
                        };
                    }
                }
                Ok(Shape::Record { name, fields })
            }
            (Shape::List(_), Kind::Key(Shape::Int | Shape::Any))
                if rest.is_empty() && matches!(self.verb, Verb::Remove) =>
            {
                wrong(format!("{of} is a list; `remove-where` takes elements out of it"))
            }
            (Shape::List(element), Kind::Key(Shape::Int | Shape::Any)) => {
                self.within(*element, rest, deeper).map(Shape::list)
            }
            (shape, Kind::Name(name)) => wrong(format!("{of} is {shape} and has no field `{name}`")),
            (shape, Kind::Key(key)) => wrong(format!(
                "{of} is {shape} and has no element that {key} names{}",
                match &shape {
                    Shape::Record { name, .. } if !name.is_empty() => "; name the field",
                    Shape::Map(_) | Shape::Record { .. } =>
                        "; the keys of a map are texts, and string(…) makes one",
                    _ => "",
                }
            )),
        }
    }

    /// The same for an entry of a map, which may be new when it is set.
    fn entry(&self, value: Shape, rest: &[Kind<'_>], of: String) -> Result<Shape, LoadError> {
        match (&value, rest, self.verb) {
            (Shape::Any, [], Verb::Set(_)) => Ok(self.value.clone()),
            (_, [], Verb::Remove) => Ok(value),
            _ => self.within(value, rest, of),
        }
    }

    /// What the verb makes of what its target leads to.
    fn done(&self, found: Shape, of: &str) -> Result<Shape, LoadError> {
        let verb = self.verb.name();
        let needs = |fits: bool, wanted: &str, what: &str, shape: &Shape, place: Place| {
            let message = || format!("`{verb}` needs {wanted}, and {what} is {shape}");
            if fits { Ok(()) } else { Err(place.wrong(message())) }
        };
        let (target, place) = (self.target.place, self.place);
        match self.verb {
            Verb::Remove => return Ok(found),
            Verb::Set(_) => {
                let merged = found.clone().merge(self.value.clone());
                if merged == Shape::Any && found != Shape::Any && self.value != Shape::Any {
                    return Err(place.wrong(format!("{of} is {found}, and the value is {}", self.value)));
                }
                return Ok(merged);
            }
            Verb::Add(_) | Verb::Sub(_) if is_time(&found) || is_time(&self.value) => {
                let sum = arithmetic(self.verb).shape(&found, &self.value);
                let sum = sum.map_err(|message| place.wrong(message))?;
                if sum != Shape::Any && sum != *found.present() {
                    let message = format!("`{verb}` would make {sum} of {of}, which is {found}");
                    return Err(place.wrong(message));
                }
            }
            Verb::Add(_) | Verb::Sub(_) => {
                let wanted = "integers or decimals";
                needs(found.is_number(), wanted, of, &found, target)?;
                needs(self.value.is_number(), wanted, "the value", &self.value, place)?;
            }
            Verb::Inc(_) => {
                needs(found.is_whole(), "integers", of, &found, target)?;
                needs(self.value.is_whole(), "integers", "the value", &self.value, place)?;
            }
            Verb::Append(_) | Verb::RemoveWhere(_) | Verb::UpsertBy { .. } => {
                let is_list = matches!(found.present(), Shape::List(_) | Shape::Any);
                needs(is_list, "a list", of, &found, target)?;
            }
        }
        self.argument_fits(&found)
            .map_err(|message| place.wrong(message))?;
        // A sum with decimals is one, and a list holds what was put into it.
        Ok(match (found.present(), self.value.present()) {
            (Shape::Int, Shape::Decimal) | (Shape::List(_), Shape::List(_)) => {
                found.merge(self.value.clone())
            }
            _ => found,
        })
    }

    fn argument_fits(&self, list: &Shape) -> Result<(), String> {
        match self.verb {
            Verb::RemoveWhere(condition) => {
                let element = match list.present() {
                    Shape::List(element) => &**element,
                    _ => &Shape::Any,
                };
                let it = Some(element);
                condition_fits(condition, &Known { it, ..*self.known })
            }
            Verb::UpsertBy { key, value } if !value.iter().any(|(name, _)| **name == **key) => Err(format!(
                "`upsert-by` finds its element by `{key}`, so the value must have that field"
            )),
            _ => Ok(()),
        }
    }
}
