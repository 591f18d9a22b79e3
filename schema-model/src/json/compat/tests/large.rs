//! Large schemas: compared to the end, or given up where that would take too long.

use super::{
    parse,
    verdicts::{confluent, lines},
};

#[test]
fn a_comparison_that_explodes_is_broken_off() {
    // Mutually recursive types, each a choice of all the others.
    let clique = |n: usize, kind: &str, reversed: bool| {
        let types: Vec<String> = (0..n)
            .map(|from| {
                let mut choices: Vec<String> = (0..n)
                    .map(|to| format!(r##"{{"properties": {{"p{to}": {{"$ref": "#/definitions/t{to}"}}}}, "required": ["p{to}"]}}"##))
                    .collect();
                if reversed {
                    choices.reverse();
                }
                format!(
                    r#""t{from}": {{"properties": {{"v": {{"type": "{kind}"}}}}, "oneOf": [{}]}}"#,
                    choices.join(",")
                )
            })
            .collect();
        parse(&format!(
            r##"{{"$ref": "#/definitions/t0", "definitions": {{{}}}}}"##,
            types.join(",")
        ))
    };
    assert_eq!(
        lines(
            confluent(),
            &clique(12, "integer", false),
            &clique(12, "number", true)
        ),
        [""; 0]
    );
    assert_ne!(
        lines(
            confluent(),
            &clique(12, "number", false),
            &clique(12, "integer", true)
        ),
        [""; 0]
    );
    let found = lines(
        confluent(),
        &clique(60, "integer", false),
        &clique(60, "number", true),
    );
    assert_eq!(found, ["COMPARISON_TOO_LARGE #/"]);
}

#[test]
fn nests_and_rows_end() {
    // A nest that doubles with every level.
    let doubling = |n: usize, kind: &str| {
        let levels: Vec<String> = (0..n)
            .map(|level| {
                let next = format!(
                    r##"{{"properties": {{"x": {{"$ref": "#/definitions/d{}"}}}}}}"##,
                    level + 1
                );
                format!(r#""d{level}": {{"anyOf": [{next}, {next}]}}"#)
            })
            .collect();
        parse(&format!(
            r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d{n}": {{"type": "{kind}"}}}}}}"##,
            levels.join(",")
        ))
    };
    for levels in [40, 500] {
        let (integer, number) = (doubling(levels, "integer"), doubling(levels, "number"));
        assert_eq!(lines(confluent(), &integer, &number), [""; 0]);
        assert_ne!(lines(confluent(), &number, &integer), [""; 0]);
    }
    // Definitions in a row: some take a stack of their own, too many are too many.
    let row = |length: usize, kind: &str| {
        let types: Vec<String> = (0..length)
            .map(|n| format!(r##""d{n}": {{"items": {{"$ref": "#/definitions/d{}"}}}}"##, n + 1))
            .collect();
        parse(&format!(
            r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d{length}": {{"type": "{kind}"}}}}}}"##,
            types.join(",")
        ))
    };
    let found = |length: usize| lines(confluent(), &row(length, "number"), &row(length, "integer"));
    for length in [100, 1_900] {
        assert_eq!(
            found(length),
            [format!("TYPE_NARROWED #{}/type", "/items".repeat(length))]
        );
    }
    assert_eq!(found(5_000), ["COMPARISON_TOO_LARGE #/"]);
}

#[test]
fn big_schemas_are_compared_to_the_end() {
    let check = |schema: String, wanted: &[&str]| {
        let schema = parse(&schema);
        assert_eq!(lines(confluent(), &schema, &schema), wanted);
    };
    let listed = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(",");
    check(
        format!(r#"{{"enum": [{}]}}"#, listed(100_000, |n| format!("{n}"))),
        &[],
    );
    check(
        format!(r#"{{"required": [{}]}}"#, listed(80_000, |n| format!("\"r{n}\""))),
        &[],
    );
    check(
        format!(
            r#"{{"properties": {{{}}}}}"#,
            listed(40_000, |n| format!("\"p{n}\":{{}}"))
        ),
        &[],
    );
    check(
        format!(
            r#"{{"dependencies": {{{}}}}}"#,
            listed(50_000, |n| format!("\"d{n}\":[\"a\"]"))
        ),
        &[],
    );
    check(
        format!(
            r#"{{"allOf": [{}], "definitions": {{{}}}}}"#,
            listed(10_000, |n| format!("{{\"$ref\":\"#/definitions/d{n}\"}}")),
            listed(10_000, |n| format!("\"d{n}\":{{\"minLength\":1}}"))
        ),
        &[],
    );
    // Every property by every pattern is more than anyone means to say.
    check(
        format!(
            r#"{{"properties": {{{}}}, "patternProperties": {{{}}}}}"#,
            listed(5_000, |n| format!("\"p{n}\":{{}}")),
            listed(5_000, |n| format!("\"p{n}$\":{{}}"))
        ),
        &["COMPARISON_TOO_LARGE #/"],
    );
}
