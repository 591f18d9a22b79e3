//! How wide a type may be: what it holds of fixed in place is bounded, so that a thread's stack holds its values.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::model::{Body, Definition, Definitions, Type, recurs};

/// How many bytes of fixed a type may hold in place, in the records and unions in it too: arrays are passed by value, and where
/// nothing is optimised they lie on the stack several times.
const FIXED_IN_PLACE_BYTES_MAX: usize = 16 * 1024;

/// Types that hold more bytes of fixed in place than may be: those that what they hold does not say it of already.
pub(super) fn too_large(definitions: &Definitions) -> Vec<Diagnostic> {
    let held = fixed_bytes(definitions);
    let is_too_large = |bytes: usize| bytes > FIXED_IN_PLACE_BYTES_MAX;
    let is_first = |definition: &&Definition| {
        let name = &definition.name;
        let mut fields = definition.body.fields().iter().map(|field| &field.kind);
        is_too_large(held.get(name).copied().unwrap_or(0))
            && !fields
                .any(|kind| is_too_large(bytes_in_place(&held, kind)) && !recurs(definitions, name, kind))
    };
    let first = definitions.values().filter(is_first);
    let said = first.map(|definition| {
        let message = format!(
            "`{}` holds more than {FIXED_IN_PLACE_BYTES_MAX} bytes of `fixed` in place, for which stacks are too small",
            definition.name
        );
        Diagnostic::at(&definition.path, definition.line, 0, message)
            .help("make it `bytes`, or the items of an array")
    });
    said.collect()
}

/// How many bytes of fixed lie in place in a value of each type, at most. What leads back to where it is stored is boxed, and
/// what arrays and maps hold is elsewhere.
fn fixed_bytes(definitions: &Definitions) -> BTreeMap<String, usize> {
    let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
    for (name, definition) in definitions {
        if let Body::Fixed(size) = definition.body {
            bytes.insert(name.clone(), size);
        }
    }
    if bytes.is_empty() {
        return bytes;
    }
    let in_place: Vec<(&String, Vec<&Type>)> = definitions
        .iter()
        .map(|(name, definition)| {
            let fields = definition.body.fields().iter().map(|field| &field.kind);
            let held = fields.filter(|kind| !recurs(definitions, name, kind));
            (name, held.collect())
        })
        .collect();
    loop {
        let sum = |kinds: &[&Type]| {
            let each = kinds.iter().map(|kind| bytes_in_place(&bytes, kind));
            each.fold(0, usize::saturating_add)
        };
        let more = in_place.iter().filter_map(|(name, kinds)| {
            let sum = sum(kinds);
            (sum > bytes.get(*name).copied().unwrap_or(0)).then(|| ((*name).clone(), sum))
        });
        let more: Vec<(String, usize)> = more.collect();
        if more.is_empty() {
            return bytes;
        }
        bytes.extend(more);
    }
}

fn bytes_in_place(known: &BTreeMap<String, usize>, kind: &Type) -> usize {
    match kind {
        Type::Named(name) => known.get(name).copied().unwrap_or(0),
        Type::Union(branches) => {
            let each = branches.iter().map(|branch| bytes_in_place(known, branch));
            each.max().unwrap_or(0)
        }
        _ => 0,
    }
}
