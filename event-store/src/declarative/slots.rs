//! Places of the state's fields: names are looked up once, when a fold is loaded.

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, Root};

use super::names::STATE;
use super::target::Step;
use super::verb::Operation;

/// The state: a value for each field that is set.
pub(crate) type State = Vec<Option<Value>>;

/// A field that is set.
pub(crate) type Field<'s> = (&'s String, &'s Value);

/// The names of the fields; a field's slot is the place of its name.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    names: Vec<String>,
    /// The slots in the order of the names, in which states are shown.
    by_name: Vec<usize>,
}

impl Slots {
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The fields of a state that are set, in the order of their names.
    pub(crate) fn set<'s>(&'s self, state: &'s State) -> impl Iterator<Item = Field<'s>> {
        let slots = self.by_name.iter();
        slots.filter_map(|slot| Some((self.names.get(*slot)?, state.get(*slot)?.as_ref()?)))
    }

    fn of(&mut self, field: &str) -> usize {
        self.names
            .iter()
            .position(|name| name == field)
            .unwrap_or_else(|| {
                let slot = self.names.len();
                let is_before =
                    |other: &usize| self.names.get(*other).is_some_and(|name| name.as_str() < field);
                let place = self.by_name.partition_point(is_before);
                self.by_name.insert(place, slot);
                self.names.push(field.to_owned());
                slot
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
        for node in operation.verb.nodes_mut() {
            self.visit(node);
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
