//! What a folder holds beside versions of subjects: nothing that looks like a schema is passed over without a word.

use std::fs;
use std::path::Path;

use annals_codegen::{Diagnostic, Incompatible, configure};

const R: &str = r#"{"type": "record", "name": "shop.R", "fields": []}"#;

/// All that is said of a folder, odd or wrong, a line each, without the folder it is in.
fn said(root: &Path) -> Vec<String> {
    let schemas = root.join("schemas");
    let build = configure().schemas(&schemas);
    let all: Vec<Diagnostic> = match build.load() {
        Ok(loaded) => loaded.warnings().to_vec(),
        Err(wrong) => wrong.diagnostics().to_vec(),
    };
    let prefix = format!("{}/", schemas.display());
    let line = |said: &Diagnostic| {
        let line = format!("{}: {said}", said.weight.name());
        line.replace(&prefix, "")
            .replace(prefix.trim_end_matches('/'), "schemas")
    };
    all.iter().map(line).collect()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("schemas").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What is said beside a sound subject, of one other file; all of it starts as expected.
fn check(file: &str, text: &str, expected: &[&str]) {
    let folder = folder(&[("orders-value/v1.avsc", R), (file, text)]);
    let said = said(folder.path());
    assert_eq!(said.len(), expected.len(), "{file}: {said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{file}: {said:#?}");
    }
}

#[test]
fn nothing_that_looks_like_a_schema_is_passed_over() {
    let other = R.replace("shop.R", "shop.Other");
    let check = |file: &str, expected: &[&str]| check(file, &other, expected);
    check("README.md", &[]);
    check(".paid-value.avsc.swp", &[]);
    check("paid-value.avsc", &[]);
    // A version that is called otherwise.
    check(
        "paid-value/schema.avsc",
        &["error: paid-value/schema.avsc: is no version: name the file v<N>.avsc or v<N>.proto"],
    );
    check(
        "paid-key/schema.avsc",
        &["error: paid-key/schema.avsc: is no version"],
    );
    check("paid-value/README.md", &["warning: paid-value: holds no schema"]);
    check(
        "paid-shop.Other/schema.avsc",
        &[
            "warning: paid-shop.Other: holds schemas that none refers to, paid-shop.Other/schema.avsc among them",
        ],
    );
    check(
        "common/a/b.avsc",
        &["warning: common: holds schemas that none refers to, common/a/b.avsc"],
    );
    check(
        "orders-value/old/v0.avsc",
        &["warning: orders-value/old: is a folder in that of a subject"],
    );
    check(
        "common/paid-value/v1.avsc",
        &["warning: common/paid-value: is a subject's folder in another one"],
    );
    // Endings.
    check(
        "paid-value.AVSC",
        &["error: paid-value.AVSC: has an ending that no schema has: name it paid-value.avsc"],
    );
    check(
        "common/money.Avsc",
        &["error: common/money.Avsc: has an ending that no schema has: name it money.avsc"],
    );
    check(
        "orders-value/money.Avsc",
        &["error: orders-value/money.Avsc: is no version"],
    );
    check(
        "orders-value/v2.json",
        &["warning: orders-value/v2.json: is JSON Schema"],
    );
    check("paid.JSON", &["warning: paid.JSON: is JSON Schema"]);
    check("paid.avdl", &["warning: paid.avdl: is Avro IDL"]);
    check(
        "common/paid.avpr",
        &["warning: common/paid.avpr: is an Avro protocol"],
    );
    // Names.
    check(
        "Orders-value/v1.avsc",
        &["warning: orders-value: is the same as Orders-value on macOS and Windows"],
    );
}

#[test]
fn a_file_without_a_message_is_one_that_others_import() {
    let parts = "syntax = \"proto3\"; package p; import \"e.proto\"; message M { E e = 1; }";
    let e = ("e.proto", "syntax = \"proto3\"; package p; enum E { A = 0; }");
    let service =
        "syntax = \"proto3\"; package p; import \"m-value.proto\"; service S { rpc A(M) returns(M); }";
    for place in [
        "svc.proto",
        "my-Svc.v1.proto",
        "svc/v1.proto",
        "acme-svc/v1.proto",
    ] {
        let folder = folder(&[("m-value.proto", parts), e, (place, service)]);
        let said = said(folder.path());
        let named = place.trim_end_matches("/v1.proto");
        let wanted = format!(
            "warning: {named}: has no message, and no schema refers to it, so no code is generated of it"
        );
        assert_eq!(said, [wanted]);
        let text = configure()
            .schemas(folder.path().join("schemas"))
            .generate()
            .unwrap();
        assert!(
            text.contains("pub enum E") && text.contains("pub enum MEvent"),
            "{text}"
        );
    }
    // Where a name says that records are of it, or an older version has one, it is missing.
    for place in ["svc-value/v1.proto", "svc-value.proto"] {
        check(place, e.1, &[&format!("error: {place}:1:1: has no message")]);
    }
    let v1 = "syntax = \"proto3\"; package p; message N {}";
    let said = said(folder(&[("n/v1.proto", v1), ("n/v2.proto", e.1)]).path());
    assert!(
        said.iter()
            .any(|said| said == "error: n/v2.proto:1:1: has no message"),
        "{said:#?}"
    );
}

