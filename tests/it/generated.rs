//! `annals gen`: what it writes is what a build makes, and what compilers and clients of other languages take.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::server::{binary, clients, given, python, run};
use crate::tidy::root;

/// Folders of schemas, and what they are called here. The last three are those that codegen is tested with.
const FOLDERS: [(&str, &str); 4] = [
    ("company", "schemas"),
    ("zoo", "codegen/tests/schemas"),
    ("sets", "codegen/tests/sets"),
    ("proto", "codegen/tests/proto"),
];

fn annals(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .arg("gen")
        .args(args)
        .output()
        .unwrap()
}

/// Runs in a folder, and answers what was said.
fn check(folder: &Path, args: &[&str], code: i32, says: &str) -> String {
    let out = annals(folder, args);
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?} does not say {says:?}: {said}");
    said
}

/// Everything that is generated from the folders, a folder each.
fn everything() -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for (name, schemas) in FOLDERS {
        let schemas = root().join(schemas);
        let schemas = schemas.to_str().unwrap();
        for (what, file) in [
            ("typescript", "events.ts"),
            ("python", "events.py"),
            ("asyncapi", "asyncapi.json"),
            ("asyncapi", "asyncapi.yaml"),
        ] {
            let file = format!("{name}/{file}");
            check(
                to.path(),
                &[what, "--schemas", schemas, "--out", &file],
                0,
                "written",
            );
        }
    }
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What the build of the example company made last, beside the binary.
fn built() -> Option<PathBuf> {
    let builds = fs::read_dir(binary().parent()?.join("build")).ok()?.flatten();
    let files = builds
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("annals-examples-")
        })
        .filter_map(|entry| {
            let file = entry.path().join("out/events.rs");
            Some((file.metadata().ok()?.modified().ok()?, file))
        });
    files.max().map(|(_, file)| file)
}

#[test]
fn the_rust_that_is_written_is_the_rust_of_a_build() {
    let to = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), &to.path().join("schemas"));
    let out = ["rust", "--out", "examples/src/gen"];
    check(to.path(), &out, 1, "is in no crate");
    fs::create_dir(to.path().join("examples")).unwrap();
    fs::write(to.path().join("examples/Cargo.toml"), "").unwrap();
    check(to.path(), &out, 0, "written examples/src/gen/events.rs");
    let written = fs::read_to_string(to.path().join("examples/src/gen/events.rs")).unwrap();
    let built = built().expect("the binary is beside the example company's build");
    let built = fs::read_to_string(built).unwrap();
    let differing = written.lines().zip(built.lines()).find(|(a, b)| a != b);
    assert!(written == built, "{differing:?}");
    // What a build.rs says by methods.
    let said = [
        "--type-attribute",
        ".=#[non_exhaustive]",
        "--decimals",
        "rust-decimal",
    ];
    check(to.path(), &[&out[..], &said].concat(), 0, "written");
    let written = fs::read_to_string(to.path().join("examples/src/gen/events.rs")).unwrap();
    assert!(written.contains("#[non_exhaustive]") && written.contains("rust_decimal"));
    check(
        to.path(),
        &[&out[..], &["--field-attribute", "x"]].concat(),
        2,
        "PATH=ATTRIBUTE",
    );
}

