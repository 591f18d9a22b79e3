//! Contexts: registries within the registry.

use super::*;

#[test]
fn ids_count_in_their_context() {
    let mut desk = Desk::default();
    let steps = [
        ("a", "A", (1, 1)),
        (":.eu:a", "B", (1, 1)),
        (":.eu:a2", "A", (2, 1)),
        (":.:b", "B", (2, 1)),
        ("b", "B", (2, 1)),
    ];
    for (subject, name, wanted) in steps {
        assert_eq!(
            desk.register(subject, &schema(name)).unwrap(),
            wanted,
            "{subject}"
        );
    }
    assert_eq!(desk.view.contexts().collect::<Vec<_>>(), [".", ".eu"]);
    let guid = desk.view.schema(schema_id(1)).unwrap().guid;
    let ids: Vec<_> = desk
        .view
        .with_guid(guid)
        .map(|(context, stored)| (context, stored.id.get()))
        .collect();
    assert_eq!(ids, [(".", 1), (".eu", 2)]);
    let names = |prefix: &str| -> Vec<String> {
        let found = desk.view.subjects_with(&Qualified::parse(prefix));
        found.map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(names(":*:"), ["a", "b", ":.eu:a", ":.eu:a2"]);
    assert_eq!(names(":*:a"), ["a", ":.eu:a", ":.eu:a2"]);
    assert_eq!(names(""), ["a", "b"]);
    assert_eq!(names(":.eu:a2"), [":.eu:a2"]);
}

#[test]
fn a_reference_without_a_context_is_one_of_the_referrers() {
    let mut desk = Desk::default();
    desk.register(":.eu:money", &schema("Money")).unwrap();
    let user = |subject: &str| RegisterRequest {
        references: vec![reference("Money", subject, 1)],
        ..request(r#"{"type":"array","items":"Money"}"#)
    };
    assert_eq!(desk.register(":.eu:user", &user("money")).unwrap(), (2, 1));
    assert_refused(
        desk.register("user", &user("money")),
        "InvalidSchema",
        "\"money\"",
    );
    assert_eq!(desk.register("user", &user(":.eu:money")).unwrap(), (1, 1));
    assert_refused(desk.delete(":.eu:money", false), "Referenced", ":.eu:money");
    desk.delete("user", false).unwrap();
    assert_refused(desk.delete(":.eu:money", false), "Referenced", ":.eu:money");
    desk.delete(":.eu:user", false).unwrap();
    assert_eq!(desk.delete(":.eu:money", false).unwrap(), [1]);
}

#[test]
fn a_name_without_a_context_is_looked_for_in_all() {
    let mut desk = Desk::default();
    desk.register(":.eu:a", &schema("A")).unwrap();
    let find = |desk: &Desk, name: &str| desk.view.find_subject(&Qualified::parse(name)).to_string();
    assert_eq!(find(&desk, "a"), ":.eu:a");
    assert_eq!(find(&desk, "b"), "b");
    let anywhere = Qualified::parse("");
    let stored = |desk: &Desk, of: &Qualified| {
        let found = desk.view.schema_for(schema_id(1), of);
        found.map(|stored| stored.context.to_string())
    };
    assert_eq!(stored(&desk, &anywhere).as_deref(), Some(".eu"));
    desk.register("b", &schema("B")).unwrap();
    assert_eq!(stored(&desk, &anywhere).as_deref(), Some("."));
    assert_eq!(stored(&desk, &Qualified::parse("a")).as_deref(), Some(".eu"));
    assert_eq!(stored(&desk, &Qualified::parse(":.us:a")), None);
}

#[test]
fn an_empty_context_can_go() {
    let mut desk = Desk::default();
    desk.register(":.eu:a", &schema("A")).unwrap();
    desk.configure(":.eu:", json!({"compatibility": "FULL"}));
    let delete = |desk: &Desk, name: &str| delete::context(&desk.view, name);
    assert_refused(delete(&desk, ".eu"), "ContextNotEmpty", ".eu");
    assert_refused(delete(&desk, ".us"), "SubjectNotFound", ".us");
    desk.delete(":.eu:a", false).unwrap();
    assert_refused(delete(&desk, ".eu"), "ContextNotEmpty", ".eu");
    desk.delete(":.eu:a", true).unwrap();
    let changes = delete(&desk, ".eu").unwrap();
    desk.apply(&changes);
    assert_eq!(desk.view.contexts().collect::<Vec<_>>(), ["."]);
    assert!(desk.view.config(&Qualified::parse(":.eu:")).is_none());
    assert_eq!(
        desk.register(":.eu:b", &schema("B")).unwrap(),
        (2, 1),
        "ids go on"
    );
    assert_eq!(desk.view.contexts().collect::<Vec<_>>(), [".", ".eu"]);
}
