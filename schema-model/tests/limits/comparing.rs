//! Schemas that differ in thousands of places are compared in steps that are counted, and told about up to a number.

use annals_schema_model::{
    Direction, Policy, Standard,
    avro::{Plan, Schema, compat},
};

use super::{avro, chain_of};

/// A record of fields `{prefix}0`… of a type.
fn wide(prefix: &str, count: usize, kind: &str) -> Schema {
    let field = |index: usize| format!(r#"{{"name":"{prefix}{index}","type":{kind}}}"#);
    let fields: Vec<String> = (0..count).map(field).collect();
    avro(&format!(
        r#"{{"type":"record","name":"R","fields":[{}]}}"#,
        fields.join(",")
    ))
}

#[test]
fn many_findings_are_told_up_to_a_number() {
    let (old, new) = (wide("a", 16_000, "\"int\""), wide("b", 16_000, "\"int\""));
    for direction in [Direction::Backward, Direction::Forward] {
        let findings = compat::check(&new, &old, direction);
        assert_eq!(findings.len(), compat::FINDINGS_MAX);
        let last = findings.last().unwrap();
        assert_eq!(last.path, "/fields/999");
        assert!(last.hint.contains(if direction == Direction::Backward {
            "Give field \"b999\""
        } else {
            "Keep field"
        }));
    }
    // One field of each type went and came: each is told which one it may have been.
    let old = avro(
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"string"}]}"#,
    );
    let new = avro(
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":"string"},{"name":"y","type":"int"}]}"#,
    );
    let findings = compat::check(&new, &old, Direction::Backward);
    assert!(
        findings[0].hint.contains("\"aliases\": [\"b\"]")
            && findings[1].hint.contains("\"aliases\": [\"a\"]")
    );
}

#[test]
fn unions_of_thousands_of_records() {
    let union = |count: usize, field: &str| {
        let record = |index: usize| {
            format!(
                r#"{{"type":"record","name":"e{index}.E{index}","fields":[{{"name":"{field}","type":"int"}}]}}"#
            )
        };
        avro(&format!(
            "[{}]",
            (0..count).map(record).collect::<Vec<_>>().join(",")
        ))
    };
    let (old, new) = (union(8_000, "a"), union(8_000, "b"));
    let findings = compat::check(&new, &old, Direction::Backward);
    assert_eq!(findings.len(), compat::FINDINGS_MAX);
    assert!(
        findings[5]
            .hint
            .contains("READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0"),
        "{}",
        findings[5].hint
    );
    assert_eq!(compat::check(&old, &old, Direction::Backward), []);
    let wire = |new: &Schema, old: &Schema| {
        let standard = Standard {
            policy: Policy::Wire,
            ..Standard::default()
        };
        compat::judge(standard, new, old, Direction::Backward)
    };
    // Where names do not count, the branch of the same name is tried first; when none reads, all were.
    assert_eq!(wire(&old, &old), []);
    let findings = wire(&new, &old);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule.code(), "COMPARISON_TOO_LARGE");
    let message = findings[0].message();
    assert!(
        message
            .starts_with("{errorType:'COMPARISON_TOO_LARGE', description:'The new schema was not compared"),
        "{message}"
    );
    let strict = Standard {
        policy: Policy::Strict,
        ..Standard::default()
    };
    assert_eq!(compat::judge(strict, &old, &old, Direction::Backward), []);
    assert!(Plan::resolve(&old, &old).is_ok() && Plan::resolve(&old, &new).is_err());
}

