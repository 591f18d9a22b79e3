//! A subject with many versions: what comes new is compared with their hashes, and they are not read for it.

use std::sync::Arc;

use super::*;

/// A subject under NONE with versions that nobody has parsed, the way a start finds them.
fn filled(schema_type: &str, texts: &[String]) -> Desk {
    let mut desk = Desk::default();
    desk.configure("s", json!({"compatibility": "NONE"}));
    for text in texts {
        let asked = RegisterRequest {
            metadata: serde_json::from_value(json!({"properties": {"text": text}})).unwrap(),
            ..typed(schema_type, text)
        };
        desk.register("s", &asked).unwrap();
    }
    desk
}

/// How many of the first schemas were parsed.
fn parsed(desk: &Desk, count: usize) -> usize {
    let ids = 1..=u32::try_from(count).unwrap();
    let stored = ids.map(|id| Arc::clone(desk.view.schema(schema_id(id)).unwrap()));
    stored.filter(|stored| stored.known().is_some()).count()
}

#[test]
fn what_comes_new_is_not_compared_by_reading_what_is_there() {
    let avro = |number: usize| record("R", &[&format!("f{number}")]);
    let proto = |number: usize| format!("syntax = \"proto3\"; message T {{ string f{number} = 1; }}");
    let json = |number: usize| format!("{{\"title\": \"t{number}\"}}");
    let check = |schema_type: &str, text: &dyn Fn(usize) -> String| {
        let texts: Vec<String> = (0..5).map(text).collect();
        let mut desk = filled(schema_type, &texts);
        assert_eq!(desk.register("s", &typed(schema_type, &text(5))).unwrap(), (6, 6));
        let other = format!(" {}", text(6));
        let lookup = desk.look_up("s", &typed(schema_type, &other));
        assert_refused(lookup, "SchemaNotFound", "not found");
        // A version in another layout, whose metadata differ from the newest one's.
        let known = format!("\n{}", text(2));
        assert_eq!(desk.look_up("s", &typed(schema_type, &known)).unwrap(), 3);
        assert_eq!(parsed(&desk, 6), 0, "{schema_type}");
        // Normal forms were not worked out; one that is, is once.
        let normal = RegisterRequest {
            normalize: true,
            ..typed(schema_type, &text(2))
        };
        assert_eq!(desk.look_up("s", &normal).unwrap(), 3);
    };
    check("AVRO", &avro);
    check("PROTOBUF", &proto);
    check("JSON", &json);
}
