//! Laws of Avro schemas and payloads, over random schemas, changes and data.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "avro_java/change.rs"]
mod change;
#[path = "avro_java/generate.rs"]
mod generate;
#[path = "avro_java/payload.rs"]
mod payload;

use annals_schema_model::{
    CompatibilityPolicy, Direction, Policy, ReadError, Resolved, Standard, Value,
    avro::{Plan, Reading, Schema, Walk, compat},
};
use generate::{Random, write};
use payload::data;
use proptest::prelude::*;

/// A schema, a changed schema, and data of the first; `None` when chance made a text that is no schema.
fn case(seed: u64) -> Option<(Schema, Schema, Vec<u8>)> {
    let mut random = Random::new(seed);
    let [one, other] = change::pair(&mut random);
    let one = Schema::parse(&write(&one, &mut random), &[]).ok()?;
    let other = Schema::parse(&write(&other, &mut random), &[]).ok()?;
    let body = data(&one, &mut random, true)?;
    Some((one, other, body))
}

proptest! {
    // Seeds are the cases: nothing would be shrunk, and a failing seed is printed.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 2, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_schemas_parse_again(seed: u64) {
        let Some((schema, _, _)) = case(seed) else { return Ok(()) };
        let again = Schema::parse(&schema.stored_text(), &[]).unwrap();
        prop_assert!(again.same_as(&schema));
        prop_assert_eq!(again.stored_text(), schema.stored_text());
        let normal = Schema::parse(&schema.normalized(), &[]).unwrap();
        prop_assert_eq!(normal.normalized(), schema.normalized());
        prop_assert_eq!(normal.canonical_form(), schema.canonical_form());
    }

    #[test]
    fn a_schema_reads_itself(seed: u64) {
        let Some((schema, _, body)) = case(seed) else { return Ok(()) };
        prop_assert_eq!(compat::check(&schema, &schema, Direction::Backward), vec![]);
        let plan = Plan::resolve(&schema, &schema).unwrap();
        prop_assert!(plan.is_identity());
        let mut out = vec![7];
        plan.translate(&body, &mut out).unwrap();
        prop_assert_eq!(&out[1..], &body[..]);
        Walk::new(&schema).check(&body).unwrap();
        Reading::of(&schema).read(&body).unwrap();
    }

    #[test]
    fn only_the_whole_body_passes(seed: u64, cut: prop::sample::Index) {
        let Some((schema, _, body)) = case(seed) else { return Ok(()) };
        let walk = Walk::new(&schema);
        prop_assert!(walk.check(&[&body[..], &[0]].concat()).is_err());
        if !body.is_empty() {
            let prefix = &body[..cut.index(body.len())];
            prop_assert!(walk.check(prefix).is_err());
            prop_assert!(Reading::of(&schema).read(prefix).is_err());
        }
    }

    #[test]
    fn compatible_and_meant_alike_means_readable(seed: u64) {
        let Some((writer, reader, body)) = case(seed) else { return Ok(()) };
        let mut findings = compat::check(&reader, &writer, Direction::Backward);
        findings.extend(compat::misreadings(&reader, &writer, Direction::Backward));
        let reading = Reading::new(&writer, &reader);
        prop_assert_eq!(reading.is_ok(), findings.is_empty());
        let Ok(reading) = reading else { return Ok(()) };
        let mut out = Vec::new();
        if let Err(error) = Plan::resolve(&writer, &reader).unwrap().translate(&body, &mut out) {
            // Bytes that are read as a string need not be text.
            prop_assert!(error.message.starts_with("a string is not UTF-8"), "{}", error);
            prop_assert_eq!(reading.read(&body), Err(error));
            return Ok(());
        }
        // Text that is read as a decimal need not be one. Compared as text: NaN is not equal to itself.
        let (read, read_again) = (reading.read(&body), Reading::of(&reader).read(&out));
        prop_assert_eq!(Walk::new(&reader).check(&out).is_ok(), read.is_ok());
        // What cannot be read has another place in other bytes.
        let told = |read: Result<Value, ReadError>| format!("{:?}", read.map_err(|error| error.message));
        prop_assert_eq!(told(read), told(read_again));
    }

    #[test]
    fn findings_point_into_the_new_text(seed: u64) {
        let Some((new, old, _)) = case(seed) else { return Ok(()) };
        let backward = compat::check(&new, &old, Direction::Backward);
        let forward = compat::check(&old, &new, Direction::Forward);
        for finding in backward.iter().chain(&forward) {
            let span = finding.span.unwrap();
            prop_assert!(new.text().get(span.start..span.end).is_some_and(|text| !text.is_empty()));
            prop_assert!(finding.path.starts_with('/') && finding.line.is_some() && !finding.new.is_empty());
        }
    }

    #[test]
    fn policies_are_ordered(seed: u64) {
        let Some((new, old, _)) = case(seed) else { return Ok(()) };
        let judge = |policy, compatibility_policy| {
            let standard = Standard { policy, compatibility_policy, ..Standard::default() };
            compat::judge(standard, &new, &old, Direction::Backward)
        };
        let plain = Policy::ALL.map(|policy| judge(policy, CompatibilityPolicy::Strict));
        let [confluent, strict, wire] = &plain;
        prop_assert!(wire.is_empty() || !confluent.is_empty());
        prop_assert!(strict.starts_with(confluent));
        for (policy, plain) in Policy::ALL.into_iter().zip(&plain) {
            let logical = judge(policy, CompatibilityPolicy::Logical);
            prop_assert!(logical.starts_with(plain));
        }
        for finding in plain.iter().flatten() {
            prop_assert!(finding.line.is_some() && finding.hint.ends_with('.'), "{finding:?}");
        }
    }

    #[test]
    fn garbage_is_refused_without_panic(seed: u64, garbage in prop::collection::vec(any::<u8>(), 0..64)) {
        let Some((writer, reader, mut body)) = case(seed) else { return Ok(()) };
        let place = garbage.first().map_or(0, |byte| usize::from(*byte)) % (body.len() + 1);
        body.splice(place.., garbage);
        // What passes the guard can be read later.
        let accepted = Walk::new(&writer).check(&body);
        let read = Reading::of(&writer).read(&body);
        prop_assert_eq!(accepted.err().map(|error| error.path), read.err().map(|error| error.path));
        let mut out = vec![1, 2];
        if Plan::lenient(&writer, &reader).translate(&body, &mut out).is_err() {
            prop_assert_eq!(out, vec![1, 2]);
        }
    }

    #[test]
    fn references_stay_references(seed: u64) {
        let Some((schema, _, _)) = case(seed) else { return Ok(()) };
        let Some(name) = schema.record_name() else { return Ok(()) };
        let resolved = [Resolved { name: name.clone(), text: schema.text().to_owned() }];
        let text = format!(r#"{{"type":"array","items":"{name}"}}"#);
        let holder = Schema::parse(&text, &resolved).unwrap();
        prop_assert_eq!(&holder.stored_text(), &text);
        let inner = schema.canonical_form();
        prop_assert_eq!(holder.canonical_form(), format!(r#"{{"type":"array","items":{inner}}}"#));
        prop_assert!(Schema::parse(&text, &[]).is_err());
        let whole = format!(r#"{{"type":"array","items":{}}}"#, schema.text());
        prop_assert_eq!(holder.resolved_text(), Schema::parse(&whole, &[]).unwrap().stored_text());
    }

    #[test]
    fn odd_texts_are_refused_without_panic(seed: u64, cut: prop::sample::Index, with in "[\\[\\]{}\",:a-z0-9]{0,3}") {
        let Some((schema, _, _)) = case(seed) else { return Ok(()) };
        let mut text = schema.stored_text();
        let at = cut.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &with);
            if let Err(error) = Schema::parse(&text, &[]) {
                prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
            }
        }
    }
}