#[test]
fn comparisons_that_multiply_end() {
    // Every field's enum meets the one of all symbols: 2,000 × 20,000.
    let symbols = |from: usize| {
        let symbols: Vec<String> = (from..20_000).map(|index| format!("\"s{index}\"")).collect();
        symbols.join(",")
    };
    let fields = |kind: &dyn Fn(usize) -> String| {
        let field = |index: usize| format!(r#"{{"name":"f{index}","type":{}}}"#, kind(index));
        avro(&format!(
            r#"{{"type":"record","name":"R","fields":[{}]}}"#,
            (0..2_000).map(field).collect::<Vec<_>>().join(",")
        ))
    };
    let old = fields(&|index| match index {
        0 => format!(r#"{{"type":"enum","name":"E","symbols":[{}]}}"#, symbols(0)),
        _ => "\"E\"".to_owned(),
    });
    let new = fields(&|index| format!(r#"{{"type":"enum","name":"n{index}.E","symbols":["s0"]}}"#));
    for (reader, writer) in [(&new, &old), (&old, &new)] {
        let findings = compat::check(reader, writer, Direction::Backward);
        assert!(findings.len() <= 1, "{}", findings.len());
        assert!(
            findings
                .iter()
                .all(|finding| finding.rule.code() == "COMPARISON_TOO_LARGE")
        );
    }
    let strict = Standard {
        policy: Policy::Strict,
        ..Standard::default()
    };
    let findings = compat::judge(strict, &new, &old, Direction::Backward);
    assert!(
        findings
            .iter()
            .any(|finding| finding.rule.code() == "COMPARISON_TOO_LARGE")
    );
    // A few symbols are named in a hint, not twenty thousand.
    let missing = |count: usize| {
        avro(&format!(
            r#"["null",{{"type":"enum","name":"E","symbols":[{}]}}]"#,
            symbols(20_000 - count)
        ))
    };
    let findings = compat::check(&missing(1), &missing(20_000), Direction::Backward);
    assert!(
        findings[0].hint.len() < 1_000 && findings[0].hint.contains("s0, s1, "),
        "{}",
        findings[0].hint
    );
}

#[test]
fn a_change_behind_many_pairs_is_not_passed_over() {
    // A hundred records meet a hundred, each of eighty fields; behind them all a date becomes a number.
    let schema = |kind: &str, record_of: &dyn Fn(usize) -> usize, last: &str| {
        let fields = |record: usize| {
            let field = |index: usize| format!(r#"{{"name":"a{index}","type":"{kind}"}}"#);
            let fields = (0..80).map(field).collect::<Vec<_>>().join(",");
            format!(r#"{{"type":"record","name":"n{record}.R","fields":[{fields}]}}"#)
        };
        let mut defined = std::collections::HashSet::new();
        let mut field = |index: usize| {
            let record = record_of(index);
            let kind = match defined.insert(record) {
                true => fields(record),
                false => format!("\"n{record}.R\""),
            };
            format!(r#"{{"name":"f{index}","type":{kind}}}"#)
        };
        let fields = (0..10_000).map(&mut field).collect::<Vec<_>>().join(",");
        avro(&format!(
            r#"{{"type":"record","name":"Top","fields":[{fields},{{"name":"z","type":{last}}}]}}"#
        ))
    };
    let last = |kind: &str| {
        let kind = format!(r#"{{"type":"int","logicalType":"{kind}"}}"#);
        format!(r#"{{"type":"record","name":"L","fields":[{{"name":"d","type":{kind}}}]}}"#)
    };
    let (date, time) = (last("date"), last("time-millis"));
    let old = schema("int", &|index| index / 100, &date);
    for (kind, rule) in [("int", "LOGICAL_TYPE_CHANGED"), ("long", "COMPARISON_TOO_LARGE")] {
        let new = schema(kind, &|index| index % 100, &time);
        let found = compat::misreadings(&new, &old, Direction::Backward);
        let found: Vec<&str> = found.iter().map(|finding| finding.rule.code()).collect();
        assert_eq!(found, [rule], "{kind}");
    }
}

#[test]
fn paths_through_chains_of_names_are_cut() {
    // The reader's types are not met on the way to the writer's where they are defined, only along the chain.
    let end = |holder: &str, kind: &str| {
        let all = chain_of(5_000, false, kind).replacen('[', "[\"null\",", 1);
        avro(&format!(
            r#"{{"type":"record","name":"Top","fields":[{{"name":"{holder}","type":{all},"default":null}},{{"name":"f","type":"R0"}}]}}"#
        ))
    };
    let findings = compat::check(&end("a", "int"), &end("b", "string"), Direction::Backward);
    let path = &findings[0].path;
    assert!(
        path.len() < 6_000 && path.starts_with("/fields/1/type/fields/0/type/") && path.contains("/…/"),
        "{path}"
    );
    assert!(path.ends_with("/fields/0/type"), "{path}");
}
