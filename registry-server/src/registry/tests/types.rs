//! One text, two types: nothing that is known of it as Avro is taken for true of it as JSON Schema.

use super::*;
use crate::registry::verdict;

/// A schema in Avro, stored as it is written here, and in JSON Schema.
const TEXT: &str = r#"{"type":"string","avro.java.string":"String"}"#;

fn typed(schema_type: &str, id: Option<i64>) -> RegisterRequest {
    RegisterRequest {
        schema_type: Some(schema_type.to_owned()),
        id,
        ..request(TEXT)
    }
}

#[test]
fn a_verdict_is_remembered_with_its_type() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"string\"")).unwrap();
    let subject = Qualified::parse("s");
    let judge = |view: &View, schema_type| {
        let asked = typed(schema_type, None);
        let (verdict, _) = verdict::asked(view, &subject, Some(VersionSpec::Latest), &asked, false).unwrap();
        verdict.is_compatible()
    };
    assert!(judge(&desk.view, "AVRO"));
    assert!(!judge(&desk.view, "JSON"));
    assert_refused(
        desk.register("s", &typed("JSON", None)),
        "Incompatible",
        "schema type",
    );
}

#[test]
fn a_retired_id_comes_back_for_its_own_type_alone() {
    let mut desk = Desk::default();
    let gone = |desk: &mut Desk, subject: &str| {
        desk.delete(subject, false).unwrap();
        desk.delete(subject, true).unwrap();
    };
    assert_eq!(desk.register("a", &typed("AVRO", None)).unwrap(), (1, 1));
    assert_refused(
        desk.register("b", &typed("JSON", None)),
        "InvalidSchema",
        "registered as AVRO under id 1",
    );
    gone(&mut desk, "a");
    assert_eq!(desk.register("b", &typed("JSON", None)).unwrap(), (2, 1));
    gone(&mut desk, "b");
    assert_eq!(desk.register("c", &typed("AVRO", None)).unwrap(), (1, 1));
    gone(&mut desk, "c");
    assert_eq!(desk.register("d", &typed("JSON", None)).unwrap(), (2, 1));
}

#[test]
fn of_two_types_that_race_for_one_text_one_wins() {
    let race = |desk: &mut Desk, requests: [RegisterRequest; 2]| {
        let decided: Vec<_> = ["a", "b"]
            .iter()
            .zip(&requests)
            .map(|(subject, request)| decide(&desk.view, &Qualified::parse(subject), request).unwrap())
            .collect();
        let mut won = 0;
        for decision in decided {
            let Decision::Write(new) = decision else {
                panic!("nothing is there")
            };
            if let Some((changes, _)) = new.changes(&desk.view, 1) {
                desk.apply(&changes);
                won += 1;
            }
        }
        assert_eq!(won, 1, "{requests:?}");
    };
    race(&mut Desk::default(), [typed("AVRO", None), typed("JSON", None)]);
    let mut importing = Desk::default();
    importing.set_mode(":.:", Mode::Import, true).unwrap();
    race(&mut importing, [typed("AVRO", Some(7)), typed("JSON", Some(7))]);
}
