//! What migration rules give, against what the types of fields hold: a value that a field cannot hold halts the fold, and the
//! halt names the rule, the place, the value and the type.

use annals_event_store::{canonical, declarative};
use annals_schema_model::SchemaType;
use serde_json::{Value, json};

use crate::migrations::{folded, rule};
use crate::support::Table;

const PROTO_FILE: &str = "name: e\nrev: 1\ntopic: es\nmessage: p.E\nevents: { one: { begin: [{ set: { x: \"has(event.x) ? event.x : null\" } }] }, \
     two: { begin: [{ set: { x: \"'two'\" } }] } }\n";

/// Two versions, the second with a rule, and the state that a fold makes of `event.x` of an event of the first.
fn given(kind: SchemaType, (old, new): (&str, &str), expr: &str, event: &Value) -> Result<Value, String> {
    let file = match kind {
        SchemaType::Protobuf => PROTO_FILE,
        _ => "name: e\nrev: 1\ntopic: es\nevents: { s.E: { begin: [{ set: { x: event.x } }] } }\n",
    };
    let mut table = Table::default();
    let id = table.register(kind, "es", old);
    table.register_with(kind, "es", new, &[rule("give", expr)]);
    let fold = declarative::load(file, &table).map_err(|error| format!("not loaded: {}", error.message))?;
    let (state, _, halted) = folded(table, fold, "es", &[(id, event.clone())]);
    halted.map_or_else(|| Ok(state["x"].clone()), Err)
}

/// The value, or a halt that says all of this besides where the rule is.
fn check(got: Result<Value, String>, named: &str, what: &str, wanted: Result<Value, &[&str]>) {
    match (got, wanted) {
        (Ok(got), Ok(wanted)) => {
            // Whether a whole number is a double is up to the schema, and stands in no text.
            assert_eq!(canonical::to_text(&got), canonical::to_text(&wanted), "{what}");
        }
        (Err(got), Err(says)) => {
            for says in says.iter().chain([&named]) {
                assert!(got.contains(says), "{what}: `{says}` is not said: {got}");
            }
        }
        (got, wanted) => panic!("{what}: {got:?}, not {wanted:?}"),
    }
}

const AVRO_FIELDS: &str = r#"{"name": "n", "type": "long"}, {"name": "s", "type": "string"}, {"name": "d", "type": "double"},
    {"name": "b", "type": "bytes"}, {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "either", "type": ["string", "bytes", "long"]}"#;

