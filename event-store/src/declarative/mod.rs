//! Folds written in YAML with CEL expressions: what the server can run without being compiled, and an auditor can read.
//!
//! The language is described in `docs/folds.md`, whose examples are run by a test. Every event and every field is checked
//! against the registered schemas when a fold is loaded, every operation against the types of its fields; an error names
//! the place in the file. Invariant: a fold that loaded never meets a missing field at run time, except in values made by
//! an expression too free to be typed, and where the target of an operation is not there.
//!
//! Expressions run on an operation tree of our own, over borrowed values; the `cel` crate parses them.
//! Left out: two-variable macros, time zones by name, floats as constants of the file.

mod carried;
mod cases;
mod check;
mod events;
mod fault;
mod frozen;
mod ids;
mod last_use;
mod load;
mod lower;
mod migration;
mod names;
mod oneofs;
mod pins;
mod plan;
mod reader;
mod rule;
mod rules;
mod same;
mod slots;
mod target;
mod text;
mod touch;
mod typing;
mod undo;
mod verb;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_schema_model::cel::{Budget, Node, Shape};
use annals_schema_model::{DecodeError, Raw, Resolve, Schema, SchemaId, Value, Writer};

use self::carried::came;
pub use self::cases::{CaseResult, run_cases};
pub(crate) use self::events::{Events, Message, Rule};
pub use self::fault::LoadError;
use self::ids::Topic;
pub use self::load::{TEXT_BYTES_MAX, load, load_checked, load_pinned, name_of, rev_of};
pub use self::pins::{Pin, Pins};
use self::plan::{Met, Plan};
use self::slots::{Field, Slots, State};
use self::undo::Undo;
use self::verb::{EVENT_COST_MAX, Input, Operation};
use crate::by_field::IdField;
use crate::canonical;
use crate::explain::{RuleUsed, Touch, ValueFrom};
use crate::fold::{AnyFold, AnyState, Cell, FoldId, Halt, Recorded, Step, Stop};
use crate::folding::{ReaderUsed, SchemaUsed};
use crate::kept::Kept;

/// A fold that was loaded from a file, such as this one:
///
/// ```yaml
#[doc = include_str!("../../tests/deciding/account.yaml")]
/// ```
///
/// It runs as one in Rust does:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/declared.in"));
/// # fn main() -> Shown { let bank = two_accounts(); let (store, log, registry) = (&bank.store, &bank.log, registry());
/// use annals_event_store::{AsOf, Source, declarative};
/// # use annals_segment_log::PartitionConfig;
///
/// let fold = declarative::load(ACCOUNT, &registry)?;
/// # let source = Source::open(log, "accounts", 1, &PartitionConfig::default())?;
/// store.add_aggregate(Box::new(fold), source)?;
/// let answer = store.reconstruct("account", "a-1", &AsOf::Head)?;
/// assert_eq!(answer.state, serde_json::json!({"owner": "Ada", "balance": 530}));
/// # Ok(()) }
/// ```
pub struct Declarative {
    id: FoldId,
    /// In the order in which the file names them.
    topics: Vec<Topic>,
    rules: Vec<Rule>,
    slots: Slots,
    /// The types of the state's fields, by name.
    shapes: BTreeMap<String, Shape>,
    ignore: BTreeSet<String>,
    events: Events,
    pins: Pins,
    /// What the pins call schemas by.
    names: BTreeMap<u32, SchemaUsed>,
    plans: Kept<Arc<Plan>>,
}

impl Declarative {
    /// The schema version each event is read with.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The fields of a state that are set, if there is one.
    fn set<'s>(&'s self, state: &'s Cell) -> Result<Option<impl Iterator<Item = Field<'s>>>, Stop> {
        let fields = |some: &'s AnyState| some.downcast_ref().ok_or_else(|| self.id.foreign_state());
        let state = state.as_ref().map(fields).transpose()?;
        Ok(state.map(|state| self.slots.set(state)))
    }

