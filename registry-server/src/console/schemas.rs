//! Schemas: the subjects, and one version's text.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Console;
use super::page::{Missing, Page};

struct SubjectRow {
    name: String,
    kind: &'static str,
    version: u32,
    id: u32,
    level: &'static str,
}

#[derive(Template)]
#[template(path = "console/schemas.html")]
struct SchemasPage {
    subjects: Vec<SubjectRow>,
}

pub(super) async fn list(State(console): State<Arc<Console>>) -> Response {
    let view = console.registry.view();
    let rows = view.subjects().filter_map(|(name, subject)| {
        let latest = subject.latest()?;
        Some(SubjectRow {
            name: name.to_string(),
            kind: view.schema(latest.id)?.schema_type().name(),
            version: latest.version,
            id: latest.id.get(),
            level: view.config_in_scope(name).level_or_default().name(),
        })
    });
    Page(SchemasPage {
        subjects: rows.collect(),
    })
    .into_response()
}

#[derive(Template)]
#[template(path = "console/schema.html")]
struct SchemaPage {
    name: String,
    version: u32,
    versions: Vec<u32>,
    id: u32,
    kind: &'static str,
    level: &'static str,
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    version: Option<u32>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Missing> {
    let view = console.registry.view();
    let missing = || Missing::not_found(format!("{name} has no such version, or is not registered"));
    let subject = view.subject(&name).ok_or_else(missing)?;
    let wanted = which
        .version
        .map_or_else(|| subject.latest(), |number| subject.version(number));
    let version = wanted.ok_or_else(missing)?;
    let stored = view.schema(version.id).ok_or_else(missing)?;
    let page = SchemaPage {
        version: version.version,
        versions: subject.versions.keys().copied().collect(),
        id: version.id.get(),
        kind: stored.schema_type().name(),
        level: view.config_in_scope(&name).level_or_default().name(),
        text: readable(stored.text()),
        name,
    };
    Ok(Page(page).into_response())
}

/// Avro is stored on one line; on a page it is indented. No number is parsed, so each keeps its digits.
fn readable(text: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => indented(text),
        Err(_) => text.to_owned(),
    }
}

fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut last = ' ';
    for c in json.chars() {
        let newline = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        };
        match c {
            _ if in_string => {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                out.push(c);
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                newline(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if matches!(last, '{' | '[') {
                    out.truncate(out.trim_end().len());
                } else {
                    newline(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => continue,
            '"' => {
                in_string = true;
                out.push(c);
            }
            c => out.push(c),
        }
        last = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_keeps_its_digits() {
        let check = |text: &str, wanted: &str| assert_eq!(readable(text), wanted);
        check("\"string\"", "\"string\"");
        check("syntax = \"proto3\";", "syntax = \"proto3\";");
        check(
            r#"{"a":[1,9007199254740993],"b":{},"c":"x\",{"}"#,
            "{\n  \"a\": [\n    1,\n    9007199254740993\n  ],\n  \"b\": {},\n  \"c\": \"x\\\",{\"\n}",
        );
    }
}
