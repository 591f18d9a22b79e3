//! Places of the state's fields: names are looked up once, when a fold is loaded.

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, Root};

use super::names::STATE;
use super::target::Step;
use super::verb::{Operation, Verb};

/// The state: a value for each field that is set.
pub(crate) type State = Vec<Option<Value>>;

/// A field that is set.
pub(crate) type Field<'s> = (&'s String, &'s Value);

/// The names of the fields; a field's slot is its place here.
#[derive(Debug, Default)]
pub(crate) struct Slots(Vec<String>);

impl Slots {
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    /// The fields of a state that are set.
    pub(crate) fn set<'s>(&'s self, state: &'s State) -> impl Iterator<Item = Field<'s>> {
        let fields = self.0.iter().zip(state);
        fields.filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    fn of(&mut self, field: &str) -> usize {
        self.0.iter().position(|name| name == field).unwrap_or_else(|| {
            self.0.push(field.to_owned());
            self.0.len() - 1
        })
    }

    /// Gives an operation and all its expressions their slots.
    pub(crate) fn give(&mut self, operation: &mut Operation) {
        operation.target.slot = self.of(&operation.target.field);
        for step in &mut operation.target.steps {
            if let Step::Key(key) = step {
                self.visit(key);
            }
        }
        if let Some((condition, _)) = &mut operation.condition {
            self.visit(condition);
        }
        match &mut operation.verb {
            Verb::Remove => {}
            Verb::Set(node)
            | Verb::Add(node)
            | Verb::Sub(node)
            | Verb::Inc(node)
            | Verb::Append(node)
            | Verb::RemoveWhere(node) => self.visit(node),
            Verb::UpsertBy { value, .. } => value.iter_mut().for_each(|(_, node)| self.visit(node)),
        }
    }

    fn visit(&mut self, node: &mut Node) {
        if let Node::Path(path) | Node::Has(path) = node
            && let (Root::Name(STATE), Some(field)) = (path.root, path.steps.first())
        {
            path.slot = self.of(field);
        }
        for part in node.parts_mut() {
            self.visit(part);
        }
    }
}