    /// The rule for an event of a message; `Err` when there is none to run.
    fn member_rule(&self, event: &Value) -> Result<&Rule, Step> {
        let of_event =
            |message: &&Message| matches!(event, Value::Record { name, .. } if **name == *message.name);
        let message = self.events.message.as_ref().filter(of_event);
        let members = &message.ok_or(Step::UnknownKind)?.members;
        let set = members
            .iter()
            .find(|member| !matches!(event.get(member), None | Some(Value::Null)));
        let set = set.ok_or(Step::UnknownKind)?;
        if self.ignore.contains(set) {
            return Err(Step::NotMine);
        }
        self.rules
            .iter()
            .find(|rule| rule.event == *set)
            .ok_or(Step::UnknownKind)
    }

    /// How a field of an event came from its writer, and by which rule.
    fn came(
        &self,
        writer: &Writer,
        event: Option<&str>,
        field: &[String],
    ) -> Option<(ValueFrom, Option<RuleUsed>)> {
        let (name, reader) = match (&writer.schema, &self.events.message) {
            (Schema::Proto(_), Some(message)) => (message.name.clone(), &message.reader),
            #[cfg(feature = "json")]
            (Schema::Json(_), _) => (event?.to_owned(), self.events.records.get(event?)?),
            _ => {
                let name = writer.schema.record_name().or_else(|| event.map(str::to_owned))?;
                let reader = self.events.records.get(&name)?;
                (name, reader)
            }
        };
        let plan = self.known_plan(writer.id);
        let steps = plan.as_ref().map_or(&[][..], |plan| plan.steps(&name));
        Some(came(writer, steps, reader, &name, field))
    }

    fn apply(
        &self,
        rule: &Rule,
        state: &mut Cell,
        mut event: Value,
        recorded: &Recorded<'_>,
        budget: &Budget,
        touches: Option<&mut Vec<Touch>>,
    ) -> Result<(), Stop> {
        let name = &rule.event;
        let input = Input {
            recorded,
            budget,
            names: self.slots.names(),
        };
        let mut touches = touches;
        let mut note = |operation: &Operation, undo: &Undo, state: &State| {
            if let Some(touches) = &mut touches {
                touches.push(operation.touch(undo.place(state, input.names)));
            }
        };
        match state {
            None => {
                let halt = || {
                    Halt(format!(
                        "{name} is not an event that {} can begin with",
                        self.id.name
                    ))
                };
                let mut fields: State = vec![None; input.names.len()];
                verb::run(
                    rule.begin.as_ref().ok_or_else(halt)?,
                    &mut fields,
                    &mut event,
                    input,
                    &mut note,
                )
                .map_err(Halt)?;
                *state = Some(Box::new(fields));
            }
            Some(some) => {
                let halt = || {
                    Halt(format!(
                        "{name} came again, and {} only begins with it",
                        self.id.name
                    ))
                };
                let block = rule.on.as_ref().ok_or_else(halt)?;
                let fields = some
                    .downcast_mut::<State>()
                    .ok_or_else(|| self.id.foreign_state())?;
                verb::run(block, fields, &mut event, input, &mut note).map_err(Halt)?;
            }
        }
        Ok(())
    }

    fn fold_within_budget(
        &self,
        state: &mut Cell,
        recorded: &Recorded<'_>,
        resolve: &dyn Resolve,
        touches: Option<&mut Vec<Touch>>,
    ) -> Result<Step, Stop> {
        let budget = Budget::new(EVENT_COST_MAX);
        let folded = self.fold(state, recorded, resolve, &budget, touches);
        recorded.spent.add(EVENT_COST_MAX - budget.left());
        folded
    }

    fn fold(
        &self,
        state: &mut Cell,
        recorded: &Recorded<'_>,
        resolve: &dyn Resolve,
        budget: &Budget,
        touches: Option<&mut Vec<Touch>>,
    ) -> Result<Step, Stop> {
        let met = self.meet(&recorded.raw, resolve, budget)?;
        let (rule, event) = match met {
            Met::Ignored => return Ok(Step::NotMine),
            Met::Unknown => return Ok(Step::UnknownKind),
            Met::Unreadable(reason) => return Err(DecodeError::Payload(reason).into()),
            Met::Event(rule, event) => (self.rules.get(rule), event),
            Met::Message(event) => match self.member_rule(&event) {
                Ok(rule) => (Some(rule), event),
                Err(step) => return Ok(step),
            },
        };
        let rule = rule.ok_or_else(|| Halt::new("the fold has no such rule"))?;
        self.apply(rule, state, event, recorded, budget, touches)?;
        Ok(Step::Applied)
    }
}

