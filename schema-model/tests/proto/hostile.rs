//! Schemas made to hurt: refused with a word about it, or judged in time.

use annals_schema_model::{
    Level, Policy, SchemaType, Standard, compat,
    proto::{Schema, TEXT_BYTES_MAX},
};

use super::schema;

fn any_schema(text: &str) -> annals_schema_model::Schema {
    annals_schema_model::Schema::parse(SchemaType::Protobuf, text, &[])
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_the_reference_compiler_refuses() {
    let check = |text: &str, words: &str, column: u32| {
        let text = format!("syntax = 'proto3'; {text}");
        let error = Schema::parse(&text, &[]).map(drop).unwrap_err();
        assert!(error.message.contains(words), "{text}: {error}");
        assert_eq!((error.line, error.column), (1, column), "{text}: {error}");
    };
    check("message A { reserved 5 to 1; }", "ends before it starts", 41);
    check("message A { reserved 1 to 5, 3; }", "overlaps", 49);
    check("message A { reserved 'a', 'a'; }", "reserved twice", 46);
    check(
        "message A { reserved 'x'; int32 x = 1; }",
        "\"x\" is reserved",
        46,
    );
    check("message A { extensions 5; }", "no extension ranges", 43);
    check(
        "message A { option map_entry = true; int32 key = 1; int32 value = 2; }",
        "map_entry",
        20,
    );
    check(
        "message A { int32 a = 1 [json_name = '[x]']; }",
        "does not start with [",
        32,
    );
    check(
        "message A { int32 a = 1 [json_name = 'a\\0b']; }",
        "null character",
        32,
    );
    check(
        "message A { int32 a = 1 [packed = true]; }",
        "cannot be packed",
        32,
    );
    check("message A { int32 a = 1 [jstype = JS_STRING]; }", "64-bit", 32);
    check("message A { int32 a = 1 [lazy = true]; }", "cannot be lazy", 32);
    check("enum E { A = 0; reserved 3 to 1; }", "ends before it starts", 45);
    check("enum E { A = 0; reserved 'A'; }", "\"A\" is reserved", 29);
    check("enum E { option allow_alias = true; A = 0; }", "remove it", 20);
    check("enum Foo { FOO_BAR = 0; bar = 1; }", "rename it", 44);
    check("option features.field_presence = EXPLICIT;", "only editions", 20);
    check(
        "message A { int32 a = 536870912; }",
        "between 1 and 536870911",
        42,
    );
    check("message A { int32 a = 99999999999999999999; }", "too large", 42);
    check("message A { int32 a = 19500; }", "field number '19500'", 42);
    check("option java_package = '\\q';", "escape", 43);
    check("message A {\0}", "invalid token", 31);
    check(
        "message A { map<string, E> m = 1; } enum E { X = 0; } /*",
        "comment",
        76,
    );
    schema("\u{feff}syntax = 'proto3'; message A {}");
    let first = "syntax = 'proto2'; enum E { X = 1; } message A { map<string, E> m = 1; }";
    let error = Schema::parse(first, &[]).unwrap_err();
    assert!(error.message.contains("0 as its first value"), "{error}");
}

/// Judged under every policy, both ways, against a changed copy of itself; how many findings there are.
fn judged(old: &str, new: &str) -> [usize; 3] {
    assert!(old.len() <= TEXT_BYTES_MAX && new.len() <= TEXT_BYTES_MAX);
    let (old, new) = (any_schema(old), any_schema(new));
    Policy::ALL.map(|policy| {
        let standard = Standard {
            policy,
            ..Standard::from(Level::Full)
        };
        compat::check_pair(standard, &new, &old).len()
    })
}

#[test]
fn large_verdicts_end() {
    let head = "syntax = 'proto3';\n";
    let many = |change: &str| -> String {
        let message = |n: usize| {
            format!(
                "message M{n} {{ M{} a = 1; M{n} b = 2; {change} c = 3; }}\n",
                n / 2
            )
        };
        format!("{head}{}", (0..10_000).map(message).collect::<String>())
    };
    assert_eq!(judged(&many("int32"), &many("int64")), [0, 1_000, 0]);

    // One oneof that is renamed and loses everything.
    let members = |name: &str, from: usize| -> String {
        let member = |n: usize| format!("int32 f{n}={n};");
        let members: String = (from..from + 6_000)
            .filter(|n| !(19_000..20_000).contains(n))
            .map(member)
            .collect();
        format!("{head}message A {{ oneof {name} {{ {members} }} }}")
    };
    assert_eq!(judged(&members("o", 1), &members("p", 20_000))[0], 0);

    // Every type in every place of the other: more pairs than are compared, and those are not called the same.
    let web = |name: &str, stride: usize| -> String {
        let message = |n: usize| {
            let field = |f: usize| format!("{name}{} f{f}={};", (n * stride + f * 13) % 300, f + 1);
            let fields: String = (0..30).map(field).collect();
            format!("message {name}{n} {{ {fields} }}\n")
        };
        let messages: String = (0..300).map(message).collect();
        format!("{head}message A {{ {name}0 a = 1; }} {messages}")
    };
    let [confluent, _, wire] = judged(&web("M", 7), &web("N", 7));
    assert!(confluent > 0 && wire == 0);
    let [_, _, wire] = judged(&web("M", 7), &web("N", 11));
    assert!(wire > 0);
}
