//! Generated types and plans, beside each other: whatever a writer changed, a type reads what the plan translates, and
//! refuses what it refuses.

use annals_schema_model::avro::{Plan, Reading, Schema};
use annals_schema_model::{SchemaType, SchemaVersion};
use serde_json::{Value as Json, json};

use crate::generate::Random;
use crate::java::SETS;
use crate::{events, payload, sets};

/// Changed schemas of each schema, and data of each.
const CHANGED: usize = 40;
const DATA: usize = 5;

/// Changes something in the first type of a walk that stops at random.
fn change(schema: &mut Json, random: &mut Random) {
    match schema {
        Json::Array(branches) if !branches.is_empty() => match random.below(4) {
            0 => *schema = random.pick(branches),
            1 => branches.rotate_left(1),
            _ => {
                let place = random.below(branches.len());
                change(&mut branches[place], random);
            }
        },
        Json::Object(kind) => {
            if let Some(Json::Array(fields)) = kind.get_mut("fields") {
                change_fields(fields, random);
            } else if let Some(Json::Array(symbols)) = kind.get_mut("symbols") {
                match random.below(3) {
                    0 => symbols.rotate_left(1),
                    1 => symbols.push(json!("NEW")),
                    _ => drop(symbols.pop()),
                }
                kind.remove("default");
            } else if let Some(inner) = ["items", "values"]
                .into_iter()
                .find(|key| kind.contains_key(*key))
            {
                change(&mut kind[inner], random);
            } else if kind["type"].is_string() && random.once_in(2) {
                *schema = kind["type"].take();
            } else {
                *schema = json!(["null", schema.take()]);
            }
        }
        Json::String(name) => {
            let narrower: &[&str] = match name.as_str() {
                "long" => &["int"],
                "float" => &["int", "long"],
                "double" => &["int", "long", "float"],
                "string" => &["bytes"],
                "bytes" => &["string"],
                _ => &[],
            };
            *schema = match narrower {
                [] => json!(["null", name]),
                names => json!(random.pick(names)),
            };
        }
        _ => {}
    }
}

fn change_fields(fields: &mut Vec<Json>, random: &mut Random) {
    if fields.is_empty() || random.once_in(4) {
        let kind = random.pick(&[
            json!("string"),
            json!({"type": "array", "items": "null"}),
            json!(["null", "double"]),
        ]);
        let place = random.below(fields.len() + 1);
        fields.insert(place, json!({"name": "only_the_writers", "type": kind}));
        return;
    }
    let place = random.below(fields.len());
    match random.below(4) {
        0 => drop(fields.remove(place)),
        1 => fields.rotate_left(place),
        _ => {
            if let Some(field) = fields[place].as_object_mut() {
                field.remove("default");
                change(&mut field["type"], random);
            }
        }
    }
}

#[test]
fn what_a_plan_translates_is_what_a_type_reads() {
    let mut random = Random::new(7);
    let schemas = events::SCHEMAS.iter().chain(sets::generated::SCHEMAS);
    let (mut read, mut refused, mut not_held) = (0, 0, 0);
    for SchemaVersion {
        subject,
        text,
        schema_type,
        references,
        ..
    } in schemas
    {
        let Some((_, again)) = SETS.iter().find(|(topic, _)| subject.starts_with(topic)) else {
            continue;
        };
        // What is upcast becomes what its user makes of it; what is older is not what is read into.
        let mut all = events::SCHEMAS.iter().chain(sets::generated::SCHEMAS);
        let newest = all.rfind(|of| of.subject == *subject);
        let is_newest = newest.is_some_and(|newest| newest.text == *text);
        if *schema_type != SchemaType::Avro
            || !references.is_empty()
            || !is_newest
            || subject.starts_with("raised-")
        {
            continue;
        }
        let reader = Schema::parse(text, &[]).unwrap();
        let has_logical = reader.nodes().iter().any(|node| node.logical.is_some());
        for _ in 0..CHANGED {
            let mut changed: Json = serde_json::from_str(text).unwrap();
            for _ in 0..=random.below(3) {
                change(&mut changed, &mut random);
            }
            let changed = changed.to_string();
            // A name whose definition is gone, for example.
            let Ok(writer) = Schema::parse(&changed, &[]) else {
                continue;
            };
            if writer.name() != reader.name() {
                continue;
            }
            let plan = Plan::lenient(&writer, &reader);
            for body in (0..DATA).filter_map(|_| payload::data(&writer, &mut random, true)) {
                let mut translated = Vec::new();
                let context = || format!("{subject} from {changed}");
                match (plan.translate(&body, &mut translated), again(&changed, &body)) {
                    (Ok(()), Ok(bytes)) => {
                        // In another order of a map's entries.
                        let shown = |body: &[u8]| Reading::of(&reader).read(body).unwrap().to_json();
                        assert_eq!(shown(&bytes), shown(&translated), "{}", context());
                        read += 1;
                    }
                    (Err(_), Err(_)) => refused += 1,
                    // A text that is no uuid, where the writer has plain text.
                    (Ok(()), Err(error)) => {
                        assert!(has_logical, "{error}: {}", context());
                        not_held += 1;
                    }
                    (Err(error), Ok(_)) => panic!("{error}: {}", context()),
                }
            }
        }
    }
    println!("{read} read alike, {refused} refused by both, {not_held} that no type holds");
    assert!(
        read > 500 && refused > 100 && read > 5 * not_held,
        "{read} {refused} {not_held}"
    );
}