#[test]
fn what_is_committed_is_checked() {
    let to = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), &to.path().join("schemas"));
    fs::write(to.path().join("Cargo.toml"), "").unwrap();
    for (what, file) in [
        ("rust", "src/events.rs"),
        ("typescript", "src/events.ts"),
        ("python", "src/events.py"),
        ("asyncapi", "src/asyncapi.yaml"),
    ] {
        let out = [what, "--out", if what == "asyncapi" { file } else { "src" }];
        let checked = [&out[..], &["--check"]].concat();
        check(to.path(), &checked, 3, "the file is not there");
        check(to.path(), &out, 0, &format!("written {file}"));
        check(to.path(), &out, 0, &format!("unchanged {file}"));
        check(to.path(), &checked, 0, "unchanged");
        let path = to.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        fs::write(&path, format!("{first}\nanother line\n{rest}")).unwrap();
        check(to.path(), &checked, 3, "line 2 is `another line`, and would be ");
        let json = annals(to.path(), &[&checked[..], &["-o", "json"]].concat());
        assert_eq!(json.status.code(), Some(3));
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["files"][0]["path"], *file);
        assert_eq!(json["files"][0]["state"], "differs");
        assert!(
            json["files"][0]["difference"]
                .as_str()
                .unwrap()
                .starts_with("line 2")
        );
        assert!(
            fs::read_to_string(&path).unwrap().contains("another line"),
            "a check writes nothing"
        );
        check(to.path(), &out, 0, "written");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    check(
        to.path(),
        &["typescript", "--schemas", "nowhere", "--out", "x"],
        1,
        "nowhere",
    );
    check(to.path(), &["python"], 2, "--out");
    check(to.path(), &["asyncapi", "--check"], 2, "--out");
    let broken = to.path().join("schemas/orders-shop.orders.OrderPaid/v1.avsc");
    fs::write(broken, "{\"type\": \"record\",\n \"name\": 7}").unwrap();
    check(
        to.path(),
        &["typescript", "--out", "src"],
        1,
        "orders-shop.orders.OrderPaid/v1.avsc:2:10",
    );
}

#[test]
fn python_takes_the_python() {
    let made = everything();
    python(
        "generated Python",
        "generated.py",
        &[made.path().to_str().unwrap()],
    );
}

#[test]
fn the_compiler_of_typescript_takes_the_typescript_and_what_avsc_reads_for_it() {
    let Some(modules) = given("generated TypeScript", "ANNALS_NODE_MODULES") else {
        return;
    };
    let made = everything();
    let script = clients().join("node/generated.js");
    let mut values = Command::new("node");
    run(
        "values of avsc",
        values.arg(script).arg(made.path()).env("NODE_PATH", &modules),
    );
    let options = r#"{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "module": "esnext", "types": [],
        "moduleResolution": "bundler", "exactOptionalPropertyTypes": true, "erasableSyntaxOnly": true, "isolatedModules": true}}"#;
    fs::write(made.path().join("tsconfig.json"), options).unwrap();
    let compile = || {
        let mut compiler = Command::new("node");
        compiler
            .arg(Path::new(&modules).join("typescript/bin/tsc"))
            .arg("-p")
            .arg(made.path());
        compiler
    };
    run("the compiler of TypeScript", &mut compile());
    // It can say no.
    let wrong = r#"import type { OrdersEvent } from "./events";
        export const missing: OrdersEvent = { name: "shop.orders.OrderCancelled", event: { order_id: "1" } };"#;
    fs::write(made.path().join("company/wrong.ts"), wrong).unwrap();
    let refused = compile().output().unwrap();
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(
        !refused.status.success() && said.contains("company/wrong.ts(2,"),
        "{said}"
    );
    assert_eq!(said.matches("error TS").count(), 1, "{said}");
}

#[test]
fn the_document_is_one_of_asyncapi() {
    let Some(modules) = given("AsyncAPI", "ANNALS_NODE_MODULES") else {
        return;
    };
    let made = everything();
    let official = Path::new(&modules).join("@asyncapi/specs/schemas/3.0.0-without-$id.json");
    let official: Value = serde_json::from_slice(&fs::read(official).unwrap()).unwrap();
    let official = jsonschema::validator_for(&official).unwrap();
    for (name, _) in FOLDERS {
        let document = fs::read(made.path().join(name).join("asyncapi.json")).unwrap();
        let mut document: Value = serde_json::from_slice(&document).unwrap();
        // Names beyond the specification of Avro, which Java takes all the same.
        let messages = document["components"]["messages"].as_object_mut().unwrap();
        messages.retain(|_, message| message["name"].as_str().is_some_and(str::is_ascii));
        assert!(!messages.is_empty());
        let faults: Vec<String> = official
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        let (_, message) = document["components"]["messages"]
            .as_object_mut()
            .unwrap()
            .iter_mut()
            .next()
            .unwrap();
        message["bindings"]["kafka"]["schemaIdLocation"] = "elsewhere".into();
        assert!(!official.is_valid(&document), "{name}: anything goes");
    }
}
