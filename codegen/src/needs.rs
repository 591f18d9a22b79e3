//! What generated code depends on, and whether the user's crate has it.
//!
//! Without a crate the compiler says so once a line of code that nobody wrote; it is said here in a sentence, with the
//! line to paste. Only what is certain is an error: a dependency that another workspace file describes, or that goes by
//! another name, is left to the compiler, and features may come from elsewhere, so they are a warning.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::tables::{self, get};

/// The library that all generated code calls.
const LIBRARY: &str = "annals-schema-model";
/// What it has when nothing is said of features.
const DEFAULTS: [&str; 2] = ["avro", "uuid"];

/// What a crate, by its folder, lacks for some generated text: errors are what cannot compile, warnings what may not.
#[must_use]
pub fn missing(folder: &Path, text: &str) -> Vec<Diagnostic> {
    let path = folder.join("Cargo.toml");
    // Cargo reads it; what it is like is its affair.
    let manifest = std::fs::read_to_string(&path).ok();
    let manifest = manifest.unwrap_or_default();
    match tables::parse(&manifest) {
        Ok(manifest) => of_crate(&path, manifest.get_ref(), text),
        Err(_) => Vec::new(),
    }
}

fn of_crate(path: &Path, manifest: &DeTable<'_>, text: &str) -> Vec<Diagnostic> {
    let text = &code(text);
    let features: Vec<&str> = needed_features(text);
    let dependencies = dependencies(manifest);
    let mut said = Vec::new();
    let listed = features
        .iter()
        .map(|feature| format!("\"{feature}\""))
        .collect::<Vec<_>>()
        .join(", ");
    let library = match features.is_empty() {
        true => format!("{LIBRARY} = \"{}\"", env!("CARGO_PKG_VERSION")),
        false => format!(
            "{LIBRARY} = {{ version = \"{}\", features = [{listed}] }}",
            env!("CARGO_PKG_VERSION")
        ),
    };
    let prost = ["prost", "prost-types"].map(|name| (name, format!("{name} = \"0.14\"")));
    let serde = "serde = { version = \"1\", features = [\"derive\"] }".to_owned();
    let own = [(LIBRARY, library.clone()), ("serde", serde)];
    let crates = own.into_iter().chain(prost);
    for (name, line) in crates.filter(|(name, _)| is_used(text, name)) {
        if find(&dependencies, name).is_none() {
            let message = format!("generated code needs the crate {name}, which is no dependency");
            let help = format!("add it:\n\n    [dependencies]\n    {line}");
            said.push(Diagnostic::file(path, message).help(help));
        }
    }
    let lacking: Vec<&str> = match find(&dependencies, LIBRARY) {
        // What another file says of it is not seen here.
        Some(DeValue::Table(details)) if get(details, "workspace").is_some() => Vec::new(),
        Some(details) => features
            .iter()
            .copied()
            .filter(|feature| !has(details, feature))
            .collect(),
        None => Vec::new(),
    };
    if !lacking.is_empty() {
        let message = format!("generated code needs {LIBRARY}'s features {}", lacking.join(", "));
        let help = format!("ask for them: {library}");
        said.push(Diagnostic::file(path, message).help(help).warning());
    }
    said
}

/// Whether a dependency has a feature.
fn has(details: &DeValue<'_>, feature: &str) -> bool {
    let is_default = DEFAULTS.contains(&feature);
    let DeValue::Table(details) = details else {
        return is_default;
    };
    let is_off = get(details, "default-features").and_then(DeValue::as_bool) == Some(false);
    let given = get(details, "features").and_then(DeValue::as_array);
    let is_given = given.is_some_and(|given| {
        given
            .iter()
            .any(|given| given.get_ref().as_str() == Some(feature))
    });
    is_given || is_default && !is_off
}

/// The features of the library that a text uses.
fn needed_features(text: &str) -> Vec<&'static str> {
    let rows: [(&str, &[&str]); 9] = [
        ("avro", &[""]),
        ("proto", &[]),
        ("serde", &[]),
        ("uuid", &["Uuid"]),
        ("jiff", &["Date", "DateTime", "Time"]),
        ("chrono", &["chrono"]),
        ("time", &["time"]),
        ("bigdecimal", &["bigdecimal"]),
        ("rust_decimal", &["rust_decimal"]),
    ];
    let is_needed = |feature: &str, names: &[&str]| match feature {
        "avro" => text.contains("annals_schema_model::avro"),
        "proto" => is_used(text, "prost"),
        "serde" => is_used(text, "serde"),
        _ => names.iter().any(|name| is_of_avro(text, name)),
    };
    let used = rows
        .into_iter()
        .filter(|(feature, names)| is_needed(feature, names));
    used.map(|(feature, _)| feature).collect()
}

/// Whether a text uses a name of the library's module for Avro, which it may know by another name.
fn is_of_avro(text: &str, name: &str) -> bool {
    ["avro::", "avro_2::"].iter().any(|module| {
        let path = format!("{module}{name}");
        let is_whole = |(at, _): (usize, &str)| {
            let rest = text.get(at + path.len()..).unwrap_or_default();
            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        };
        text.match_indices(path.as_str()).any(is_whole)
    })
}

