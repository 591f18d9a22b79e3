//! Cases that chance would hardly make: names, defaults, forward references, properties, odd texts.

use super::{
    compare_forms,
    generate::{Random, Types, write},
    oracle::Oracle,
};
use annals_schema_model::{Resolved, avro::Schema};
use serde_json::json;

const TEXTS: &[&str] = &[
    r#""int""#,
    r#"{"type":"string"}"#,
    r#"{"type":{"type":"string"}}"#,
    r#"{"type":"Foo"}"#,
    r#""Foo""#,
    r#"[]"#,
    r#"["int","int"]"#,
    r#"["int",["long"]]"#,
    r#"[{"type":"array","items":"int"},{"type":"array","items":"long"}]"#,
    r#"{"type":"array"}"#,
    r#"{"type":"map","values":"int","doc":"dropped","items":5,"kept":null}"#,
    r#"{"type":"int","logicalType":"date","doc":"x","name":"y","default":5}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}"#,
    r#"{"type":"fixed","name":"F","size":-1}"#,
    r#"{"type":"fixed","name":"F","size":"1"}"#,
    r#"{"type":"fixed","name":"F","size":0}"#,
    r#"{"type":"fixed","name":"a.F","size":2,"logicalType":"decimal","precision":4,"aliases":["G","b.H",".I"]}"#,
    r#"{"type":"enum","name":"E","symbols":[]}"#,
    r#"{"type":"enum","name":"E","symbols":["A","A"]}"#,
    r#"{"type":"enum","name":"E","symbols":["A-B"]}"#,
    r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
    r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"B","doc":"d","x":1}"#,
    r#"{"type":"enum","name":"E","symbols":["A"],"default":5}"#,
    r#"{"type":"record","name":"R"}"#,
    r#"{"type":"record","name":"R","fields":[]}"#,
    r#"{"type":"error","name":"R","fields":[]}"#,
    r#"{"type":"record","name":"int","fields":[]}"#,
    r#"{"type":"record","name":"int","namespace":"a","fields":[{"name":"f","type":["null","int","a.int"]}]}"#,
    r#"{"type":"record","name":"record","namespace":"a","fields":[{"name":"f","type":["null","record"]}]}"#,
    r#"{"type":"record","name":"größe","fields":[]}"#,
    r#"{"type":"record","name":"1a","fields":[]}"#,
    r#"{"type":"record","name":"a..R","fields":[]}"#,
    r#"{"type":"record","name":"R","namespace":"1a","fields":[]}"#,
    r#"{"type":"record","name":".R","namespace":"a","fields":[]}"#,
    r#"{"type":"record","name":"R","namespace":5,"doc":7,"fields":[]}"#,
    r#"{"type":"record","name":"R","fields":[],"aliases":"S"}"#,
    r#"{"type":"record","name":"R","fields":[],"aliases":["1"]}"#,
    r#"{"type":"record","name":"R","namespace":"n","fields":[],"aliases":["S","m.T","S"],"p":"q","doc":"d"}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a b","type":"int"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"type":"int"}]}"#,
    r#"{"type":"record","name":"R","fields":["a"]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","order":"up"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","order":"IGNORE"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":1.0}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":3000000000}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long","default":3000000000}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long","default":9223372036854775808}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":1e400}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":"1.5f"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":"x"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"float","default":123456789.123}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"float","default":"-Infinity"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","string"],"default":"x"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","string"],"default":5}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"null","default":null}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"F","size":2},"default":"abc"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"enum","name":"E","symbols":["A"]},"default":"B"}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"int"},"default":[1,"x"]}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"map","values":"int"},"default":{"x":1}}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"x","type":"int"}]},"default":{}}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"x","type":"int","default":1}]},"default":{"y":2}}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"],"default":null}]}"#,
    r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":["null","R"]},{"name":"b","type":{"type":"array","items":"n.R"}}]}"#,
    // A type used above its definition, in its own namespace and not.
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"S"},{"name":"b","type":{"type":"record","name":"S","fields":[]}}]}"#,
    r#"{"type":"record","name":"n.R","fields":[{"name":"a","type":"S"},{"name":"b","type":{"type":"record","name":"S","fields":[]}}]}"#,
    r#"{"type":"record","name":"n.R","fields":[{"name":"a","type":"S"},{"name":"b","type":{"type":"record","name":"S","namespace":"","fields":[]}}]}"#,
    r#"["Z",{"type":"record","name":"Z","fields":[]}]"#,
    r#"[{"type":"record","name":"A","fields":[{"name":"b","type":"B"}]},{"type":"record","name":"B","fields":[{"name":"c","type":"C"}]},{"type":"enum","name":"C","symbols":["X"]}]"#,
    // A default before the definition of its type.
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["int","F"],"default":"x"},{"name":"b","type":{"type":"fixed","name":"F","size":1}}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":["int","S"],"default":{}},{"name":"b","type":{"type":"record","name":"S","fields":[]}}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]}"#,
    // A type without namespace used from within one, when it is known and when it is not yet.
    r#"[{"type":"enum","name":"E","symbols":["A"]},{"type":"record","name":"n.R","fields":[{"name":"e","type":"E"}]}]"#,
    r#"{"type":"record","name":"Outer","fields":[{"name":"i","type":{"type":"record","name":"n.Inner","fields":[{"name":"o","type":["null","Outer"]}]}}]}"#,
    // Defined twice: equal, equal but for documentation, different.
    r#"[{"type":"record","name":"A","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}}]},{"type":"record","name":"B","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}}]}]"#,
    r#"[{"type":"record","name":"A","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}}]},{"type":"record","name":"B","fields":[{"name":"e","type":{"type":"enum","doc":"d","name":"E","symbols":["X"]}}]}]"#,
    r#"[{"type":"record","name":"A","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}}]},{"type":"record","name":"B","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["Y"]}}]}]"#,
    // Texts.
    "",
    "  ",
    "nul",
    "null",
    "5",
    "\"int\" // end",
    "/* start */ \"int\"",
    "{\"type\":\"int\",\"type\":\"long\",\"a\":1,\"b\":2,\"a\":3}",
    "{\"type\":\"int\",\"p\":\"\\u001f\\u007f/\\/\\t\\ud83d\\ude00\"}",
    "{\"type\":\"int\",\"p\":[-0,0.1,1E5,12345678901234567890,1.0e-3,9.999e6,1e7]}",
    "{\"type\":\"int\",}",
    // Integers beyond 64 bits in properties.
    r#"{"type":"enum","name":"E","symbols":["A"],"p":9223372036854775808}"#,
    r#"{"type":"array","items":"int","p":{"q":[9223372036854775808]}}"#,
    r#"{"type":"map","values":"int","p":-9223372036854775809}"#,
    r#"{"type":"record","name":"R","fields":[],"p":[9223372036854775807,9223372036854775808.0]}"#,
    r#"{"type":"record","name":"R","fields":[],"p":[9223372036854775808]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","p":9223372036854775808}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"float","default":-0}]}"#,
    "{'type':'int'}",
    "\u{feff}\"int\"",
];

