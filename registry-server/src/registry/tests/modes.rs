//! What the modes allow, and importing.

use super::*;

fn imported(name: &str, id: i64, version: Option<i64>) -> RegisterRequest {
    RegisterRequest {
        id: Some(id),
        version,
        ..schema(name)
    }
}

#[test]
fn the_nearest_mode_counts() {
    let mut desk = Desk::default();
    let check = |desk: &Desk, name: &str, wanted: Mode| {
        assert_eq!(desk.view.mode_in_scope(&Qualified::parse(name)), wanted, "{name}");
    };
    check(&desk, "s", Mode::ReadWrite);
    desk.set_mode("", Mode::ReadOnly, false).unwrap();
    check(&desk, "s", Mode::ReadOnly);
    check(&desk, ":.eu:s", Mode::ReadWrite);
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    check(&desk, "s", Mode::ReadWrite);
    desk.set_mode("", Mode::ReadOnlyOverride, false).unwrap();
    check(&desk, "s", Mode::ReadOnlyOverride);
    desk.set_mode("", Mode::ReadWrite, false).unwrap();
    desk.set_mode(":.__GLOBAL:", Mode::ReadOnly, false).unwrap();
    check(&desk, "s", Mode::ReadOnly);
    check(&desk, ":.eu:s", Mode::ReadOnly);
}

#[test]
fn read_only_refuses_what_is_new() {
    let mut desk = Desk::default();
    desk.register("s", &schema("A")).unwrap();
    desk.set_mode("s", Mode::ReadOnly, false).unwrap();
    assert_eq!(
        desk.register("s", &schema("A")).unwrap(),
        (1, 1),
        "it is there already"
    );
    assert_refused(desk.register("s", &schema("B")), "NotPermitted", "read-only mode");
    assert_eq!(desk.register("t", &schema("B")).unwrap(), (2, 1));
}

#[test]
fn an_import_keeps_ids_and_versions() {
    let mut desk = Desk::default();
    desk.set_mode("s", Mode::Import, false).unwrap();
    assert_eq!(desk.register("s", &imported("A", 40, Some(3))).unwrap(), (40, 3));
    assert_eq!(
        desk.register("s", &imported("A", 40, Some(3))).unwrap(),
        (40, 3),
        "again"
    );
    assert_eq!(desk.register("s", &imported("B", 30, None)).unwrap(), (30, 4));
    assert_refused(
        desk.register("s", &imported("C", 40, None)),
        "NotPermitted",
        "Overwrite new schema with id 40 in context . is not permitted.",
    );
    assert_refused(
        desk.register("s", &imported("A", 41, None)),
        "IdDoesNotMatch",
        "with id 40",
    );
    assert_refused(
        desk.register("s", &schema("C")),
        "NotPermitted",
        "with its \"id\"",
    );
    assert_refused(
        desk.register("s", &imported("C", 0, None)),
        "InvalidSchema",
        "not a schema id",
    );
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    desk.configure("s", json!({"compatibility": "NONE"}));
    assert_refused(
        desk.register("s", &imported("C", 50, None)),
        "NotPermitted",
        "not in import mode",
    );
    assert_eq!(
        desk.register("s", &schema("C")).unwrap(),
        (41, 5),
        "ids go on after the greatest"
    );
}

#[test]
fn import_mode_needs_an_empty_scope() {
    let mut desk = Desk::default();
    desk.register("s", &schema("A")).unwrap();
    assert_refused(
        desk.set_mode("", Mode::Import, false),
        "NotPermitted",
        "existing subjects",
    );
    assert_refused(
        desk.set_mode("s", Mode::Import, false),
        "NotPermitted",
        "existing subjects",
    );
    desk.set_mode("t", Mode::Import, false).unwrap();
    desk.delete("s", false).unwrap();
    desk.set_mode("s", Mode::Import, false).unwrap();
    assert_eq!(
        desk.versions("s", Deleted::With),
        [0; 0],
        "what was hidden is gone"
    );
    desk.register("t", &imported("A", 9, None)).unwrap();
    desk.set_mode("t", Mode::ReadWrite, false).unwrap();
    assert!(desk.set_mode("t", Mode::Import, true).is_ok(), "forced");
    assert_refused(desk.set_mode("t", Mode::Forward, false), "InvalidMode", "FORWARD");
    assert!(desk.set_mode(":.__GLOBAL:", Mode::Forward, true).is_ok());
}

#[test]
fn modes_are_cleared_alone_or_with_all_below() {
    let mut desk = Desk::default();
    let clear = |desk: &mut Desk, of: &str, recursive| {
        let (changes, old) = mode::clear(&desk.view, &Qualified::parse(of), recursive)?;
        desk.apply(&changes);
        Ok::<_, RegistryError>(old)
    };
    desk.set_mode("s", Mode::ReadOnly, false).unwrap();
    desk.set_mode("", Mode::ReadOnly, false).unwrap();
    assert_eq!(clear(&mut desk, "s", false).unwrap(), Some(Mode::ReadOnly));
    assert_refused(clear(&mut desk, "s", false), "SubjectNotFound", "'s'");
    desk.set_mode("s", Mode::ReadOnly, false).unwrap();
    assert_eq!(clear(&mut desk, "", true).unwrap(), Some(Mode::ReadOnly));
    assert_eq!(desk.view.mode(&Qualified::parse("s")), None);
}

