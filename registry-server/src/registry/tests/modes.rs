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
        desk.register("s", &imported("C", 42, Some(3))),
        "NotPermitted",
        "Version 3",
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
            match decide(&desk.view, &desk.verdicts, &subject, &imported(name, id, None)).unwrap() {
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
