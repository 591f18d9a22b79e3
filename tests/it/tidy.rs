//! The house rules that a compiler does not hold: crate edges, lengths, module docs, and lines in the wrong room.
//!
//! A rule here is a row in a table. Rules that clippy or rustc can hold (unwrap, unsafe, missing docs) are
//! workspace lints and are not repeated.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::Visit;

/// Code before the first inline test module.
const FILE_CODE_LINES_MAX: usize = 400;
/// The whole file, inline tests included.
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
/// A handler extracts, makes one domain call and converts.
const HANDLER_LINES_MAX: usize = 40;

/// Who may depend on whom (normal and build dependencies), always downward.
const EDGES: &[(&str, &[&str])] = &[
    ("kafka-wire", &[]),
    ("schema-model", &[]),
    ("registry-client", &["schema-model"]),
    ("segment-log", &["kafka-wire"]),
    ("kafka-client", &["kafka-wire"]),
    ("broker", &["kafka-wire", "segment-log"]),
    (
        "event-store",
        &["kafka-client", "kafka-wire", "schema-model", "segment-log"],
    ),
    ("codegen", &["schema-model"]),
    ("examples", &["codegen", "event-store", "schema-model"]),
    (
        "registry-server",
        &[
            "broker",
            "codegen",
            "event-store",
            "examples",
            "kafka-client",
            "registry-client",
            "schema-model",
        ],
    ),
    ("tests", &[]),
];

/// What a folder of the server may name: modules of its own crate, and which foreign crates it does without.
struct Folder {
    path: &'static str,
    modules: &'static [&'static str],
    without: &'static [&'static str],
}

/// `registry/` decides, `store/` keeps, `service/` lets them meet: always downward, so that no two import each other.
const FOLDERS: &[Folder] = &[
    Folder {
        path: "registry-server/src/registry/",
        modules: &["registry"],
        without: &["arc_swap", "axum", "sqlx", "tokio", "tracing", "utoipa"],
    },
    Folder {
        path: "registry-server/src/store/",
        modules: &["registry", "store"],
        without: &["arc_swap", "axum", "utoipa"],
    },
    Folder {
        path: "registry-server/src/service/",
        modules: &["registry", "service", "store"],
        without: &["axum", "sqlx", "utoipa"],
    },
];

/// A text that may stand only in the named places (path prefixes); comments and tests do not count.
struct Room {
    line: &'static str,
    rooms: &'static [&'static str],
    why: &'static str,
}

const ROOMS: &[Room] = &[
    Room {
        line: "sync_data(",
        rooms: &["segment-log/src/disk"],
        why: "only the disk syncs files",
    },
    Room {
        line: "sync_all(",
        rooms: &["segment-log/src/disk", "registry-server/src/folds/files"],
        why: "only the disk syncs files, but for the lock beside a fold",
    },
    Room {
        line: "sqlx::",
        rooms: &[
            "registry-server/src/store",
            "event-store/src/projection/database.rs",
            "event-store/src/projection/checkpoint.rs",
            "event-store/src/projection/error.rs",
        ],
        why: "all SQL is in the store, but for projections' checkpoints",
    },
    Room {
        line: "quote!",
        rooms: &["codegen/src/rust"],
        why: "Rust is written in one place",
    },
    Room {
        line: "tokio::",
        rooms: &[
            "broker/src",
            "broker/examples",
            "examples/examples",
            "kafka-client/src",
            "registry-server/src",
            "registry-server/examples",
            "event-store/src/http",
            "event-store/src/projection",
            "event-store/src/remote",
        ],
        why: "pure crates know no runtime",
    },
    Room {
        line: "async fn",
        rooms: &[
            "broker/src",
            "broker/examples",
            "examples/examples",
            "kafka-client/src",
            "registry-server/src",
            "registry-server/examples",
            "event-store/src/http",
            "event-store/src/projection",
            "event-store/src/remote",
        ],
        why: "pure crates know no runtime",
    },
    Room {
        line: "StatusCode",
        rooms: &[
            "registry-server/src/http",
            "registry-server/src/console",
            "registry-server/src/cli/api",
            "event-store/src/http",
        ],
        why: "HTTP stays at the edge",
    },
    Room {
        line: "crc_fast",
        rooms: &["kafka-wire/src/batch", "segment-log/src"],
        why: "checksums belong to the batch and to the files that hold it",
    },
];

