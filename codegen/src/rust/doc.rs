//! Docs of schemas as docs of Rust.
//!
//! Invariant: schema text is not Markdown. Nothing in it becomes a link, a tag, a code block that `cargo test` would run,
//! or a list that a lint would look at; a web address is one that can be clicked on.

use proc_macro2::TokenStream;
use quote::quote;

/// Doc attributes: the schema's own words, and the place.
pub(crate) fn doc(words: Option<&str>, place: &str) -> TokenStream {
    let shown = |line: &str| {
        if line.is_empty() {
            String::new()
        } else {
            format!(" {}", plain(line))
        }
    };
    let lines = crate::words::lines(words);
    let mut lines: Vec<String> = lines.iter().map(|line| shown(line)).collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(format!(" {}", crate::words::shown(place)));
    quote!(#(#[doc = #lines])*)
}

/// A line that Markdown shows as it is.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().enumerate();
    let words: Vec<String> = words.map(|(place, word)| plain_word(word, place == 0)).collect();
    words.join(" ")
}

fn plain_word(word: &str, is_first: bool) -> String {
    if let Some(start) = word.find("http://").or_else(|| word.find("https://")) {
        let (before, address) = word.split_at(start);
        let stops = |letter: char| matches!(letter, '<' | '>' | '"' | '`' | '\\');
        let address = address.split(stops).next().unwrap_or_default();
        let address = address.trim_end_matches(['.', ',', ';', ':', ')', ']', '}', '!', '?', '\'', '*', '_']);
        let after = word.get(start + address.len()..).unwrap_or_default();
        if address.ends_with('/') && address.len() <= "https://".len() {
            return escaped(word).replace("//", "/\u{200b}/");
        }
        return format!("{}<{address}>{}", escaped(before), escaped(after));
    }
    let escaped = escaped(word);
    if !is_first {
        return escaped;
    }
    let digits = escaped.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if escaped.len() > digits.len() && digits.starts_with(['.', ')']) {
        let (number, rest) = escaped.split_at(escaped.len() - digits.len());
        return format!("{number}\\{rest}");
    }
    if escaped.starts_with(['-', '+', '#', '>', '~', '=']) {
        return format!("\\{escaped}");
    }
    escaped
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '[' | ']' | '<' | '|') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_schema_is_markdown() {
        let check = |line: &str, expected: &str| assert_eq!(plain(line), expected, "{line}");
        check(
            "In [two] lines, <tag>, `x` and a_b *c*.",
            r"In \[two\] lines, \<tag>, \`x\` and a_b \*c\*.",
        );
        check("```rust", r"\`\`\`rust");
        check("~~~", r"\~~~");
        check("- a list", r"\- a list");
        check("12. a list", r"12\. a list");
        check("# a title", r"\# a title");
        check(
            "see https://example.com/a_b?c=[d], there",
            "see <https://example.com/a_b?c=[d>\\], there",
        );
        check("(http://example.com)", "(<http://example.com>)");
    }
}