fn avro(of: &str, expr: &str, wanted: Result<Value, &[&str]>) {
    let schema =
        |more: &str| format!(r#"{{"type": "record", "name": "s.E", "fields": [{AVRO_FIELDS}{more}]}}"#);
    let event = json!({
        "n": 3_000_000_000i64, "s": "abc", "d": 0.1, "b": "YWJj", "at": "2026-03-04T05:06:07.123456Z",
        "either": {"bytes": "YWJj"},
    });
    let new = schema(&format!(r#", {{"name": "x", "type": {of}}}"#));
    let got = given(SchemaType::Avro, (&schema(""), &new), expr, &event);
    let named = "0: migration rule give of version 2 of es-s.E: ";
    check(got, named, &format!("{expr} as {of}"), wanted);
}

#[test]
fn numbers_are_whole_and_within_their_bits() {
    let int = r#""int""#;
    avro(int, "{'x': -2147483648}", Ok(json!(-2_147_483_648)));
    avro(int, "{'x': message.n}", Err(&["3000000000", "32 bits"]));
    avro(r#""long""#, "{'x': dyn(1.0)}", Err(&["1.0", "64 bits"]));
    // An expression has no number of 32 bits, so the nearest is what is meant; there is none beyond the largest.
    let float = r#""float""#;
    avro(float, "{'x': message.d}", Ok(json!(f64::from(0.1f32))));
    avro(
        float,
        "{'x': 1e300}",
        Err(&["1e+300", "floating-point numbers of 32 bits"]),
    );
    avro(float, "{'x': 16777216}", Ok(json!(16_777_216.0)));
    avro(
        float,
        "{'x': 16777217}",
        Err(&["16777217", "32 bits", "double(…)"]),
    );
    avro(float, "{'x': double(16777217)}", Ok(json!(16_777_216.0)));
    let double = r#""double""#;
    avro(
        double,
        "{'x': 9007199254740992}",
        Ok(json!(9_007_199_254_740_992.0)),
    );
    avro(
        double,
        "{'x': 9007199254740993}",
        Err(&["9007199254740993", "double(…)"]),
    );
    avro(double, "{'x': dyn('NaN')}", Err(&["\"NaN\"", "floating-point"]));
}

#[test]
fn decimals_have_the_digits_of_their_type() {
    let bytes = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    let fixed =
        r#"{"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    for of in [bytes, fixed] {
        let holds = "decimals of at most 4 digits, 2 of them behind the point";
        avro(of, "{'x': decimal('-99.99')}", Ok(json!("-99.99")));
        avro(of, "{'x': decimal('12.3400')}", Ok(json!("12.34")));
        avro(of, "{'x': decimal('123.45')}", Err(&["123.45", holds]));
        avro(of, "{'x': decimal('1.234')}", Err(&["1.234", holds]));
        avro(of, "{'x': 99}", Ok(json!("99.00")));
        avro(of, "{'x': 100}", Err(&["100", holds]));
        avro(of, "{'x': dyn('12.34')}", Err(&["\"12.34\"", holds]));
    }
    let many = format!("{{'x': decimal('{}.5')}}", "9".repeat(60));
    avro(
        r#"{"type": "bytes", "logicalType": "big-decimal"}"#,
        &many,
        Ok(json!(format!("{}.5", "9".repeat(60)))),
    );
}

#[test]
fn times_are_as_fine_as_their_type() {
    let logical = |of: &str, name: &str| format!(r#"{{"type": "{of}", "logicalType": "{name}"}}"#);
    let at = "2026-03-04T05:06:07.123456Z";
    let millis = logical("long", "timestamp-millis");
    avro(
        &millis,
        "{'x': message.at}",
        Err(&[at, "instants to the millisecond"]),
    );
    let whole = "{'x': timestamp('2026-03-04T05:06:07.123Z')}";
    avro(&millis, whole, Ok(json!("2026-03-04T05:06:07.123Z")));
    avro(&millis, "{'x': dyn(message.n)}", Err(&["3000000000", "instants"]));
    avro(
        &logical("long", "timestamp-micros"),
        "{'x': message.at}",
        Ok(json!(at)),
    );
    let nanos = logical("long", "timestamp-nanos");
    avro(
        &nanos,
        "{'x': message.at}",
        Ok(json!("2026-03-04T05:06:07.123456000Z")),
    );
    let late = "{'x': timestamp('9999-12-31T00:00:00Z')}";
    avro(&nanos, late, Err(&["9999-12-31", "nanosecond", "1678 to 2261"]));
    let time = logical("int", "time-millis");
    avro(&time, "{'x': '05:06:07.123'}", Ok(json!("05:06:07.123000")));
    avro(
        &time,
        "{'x': '05:06:07.1234'}",
        Err(&["05:06:07.1234", "times of day to the millisecond"]),
    );
    let time = logical("long", "time-micros");
    avro(&time, "{'x': '05:06:07.123456'}", Ok(json!("05:06:07.123456")));
    avro(
        &time,
        "{'x': '05:06:07.1234560001'}",
        Err(&["1234560001", "times of day"]),
    );
    avro(&time, "{'x': '24:00:00'}", Err(&["24:00:00", "times of day"]));
    avro(
        &time,
        "{'x': '86400000001'}",
        Err(&["86400000001", "times of day"]),
    );
    let date = logical("int", "date");
    avro(&date, "{'x': '2024-02-29'}", Ok(json!("2024-02-29")));
    avro(
        &date,
        "{'x': '2026-02-29'}",
        Err(&["2026-02-29", "dates, such as"]),
    );
    let local = logical("long", "local-timestamp-millis");
    avro(
        &local,
        "{'x': '2026-03-04T05:06:07.123'}",
        Ok(json!("2026-03-04T05:06:07.123")),
    );
    avro(
        &local,
        "{'x': '2026-03-04T05:06:07.1234'}",
        Err(&["07.1234", "without a zone"]),
    );
    let span = r#"{"type": "fixed", "name": "S", "size": 12, "logicalType": "duration"}"#;
    avro(span, "{'x': 'P1M2DT3.004S'}", Ok(json!("P1M2DT3.004S")));
    avro(span, "{'x': '3s'}", Err(&["3s", "P1M2DT3.004S"]));
}

#[test]
fn texts_and_bytes_are_what_their_type_is() {
    let uuid = r#"{"type": "string", "logicalType": "uuid"}"#;
    let fixed_uuid = r#"{"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}"#;
    let one = "123e4567-e89b-12d3-a456-42661417400a";
    for of in [uuid, fixed_uuid] {
        avro(of, &format!("{{'x': '{one}'}}"), Ok(json!(one)));
        avro(of, "{'x': message.s}", Err(&["\"abc\"", "UUIDs, such as"]));
    }
    avro(
        fixed_uuid,
        &format!("{{'x': '{}'}}", one.to_uppercase()),
        Ok(json!(one)),
    );
    let fixed = r#"{"type": "fixed", "name": "F", "size": 3}"#;
    avro(fixed, "{'x': message.b}", Ok(json!("YWJj")));
    avro(
        fixed,
        "{'x': b'ab'}",
        Err(&["2 bytes", "\"YWI=\"", "holds 3 bytes"]),
    );
    let colour = r#"{"type": "enum", "name": "C", "symbols": ["RED", "BLUE"]}"#;
    avro(colour, "{'x': 'BLUE'}", Ok(json!("BLUE")));
    avro(colour, "{'x': message.s}", Err(&["\"abc\"", "one of RED, BLUE"]));
    // What has no type until the event is there.
    avro(
        r#""string""#,
        "{'x': message.either}",
        Err(&["YWJj", "holds text"]),
    );
    avro(
        r#""bytes""#,
        "{'x': dyn(message.s)}",
        Err(&["\"abc\"", "holds bytes"]),
    );
    avro(r#""bytes""#, "{'x': message.either}", Ok(json!("YWJj")));
    avro(
        r#""string""#,
        "{'x': message.n > 1 ? null : 'a'}",
        Err(&["null", "holds text"]),
    );
}

#[test]
fn what_is_within_is_named_by_its_place() {
    let ints = r#"{"type": "array", "items": "int"}"#;
    avro(
        ints,
        "{'x': [1, message.n]}",
        Err(&["x[1]: ", "3000000000", "32 bits"]),
    );
    avro(ints, "{'x': [1, 2]}", Ok(json!([1, 2])));
    let map = r#"{"type": "map", "values": "int"}"#;
    avro(
        map,
        "{'x': {'a': 1, 'b': message.n}}",
        Err(&["x[\"b\"]: ", "3000000000"]),
    );
    let record = r#"{"type": "record", "name": "R", "fields": [{"name": "y", "type": "int"},
        {"name": "z", "type": {"type": "array", "items": "int"}, "default": [7]}]}"#;
    avro(record, "{'x': {'y': 1}}", Ok(json!({"y": 1, "z": [7]})));
    avro(record, "{'x': {'y': message.n}}", Err(&["x.y: ", "3000000000"]));
    avro(record, "{'x': {'z': [1]}}", Err(&["x.y: ", "is missing"]));
    let either = |others: &str| format!(r#"["null", {others}]"#);
    let millis = r#"{"type": "long", "logicalType": "timestamp-millis"}"#;
    avro(
        &either(millis),
        "{'x': message.at}",
        Err(&["123456Z", "instants to the millisecond"]),
    );
    avro(&either(millis), "{'x': null}", Ok(Value::Null));
    avro(&either(ints), "{'x': [message.n]}", Err(&["x[0]: "]));
    let two = either(&format!(r#""string", {millis}"#));
    avro(
        &two,
        "{'x': message.at}",
        Err(&["null or text or instants to the millisecond"]),
    );
    // Each is the branch it is of, and not one whose form its text has.
    avro(
        &two,
        "{'x': '2026-03-04T05:06:07Z'}",
        Ok(json!("2026-03-04T05:06:07Z")),
    );
    avro(r#"["float", "double"]"#, "{'x': message.d}", Ok(json!(0.1)));
    avro(
        r#"["string", "bytes", "long"]"#,
        "{'x': message.either}",
        Ok(json!("YWJj")),
    );
}

const PROTO_FIELDS: &str = "string s = 1; int64 n = 2; double d = 3; bytes b = 4; google.protobuf.Timestamp at = 5; \
    google.protobuf.Duration span = 6; google.protobuf.StringValue wrapped = 7; google.protobuf.Struct free = 8; uint64 u = 9; \
    oneof event { One one = 10; Two two = 11; }";

fn proto(of: &str, expr: &str, wanted: Result<Value, &[&str]>) {
    let named = "0: migration rule give of version 2 of es-p.E: ";
    check(proto_given(of, expr), named, &format!("{expr} as {of}"), wanted);
}

fn proto_given(of: &str, expr: &str) -> Result<Value, String> {
    let schema = |more: &str| {
        format!(
            "syntax = \"proto3\"; package p; import \"google/protobuf/timestamp.proto\"; \
             import \"google/protobuf/duration.proto\"; import \"google/protobuf/wrappers.proto\"; \
             import \"google/protobuf/struct.proto\"; \
             message E {{ {PROTO_FIELDS} {more} }} message One {{ int32 y = 1; }} message Two {{ }} \
             message Fork {{ oneof way {{ int32 left = 1; string right = 2; }} repeated Fork more = 3; map<string, Fork> named = 4; }} \
             enum Colour {{ RED = 0; BLUE = 1; }}"
        )
    };
    let event = json!({
        "s": "12.50", "n": "3000000000", "d": 0.1, "b": "YWJj", "at": "2026-03-04T05:06:07.123456Z", "span": "1.5s",
        "wrapped": "w", "free": {"a": [1, null, "b"]}, "u": "18446744073709551615", "one": {"y": 5},
    });
    let new = format!("{of} x = 20;");
    given(SchemaType::Protobuf, (&schema(""), &schema(&new)), expr, &event)
}

#[test]
fn scalars_of_messages_hold_what_their_types_do() {
    proto(
        "int32",
        "{'x': message.n}",
        Err(&["x: ", "3000000000", "32 bits"]),
    );
    proto("int32", "{'x': 7}", Ok(json!(7)));
    proto("uint32", "{'x': -1}", Err(&["x: ", "-1", "without a sign"]));
    proto(
        "int64",
        "{'x': message.u}",
        Err(&["18446744073709551615", "64 bits"]),
    );
    proto("uint64", "{'x': message.u}", Ok(json!(u64::MAX)));
    proto("float", "{'x': message.d}", Ok(json!(f64::from(0.1f32))));
    proto("float", "{'x': -1e300}", Err(&["-1e+300", "32 bits"]));
    proto(
        "double",
        "{'x': 9007199254740993}",
        Err(&["9007199254740993", "double(…)"]),
    );
    proto("Colour", "{'x': 'BLUE'}", Ok(json!("BLUE")));
    proto(
        "Colour",
        "{'x': message.s}",
        Err(&["x: ", "\"12.50\"", "one of RED, BLUE"]),
    );
    proto(
        "string",
        "{'x': dyn(message.n)}",
        Err(&["3000000000", "holds text"]),
    );
    proto("bytes", "{'x': message.b}", Ok(json!("YWJj")));
    proto("bytes", "{'x': dyn('YWJj')}", Err(&["\"YWJj\"", "holds bytes"]));
    proto(
        "string",
        "{'x': message.n > 1 ? null : 'a'}",
        Err(&["null", "holds text"]),
    );
}

#[test]
fn what_holds_others_in_messages_names_the_place() {
    proto(
        "optional string",
        "{'x': message.n > 1 ? null : 'a'}",
        Ok(Value::Null),
    );
    proto(
        "repeated int32",
        "{'x': [1, message.n]}",
        Err(&["x[1]: ", "3000000000"]),
    );
    proto(
        "map<string, int32>",
        "{'x': {'a': message.n}}",
        Err(&["x[\"a\"]: ", "3000000000"]),
    );
    proto("map<int32, string>", "{'x': {'7': 'a'}}", Ok(json!({"7": "a"})));
    proto(
        "map<int32, string>",
        "{'x': {'a': 'b'}}",
        Err(&["x[\"a\"]: ", "key", "32 bits"]),
    );
    proto("One", "{'x': {'y': message.n}}", Err(&["x.y: ", "3000000000"]));
    proto("One", "{'x': message.one}", Ok(json!({"y": 5})));
}

#[test]
fn well_known_messages_are_what_they_read_as() {
    proto(
        "google.protobuf.Timestamp",
        "{'x': message.at}",
        Ok(json!("2026-03-04T05:06:07.123456Z")),
    );
    // A message has nanoseconds, and is read with them.
    for (at, shown) in [
        ("2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.123456789Z"),
        ("0001-01-01T00:00:00.000000001Z", "0001-01-01T00:00:00.000000001Z"),
        ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999900Z"),
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000Z"),
    ] {
        proto(
            "google.protobuf.Timestamp",
            &format!("{{'x': timestamp('{at}')}}"),
            Ok(json!(shown)),
        );
    }
    proto(
        "repeated google.protobuf.Timestamp",
        "{'x': [message.at + duration('1ns')]}",
        Ok(json!(["2026-03-04T05:06:07.123456001Z"])),
    );
    let span = json!({"seconds": -1, "nanos": -500_000_000});
    proto("google.protobuf.Duration", "{'x': duration('-1.5s')}", Ok(span));
    proto(
        "google.protobuf.Duration",
        "{'x': message.span}",
        Ok(json!({"seconds": 1, "nanos": 500_000_000})),
    );
    proto(
        "google.protobuf.StringValue",
        "{'x': message.wrapped}",
        Ok(json!("w")),
    );
    proto(
        "google.protobuf.Int32Value",
        "{'x': message.n}",
        Err(&["3000000000", "32 bits"]),
    );
    proto(
        "google.protobuf.Struct",
        "{'x': message.free}",
        Ok(json!({"fields": {"a": {"list_value": {"values": [
        {"number_value": 1.0}, {"null_value": "NULL_VALUE"}, {"string_value": "b"}]}}}})),
    );
}

/// Of a oneof one member is set: the one that a rule gives, whatever was set before.
#[test]
fn a_member_of_a_oneof_takes_the_place_of_another() {
    proto("string", "{'two': {}}", Ok(json!("two")));
    proto("string", "{'two': {}, 'one': null}", Ok(json!("two")));
    proto(
        "string",
        "{'one': message.n > 1 ? null : {'y': 1}, 'two': message.n > 1 ? {} : null}",
        Ok(json!("two")),
    );
    proto(
        "string",
        "message.n > 1 ? {'two': {}} : {'one': {'y': 1}}",
        Ok(json!("two")),
    );
    proto(
        "string",
        "{'one': {'y': message.n}, 'x': 'a'}",
        Err(&["one.y: ", "3000000000"]),
    );
}

/// Two that a rule gives are a mistake, which is found when the fold is loaded, or else at the event.
#[test]
fn a_rule_gives_one_member_of_a_oneof() {
    let loads = |expr: &str, says: &[&str]| {
        let of = "Fork";
        let got = proto_given(of, expr);
        check(
            got,
            "not loaded: migration rule give of version 2 of es-p.E: ",
            expr,
            Err(says),
        );
    };
    let both = "it gives both `one` and `two`, and a message has one of the oneof `event`";
    loads("{'one': {'y': 1}, 'two': {}}", &[both, "null gives none"]);
    loads(
        "has(message.s) ; message.n > 1 ? {'one': {}, 's': 'a', 'two': {}} : {'one': {}}",
        &[both],
    );
    let within = "it gives both `left` and `right`, and a message has one of the oneof `way`";
    loads("{'x': {'left': 1, 'right': 'a'}}", &[within]);
    loads(
        "{'x': {'more': [{'left': 1}, {'right': 'a', 'left': 1}]}}",
        &["both `right` and `left`"],
    );
    loads("{'x': {'named': {'a': {'left': 1, 'right': 'a'}}}}", &[within]);
    // What may be null, only the event can say.
    let halts = |expr: &str, says: &[&str]| proto("Fork", expr, Err(says));
    halts("{'one': dyn({'y': 1}), 'two': {}}", &[both]);
    halts("{'one': message.n > 1 ? {'y': 1} : null, 'two': {}}", &[both]);
    halts(
        "{'x': {'left': message.n > 1 ? 1 : null, 'right': 'a'}}",
        &["x.right: ", "`left` is given too"],
    );
    halts(
        "{'x': dyn({'named': {'a': {'left': 1, 'right': 'a'}}})}",
        &["x.named[\"a\"].right: ", "`left` is given too"],
    );
    proto(
        "Fork",
        "{'x': {'left': message.n > 1 ? null : 1, 'right': 'a'}}",
        Ok(json!({"more": [], "named": {}, "right": "a"})),
    );
}

/// Protobuf has no decimals of its own: they are texts.
#[test]
fn decimals_are_made_of_texts() {
    let amount = "{'x': string(decimal(message.s) * decimal('2') + decimal(message.n))}";
    proto("string", amount, Ok(json!("3000000025.00")));
    let wrong = "{'x': string(decimal(message.at.getFullYear() == 2026 ? 'many' : '1'))}";
    proto("string", wrong, Err(&["decimal(\"many\")", "-12.50"]));
    let of = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    avro(
        of,
        "{'x': decimal(message.s)}",
        Err(&["decimal(\"abc\")", "-12.50"]),
    );
}