#[test]
fn folders_without_a_subject_say_where_one_goes() {
    let check = |file: &str, text: &str| {
        let folder = folder(&[(file, text)]);
        let wrong = configure()
            .schemas(folder.path().join("schemas"))
            .generate()
            .unwrap_err();
        let said = format!("{wrong:?}");
        let message = format!("schemas: holds no subject: {file} and what else is deeper");
        let help = format!("orders-value/v1.avsc, or v1.proto; it may use the types of {file}");
        assert!(said.contains(&message) && said.contains(&help), "{said}");
    };
    let order = "syntax = \"proto3\"; package acme.orders.v1; message Order {}";
    check("acme/orders/v1/order.proto", order);
    check("acme/orders/order.avsc", R);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_schema() {
    let proto = "\u{feff}syntax = \"proto3\"; message M {}";
    let folder = folder(&[
        ("orders-value/v1.avsc", &format!("\u{feff}{R}")),
        ("m-value.proto", proto),
        (
            "paid-value.avsc",
            r#"{"type": "record", "name": "Paid", "fields": [{"name": "r", "type": "shop.X"}]}"#,
        ),
        (
            "lib/x.avsc",
            &format!("\u{feff}{}", R.replace("shop.R", "shop.X")),
        ),
    ]);
    assert_eq!(said(folder.path()), [""; 0]);
    let (versions, _) = configure()
        .schemas(folder.path().join("schemas"))
        .versions()
        .unwrap();
    let order = versions.iter().find(|version| version.subject == "orders-value");
    assert_eq!(order.unwrap().text, R, "as a registry takes it");
}

#[test]
fn types_that_are_referred_to_are_used_and_their_neighbours_with_them() {
    let order = r#"{"type": "record", "name": "shop.Order", "fields": [{"name": "r", "type": "R"}]}"#;
    let other = R.replace("shop.R", "shop.Other");
    let folder = folder(&[
        ("orders-value/v1.avsc", order),
        ("common/shop/r.avsc", R),
        ("common/other.avsc", &other),
    ]);
    assert_eq!(said(folder.path()), [""; 0]);
}

#[test]
fn a_folder_that_is_not_there_is_said_with_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let wrong = configure()
        .schemas(root.path().join("schemas"))
        .generate()
        .unwrap_err();
    let said = format!("{wrong:?}");
    assert!(said.contains("schemas: cannot be read: "), "{said}");
    assert!(
        said.contains("help: make the folder") && said.contains("--schemas"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn links_have_an_end() {
    use std::os::unix::fs::symlink;
    let circle = folder(&[("orders-value/v1.avsc", R), ("lib/z/n.txt", "")]);
    let lib = circle.path().join("schemas/lib");
    for link in ["a", "b", "c", "d"] {
        symlink(".", lib.join(link)).unwrap();
    }
    symlink("../..", lib.join("z/up")).unwrap();
    let back = ["lib/a", "lib/b", "lib/c", "lib/d", "lib/z/up"];
    let back = back.map(|link| format!("warning: {link}: is a link back to where it is in, and is not read"));
    assert_eq!(said(circle.path()), back);

    // Two at every step, and none of them back: 2^15 ways to the last.
    let double = folder(&[("orders-value/v1.avsc", R)]);
    let lib = double.path().join("schemas/lib");
    for step in 0..15 {
        let folder = double.path().join(step.to_string());
        fs::create_dir(&folder).unwrap();
        for link in ["a", "b"] {
            symlink(double.path().join((step + 1).to_string()), folder.join(link)).unwrap();
        }
    }
    fs::create_dir(double.path().join("15")).unwrap();
    symlink(double.path().join("0"), lib).unwrap();
    let said_of_it = said(double.path());
    assert_eq!(
        said_of_it,
        ["error: schemas: holds more than 10000 folders, links to them included"]
    );

    let deep = folder(&[("orders-value/v1.avsc", R)]);
    let way = "x/".repeat(17);
    fs::create_dir_all(deep.path().join("schemas").join(&way)).unwrap();
    let said_of_it = said(deep.path());
    let expected = format!(
        "warning: {}: is more than 16 folders deep, and is not read",
        way.trim_end_matches('/')
    );
    assert_eq!(said_of_it, [expected]);
}

#[test]
fn what_is_found_weighs_what_the_build_was_told() {
    let v2 = r#"{"type": "record", "name": "shop.R", "fields": [{"name": "a", "type": "int"}]}"#;
    let files = [
        ("orders-value/v1.avsc", R),
        ("orders-value/v2.avsc", v2),
        ("paid.json", "{}"),
    ];
    let folder = folder(&files);
    let build = configure().schemas(folder.path().join("schemas"));
    let wrong = build.generate().unwrap_err();
    let weights = wrong.diagnostics().iter().map(|said| said.weight.name());
    assert_eq!(
        weights.collect::<Vec<_>>(),
        ["error", "warning"],
        "what is odd is told as well"
    );
    assert!(wrong.to_string().contains("\nwarning: "), "{wrong}");

    let build = build.incompatible(Incompatible::Warn);
    let loaded = build.load().unwrap();
    let reports: Vec<String> = loaded.warnings().iter().map(Diagnostic::report).collect();
    let starts = [
        "warning: ",
        "warning[READER_FIELD_MISSING_DEFAULT_VALUE]: not BACKWARD compatible",
    ];
    assert_eq!(reports.len(), 2, "{reports:#?}");
    for (report, start) in reports.iter().zip(starts) {
        assert!(report.starts_with(start), "{report}");
    }
}