/// A text without its comments: docs are a schema's words, which may speak of anything.
fn code(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn is_used(text: &str, name: &str) -> bool {
    text.contains(&format!("::{}::", name.replace('-', "_")))
}

/// All tables of dependencies that code of the crate may use.
fn dependencies<'m, 'i>(manifest: &'m DeTable<'i>) -> Vec<&'m DeTable<'i>> {
    let targets = get(manifest, "target").and_then(DeValue::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.iter());
    let targets = targets.filter_map(|(_, target)| target.get_ref().as_table());
    let tables = std::iter::once(manifest).chain(targets);
    tables
        .filter_map(|table| get(table, "dependencies")?.as_table())
        .collect()
}

/// A dependency by its crate's name, whatever it is called.
fn find<'m, 'i>(dependencies: &[&'m DeTable<'i>], name: &str) -> Option<&'m DeValue<'i>> {
    let is_it = |called: &str| called.replace('-', "_") == name.replace('-', "_");
    let mut all = dependencies.iter().flat_map(|table| table.iter());
    let (_, held) = all.find(|(key, held)| {
        let details = held.get_ref().as_table();
        let package = details.and_then(|details| get(details, "package")?.as_str());
        is_it(key.get_ref().as_ref()) || package.is_some_and(is_it)
    })?;
    Some(held.get_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVRO: &str = "use ::annals_schema_model::avro; pub day: avro::Date,";
    const PROTO: &str =
        "#[derive(::prost::Message)] ::annals_schema_model::Raw pub at: ::prost_types::Timestamp";

    fn said(text: &str, manifest: &str) -> Vec<String> {
        let manifest = tables::parse(manifest).unwrap();
        let said = of_crate(Path::new("Cargo.toml"), manifest.get_ref(), text);
        said.iter()
            .map(|diagnostic| format!("{}: {}", diagnostic.message, diagnostic.help))
            .collect()
    }

    #[test]
    fn what_is_missing_is_said_with_the_line_to_paste() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            said(AVRO, "[dependencies]\nserde = \"1\""),
            [format!(
                "generated code needs the crate annals-schema-model, which is no dependency: add it:\n\n    [dependencies]\n    annals-schema-model = {{ version = \"{version}\", features = [\"avro\", \"jiff\"] }}"
            )]
        );
        let crates = |text: &str, manifest: &str| said(text, manifest).len();
        assert_eq!(crates(PROTO, ""), 3);
        assert_eq!(
            crates(
                PROTO,
                "[dependencies]\nprost = \"0.14\"\nannals-schema-model.workspace = true"
            ),
            1
        );
        assert_eq!(
            said(
                AVRO,
                "[dependencies]\nannals-schema-model = { path = \"x\", features = [\"avro\"] }"
            )[0]
            .split(':')
            .next(),
            Some("generated code needs annals-schema-model's features jiff")
        );
        assert_eq!(crates(AVRO, "[dependencies]\nannals-schema-model = \"0.1\""), 1);
    }

    #[test]
    fn serde_is_needed_where_types_are_its_own() {
        let text = "#[derive(::serde::Serialize)] use ::annals_schema_model::avro;";
        let library = "[dependencies]\nannals-schema-model = \"0.1\"\n";
        let neither = said(text, library);
        assert_eq!(
            neither[0],
            "generated code needs the crate serde, which is no dependency: add it:\n\n    [dependencies]\n    \
             serde = { version = \"1\", features = [\"derive\"] }"
        );
        assert_eq!(neither.len(), 2, "{neither:?}");
        let lacking = said(text, &format!("{library}serde = \"1\""));
        assert!(
            lacking[0].starts_with("generated code needs annals-schema-model's features serde"),
            "{lacking:?}"
        );
        let given = "[dependencies]\nserde = \"1\"\nannals-schema-model = { version = \"0.1\", features = [\"serde\"] }";
        assert_eq!(said(text, given), [""; 0]);
    }

    #[test]
    fn what_docs_speak_of_is_not_needed() {
        let docs = "/// ::prost::Message, ::serde::Serialize\n    /// avro::Date\n//! ::prost_types::Any";
        assert_eq!(said(docs, ""), [""; 0]);
    }

    #[test]
    fn what_may_be_there_is_not_refused() {
        for manifest in [
            "[dependencies]\nannals-schema-model.workspace = true",
            "[dependencies]\nannals_schema_model = { workspace = true }",
            "[dependencies]\nmodel = { package = \"annals-schema-model\", version = \"0.1\", features = [\"jiff\"] }",
            "[target.'cfg(unix)'.dependencies]\nannals-schema-model = { path = \"x\", features = [\"jiff\"] }",
            "[dependencies.annals-schema-model]\npath = \"x\"\ndefault-features = false\nfeatures = [\"avro\", \"jiff\"]",
        ] {
            assert_eq!(said(AVRO, manifest), [""; 0], "{manifest}");
        }
    }
}
