//! Folders of schemas: what their names say, what refers to what, and which version may follow which.

use std::fs;
use std::path::Path;

use annals_codegen::{Build, Incompatible, configure};

pub(super) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("schemas").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(super) fn build(folder: &Path) -> Build {
    configure().schemas(folder.join("schemas"))
}

/// What is generated of some files.
fn generated(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let text = build(folder.path()).generate();
    text.unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// What is said of some files, a line each, and in full.
fn said(files: &[(&str, &str)]) -> (String, String) {
    let folder = folder(files);
    let wrong = build(folder.path()).generate().unwrap_err();
    let place = format!("{}/schemas/", folder.path().display());
    (
        wrong.to_string().replace(&place, ""),
        format!("{wrong:?}").replace(&place, ""),
    )
}

pub(super) fn record(name: &str, fields: &str) -> String {
    format!("{{\"type\": \"record\", \"name\": \"{name}\", \"fields\": [\n{fields}\n]}}")
}

/// The topics and subjects that generated code names, in order.
pub(super) fn named(text: &str) -> Vec<(&str, Vec<&str>)> {
    let enums = text.split("pub enum ").skip(1);
    let topics = enums.filter_map(|part| {
        let topic = part.split_once("pub const TOPIC: &'static str = \"")?.1;
        Some((part.split_once(' ')?.0, vec![topic.split_once('"')?.0]))
    });
    topics.collect()
}

pub(super) fn subjects(text: &str) -> Vec<&str> {
    let rows = text.split("SchemaVersion::new(").skip(1);
    let quoted = rows.filter_map(|row| Some(row.split_once('"')?.1.split_once('"')?.0));
    quoted.collect()
}

#[test]
fn names_of_folders_say_topics() {
    let a = record("shop.A", "");
    let check = |folder: &str, topic: Option<&str>, subject: &str| {
        let text = generated(&[(&format!("{folder}/v1.avsc"), &a)]);
        let found: Vec<&str> = named(&text).into_iter().flat_map(|(_, topics)| topics).collect();
        assert_eq!(found, topic.into_iter().collect::<Vec<_>>(), "{folder}");
        assert_eq!(subjects(&text), [subject], "{folder}");
        assert!(text.contains("pub struct A"), "{folder}");
    };
    check("orders-value", Some("orders"), "orders-value");
    check("orders", Some("orders"), "orders-value");
    check("order-events-value", Some("order-events"), "order-events-value");
    check("order-events", Some("order-events"), "order-events-value");
    check("orders-shop.A", Some("orders"), "orders-shop.A");
    check("order-events-shop.A", Some("order-events"), "order-events-shop.A");
    check("orders%2Feu-value", Some("orders/eu"), "orders/eu-value");
    check("orders-key", None, "orders-key");
    // Named by its record alone, it is of any topic or none.
    check("shop.A", None, "shop.A");

    let plain = generated(&[
        ("orders.avsc", &a),
        ("packages-value.proto", "syntax = \"proto3\"; message P {}"),
    ]);
    assert_eq!(subjects(&plain), ["orders-value", "packages-value"]);
}

#[test]
fn what_no_name_says_the_settings_say() {
    let by_record = generated(&[
        ("shop.A/v1.avsc", &record("shop.A", "")),
        ("shop.B/v1.avsc", &record("shop.B", "")),
        (
            "annals.toml",
            "[[topic]]\nname = \"orders\"\nsubjects = [\"shop.B\", \"shop.A\"]",
        ),
    ]);
    assert_eq!(named(&by_record), [("OrdersEvent", vec!["orders"])]);
    let variants = by_record.split_once("pub enum OrdersEvent {").unwrap().1;
    assert!(variants.find("B(shop::B)") < variants.find("A(shop::A)"));

    let (line, report) = said(&[("orders-Eu/v1.avsc", &record("shop.A", ""))]);
    assert_eq!(
        line,
        "orders-Eu/v1.avsc:1:1: the subject of `shop.A` in topic `orders` is `orders-shop.A`, not `orders-Eu`"
    );
    assert!(report.contains("[[topic]]\n    name = \"orders-Eu\""), "{report}");
    let told = generated(&[
        ("orders-Eu/v1.avsc", &record("shop.A", "")),
        ("annals.toml", "[[topic]]\nname = \"orders-Eu\""),
    ]);
    assert_eq!(subjects(&told), ["orders-Eu-value"]);

    let (_, report) = said(&[
        ("annals.toml", "[[topic]]\nstrategy = \"topic\""),
        ("a.avsc", "\"int\""),
    ]);
    assert!(
        report.contains("[imports]") && report.contains("keep = [1]"),
        "{report}"
    );
}

pub(super) const MONEY: &str =
    r#"{"type": "record", "name": "shop.Money", "fields": [{"name": "cents", "type": "long"}]}"#;

#[test]
fn types_of_other_files_are_found() {
    let order = record("shop.Order", r#"{"name": "total", "type": "Money"}"#);
    // A file in a folder, a file, a subject of its name, one that has it among others.
    for place in [
        "common/money.avsc",
        "money.avsc",
        "shop.Money/v3.avsc",
        "prices-value/v1.avsc",
    ] {
        let text = generated(&[("orders-value/v1.avsc", &order), (place, MONEY)]);
        assert_eq!(text.matches("pub struct Money").count(), 1, "{place}");
        assert!(text.contains(&format!("schemas/{place}:1")), "{place}");
        assert!(text.contains("REFERENCES"), "{place}");
        let subjects = subjects(&text);
        assert_eq!(
            subjects.last(),
            Some(&"orders-value"),
            "{place}: what is referred to goes first"
        );
    }
    let (line, _) = said(&[("orders-value/v1.avsc", &order)]);
    assert_eq!(
        line,
        "orders-value/v1.avsc:2:27: the type \"shop.Money\" is defined nowhere in schemas: define it in a file there, or write its definition here"
    );
    let within = record("shop.Price", &format!("{{\"name\": \"of\", \"type\": {MONEY}}}"));
    let twice = [
        ("orders-value/v1.avsc", order.as_str()),
        ("a-value/v1.avsc", &within),
        ("b-value/v1.avsc", &within),
    ];
    let (line, report) = said(&twice);
    assert!(
        line.contains("it may be that of schemas/a-value/v1.avsc or schemas/b-value/v1.avsc"),
        "{line}"
    );
    assert!(
        report.contains("[imports]\n    \"shop.Money\" = \"a-value\""),
        "{report}"
    );
    let settled = [
        &twice[..],
        &[("annals.toml", "[imports]\n\"shop.Money\" = \"b-value\"")],
    ]
    .concat();
    assert!(generated(&settled).contains("(\"shop.Money\", \"b-value\", 1)"));
    let unknown = [
        &twice[..],
        &[("annals.toml", "[imports]\n\"shop.Money\" = \"c-value\"")],
    ]
    .concat();
    assert_eq!(
        said(&unknown).0,
        "annals.toml:2:16: `c-value`, which `shop.Money` is said to be in, is no subject and no file"
    );
}

#[test]
fn references_end() {
    let a = record("A", r#"{"name": "b", "type": "B"}"#);
    let b = record("B", r#"{"name": "a", "type": ["null", "A"]}"#);
    let (line, _) = said(&[("a-value/v1.avsc", &a), ("b-value/v1.avsc", &b)]);
    assert!(line.contains("refer to each other"), "{line}");
    let deep: Vec<(String, String)> = (0..80)
        .map(|at| {
            let next = format!("{{\"name\": \"r\", \"type\": \"R{}\"}}", at + 1);
            (
                format!("lib/r{at}.avsc"),
                record(&format!("R{at}"), if at == 79 { "" } else { &next }),
            )
        })
        .collect();
    let mut files: Vec<(&str, &str)> = deep
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let top = record("Top", r#"{"name": "r", "type": "R0"}"#);
    files.push(("top-value/v1.avsc", &top));
    assert!(said(&files).0.contains("deeper than 64 levels"));
}

#[test]
fn imports_may_be_subjects() {
    let order = "syntax = \"proto3\";\npackage shop;\nimport \"shop/money.proto\";\nmessage Order { Money total = 1; }";
    let money = "syntax = \"proto3\";\npackage shop;\nmessage Money { int64 cents = 1; }";
    for place in [
        "shop/money.proto",
        "shop%2Fmoney.proto/v1.proto",
        "shop%2Fmoney/v1.proto",
    ] {
        let text = generated(&[("orders-value/v1.proto", order), (place, money)]);
        assert_eq!(text.matches("pub struct Money").count(), 1, "{place}");
        assert_eq!(named(&text).len(), 1, "{place}");
    }
}

#[test]
fn a_path_leads_to_the_file_that_is_there() {
    let of = |import: &str, used: &str| {
        format!("syntax = \"proto3\"; package p; import \"{import}\"; message M {{ {used} e = 1; }}")
    };
    let e = |field: &str| format!("syntax = \"proto3\"; package p; message E {{ int32 {field} = 1; }}");
    let (old, new) = (e("old"), e("new"));
    let both = [("e/v1.proto", old.as_str()), ("e/v2.proto", new.as_str())];
    let check = |import: &str, wanted: &str| {
        let m = of(import, "E");
        let folder = folder(&[&both[..], &[("m-value/v1.proto", &m)]].concat());
        let (versions, _) = build(folder.path()).versions().unwrap();
        let found = versions
            .iter()
            .find(|version| version.subject == "m-value")
            .unwrap();
        let reference = &found.references[0];
        let said = format!(
            "{} is {} v{}",
            reference.name, reference.subject, reference.version
        );
        assert_eq!(said, wanted);
    };
    check("e/v1.proto", "e/v1.proto is e v1");
    check("e/v2.proto", "e/v2.proto is e v2");
    check("e.proto", "e.proto is e v2");
    // Of the subject itself.
    let own = "syntax = \"proto3\"; package p; import \"m-value/v1.proto\"; message N { E e = 1; }";
    let text = generated(&[
        ("m-value/v1.proto", &old),
        ("m-value/v2.proto", own),
        ("annals.toml", "compatibility = \"NONE\""),
    ]);
    assert!(text.contains("pub struct N"), "{text}");
    // What is said to be elsewhere.
    let told = "[imports]\n\"other.proto\" = \"e/v1.proto\"";
    let m = of("other.proto", "E");
    let text = generated(&[both[0], both[1], ("m-value.proto", &m), ("annals.toml", told)]);
    assert!(text.contains("pub old: i32"), "{text}");
}

/// A file of what is built in goes before that, but for what every library brings along.
#[test]
fn files_of_ones_own_go_before_what_is_built_in() {
    let uses = |import: &str, used: &str| {
        format!("syntax = \"proto3\"; package z; import \"{import}\"; message E {{ {used} m = 1; }}")
    };
    let money = uses("google/type/money.proto", "google.type.Money");
    let own = "syntax = \"proto3\"; package google.type; message Money { string extra = 4; }";
    assert!(generated(&[("e-value.proto", &money)]).contains("pub currency_code: "));
    let files = [
        ("e-value.proto", money.as_str()),
        ("google/type/money.proto", own),
    ];
    let text = generated(&files);
    assert!(
        text.contains("pub extra: ") && !text.contains("currency_code"),
        "{text}"
    );
    // By way of another file.
    let m = "syntax = \"proto3\"; package z; import \"lib/e.proto\"; message F { E e = 1; }";
    let text = generated(&[("f-value.proto", m), ("lib/e.proto", &money), files[1]]);
    assert!(
        text.contains("pub extra: ") && !text.contains("currency_code"),
        "{text}"
    );

    let time = uses("google/protobuf/timestamp.proto", "google.protobuf.Timestamp");
    for own in [
        "syntax = \"proto3\"; package google.protobuf; message Timestamp { int64 own = 1; }",
        "what?",
    ] {
        let files = [
            ("e-value.proto", time.as_str()),
            ("google/protobuf/timestamp.proto", own),
        ];
        let folder = folder(&files);
        let loaded = build(folder.path()).load().unwrap();
        assert_eq!(loaded.warnings(), [], "it is not used, and nobody could");
        let text = loaded.rust().unwrap();
        assert!(
            text.contains("prost_types::Timestamp") && !text.contains("pub own: "),
            "{text}"
        );
    }
}

#[test]
fn a_finding_is_drawn_as_the_registry_draws_it() {
    let old = record("shop.Order", r#"  {"name": "id", "type": "string"}"#);
    let new = record(
        "shop.Order",
        "  {\"name\": \"id\", \"type\": \"string\"},\n  {\"name\": \"total\", \"type\": \"long\"}",
    );
    let files = [
        ("orders-value/v1.avsc", old.as_str()),
        ("orders-value/v2.avsc", &new),
    ];
    let (_, report) = said(&files);
    let wanted = "\
error[READER_FIELD_MISSING_DEFAULT_VALUE]: not BACKWARD compatible with orders-value v1
 --> orders-value/v2.avsc:3:3
  |
3 |   {\"name\": \"total\", \"type\": \"long\"}
  |   ^";
    assert!(report.contains(wanted), "{report}");
    assert!(report.contains("= help: "), "{report}");
    let warned = folder(&files);
    assert!(
        build(warned.path())
            .incompatible(Incompatible::Warn)
            .generate()
            .is_ok()
    );
}

#[test]
fn the_level_says_who_is_asked() {
    let a = record("R", r#"{"name": "a", "type": "int"}"#);
    let ab = record(
        "R",
        r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}"#,
    );
    let b = record("R", r#"{"name": "b", "type": "int"}"#);
    let files = [
        ("t-R/v1.avsc", a.as_str()),
        ("t-R/v2.avsc", &ab),
        ("t-R/v3.avsc", &b),
    ];
    let at = |settings: &str| {
        let files = [&files[..], &[("annals.toml", settings)]].concat();
        let folder = folder(&files);
        build(folder.path())
            .generate()
            .err()
            .map(|wrong| wrong.to_string())
    };
    let names = |said: Option<String>, wanted: &str| {
        let said = said.unwrap_or_default();
        assert!(
            said.contains(wanted) != wanted.is_empty() || said.is_empty(),
            "{said}"
        );
        assert_eq!(said.is_empty(), wanted.is_empty(), "{said}");
    };
    // The newest reads the one before it, and that is all the level asks.
    names(at(""), "");
    names(
        at("compatibility = \"BACKWARD_TRANSITIVE\""),
        "not BACKWARD_TRANSITIVE compatible with t-R v1",
    );
    names(at("compatibility = \"FULL\""), "not FULL compatible with t-R v2");
    names(
        at("compatibility = \"FULL\"\n[subject.t-R]\ncompatibility = \"NONE\""),
        "",
    );
    names(
        at("[subject.t-R]\ncompatibility = \"BACKWARD_TRANSITIVE\"\nupcast = [1]"),
        "",
    );
}

/// What refuses nothing says why, drawn and not.
#[test]
fn a_verdict_over_a_gap_says_that_it_may_be_another() {
    let a = record("R", r#"{"name": "a", "type": "int"}"#);
    let text = record("R", r#"{"name": "a", "type": "string"}"#);
    let warned = |versions: [u32; 2], settings: &str| {
        let paths = versions.map(|version| format!("t-R/v{version}.avsc"));
        let files = [
            (paths[0].as_str(), a.as_str()),
            (&paths[1], &text),
            ("annals.toml", settings),
        ];
        let folder = folder(&files);
        let loaded = build(folder.path())
            .incompatible(Incompatible::Warn)
            .load()
            .unwrap();
        loaded.warnings().to_vec()
    };
    let doubt = "what is between v1 and v3 is not here, so the registry's verdict may be another: `annals gen check` asks \
                 for it, `annals gen pull t-R:all` brings what is registered";
    let said = warned([1, 3], "");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].help.ends_with(doubt), "{}", said[0].help);
    let drawn = said[0].report().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(drawn.contains(doubt), "{drawn}");
    // Where it is what the registry says, or nobody asks it.
    for certain in [
        warned([1, 2], ""),
        warned([1, 3], "compatibility = \"BACKWARD_TRANSITIVE\""),
        warned([1, 3], "compatibility = \"FORWARD_TRANSITIVE\""),
    ] {
        assert!(!certain.is_empty());
        assert!(
            certain.iter().all(|said| !said.help.contains("may be another")),
            "{certain:#?}"
        );
    }
}

#[test]
fn what_is_upcast_may_have_been_called_otherwise() {
    let folder = folder(&[
        ("t-value/v1.avsc", &record("Placed", "")),
        ("t-value/v2.avsc", &record("OrderPlaced", "")),
        ("annals.toml", "[subject.t-value]\nupcast = [1]"),
    ]);
    let text = configure()
        .schemas(folder.path().join("schemas"))
        .generate()
        .unwrap();
    assert!(text.contains("\"OrderPlaced\" | \"Placed\" =>"), "{text}");
}