#[test]
fn imports_that_race_for_an_id_do_not_share_it() {
    let check = |left: (&str, i64), right: (&str, i64)| {
        let mut desk = Desk::default();
        desk.set_mode("", Mode::Import, false).unwrap();
        // Both are decided before either is written.
        let [first, second] = [("s", left), ("t", right)].map(|(subject, (name, id))| {
            let subject = Qualified::parse(subject);
            match decide(&desk.view, &subject, &imported(name, id, None)).unwrap() {
                Decision::Write(new) => new,
                Decision::Existing(there) => panic!("{subject} has {there:?}"),
            }
        });
        let (changes, _) = first.changes(&desk.view, 1).unwrap();
        desk.apply(&changes);
        second.changes(&desk.view, 1).is_some()
    };
    assert!(!check(("A", 1), ("B", 1)), "one id, two contents");
    assert!(!check(("A", 1), ("A", 2)), "one content, two ids");
    assert!(check(("A", 1), ("A", 1)));
    assert!(check(("A", 1), ("B", 2)));
}

#[test]
fn an_import_may_hold_one_schema_in_two_live_versions() {
    let mut desk = Desk::default();
    desk.set_mode("s", Mode::Import, false).unwrap();
    for version in [2, 4] {
        let registered = desk.register("s", &imported("A", 7, Some(version))).unwrap();
        assert_eq!(registered, (7, u32::try_from(version).unwrap()));
    }
    assert_eq!(desk.versions("s", Deleted::Without), [2, 4]);
    desk.delete_version("s", "4", false).unwrap();
    assert_eq!(desk.look_up("s", &schema("A")).unwrap(), 2);
}

#[test]
fn an_id_means_one_content_whatever_was_retired_before() {
    let mut desk = Desk::default();
    desk.register("s", &schema("A")).unwrap();
    desk.delete("s", false).unwrap();
    desk.delete("s", true).unwrap();
    desk.set_mode("s", Mode::Import, false).unwrap();
    assert_eq!(desk.register("s", &imported("B", 1, None)).unwrap(), (1, 1));
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    assert_eq!(
        desk.register("t", &schema("A")).unwrap(),
        (2, 1),
        "id 1 is B's now"
    );
    let text = |desk: &Desk, id| desk.view.schema(schema_id(id)).unwrap().text().to_string();
    assert!(text(&desk, 1).contains("\"B\"") && text(&desk, 2).contains("\"A\""));
}

#[test]
fn a_retired_row_does_not_hide_the_one_in_service() {
    let mut desk = Desk::default();
    desk.register("other", &schema("X")).unwrap();
    let content = |desk: &Desk| std::sync::Arc::clone(&desk.view.schema(schema_id(2)).unwrap().content);
    desk.register("s", &schema("A")).unwrap();
    let content = content(&desk);
    desk.delete("s", false).unwrap();
    desk.delete("s", true).unwrap();
    desk.delete("other", false).unwrap();
    desk.delete("other", true).unwrap();
    desk.set_mode("s", Mode::Import, false).unwrap();
    let again = RegisterRequest {
        id: Some(1),
        ..request(&content.text)
    };
    assert_eq!(desk.register("s", &again).unwrap(), (1, 1));
    let guid = content.exact();
    // As at a start: rows come by id, the retired one last.
    desk.apply(&[Change::Schema {
        context: ".".into(),
        id: schema_id(2),
        guid,
        form: None,
        content,
        printed: None,
        registered_ms: 1,
        retired: true,
    }]);
    assert_eq!(desk.view.schema_by_guid(guid).unwrap().id.get(), 1);
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    assert_eq!(desk.register("t", &schema("A")).unwrap(), (1, 1));
}

#[test]
fn a_schema_two_emptied_subjects_share_is_gone() {
    let mut desk = Desk::default();
    desk.register("a", &schema("A")).unwrap();
    desk.register("b", &schema("A")).unwrap();
    desk.delete("a", false).unwrap();
    desk.delete("b", false).unwrap();
    desk.set_mode("", Mode::Import, false).unwrap();
    assert!(!desk.is_served(".", 1));
    assert_eq!(desk.register("a", &imported("B", 1, None)).unwrap(), (1, 1));
}

#[test]
fn versions_and_types_of_imports_are_bounded() {
    let mut desk = Desk::default();
    desk.set_mode("", Mode::Import, false).unwrap();
    let last = i64::from(i32::MAX);
    assert_refused(
        desk.register("s", &imported("A", 1, Some(last + 1))),
        "InvalidVersion",
        "2147483648",
    );
    desk.register("s", &imported("A", 1, Some(last))).unwrap();
    assert_refused(
        desk.register("s", &imported("B", 2, None)),
        "InvalidVersion",
        "2147483648",
    );
    let as_json = RegisterRequest {
        schema_type: Some("JSON".to_owned()),
        ..imported("A", 1, None)
    };
    assert_refused(desk.register("t", &as_json), "NotPermitted", "Overwrite");
}

#[test]
fn a_reference_to_the_newest_version_holds_the_newest_one() {
    let mut desk = Desk::default();
    desk.set_mode("", Mode::Import, false).unwrap();
    let user = RegisterRequest {
        references: vec![reference("A", "s", -1)],
        id: Some(9),
        ..request(r#"{"type":"array","items":"A"}"#)
    };
    desk.register("user", &user).unwrap();
    let parsed = |desk: &Desk| desk.view.parsed(desk.view.schema(schema_id(9)).unwrap()).is_ok();
    assert!(!parsed(&desk), "what it refers to is not there yet");
    desk.register("s", &imported("A", 1, None)).unwrap();
    assert!(parsed(&desk), "and now it is");
    desk.register("s", &imported("B", 2, None)).unwrap();
    assert_eq!(desk.delete_version("s", "1", false).unwrap(), 1);
    assert_refused(desk.delete_version("s", "2", false), "Referenced", "version=2");
}
