//! Two states side by side, leaf by leaf.

use std::collections::BTreeMap;

use annals_event_store::canonical;
use serde_json::Value;

use super::page::shortened;

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 2_000;

/// One leaf of the state on both sides of an event.
pub(super) struct Field {
    /// The path in pieces, between which a narrow screen may break it.
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// `None`: not there, or null.
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Changed,
    Added,
    Removed,
    Same,
}

impl Kind {
    /// The class of the row, and the word for those who do not see the mark.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Changed => "changed",
            Kind::Added => "added",
            Kind::Removed => "removed",
            Kind::Same => "same",
        }
    }

    /// A change must be seen without colour too.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Kind::Changed => "~",
            Kind::Added => "+",
            Kind::Removed => "-",
            Kind::Same => "",
        }
    }
}

/// Ordered by number where it is one: item 10 stands behind item 9.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Name(String),
}

type Sides = BTreeMap<Vec<Step>, (Option<String>, Option<String>)>;

/// Changed leaves first, then new ones, gone ones, and the rest; each part by path.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<Field> {
    let mut sides = Sides::new();
    flatten(&mut Vec::new(), before, &mut |path, text| {
        sides.entry(path).or_default().0 = Some(text);
    });
    flatten(&mut Vec::new(), after, &mut |path, text| {
        sides.entry(path).or_default().1 = Some(text);
    });
    let mut fields: Vec<Field> = sides
        .into_iter()
        .map(|(path, (before, after))| Field {
            path: pieces(&path),
            kind: match (&before, &after) {
                (None, _) => Kind::Added,
                (_, None) => Kind::Removed,
                (Some(b), Some(a)) if a != b => Kind::Changed,
                _ => Kind::Same,
            },
            before: before.map(|text| shortened(text, VALUE_CHARS_MAX)),
            after: after.map(|text| shortened(text, VALUE_CHARS_MAX)),
        })
        .collect();
    fields.sort_by_key(|field| field.kind);
    fields
}

fn pieces(path: &[Step]) -> Vec<String> {
    let text = |(place, step): (usize, &Step)| match step {
        Step::Index(index) => format!("[{index}]"),
        Step::Name(name) if place == 0 => name.clone(),
        Step::Name(name) => format!(".{name}"),
    };
    path.iter().enumerate().map(text).collect()
}

fn flatten(path: &mut Vec<Step>, value: &Value, leaf: &mut impl FnMut(Vec<Step>, String)) {
    match value {
        Value::Null => {}
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                path.push(Step::Name(name.clone()));
                flatten(path, field, leaf);
                path.pop();
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                flatten(path, item, leaf);
                path.pop();
            }
        }
        // An empty text is shown as what it is, not as nothing.
        Value::String(text) if !text.is_empty() => leaf(path.clone(), text.clone()),
        other => leaf(path.clone(), canonical::to_text(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_fields_come_first() {
        let check = |before: Value, after: Value, wanted: &[&str]| {
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            let shown: Vec<String> = compare(&before, &after)
                .iter()
                .map(|f| {
                    let (before, after) = (side(&f.before), side(&f.after));
                    format!("{}{} {before}>{after}", f.kind.mark(), f.path.concat())
                })
                .collect();
            assert_eq!(shown, wanted);
        };
        check(
            json!({"a": 1, "b": {"c": "x"}, "gone": true, "none": null}),
            json!({"a": 1, "b": {"c": "y"}, "new": ["n"], "none": null}),
            &["~b.c x>y", "+new[0] >n", "-gone true>", "a 1>1"],
        );
        check(Value::Null, json!({"e": "", "l": []}), &["+e >\"\"", "+l >[]"]);
        let items: Vec<u8> = (0..11).collect();
        let mut more = items.clone();
        more.push(11);
        let shown = compare(&json!(items), &json!(more));
        let last: Vec<String> = shown.iter().skip(10).map(|f| f.path.concat()).collect();
        assert_eq!(last, ["[9]", "[10]"]);
    }
}
