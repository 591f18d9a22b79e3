//! Which definitions are one type of Rust, and where it lives.
//!
//! Invariant: definitions of one full name are one type exactly when they and everything they hold have the same shapes;
//! docs, places and defaults do not count. The first such type of a name lives in the module of its namespace, those
//! of events before those that are only held by others; a differing one lives in a module of its subject inside of
//! that. An old version that is kept has a module `v<N>` instead, and shares with the newest what did not change.

use std::collections::BTreeMap;

use crate::model::{Definition, reached_by};
use crate::names::{escaped, snake};
use crate::rust::module::modules;
use crate::unit::AvroUnit;

/// The types of all units.
#[derive(Debug, Default)]
pub(crate) struct Identities<'u> {
    /// In the order in which they get their names.
    pub(crate) types: Vec<TypePlace<'u>>,
    /// For each unit: what its full names stand for, as an index of `types`.
    pub(crate) of_unit: Vec<BTreeMap<&'u str, usize>>,
}

/// A type and its module.
#[derive(Debug)]
pub(crate) struct TypePlace<'u> {
    /// The unit it is printed from, as an index.
    pub(crate) unit: usize,
    /// Its definition there.
    pub(crate) definition: &'u Definition,
    /// The module it lives in.
    pub(crate) modules: Vec<String>,
}

/// Finds the types of units, of which the newest come first.
pub(crate) fn identities<'u>(units: &[&'u AvroUnit]) -> Identities<'u> {
    let deep = deep_shapes(units);
    let tops = units.iter().enumerate().filter_map(|(index, unit)| {
        let definition = unit.definitions.get(&unit.top)?;
        Some((index, definition))
    });
    let others = units.iter().enumerate().flat_map(|(index, unit)| {
        unit.definitions
            .values()
            .map(move |definition| (index, definition))
    });
    let mut identities = Identities::default();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    let mut taken: BTreeMap<(Vec<String>, &str), ()> = BTreeMap::new();
    for (unit, definition) in tops.chain(others) {
        let Some(shape) = deep[unit].get(definition.name.as_str()) else {
            continue;
        };
        known.entry(*shape).or_insert_with(|| {
            let mut modules = modules(definition.namespace(), units[unit].keep);
            if taken.contains_key(&(modules.clone(), definition.name.as_str())) {
                modules.push(escaped(&snake(&units[unit].origin.subject)));
            }
            taken.insert((modules.clone(), definition.name.as_str()), ());
            identities.types.push(TypePlace {
                unit,
                definition,
                modules,
            });
            identities.types.len() - 1
        });
    }
    let of_unit = deep.into_iter().map(|shapes| {
        let places = shapes
            .into_iter()
            .filter_map(|(name, shape)| Some((name, *known.get(&shape)?)));
        places.collect()
    });
    identities.of_unit = of_unit.collect();
    identities
}

/// For each unit, a number for each definition: the same for those that are one type.
fn deep_shapes<'u>(units: &[&'u AvroUnit]) -> Vec<BTreeMap<&'u str, usize>> {
    let mut shapes: BTreeMap<&str, Vec<(usize, &Definition)>> = BTreeMap::new();
    let mut count = 0;
    let mut shape_of = |unit: &AvroUnit, definition: &'u Definition| {
        let same_name = shapes.entry(definition.name.as_str()).or_default();
        // An old version is a type of its own, also where it differs in nothing that can be seen here.
        let is_its_own = unit.keep.is_some() && definition.name == unit.top;
        let same = same_name.iter().find(|(_, other)| definition.same_shape(other));
        match same.filter(|_| !is_its_own) {
            Some((shape, _)) => *shape,
            None => {
                count += 1;
                if !is_its_own {
                    same_name.push((count, definition));
                }
                count
            }
        }
    };
    let shallow: Vec<BTreeMap<&str, usize>> = units
        .iter()
        .map(|unit| {
            let shapes = unit.definitions.values();
            shapes
                .map(|definition| (definition.name.as_str(), shape_of(unit, definition)))
                .collect()
        })
        .collect();
    let mut deep: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut numbered = |unit: &'u AvroUnit, shallow: &BTreeMap<&str, usize>| {
        let numbers = unit.definitions.keys().map(|name| {
            let inner = reached_by(&unit.definitions, name);
            let others = inner.into_iter().filter(|inner| *inner != name.as_str());
            let mut held: Vec<usize> = others.filter_map(|inner| shallow.get(inner).copied()).collect();
            held.sort_unstable();
            // Which of them it is comes first.
            held.insert(0, shallow.get(name.as_str()).copied().unwrap_or_default());
            let next = deep.len();
            (name.as_str(), *deep.entry(held).or_insert(next))
        });
        numbers.collect()
    };
    units
        .iter()
        .zip(&shallow)
        .map(|(unit, shallow)| numbered(unit, shallow))
        .collect()
}
