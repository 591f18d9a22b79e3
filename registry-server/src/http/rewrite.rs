//! Paths that are written in another way than the routes: with a trailing slash, or within a context.
//!
//! A client can live in a context by its base URL alone: `/contexts/.eu/subjects/orders` is `/subjects/:.eu:orders`.
//! Names that are qualified already stay as they are. Nothing is decoded here, so what was percent-encoded stays so.

use axum::http::{Uri, uri::PathAndQuery};

/// What a URI that leads nowhere may stand for; `None` when it is written like the routes.
pub(super) fn respelt(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let shorter = match path.trim_end_matches('/') {
        "" => "/",
        shorter => shorter,
    };
    let inside = within_context(shorter, uri.query().unwrap_or_default(), path.ends_with('/'));
    let (path_now, query) = match inside {
        Some(rewritten) => rewritten,
        None if shorter.len() < path.len() => {
            (shorter.to_owned(), uri.query().unwrap_or_default().to_owned())
        }
        None => return None,
    };
    let mark = if query.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path_now}{mark}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// `/contexts/{context}/…` as the routes have it: path and query.
fn within_context(path: &str, query: &str, is_folder: bool) -> Option<(String, String)> {
    let rest = path.strip_prefix("/contexts/")?;
    let (name, rest) = match rest.split_once('/') {
        Some(split) => split,
        None if is_folder => (rest, ""),
        None => return None,
    };
    let context = prefix(name)?;
    let mut segments = rest.split('/').map(str::to_owned).collect::<Vec<_>>();
    let first = segments.first().cloned().unwrap_or_default();
    if matches!(first.as_str(), "config" | "mode") && segments.len() == 1 {
        segments.push(context.clone());
    } else if let Some(place) = segments
        .iter()
        .position(|segment| matches!(segment.as_str(), "subjects" | "config" | "mode"))
        && let Some(subject) = segments.get_mut(place + 1)
    {
        *subject = qualified(&context, subject);
    }
    let query = match (first.as_str(), segments.get(1).map(String::as_str)) {
        ("schemas", Some("ids")) => with_parameter(query, "subject", &context),
        ("schemas" | "subjects", None) => with_parameter(query, "subjectPrefix", &context),
        _ => query.to_owned(),
    };
    Some((format!("/{}", segments.join("/")), query))
}

/// `:.eu:` for `.eu`, `eu` and `:.eu:`, be the colons encoded or not.
fn prefix(name: &str) -> Option<String> {
    let mut name = name;
    while let Some(rest) = without_colon(name) {
        name = rest;
    }
    for end in [":", "%3A", "%3a"] {
        name = name.strip_suffix(end).unwrap_or(name);
    }
    let dot = if name.starts_with('.') { "" } else { "." };
    (!name.is_empty()).then(|| format!(":{dot}{name}:"))
}

fn without_colon(text: &str) -> Option<&str> {
    [":", "%3A", "%3a"]
        .iter()
        .find_map(|colon| text.strip_prefix(colon))
}

/// A name within a context, unless it names one itself.
fn qualified(context: &str, name: &str) -> String {
    let names_one = without_colon(name).is_some_and(|rest| rest.starts_with(['.', '*']));
    let context = if names_one { "" } else { context };
    format!("{context}{name}")
}

/// A query whose parameter names something within a context.
fn with_parameter(query: &str, name: &str, context: &str) -> String {
    let mut found = false;
    let mut pairs: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            (key, value) if key == name => {
                found = true;
                pairs.push(format!("{key}={}", qualified(context, value)));
            }
            _ => pairs.push(pair.to_owned()),
        }
    }
    if !found {
        pairs.push(format!("{name}={context}"));
    }
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let check = |given: &str, wanted: &str| {
            let respelt = respelt(&given.parse().unwrap());
            let respelt = respelt.map(|uri| uri.to_string()).unwrap_or_default();
            assert_eq!(respelt, wanted, "{given}");
        };
        check("/subjects", "");
        check("/contexts/.eu", "");
        check("/subjects/?a=1", "/subjects?a=1");
        check("/contexts/.eu/", "/");
        check("/contexts/.eu/subjects", "/subjects?subjectPrefix=:.eu:");
        check(
            "/contexts/.eu/subjects?subjectPrefix=or&deleted=true",
            "/subjects?subjectPrefix=:.eu:or&deleted=true",
        );
        check(
            "/contexts/.eu/subjects?subjectPrefix=%3A*%3A",
            "/subjects?subjectPrefix=%3A*%3A",
        );
        check(
            "/contexts/eu/subjects/a%2Fb/versions/",
            "/subjects/:.eu:a%2Fb/versions",
        );
        check(
            "/contexts/:.eu:/subjects/%3A.us%3Aa/versions/1",
            "/subjects/%3A.us%3Aa/versions/1",
        );
        check(
            "/contexts/%3A.eu%3A/compatibility/subjects/a/versions",
            "/compatibility/subjects/:.eu:a/versions",
        );
        check("/contexts/.eu/schemas/ids/1", "/schemas/ids/1?subject=:.eu:");
        check(
            "/contexts/.eu/schemas/ids/1/versions?subject=a&x",
            "/schemas/ids/1/versions?subject=:.eu:a&x",
        );
        check(
            "/contexts/.eu/schemas?latestOnly=true",
            "/schemas?latestOnly=true&subjectPrefix=:.eu:",
        );
        check("/contexts/.eu/schemas/types", "/schemas/types");
        check("/contexts/.eu/config", "/config/:.eu:");
        check("/contexts/.eu/mode/a", "/mode/:.eu:a");
        check("/contexts/.eu/contexts", "/contexts");
        check(
            "/contexts/.eu/subjects/subjects/versions",
            "/subjects/:.eu:subjects/versions",
        );
    }
}
