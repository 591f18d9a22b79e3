//! The branches of a reader's union by what they may be looked for, so that unions of thousands of types are compared
//! without looking through all branches of one for each branch of the other.

use std::{collections::HashMap, rc::Rc};

use super::{Kind, NodeId, Schema, promotes, task};
use crate::avro::node::Name;

/// Up to this many branches, every branch of a union is compared.
const SMALL_UNION: usize = 64;

/// Places in a union, in ascending order.
type Places = Rc<[usize]>;

/// One union's branches.
pub(super) struct Branches<'s> {
    reader: &'s Schema,
    branches: &'s [NodeId],
    /// By full name, or by type where there are no names. No two branches share one.
    exact: HashMap<&'s str, usize>,
    /// By type and short name.
    short: HashMap<(&'static str, &'s str), Places>,
    /// By type and full name of an alias that counts.
    alias: HashMap<(&'static str, &'s str), Places>,
    /// By type.
    kinds: HashMap<&'static str, Places>,
    /// Those that have no name.
    unnamed: Places,
    none: Places,
}

/// All unions of a reader that were looked into so far.
#[derive(Default)]
pub(super) struct Unions<'s>(HashMap<NodeId, Rc<Branches<'s>>>);

impl<'s> Unions<'s> {
    pub(super) fn of(
        &mut self,
        reader: &'s Schema,
        union: NodeId,
        branches: &'s [NodeId],
    ) -> Rc<Branches<'s>> {
        let made = || Rc::new(Branches::new(reader, branches));
        Rc::clone(self.0.entry(union).or_insert_with(made))
    }
}

impl<'s> Branches<'s> {
    fn new(reader: &'s Schema, branches: &'s [NodeId]) -> Branches<'s> {
        let kinds = || {
            branches
                .iter()
                .map(|branch| &reader.node(*branch).kind)
                .enumerate()
        };
        let named = || kinds().filter_map(|(place, kind)| Some((place, kind, kind.type_name()?)));
        let short = named().map(|(place, kind, name)| ((kind.name(), name.short()), place));
        let alias = named().flat_map(|(place, kind, _)| {
            let counting = task::aliases(kind).map(Name::full);
            counting.map(move |alias| ((kind.name(), alias), place))
        });
        let labels = branches.iter().map(|branch| reader.type_label(*branch));
        Branches {
            reader,
            branches,
            exact: labels.zip(0..).collect(),
            short: grouped(short),
            alias: grouped(alias),
            kinds: grouped(kinds().map(|(place, kind)| (kind.name(), place))),
            unnamed: kinds()
                .filter(|(_, kind)| kind.type_name().is_none())
                .map(|(place, _)| place)
                .collect(),
            none: Rc::default(),
        }
    }

    pub(super) fn node(&self, place: usize) -> Option<NodeId> {
        self.branches.get(place).copied()
    }

    fn kind(&self, kind: &str) -> &Places {
        self.kinds.get(kind).unwrap_or(&self.none)
    }

    /// The branches of a writer's type that go by a name of it.
    fn by_name<'a>(&'a self, kind: &Kind, name: &'a Name) -> [&'a Places; 2] {
        [
            self.short.get(&(kind.name(), name.short())).unwrap_or(&self.none),
            self.alias.get(&(kind.name(), name.full())).unwrap_or(&self.none),
        ]
    }

    /// The first branch of the same type and, for named types, of the same short name or an alias.
    pub(super) fn alike(&self, kind: &Kind) -> Option<usize> {
        match kind.type_name() {
            Some(name) => {
                let first = self.by_name(kind, name).map(|places| places.first().copied());
                first.into_iter().flatten().min()
            }
            None => self.kind(kind.name()).first().copied(),
        }
    }

    /// The branch that is meant for a writer's type: of its full name, by an alias, of its short name or, where there are
    /// no names, of its type; else the first that is wider.
    pub(super) fn meant(&self, writer: &Schema, id: NodeId) -> Option<usize> {
        let kind = &writer.node(id).kind;
        let exact = self.exact.get(writer.type_label(id)).copied();
        let exact = exact.filter(|place| {
            let branch = self.node(*place).map(|branch| &self.reader.node(branch).kind);
            branch.is_some_and(|branch| branch.name() == kind.name())
        });
        exact.or_else(|| self.alike(kind)).or_else(|| {
            let unnamed = self.unnamed.iter().copied();
            unnamed
                .filter(|place| {
                    let branch = self.node(*place).map(|branch| &self.reader.node(branch).kind);
                    branch.is_some_and(|branch| promotes(kind, branch))
                })
                .min()
        })
    }

    /// The branches worth comparing with a writer's type. Of a small union all of them, as in Java; of a large one those
    /// that do not fail by type or name alone. Where names do not count any branch of that type will do; the one of the
    /// same name most likely does.
    pub(super) fn candidates(&self, kind: &Kind, names: bool) -> Candidates {
        let none = || Rc::clone(&self.none);
        let lists = if self.branches.len() <= SMALL_UNION {
            [(0..self.branches.len()).collect(), none(), none()]
        } else {
            match kind.type_name() {
                Some(name) => {
                    let [short, alias] = self.by_name(kind, name).map(Rc::clone);
                    let others = if names {
                        none()
                    } else {
                        Rc::clone(self.kind(kind.name()))
                    };
                    [short, alias, others]
                }
                None => [Rc::clone(&self.unnamed), none(), none()],
            }
        };
        Candidates { lists, at: [0; 3] }
    }
}

fn grouped<K: std::hash::Hash + Eq>(pairs: impl Iterator<Item = (K, usize)>) -> HashMap<K, Places> {
    let mut groups: HashMap<K, Vec<usize>> = HashMap::new();
    for (key, place) in pairs {
        groups.entry(key).or_default().push(place);
    }
    groups
        .into_iter()
        .map(|(key, places)| (key, places.into()))
        .collect()
}

/// Branches in the order they are to be tried: the first two lists by place, then the third.
pub(super) struct Candidates {
    lists: [Places; 3],
    at: [usize; 3],
}

impl Iterator for Candidates {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = |list: usize| self.lists[list].get(self.at[list]).copied();
        match (next(0), next(1)) {
            (None, None) => {
                let place = next(2)?;
                self.at[2] += 1;
                Some(place)
            }
            (left, right) => {
                let place = left.into_iter().chain(right).min()?;
                self.at[0] += usize::from(left == Some(place));
                self.at[1] += usize::from(right == Some(place));
                Some(place)
            }
        }
    }
}
