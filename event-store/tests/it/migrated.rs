//! Migration rules against a model: whatever the versions between a writer and a reader do to its fields.

use annals_event_store::declarative;
use annals_schema_model::{MigrationRule, SchemaType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::migrations::{folded, rule};
use crate::support::Table;

/// What one version does to the fields of the one before.
#[derive(Clone, Debug)]
enum Change {
    Rename(usize),
    Units(usize),
    Split(usize),
    Computed(usize),
    Defaulted,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Whole,
    Money,
    Text,
    Defaulted,
}

/// The fields of a version.
type Fields = Vec<(String, Kind)>;
/// An event of it.
type Values = Vec<(String, Value)>;

/// The fields of the next version, its rule, and the model of it.
struct Next {
    fields: Fields,
    rule: Option<String>,
    make: Box<dyn Fn(&Values) -> Values>,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        any::<usize>().prop_map(Change::Rename),
        any::<usize>().prop_map(Change::Units),
        any::<usize>().prop_map(Change::Split),
        any::<usize>().prop_map(Change::Computed),
        Just(Change::Defaulted),
    ];
    proptest::collection::vec(change, 1..6)
}

fn schema_of(fields: &Fields) -> String {
    let field = |(name, kind): &(String, Kind)| {
        let rest = match kind {
            Kind::Whole => r#""type": "long""#,
            Kind::Money => {
                r#""type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}"#
            }
            Kind::Text => r#""type": "string""#,
            Kind::Defaulted => r#""type": "string", "default": "as ever""#,
        };
        format!(r#"{{"name": "{name}", {rest}}}"#)
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!(
        r#"{{"type": "record", "name": "s.E", "fields": [{}]}}"#,
        fields.join(", ")
    )
}

fn without<T: Clone>(of: &[(String, T)], name: &str) -> Vec<(String, T)> {
    of.iter().filter(|(known, _)| known != name).cloned().collect()
}

/// One field becomes others.
fn replaced(
    fields: &Fields,
    from: String,
    to: &[(&str, Kind)],
    rule: String,
    model: fn(&Value) -> Vec<Value>,
) -> Next {
    let names: Vec<String> = to.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut next = without(fields, &from);
    next.extend(to.iter().map(|(name, kind)| ((*name).to_owned(), *kind)));
    let make = move |values: &Values| {
        let old = &values.iter().find(|(name, _)| *name == from).unwrap().1;
        let mut next = without(values, &from);
        next.extend(names.iter().cloned().zip(model(old)));
        next
    };
    Next {
        fields: next,
        rule: Some(rule),
        make: Box::new(make),
    }
}

fn split(value: &Value) -> Vec<Value> {
    let mut parts = value.as_str().unwrap().split('-');
    vec![
        json!(parts.next().unwrap()),
        json!(parts.next().unwrap_or_default()),
    ]
}

fn units(value: &Value) -> Vec<Value> {
    let cents = value.as_i64().unwrap();
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    vec![json!(format!("{sign}{}.{:02}", cents / 100, cents % 100))]
}

fn twice(value: &Value) -> Vec<Value> {
    vec![value.clone(), json!(value.as_i64().unwrap().max(0) * 2)]
}

fn next(change: &Change, version: usize, fields: &Fields) -> Next {
    let pick = |at: usize, kind: Kind| {
        let fitting: Vec<&String> = fields
            .iter()
            .filter(|field| field.1 == kind)
            .map(|field| &field.0)
            .collect();
        fitting.get(at % fitting.len().max(1)).map(|name| (*name).clone())
    };
    let (a, b) = (format!("a{version}"), format!("b{version}"));
    let found = match change {
        Change::Rename(at) => pick(*at, Kind::Text).map(|from| {
            let rule = format!("{{'{a}': message.{from}}}");
            replaced(fields, from, &[(&a, Kind::Text)], rule, |value| {
                vec![value.clone()]
            })
        }),
        Change::Split(at) => pick(*at, Kind::Text).map(|from| {
            let parts = format!("message.{from}.split('-')");
            let rule = format!("{{'{a}': {parts}[0], '{b}': size({parts}) > 1 ? {parts}[1] : ''}}");
            replaced(fields, from, &[(&a, Kind::Text), (&b, Kind::Text)], rule, split)
        }),
        // Of the same name, which resolution would refuse.
        Change::Units(at) => pick(*at, Kind::Whole).map(|from| {
            let rule = format!("{{'{from}': decimal('0.01') * message.{from}}}");
            replaced(fields, from.clone(), &[(&from, Kind::Money)], rule, units)
        }),
        Change::Computed(at) => pick(*at, Kind::Whole).map(|from| {
            let rule = format!("message.{from} > 0 ? {{'{b}': message.{from} * 2}} : {{'{b}': 0}}");
            let to = [(from.as_str(), Kind::Whole), (&b, Kind::Whole)];
            replaced(fields, from.clone(), &to, rule, twice)
        }),
        Change::Defaulted => None,
    };
    found.unwrap_or_else(|| {
        let mut next = fields.clone();
        next.push((a.clone(), Kind::Defaulted));
        let make = move |values: &Values| [values.as_slice(), &[(a.clone(), json!("as ever"))]].concat();
        Next {
            fields: next,
            rule: None,
            make: Box::new(make),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whatever versions do, an event of any of them reads as what they make of it, one after the other.
    #[test]
    fn an_event_reads_as_what_each_version_makes_of_it(
        changes in changes(),
        writer in any::<usize>(),
        whole in -1_000_000i64..1_000_000,
        text in "[a-z]{0,5}(-[a-z]{0,5}){0,3}",
    ) {
        let mut table = Table::default();
        let mut fields: Fields = vec![("whole".to_owned(), Kind::Whole), ("text".to_owned(), Kind::Text)];
        let mut values: Values = vec![("whole".to_owned(), json!(whole)), ("text".to_owned(), json!(text))];
        let mut ids = vec![table.register(SchemaType::Avro, "es", &schema_of(&fields))];
        let writer = writer % (changes.len() + 1);
        let mut event = values.clone();
        for (change, version) in changes.iter().zip(1..) {
            let next = next(change, version, &fields);
            fields = next.fields;
            let rules: Vec<MigrationRule> = next.rule.iter().map(|text| rule("r", text)).collect();
            ids.push(table.register_with(SchemaType::Avro, "es", &schema_of(&fields), &rules));
            values = (next.make)(&values);
            if version == writer {
                event.clone_from(&values);
            }
        }
        let sets: Vec<String> = fields.iter().map(|(name, _)| format!("{name}: event.{name}")).collect();
        let file = format!(
            "name: e\nrev: 1\ntopic: es\nevents: {{ s.E: {{ begin: [{{ set: {{ {} }} }}] }} }}\n",
            sets.join(", ")
        );
        let fold = declarative::load(&file, &table).unwrap();
        let event = Value::Object(event.into_iter().collect());
        let (state, _, halted) = folded(table, fold, "es", &[(ids[writer], event)]);
        prop_assert_eq!(halted, None);
        prop_assert_eq!(state, Value::Object(values.into_iter().collect()));
    }
}