impl AnyFold for Declarative {
    fn id(&self) -> &FoldId {
        &self.id
    }

    fn topic(&self) -> &str {
        self.topics.first().map_or("", |topic| &topic.name)
    }

    fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|topic| topic.name.as_str()).collect()
    }

    fn id_field(&self, topic: &str) -> Option<&IdField> {
        let topic = self.topics.iter().find(|known| known.name == topic)?;
        topic.by.as_ref().map(|(field, _)| field)
    }

    fn id_value(
        &self,
        field: &IdField,
        raw: &Raw<'_>,
        resolve: &dyn Resolve,
    ) -> Result<Option<Value>, DecodeError> {
        self.read_id(field, raw, resolve)
    }

    fn reads_ids_with(&self) -> String {
        self.pins.meaning()
    }

    fn readers(&self) -> Vec<ReaderUsed> {
        let readers = self.pins.iter();
        readers
            .map(|(event, pin)| ReaderUsed {
                event: event.to_owned(),
                schema: Some(SchemaUsed::from(pin)),
            })
            .collect()
    }

    fn kinds(&self) -> Option<Vec<String>> {
        Some(self.events.kinds(&self.rules, &self.ignore))
    }

    fn schema(&self, id: SchemaId) -> SchemaUsed {
        let named = self.names.get(&id.get()).cloned();
        named.unwrap_or_else(|| SchemaUsed::unnamed(id))
    }

    fn step(&self, state: &mut Cell, recorded: &Recorded<'_>, resolve: &dyn Resolve) -> Result<Step, Stop> {
        self.fold_within_budget(state, recorded, resolve, None)
    }

    fn step_noting(
        &self,
        state: &mut Cell,
        recorded: &Recorded<'_>,
        resolve: &dyn Resolve,
        touches: &mut Vec<Touch>,
    ) -> Result<Step, Stop> {
        self.fold_within_budget(state, recorded, resolve, Some(touches))
    }

    fn carried(&self, writer: &Writer, event: Option<&str>, field: &[String]) -> Option<ValueFrom> {
        Some(self.came(writer, event, field)?.0)
    }

    fn migrated(&self, writer: &Writer, event: Option<&str>, field: &[String]) -> Option<RuleUsed> {
        self.came(writer, event, field)?.1
    }

    fn rules_of(&self, schema: SchemaId, resolve: &dyn Resolve) -> Vec<RuleUsed> {
        self.rules_between(schema, resolve)
    }

    fn fields(&self) -> &[String] {
        self.slots.names()
    }

    fn value(&self, state: &Cell) -> Result<Value, Stop> {
        let Some(fields) = self.set(state)? else {
            return Ok(Value::Null);
        };
        let map = fields.map(|(name, value)| (name.as_str().into(), value.clone()));
        Ok(Value::Map(map.collect()))
    }

    fn condition_fits(&self, condition: &Node) -> Result<(), String> {
        typing::condition_over(condition, &self.shapes)
    }

    fn shape(&self, place: &[String]) -> Result<Shape, String> {
        typing::place_shape(place, &self.shapes)
    }

    fn view(&self, state: &Cell) -> Result<serde_json::Value, Stop> {
        let Some(fields) = self.set(state)? else {
            return Ok(serde_json::Value::Null);
        };
        let object = fields.map(|(name, value)| (name.clone(), value.to_json()));
        Ok(canonical::sorted(serde_json::Value::Object(object.collect())))
    }

    fn show(&self, state: &Cell, out: &mut Vec<u8>) -> Result<(), Stop> {
        let Some(fields) = self.set(state)? else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        let object = fields.map(|(name, value)| (name, canonical::Shown(value)));
        canonical::write_object(object, out).map_err(|error| Halt(error.to_string()).into())
    }

    fn keeps_snapshots(&self) -> bool {
        true
    }

    fn freeze(&self, state: &AnyState) -> Option<Vec<u8>> {
        state.downcast_ref().map(frozen::freeze)
    }

    fn thaw(&self, bytes: &[u8]) -> Option<AnyState> {
        let state = frozen::thaw(bytes)?;
        (state.len() == self.slots.names().len()).then(|| Box::new(state) as AnyState)
    }
}
