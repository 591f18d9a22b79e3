//! What is asked of new schemas alone, and what a look-up or a check finds that registering would refuse.

use annals_schema_model::Policy;

use super::*;
use crate::registry::verdict;

/// Whether a candidate passes, and under which policies it would.
fn judge(desk: &Desk, subject: &str, asked: &RegisterRequest) -> Result<[bool; 3], RegistryError> {
    let subject = Qualified::parse(subject);
    let (verdict, by_policy) = verdict::asked(&desk.view, &subject, None, asked, true)?;
    let passes = by_policy.into_iter().map(|(_, passes)| passes);
    let passes: Vec<bool> = passes.collect();
    assert_eq!(
        verdict.is_compatible(),
        passes[0],
        "the policy in force is the default"
    );
    Ok(passes.try_into().unwrap())
}

#[test]
fn a_new_schema_has_the_names_of_the_specification() {
    let accented = request(r#"{"type":"enum","name":"xé","symbols":["A"]}"#);
    let mut desk = Desk::default();
    assert_refused(desk.register("s", &accented), "InvalidSchema", "xé");
    assert_refused(judge(&desk, "s", &accented), "InvalidSchema", "xé");
    desk.set_mode("s", Mode::Import, false).unwrap();
    let known = RegisterRequest {
        id: Some(3),
        ..accented.clone()
    };
    assert_eq!(desk.register("s", &known).unwrap(), (3, 1));
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    assert_eq!(desk.look_up("s", &accented).unwrap(), 1, "what is there is found");
    assert_eq!(desk.register("s", &accented).unwrap(), (3, 1), "and is not new");
    assert_eq!(judge(&desk, "s", &accented).unwrap(), [true; 3]);
    let other = RegisterRequest {
        schema: accented.schema.replace("\"A\"", "\"A\",\"B\""),
        ..accented.clone()
    };
    assert_refused(judge(&desk, "s", &other), "InvalidSchema", "xé");
    assert_refused(judge(&desk, "t", &accented), "InvalidSchema", "xé");
    assert_refused(desk.register("t", &accented), "InvalidSchema", "xé");
}

#[test]
fn options_nobody_defined_are_kept_but_by_the_strict_policy() {
    let odd = typed(
        "PROTOBUF",
        r#"syntax = "proto3"; message T { string x = 1 [(acme.pii) = true]; }"#,
    );
    let mut desk = Desk::default();
    desk.configure("strict", json!({"policy": "strict"}));
    assert_refused(desk.register("strict", &odd), "InvalidSchema", "acme.pii");
    assert_eq!(desk.register("s", &odd).unwrap(), (1, 1));
    assert_eq!(**desk.view.schema(schema_id(1)).unwrap().text(), odd.schema);
    let but_strict = Policy::ALL.map(|policy| policy != Policy::Strict);
    assert_eq!(judge(&desk, "t", &odd).unwrap(), but_strict);
    assert_eq!(judge(&desk, "s", &odd).unwrap(), [true; 3], "it is there already");
    let typed_by_nobody = typed(
        "PROTOBUF",
        r#"syntax = "proto3"; message T { acme.Money x = 1; }"#,
    );
    assert_refused(
        desk.register("u", &typed_by_nobody),
        "InvalidSchema",
        "acme.Money",
    );
}

#[test]
fn a_look_up_may_rest_on_what_is_soft_deleted() {
    let mut desk = Desk::default();
    desk.register("e-base", &request(&record("Base", &["x"])))
        .unwrap();
    let user = |version| RegisterRequest {
        references: vec![reference("Base", "e-base", version)],
        ..request(r#"{"type":"array","items":"Base"}"#)
    };
    assert_eq!(desk.register("user", &user(1)).unwrap(), (2, 1));
    desk.delete("user", false).unwrap();
    desk.delete("e-base", false).unwrap();
    let name = Qualified::parse("user");
    for normalize in [false, true] {
        for version in [1, -1] {
            let asked = RegisterRequest {
                normalize,
                ..user(version)
            };
            let found = lookup::by_content(&desk.view, &name, &asked, Deleted::With).unwrap();
            assert_eq!(found.version.version, 1, "{asked:?}");
            let spaced = RegisterRequest {
                schema: r#"{ "type": "array", "items": "Base" }"#.to_owned(),
                ..asked
            };
            let found = lookup::by_content(&desk.view, &name, &spaced, Deleted::With).unwrap();
            assert_eq!(found.version.version, 1, "{spaced:?}");
        }
    }
    for version in [1, -1] {
        let refused = desk.register("new", &user(version));
        assert_refused(refused, "InvalidSchema", "version 1 of e-base is deleted");
    }
    let unregistered = desk.register("new", &user(2));
    assert_refused(
        unregistered,
        "InvalidSchema",
        "version 2 of subject \"e-base\", which is not registered",
    );
}

#[test]
fn what_is_there_is_found_though_it_rests_on_what_is_deleted() {
    let mut desk = Desk::default();
    desk.set_mode(":.:", Mode::Import, true).unwrap();
    let base = RegisterRequest {
        id: Some(1),
        ..request(&record("Base", &["x"]))
    };
    let user = RegisterRequest {
        references: vec![reference("Base", "base", 1)],
        ..request(r#"{"type":"array","items":"Base"}"#)
    };
    desk.register("base", &base).unwrap();
    desk.delete("base", false).unwrap();
    let imported = RegisterRequest {
        id: Some(2),
        ..user.clone()
    };
    desk.register("user", &imported).unwrap();
    desk.set_mode(":.:", Mode::ReadWrite, true).unwrap();
    assert_eq!(desk.look_up("user", &user).unwrap(), 1);
    assert_eq!(desk.register("user", &user).unwrap(), (2, 1));
    let spaced = RegisterRequest {
        schema: r#"{ "type": "array", "items": "Base" }"#.to_owned(),
        ..user.clone()
    };
    assert_eq!(desk.register("user", &spaced).unwrap(), (2, 1));
    assert_eq!(judge(&desk, "user", &spaced).unwrap(), [true; 3]);
    for refused in [
        desk.register("new", &user).map(drop),
        judge(&desk, "new", &user).map(drop),
    ] {
        assert_refused(refused, "InvalidSchema", "version 1 of base is deleted");
    }
}

#[test]
fn a_type_has_one_spelling_and_nothing_is_found_nowhere() {
    let mut desk = Desk::default();
    desk.register("s", &request("\"int\"")).unwrap();
    for odd in ["avro", "Avro", "json", "PROTO", " AVRO", ""] {
        let refused = desk.register("s", &typed(odd, "\"int\""));
        assert_refused(refused, "InvalidSchema", "is not a schema type");
    }
    assert_refused(desk.look_up("s", &request("")), "SchemaNotFound", "not found");
    assert_refused(desk.look_up("s", &request(" ")), "SchemaNotFound", "not found");
    assert_refused(desk.look_up("none", &request("")), "SubjectNotFound", "none");
}

#[test]
fn what_cannot_be_read_is_looked_up_as_it_was_sent() {
    let mut desk = Desk::default();
    desk.set_mode("s", Mode::Import, false).unwrap();
    let unreadable = imported("AVRO", "no schema at all", 7, None);
    desk.register("s", &unreadable).unwrap();
    for normalize in [false, true] {
        let asked = RegisterRequest {
            normalize,
            ..request(&unreadable.schema)
        };
        assert_eq!(desk.look_up("s", &asked).unwrap(), 1, "{normalize}");
        let other = RegisterRequest {
            schema: "no schema either".to_owned(),
            ..asked
        };
        assert_refused(desk.look_up("s", &other), "InvalidSchema", "schema");
    }
}