#[test]
fn crates_depend_only_downward() {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let name = package["name"].as_str().unwrap();
        if name != format!("annals-{folder}") {
            faults.push(format!(
                "{name} lives in {folder}/: folder = crate, package = annals-<folder>"
            ));
        }
        let Some(may) = allowed.get(folder) else {
            faults.push(format!("{folder}/ has no row in EDGES"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(to) = dependency["name"].as_str().unwrap().strip_prefix("annals-") else {
                continue;
            };
            if dependency["kind"] != "dev" && !may.contains(&to) {
                faults.push(format!("{folder} must not depend on {to}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn files_and_functions_stay_short() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        let code = text
            .lines()
            .take_while(|l| !l.starts_with("#[cfg(test)]"))
            .count();
        let is_test = is_test_path(&path);
        // A table of rules is as long as there are rules.
        let is_table = path.ends_with("/rules.rs");
        if lines > FILE_LINES_MAX || (!is_test && !is_table && code > FILE_CODE_LINES_MAX) {
            faults.push(format!("{path}: {lines} lines, {code} before its tests"));
        }
        let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut lengths = FunctionLengths::default();
        lengths.visit_file(&file);
        let is_handler_file =
            (path.contains("/http/") && !path.ends_with("/serve.rs")) || path.contains("broker/src/api/");
        for (name, line, length, is_async) in lengths.0 {
            // A table of cases is as long as there are cases.
            if is_test {
                continue;
            }
            let max = if is_handler_file && is_async {
                HANDLER_LINES_MAX
            } else {
                FUNCTION_LINES_MAX
            };
            if length > max {
                faults.push(format!(
                    "{path}:{line}: fn {name} has {length} lines, at most {max}"
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_says_what_it_is() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let first = text
            .lines()
            .find(|l| !l.trim().is_empty() && !l.starts_with("#!"))
            .unwrap_or("");
        // A test module's own file is named by what it tests.
        if !first.starts_with("//!") && !path.ends_with("/tests.rs") {
            faults.push(format!("{path}: no module doc"));
        }
        let stem = Path::new(&path).file_stem().unwrap().to_str().unwrap();
        let folder = Path::new(&path)
            .parent()
            .and_then(Path::file_name)
            .unwrap()
            .to_str()
            .unwrap();
        for word in ["common", "utils", "util", "helpers", "misc"] {
            if stem == word || folder == word {
                faults.push(format!("{path}: `{word}` says nothing; name the concept"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn lines_are_in_their_rooms() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        if is_test_path(&path) || path.ends_with("build.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            let code = line.split("//").next().unwrap_or("");
            for room in ROOMS {
                let at_home = room.rooms.iter().any(|r| path.starts_with(r));
                if code.contains(room.line) && !at_home {
                    faults.push(format!("{path}:{}: `{}`: {}", number + 1, room.line, room.why));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_servers_folders_import_only_downward() {
    let mut faults = Vec::new();
    for folder in FOLDERS {
        let mut names = Names::default();
        for (path, text) in sources() {
            if path.starts_with(folder.path) {
                names.path = path;
                names.visit_file(&syn::parse_file(&text).unwrap());
            }
        }
        assert!(!names.found.is_empty(), "{} has no source", folder.path);
        for (path, line, name) in names.found {
            let allowed = match name.strip_prefix("crate::") {
                Some(module) => folder.modules.contains(&module),
                None => !folder.without.contains(&name.as_str()),
            };
            if !allowed {
                faults.push(format!("{path}:{line}: {} must not know `{name}`", folder.path));
            }
        }
    }
    assert_none(&faults);
}

/// The first names of all paths in files: `crate::module` or a crate (or whatever else is in scope).
#[derive(Default)]
struct Names {
    path: String,
    found: Vec<(String, usize, String)>,
}

impl Names {
    fn add(&mut self, ident: &syn::Ident, module: Option<&syn::Ident>) {
        let name = match module {
            Some(module) if ident == "crate" => format!("crate::{module}"),
            _ => ident.to_string(),
        };
        let line = ident.span().start().line;
        self.found.push((self.path.clone(), line, name));
    }

    fn add_use(&mut self, first: &syn::Ident, rest: &syn::UseTree) {
        match rest {
            syn::UseTree::Path(path) => self.add(first, Some(&path.ident)),
            syn::UseTree::Name(name) => self.add(first, Some(&name.ident)),
            syn::UseTree::Rename(name) => self.add(first, Some(&name.ident)),
            syn::UseTree::Glob(_) => self.add(first, None),
            syn::UseTree::Group(group) => group.items.iter().for_each(|rest| self.add_use(first, rest)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        match &item.tree {
            syn::UseTree::Path(path) => self.add_use(&path.ident, &path.tree),
            syn::UseTree::Name(name) => self.add(&name.ident, None),
            syn::UseTree::Rename(name) => self.add(&name.ident, None),
            syn::UseTree::Glob(_) | syn::UseTree::Group(_) => {}
        }
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut idents = path.segments.iter().map(|segment| &segment.ident);
        if let (Some(first), second) = (idents.next(), idents.next()) {
            self.add(first, second);
        }
        syn::visit::visit_path(self, path);
    }
}

#[test]
fn tests_neither_sleep_nor_hide() {
    let sleep = concat!("thread::", "sleep");
    let ignore = concat!("#[", "ignore");
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if line.contains(ignore) || (line.contains(sleep) && is_test_path(&path)) {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

/// So that `PROPTEST_CASES` makes all of them look harder.
#[test]
fn property_tests_multiply_the_cases_asked_for() {
    let config = concat!("#![proptest_", "config(");
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if line.contains(config) && !line.contains("ProptestConfig::default().cases") {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

/// Name, first line, length and whether it is async, of each function outside test modules.
#[derive(Default)]
struct FunctionLengths(Vec<(String, usize, usize, bool)>);

impl FunctionLengths {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let from = signature.span().start().line;
        let to = block.span().end().line;
        self.0.push((
            signature.ident.to_string(),
            from,
            to + 1 - from,
            signature.asyncness.is_some(),
        ));
    }
}

impl<'ast> Visit<'ast> for FunctionLengths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }
    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}

fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every Rust file of the project (path from the root, text), generated ones left out.
pub(crate) fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && name != "target" && !name.starts_with('.') {
            walk(&entry.path(), &mut found);
        }
    }
    assert!(found.len() > 20, "the walk found only {} files", found.len());
    found.sort();
    found
}

fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "golden" && n != "target") {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}
