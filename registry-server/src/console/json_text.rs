//! JSON for reading: what fits on a line stays on it, the rest is indented.
//!
//! Works on tokens and never parses a number, so each keeps its digits. Wants JSON that is already known to be valid.

/// Of a schema, which has the whole page.
const WIDTH: usize = 100;

/// Stored text as it is shown: JSON indented, anything else (Protobuf) as it was written.
pub(super) fn readable(text: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => indented(text, WIDTH),
        Err(_) => text.to_owned(),
    }
}

/// JSON in lines of about `width` bytes.
pub(super) fn indented(json: &str, width: usize) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut line_start) = (0_usize, 0);
    let mut tokens = Tokens(json);
    loop {
        let room = width.saturating_sub(out.len() - line_start);
        if let Some((line, after)) = one_line(tokens, room) {
            out.push_str(&line);
            tokens = after;
            continue;
        }
        let Some(token) = tokens.next() else { return out };
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
            line_start = new_line(&mut out, depth);
        }
        out.push_str(token);
        match token {
            ":" => out.push(' '),
            "," => line_start = new_line(&mut out, depth),
            "{" | "[" => {
                depth += 1;
                line_start = new_line(&mut out, depth);
            }
            _ => {}
        }
    }
}

fn new_line(out: &mut String, depth: usize) -> usize {
    out.push('\n');
    let start = out.len();
    out.extend(std::iter::repeat_n("  ", depth));
    start
}

/// The object or array that begins here, if it is short; and what follows it.
fn one_line(mut tokens: Tokens<'_>, room: usize) -> Option<(String, Tokens<'_>)> {
    let (mut line, mut depth) = (String::new(), 0_usize);
    loop {
        let token = tokens.next()?;
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        line.push_str(token);
        if depth == 0 {
            return matches!(token, "}" | "]").then_some((line, tokens));
        }
        if matches!(token, ":" | ",") {
            line.push(' ');
        }
        if line.len() >= room {
            return None;
        }
    }
}

/// Strings, punctuation and words, without the space between them.
#[derive(Clone, Copy)]
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let length = match text.chars().next()? {
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            '"' => string_length(text),
            _ => text
                .find(|c: char| c.is_whitespace() || "{}[],:\"".contains(c))
                .unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
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
            r#"{"a": [1, 9007199254740993], "b": {}, "c": "x\",{"}"#,
        );
        let long = "x".repeat(WIDTH);
        check(
            &format!(r#"{{"a":[1,{{ "b" : 1.50 }}],"c":"{long}","d":[]}}"#),
            &format!("{{\n  \"a\": [1, {{\"b\": 1.50}}],\n  \"c\": \"{long}\",\n  \"d\": []\n}}"),
        );
    }

    #[test]
    fn nothing_but_space_is_changed() {
        let check = |text: &str| {
            let bare = |text: &str| Tokens(text).collect::<String>();
            assert_eq!(bare(&indented(text, WIDTH)), bare(text));
        };
        check(r#"[[[["\\"]]],{"é":"\"","n":-1e400},true,null]"#);
        check(&format!("[{}1{}]", "[".repeat(90), "]".repeat(90)));
        check(&format!("{{\"k\":[{}]}}", vec!["\"value\""; 80].join(",")));
    }
}