#[test]
fn odd_schemas_agree() {
    let Some(oracle) = Oracle::start("Oracle") else {
        return;
    };
    let mut differences = Vec::new();
    let question = |text: &&str| json!({"schemas": [text], "bodies": []});
    oracle.ask(TEXTS.iter().copied(), question, |text, answer| {
        let answer = &answer["schemas"][0];
        let parsed = Schema::parse(text, &[]);
        if parsed.is_ok() != (answer["ok"] == true) {
            differences.push(format!("{text}\n  {answer}\n  {:?}", parsed.err()));
        } else if let Ok(schema) = parsed {
            compare_forms(&schema, answer, text);
        }
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn resolved_texts_agree() {
    let Some(oracle) = Oracle::start("Oracle") else {
        return;
    };
    let holder = |name: &str| {
        format!(
            r#"{{"type":"record","name":"Top","namespace":"holder","fields":[{{"name":"a","type":["null","{name}"]}},{{"name":"b","type":{{"type":"map","values":"{name}"}}}}]}}"#
        )
    };
    let references = (1..400u64).filter_map(|seed| {
        let mut random = Random::new(seed);
        let kind = Types::new(&mut random).record(2);
        let text = write(&kind, &mut random);
        let name = Schema::parse(&text, &[]).ok()?.record_name()?;
        Some(Resolved { name, text })
    });
    let question = |reference: &Resolved| json!({"references": [reference.text], "schemas": [holder(&reference.name)], "bodies": []});
    let mut compared = 0;
    oracle.ask(references, question, |reference, answer| {
        let text = holder(&reference.name);
        let schema = Schema::parse(&text, &[reference]).unwrap();
        assert_eq!(
            schema.resolved_text(),
            answer["schemas"][0]["text"].as_str().unwrap(),
            "{answer}"
        );
        assert_eq!(schema.stored_text(), text);
        compared += 1;
    });
    assert!(compared > 200, "{compared}");
}
