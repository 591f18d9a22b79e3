//! How deep values are: whoever walks one does not count, and has a stack of 2 MiB.

use std::{collections::BTreeSet, thread};

use annals_schema_model::{
    Fields, Schema as AnySchema, Value, Walk as AnyWalk,
    avro::{
        Plan, Reading, Schema,
        wire::{LEVELS_MAX, RECURSION_MAX},
    },
};
use serde_json::Value as Json;

use crate::avro;

/// On a stack as threads have it when nobody says otherwise.
fn in_a_thread(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

fn sort(value: &mut Json) {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> = std::mem::take(map).into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            *map = entries.into_iter().collect();
            map.values_mut().for_each(sort);
        }
        Json::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

/// Does all that is done with values, and drops them.
fn walk(schema: &Schema, value: Value) {
    assert_eq!(value.clone(), value);
    assert!(!format!("{value:?}").is_empty());
    let fields = Fields::of(
        &AnySchema::Avro(schema.clone()),
        [(&"**".to_owned(), &BTreeSet::new())],
    );
    let mut json = value.to_json();
    sort(&mut json);
    assert_eq!(json.clone(), json);
    assert!(!json.to_string().is_empty());
    drop(json);
    let plain = fields.plain(value);
    assert_eq!(fields.each(&plain, &[], &mut |_| Ok(())), Ok(()));
}

/// Arrays, `length` of them, of the type.
fn arrays(length: usize, of: &str) -> String {
    format!(
        "{}{of}{}",
        r#"{"type":"array","items":"#.repeat(length),
        "}".repeat(length)
    )
}

/// A type with the bytes that begin, and those that end, one round of its levels; how many levels that are.
struct Round {
    schema: Schema,
    begin: Vec<u8>,
    end: Vec<u8>,
    levels: usize,
}

impl Round {
    /// Records that hold themselves, in these many arrays.
    fn of_arrays(length: usize) -> Round {
        let link = arrays(length, r#"["null","L"]"#);
        let text = format!(r#"{{"type":"record","name":"L","fields":[{{"name":"l","type":{link}}}]}}"#);
        Round {
            schema: avro(&text),
            begin: [vec![2; length], vec![2]].concat(),
            end: vec![0; length],
            levels: length + 1,
        }
    }

    /// The same through maps and arrays, each of them once.
    fn of_maps() -> Round {
        let text = r#"{"type":"record","name":"L","fields":[{"name":"l","type":
            {"type":"map","values":{"type":"array","items":["null","L"]}}}]}"#;
        Round {
            schema: avro(text),
            begin: vec![2, 0, 2, 2],
            end: vec![0, 0],
            levels: 3,
        }
    }

    /// So many rounds, the innermost of which is empty.
    fn body(&self, rounds: usize) -> Vec<u8> {
        let mut body = self.begin.repeat(rounds - 1);
        body.push(0);
        body.extend(self.end.repeat(rounds - 1));
        body
    }
}

#[test]
fn what_the_guard_passes_is_read_and_walked() {
    in_a_thread(|| {
        let lists = [1, 2, 3, 20, 60].map(Round::of_arrays);
        for round in lists.into_iter().chain([Round::of_maps()]) {
            let schema = &round.schema;
            let longer = schema.text().replacen(
                "\"fields\":[",
                "\"fields\":[{\"name\":\"also\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[1]},",
                1,
            );
            let longer = avro(&longer);
            let guard = AnyWalk::new(&AnySchema::Avro(schema.clone()));
            let (reading, planned) = (Reading::of(schema), Reading::new(schema, &longer).unwrap());
            let plan = Plan::resolve(schema, &longer).unwrap();
            // The innermost round has the record and what is in it of arrays or maps without items: two levels.
            let deepest = RECURSION_MAX.min((LEVELS_MAX - 2) / round.levels + 1);
            for rounds in [1, 2, deepest, deepest + 1, deepest + 2, 10_000] {
                let body = round.body(rounds);
                let passed = guard.check(&body);
                let read = reading.read(&body);
                assert_eq!(passed.is_ok(), rounds <= deepest, "{rounds} {passed:?}");
                let told = read.as_ref().map(drop).map_err(|error| &error.message);
                assert_eq!(passed.as_ref().map_err(|error| &error.message).map(drop), told);
                let planned = planned.read(&body);
                assert_eq!(planned.is_ok(), passed.is_ok());
                assert_eq!(plan.translate(&body, &mut Vec::new()).is_ok(), passed.is_ok());
                if let (Ok(read), Ok(planned)) = (read, planned) {
                    walk(schema, read);
                    walk(&longer, planned);
                }
            }
        }
    });
}
