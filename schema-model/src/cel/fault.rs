//! What is wrong with a text that is no expression, in words of ours: the parser's name the rules of its grammar.
//!
//! Of the parser are taken the place, and which of a few kinds a fault is of; where it is of none, what stands there is named.

/// Expressions that the parser takes within each other: what stands in parentheses, brackets and braces, and behind a `:`.
const NESTED_MAX: usize = 96;

/// A fault as the parser tells it: line and character, both from 1, and its words.
pub(super) type Fault<'a> = ((isize, isize), &'a str);

/// Where a text is wrong, and how.
pub(super) fn told<'a>(text: &str, faults: impl Iterator<Item = Fault<'a>>) -> String {
    if text.trim().is_empty() {
        return "it is empty".to_owned();
    }
    let mut faults: Vec<Fault<'_>> = faults.collect();
    // What is no piece of an expression comes first, and last what only follows from another fault.
    faults.sort_by_key(|(_, words)| match () {
        () if words.contains("token recognition") || is_too_deep(words) => 0,
        () if words.starts_with("Incomplete") => 2,
        () => 1,
    });
    let Some(((line, column), words)) = faults.first() else {
        return "it cannot be read".to_owned();
    };
    let from_zero = |number: &isize| usize::try_from(number - 1).unwrap_or(0);
    let rest = text.split('\n').skip(from_zero(line));
    let rest = rest.collect::<Vec<_>>().join("\n");
    let rest: String = rest.chars().skip(from_zero(column)).collect();
    let place = match text.contains('\n') {
        true => format!("line {line}, character {column}"),
        false => format!("character {column}"),
    };
    format!("{place}: {}", what(&rest, words))
}

/// Whether the parser gave up where expressions stand too deep within others.
fn is_too_deep(words: &str) -> bool {
    words.contains("Recursion limit")
}

/// What is wrong with a text that goes on like this at the place of the fault.
fn what(rest: &str, words: &str) -> String {
    let missing = words.split_once("missing '");
    let missing = missing.and_then(|(_, words)| Some(words.split_once('\'')?.0));
    if is_too_deep(words) {
        return format!("it nests deeper than {NESTED_MAX} expressions within each other");
    }
    let rest = rest.trim_start();
    let Some(first) = rest.chars().next() else {
        return match missing {
            Some(missing) => format!("it ends too early; `{missing}` is missing"),
            None => "it ends too early".to_owned(),
        };
    };
    if words.contains("token recognition") {
        return match first {
            '=' => "`=` is no operator; `==` compares".to_owned(),
            '&' | '|' => format!("`{first}` is no operator; `{first}{first}` is"),
            '\'' | '"' => {
                format!("the text that begins with {first} has no end, or a backslash before what needs none")
            }
            other => format!("`{other}` is no piece of an expression"),
        };
    }
    let piece = piece(rest);
    match (missing, words) {
        (Some(missing), _) => format!("`{missing}` is missing before `{piece}`"),
        (None, words) if words.contains("int literal") => {
            format!("`{piece}` does not fit 64 bits with a sign")
        }
        (None, words) if words.contains("double literal") => {
            format!("`{piece}` is no number that fits 64 bits")
        }
        (None, words) if words.starts_with("reserved") => {
            format!("`{piece}` is a word that CEL keeps for itself")
        }
        _ => format!("`{piece}` cannot stand there"),
    }
}

/// The first piece of a text: a word, a number, or an operator.
fn piece(rest: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_sign = |c: char| matches!(c, '=' | '!' | '<' | '>' | '&' | '|');
    let end = match rest.chars().next() {
        Some(first) if is_word(first) => rest.find(|c| !is_word(c)),
        Some(first) if is_sign(first) => rest.find(|c| !is_sign(c)),
        first => first.map(char::len_utf8),
    };
    rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::super::{Names, lower};
    use super::NESTED_MAX;

    static NAMES: Names = Names {
        known: &["x"],
        told: "x",
        besides: "",
    };

    #[test]
    fn what_is_no_expression_is_told_without_the_words_of_its_parser() {
        let check = |text: &str, wanted: &str| {
            let told = lower(text, &NAMES).unwrap_err();
            assert_eq!(told, format!("`{text}` is no CEL expression: {wanted}"));
        };
        check("", "it is empty");
        check(" ", "it is empty");
        check("x ==", "character 5: it ends too early");
        check("x.", "character 3: it ends too early");
        check("x ? 1", "character 6: it ends too early");
        check("x[", "character 3: it ends too early");
        check("-", "character 2: it ends too early");
        check("(1", "character 3: it ends too early; `)` is missing");
        check("[1,", "character 4: it ends too early; `]` is missing");
        check("{'a' 1}", "character 6: `:` is missing before `1`");
        check("== 1", "character 1: `==` cannot stand there");
        check("x ==== 1", "character 5: `==` cannot stand there");
        check("1 2", "character 3: `2` cannot stand there");
        check("1)", "character 2: `)` cannot stand there");
        check("x then 1", "character 3: `then` cannot stand there");
        check("'é' == )", "character 8: `)` cannot stand there");
        check("x\n && )", "line 2, character 5: `)` cannot stand there");
        check("x = 1", "character 3: `=` is no operator; `==` compares");
        check("x & 1", "character 3: `&` is no operator; `&&` is");
        check("x\n | 1", "line 2, character 2: `|` is no operator; `||` is");
        check("§", "character 1: `§` is no piece of an expression");
        let no_end = "has no end, or a backslash before what needs none";
        check(
            "x == 'a",
            &format!("character 6: the text that begins with ' {no_end}"),
        );
        check(
            "\"\\q\"",
            &format!("character 1: the text that begins with \" {no_end}"),
        );
        let number = "99999999999999999999";
        check(
            number,
            &format!("character 1: `{number}` does not fit 64 bits with a sign"),
        );
        check("1e999", "character 1: `1e999` is no number that fits 64 bits");
        check("if x", "character 1: `if` is a word that CEL keeps for itself");
        let nested = |levels: usize| format!("{}1{}", "(".repeat(levels), ")".repeat(levels));
        assert!(lower(&nested(NESTED_MAX - 1), &NAMES).is_ok());
        let too_deep = "character 97: it nests deeper than 96 expressions within each other";
        check(&nested(NESTED_MAX), too_deep);
        check(&nested(1_000), too_deep);
        check(&"[".repeat(1_000), too_deep);
    }
}
