//! What is printed for schemas whose top is no record, where names and indexes of several meet.

use annals_codegen::configure;

fn printed(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let text = configure().schemas(folder.path()).generate();
    text.unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// As no width breaks it.
fn unbroken(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",)", ")").replace(",>", ">")
}

/// What a text has, and what it has not.
fn check(text: &str, has: &[&str], has_not: &[&str]) {
    let whole = unbroken(text);
    for part in has {
        assert!(whole.contains(&unbroken(part)), "{part} in {text}");
    }
    for part in has_not {
        assert!(!whole.contains(&unbroken(part)), "no {part} in {text}");
    }
}

const ALIKE: &str = r#"[{"type": "record", "name": "a.Placed", "fields": []},
    {"type": "record", "name": "b.Placed", "fields": [{"name": "id", "type": "KIND"}]}]"#;

#[test]
fn branches_that_namespaces_tell_apart_go_by_their_full_names() {
    let files = [
        ("orders-value/v1.avsc", ALIKE.replace("KIND", "int")),
        ("orders-value/v2.avsc", ALIKE.replace("KIND", "long")),
        ("annals.toml", "[subject.orders-value]\nupcast = [1]".to_owned()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let text = printed(&files);
    check(
        &text,
        &[
            "match avro::written_name(&writer, raw.body)?",
            "\"a.Placed\" =>",
            "\"b.Placed\" =>",
            "<b::Placed as ::std::convert::From<b::v1::Placed",
        ],
        // It did not change.
        &["a::v1", "a::Placed as"],
    );
}

#[test]
fn what_older_versions_called_a_branch_is_read_as_the_branch_that_a_field_would_take() {
    let record = |name: &str, field: &str, kind: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "fields": [{{"name": "{field}", "type": "{kind}"}}]}}"#
        )
    };
    let a = |name: &str| record(name, "a", "string");
    let both = |old: &str, new: &[String], has: &[&str]| {
        let new = format!("[{}]", new.join(","));
        let files = [("orders-value/v1.avsc", old), ("orders-value/v2.avsc", &new)];
        check(&printed(&files), has, &[]);
    };
    let full = "match avro::written_name(&writer, raw.body)?";
    both(
        &a("m.A"),
        &[a("n.A"), a("k.A")],
        &[full, "\"n.A\" =>", "\"k.A\" | \"m.A\" =>"],
    );
    both(
        &format!("[{}, {}]", a("m.A"), a("m.B")),
        &[a("n.A"), a("k.A"), a("m.B")],
        &[full, "\"n.A\" =>", "\"k.A\" | \"m.A\" =>", "\"m.B\" =>"],
    );
    let other = record("n.A", "b", "int");
    both(
        &format!("[{}, {other}]", a("m.A")),
        &[a("k.A"), other.clone()],
        &[full, "\"k.A\" | \"m.A\" =>", "\"n.A\" =>"],
    );
}

#[test]
fn the_default_of_a_fixed_is_derived_where_rust_has_one() {
    let fixed = |size: usize| {
        let text = format!(r#"{{"type": "fixed", "name": "TopF", "size": {size}}}"#);
        printed(&[("f-value.avsc", &text)])
    };
    let derived = "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]";
    let own = "impl ::std::default::Default for TopF {";
    check(&fixed(32), &[derived], &[own]);
    check(&fixed(33), &[own], &[derived]);
}

#[test]
fn a_type_of_two_unions_is_written_with_the_index_of_each() {
    let record = r#"{"type": "record", "name": "s.Paid", "fields": []}"#;
    let text = printed(&[
        ("orders-value.avsc", &format!("[{record}]")),
        ("bills-value.avsc", &format!("[\"null\", {record}]")),
        ("books-value.avsc", record),
    ]);
    check(
        &text,
        &[
            "Self::Paid(event) => event.encode(),",
            "Self::Paid(event) => avro::encode(&avro::Branch(0, event)),",
            "Self::Paid(event) => avro::encode(event),",
            ".text).branch(0);",
        ],
        &[],
    );
}

#[test]
fn a_name_is_one_branchs_and_a_promotion_goes_to_the_first_that_takes_it() {
    let text = printed(&[("n-value.avsc", r#"["double", "long", "bytes", "boolean"]"#)]);
    check(
        &text,
        &[
            "\"double\" | \"float\" | \"int\" => { Self::Double(",
            "\"long\" => { Self::Long(",
            "\"bytes\" | \"string\" => { Self::Bytes(",
        ],
        &[],
    );
}

#[test]
fn a_key_may_have_no_name() {
    let text = printed(&[
        ("orders-key.avsc", "\"string\""),
        (
            "orders-value.avsc",
            r#"{"type": "record", "name": "Placed", "fields": []}"#,
        ),
    ]);
    check(
        &text,
        &[
            "pub struct OrdersKey {",
            "pub enum OrdersEvent { /// `Placed`. Placed(Placed), }",
        ],
        &[],
    );
}
