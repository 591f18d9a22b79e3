//! Soft and hard deletes, and what comes after them.

use super::*;

/// A subject `s` with three versions, ids 1 to 3.
fn three() -> Desk {
    let mut desk = Desk::default();
    desk.configure("", json!({"compatibility": "NONE"}));
    for name in ["A", "B", "C"] {
        desk.register("s", &schema(name)).unwrap();
    }
    desk
}

#[test]
fn a_soft_delete_hides_and_a_hard_one_removes() {
    let mut desk = three();
    assert_eq!(desk.delete_version("s", "2", false).unwrap(), 2);
    assert_eq!(desk.versions("s", Deleted::Without), [1, 3]);
    assert_eq!(desk.versions("s", Deleted::With), [1, 2, 3]);
    assert_eq!(desk.versions("s", Deleted::Only), [2]);
    assert!(desk.is_served(".", 2), "by its id it is still there");
    assert_refused(desk.look_up("s", &schema("B")), "SchemaNotFound", "");
    assert_eq!(desk.delete_version("s", "2", true).unwrap(), 2);
    assert_eq!(desk.versions("s", Deleted::With), [1, 3]);
    assert!(!desk.is_served(".", 2));
    assert_eq!(desk.delete_version("s", "latest", false).unwrap(), 3);
    assert_eq!(desk.delete_version("s", "latest", false).unwrap(), 1);
    assert_eq!(desk.versions("s", Deleted::Without), [0; 0]);
    assert_eq!(desk.delete("s", true).unwrap(), [1, 3]);
    assert!(desk.view.subject(&Qualified::parse("s")).is_none());
}

#[test]
fn deletes_are_refused_in_this_order() {
    let mut desk = three();
    assert_refused(
        desk.delete("t", false),
        "SubjectNotFound",
        "Subject 't' not found",
    );
    assert_refused(
        desk.delete("s", true),
        "SubjectNotSoftDeleted",
        "not deleted first",
    );
    assert_refused(desk.delete_version("s", "7", false), "VersionNotFound", "7");
    assert_refused(desk.delete_version("s", "0", false), "InvalidVersion", "'0'");
    assert_refused(
        desk.delete_version("s", "1", true),
        "VersionNotSoftDeleted",
        "Version 1 was not deleted first",
    );
    desk.delete_version("s", "1", false).unwrap();
    assert_refused(
        desk.delete_version("s", "1", false),
        "VersionSoftDeleted",
        "soft deleted.Set permanent=true",
    );
    assert_eq!(desk.delete("s", false).unwrap(), [2, 3]);
    assert_refused(desk.delete("s", false), "SubjectSoftDeleted", "soft deleted.Set");
    desk.set_mode("s", Mode::ReadOnly, false).unwrap();
    assert_refused(desk.delete("s", true), "NotPermitted", "read-only");
}

#[test]
fn what_others_refer_to_stays() {
    let mut desk = three();
    let user = |version| RegisterRequest {
        references: vec![reference("A", "s", version)],
        ..request(r#"{"type":"array","items":"A"}"#)
    };
    desk.register("user", &user(1)).unwrap();
    assert_refused(
        desk.delete_version("s", "1", false),
        "Referenced",
        "subject=s,version=1",
    );
    assert_refused(desk.delete("s", false), "Referenced", "version=1");
    assert_eq!(
        desk.delete_version("s", "2", false).unwrap(),
        2,
        "nobody refers to it"
    );
    desk.delete("user", false).unwrap();
    assert_eq!(
        desk.delete("s", false).unwrap(),
        [1, 3],
        "a deleted user does not count"
    );
    assert_refused(desk.delete("s", true), "Referenced", "version=1");
    desk.delete("user", true).unwrap();
    assert_eq!(desk.delete("s", true).unwrap(), [1, 2, 3]);
    assert_refused(
        desk.register("user", &user(1)),
        "InvalidSchema",
        "version 1 of subject \"s\"",
    );
}

#[test]
fn a_deleted_schema_comes_back_under_its_id() {
    let mut desk = three();
    desk.delete_version("s", "2", false).unwrap();
    assert_eq!(
        desk.register("s", &schema("B")).unwrap(),
        (2, 4),
        "a new version, the old id"
    );
    assert_eq!(
        desk.versions("s", Deleted::With),
        [1, 3, 4],
        "the old version gave way"
    );
    desk.delete("s", false).unwrap();
    desk.delete("s", true).unwrap();
    assert_eq!(
        desk.register("s", &schema("C")).unwrap(),
        (3, 1),
        "numbers begin anew, ids do not"
    );
    assert_eq!(
        desk.register("t", &schema("D")).unwrap(),
        (4, 1),
        "no id is given out twice"
    );
}

#[test]
fn a_replaced_version_stays_while_somebody_refers_to_it() {
    let mut desk = three();
    let user = RegisterRequest {
        references: vec![reference("B", "s", 2)],
        ..request(r#"{"type":"array","items":"B"}"#)
    };
    desk.register("user", &user).unwrap();
    desk.delete("user", false).unwrap();
    desk.delete_version("s", "2", false).unwrap();
    assert_eq!(desk.register("s", &schema("B")).unwrap(), (2, 4));
    assert_eq!(desk.versions("s", Deleted::With), [1, 2, 3, 4]);
}

#[test]
fn settings_and_mode_go_with_the_last_version() {
    let mut desk = three();
    let name = Qualified::parse("s");
    desk.configure("s", json!({"compatibility": "FULL"}));
    desk.set_mode("s", Mode::ReadWrite, false).unwrap();
    desk.delete("s", false).unwrap();
    assert!(desk.view.config(&name).is_some() && desk.view.mode(&name).is_some());
    desk.delete("s", true).unwrap();
    assert!(desk.view.config(&name).is_none() && desk.view.mode(&name).is_none());
}

#[test]
fn deleted_versions_are_not_compared_with() {
    let mut desk = Desk::default();
    desk.register("s", &request(&record("R", &["x"]))).unwrap();
    let breaking = request(&record("R", &["x", "y"]));
    assert!(desk.register("s", &breaking).is_err());
    desk.delete("s", false).unwrap();
    assert_eq!(desk.register("s", &breaking).unwrap(), (2, 2));
}
