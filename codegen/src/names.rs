//! Names of schemas as names of Rust.
//!
//! Invariant: within one scope every Rust name is given once, in the order of the schema, so the same schema always
//! gets the same names. A name that clashes gets a number: `order_id`, then `order_id_2`.

use std::collections::BTreeSet;

use unicode_ident::{is_xid_continue, is_xid_start};

/// Names Rust reserves, in every edition up to 2024, that may be written raw (`r#type`).
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Names that cannot be written raw.
const UNRAWABLE: &[&str] = &["crate", "self", "super", "Self"];

/// `orderId`, `OrderID` and `ORDER_ID` as `order_id`.
pub(crate) fn snake(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// `order_placed`, `ORDER_PLACED` and `orderPlaced` as `OrderPlaced`.
pub(crate) fn camel(name: &str) -> String {
    words(name).iter().map(|word| capital(word)).collect()
}

/// The name as Rust can write it: raw when it is a keyword, with a `_` behind when that is impossible too.
pub(crate) fn escaped(name: &str) -> String {
    // Lower and upper case are made after a name is cut into words, so what Rust takes is asked for here once more.
    let name: String = name.chars().filter(|letter| is_xid_continue(*letter)).collect();
    let name = name.as_str();
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else if UNRAWABLE.contains(&name) {
        format!("{name}_")
    } else if matches!(name, "" | "_") {
        "underscore".to_owned()
    } else if name.starts_with(|first: char| first != '_' && !is_xid_start(first)) {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

/// Names of types that a module of theirs would hide.
const PRIMITIVES: &[&str] = &[
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16", "u32",
    "u64", "u8", "usize",
];

/// The name of a module, from one in small letters.
pub(crate) fn module(name: &str) -> String {
    if PRIMITIVES.contains(&name) {
        format!("{name}_")
    } else {
        escaped(name)
    }
}

/// The names given so far in one scope.
#[derive(Debug, Default)]
pub(crate) struct Scope(BTreeSet<String>);

impl Scope {
    /// A field or module name.
    pub(crate) fn snake(&mut self, name: &str) -> String {
        self.take(&snake(name), "_")
    }

    /// A type or variant name.
    pub(crate) fn camel(&mut self, name: &str) -> String {
        self.take(&camel(name), "")
    }

    /// Keeps a name for something else.
    pub(crate) fn keep(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// Whether a name is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// A name as it is, or with a number behind.
    pub(crate) fn take(&mut self, wish: &str, joint: &str) -> String {
        let mut name = escaped(wish);
        let mut number = 2u32;
        while !self.0.insert(name.clone()) {
            name = escaped(&format!("{wish}{joint}{number}"));
            number = number.saturating_add(1);
        }
        name
    }
}

/// Cuts a name into words: at everything that is no letter or digit, before a capital that follows a small letter
/// or digit, and before the last capital of a run that goes on small (`HTTPServer` is `HTTP`, `Server`).
/// Letters and digits that no identifier of Rust may have (`²`, `Ⓐ`) end a word as well.
/// A name of underscores alone, which Avro allows, is the word `underscore`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, letter) in letters.iter().copied().enumerate() {
        if !letter.is_alphanumeric() || !is_xid_continue(letter) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = index
            .checked_sub(1)
            .and_then(|before| letters.get(before))
            .copied()
            .unwrap_or('_');
        let after = letters.get(index + 1).copied().unwrap_or('_');
        let starts = letter.is_uppercase()
            && (before.is_lowercase()
                || before.is_numeric()
                || before.is_uppercase() && after.is_lowercase());
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.extend((!word.is_empty()).then_some(word));
    if words.is_empty() {
        words.push("underscore".to_owned());
    }
    words
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first
            .to_uppercase()
            .chain(letters.flat_map(char::to_lowercase))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        let check = |name: &str, small: &str, big: &str| {
            assert_eq!(
                (snake(name).as_str(), camel(name).as_str()),
                (small, big),
                "{name}"
            );
        };
        check("order_id", "order_id", "OrderId");
        check("orderId", "order_id", "OrderId");
        check("OrderID", "order_id", "OrderId");
        check("HTTPServer2Go", "http_server2_go", "HttpServer2Go");
        check("NOT_SET", "not_set", "NotSet");
        check("WEB", "web", "Web");
        check("_private__x", "private_x", "PrivateX");
        check("v1", "v1", "V1");
        check("größe", "größe", "Größe");
        check("m²-value", "m_value", "MValue");
        check("Ⓐ", "underscore", "Underscore");
    }

    #[test]
    fn every_name_is_an_identifier() {
        for name in [
            "_١",
            "m²",
            "Ⓐ",
            "",
            "_",
            "___",
            "1",
            "ŉ",
            "İ",
            "a\u{202e}b",
            "crate",
            "x\u{301}",
            "\u{301}",
        ] {
            let mut scope = Scope::default();
            for given in [
                scope.snake(name),
                scope.camel(name),
                module(&snake(name)),
                escaped(name),
            ] {
                assert!(syn::parse_str::<syn::Ident>(&given).is_ok(), "{name} is {given}");
            }
        }
        assert_eq!(escaped(&snake("_١")), "_١");
    }

    #[test]
    fn clashes_and_keywords_get_a_name() {
        let mut fields = Scope::default();
        let check = |fields: &mut Scope, name: &str, expected: &str| {
            assert_eq!(fields.snake(name), expected, "{name}");
        };
        check(&mut fields, "type", "r#type");
        check(&mut fields, "Type", "type_2");
        check(&mut fields, "orderId", "order_id");
        check(&mut fields, "order_id", "order_id_2");
        check(&mut fields, "order_id_2", "order_id_2_2");
        check(&mut fields, "self", "self_");
        check(&mut fields, "_", "underscore");
        check(&mut fields, "2nd", "_2nd");
    }

    #[test]
    fn variants_clash_by_their_rust_name() {
        let mut variants = Scope::default();
        assert_eq!(variants.camel("unknown"), "Unknown");
        assert_eq!(variants.camel("UNKNOWN"), "Unknown2");
        assert_eq!(variants.camel("self"), "Self_");
        assert_eq!(variants.camel("Self"), "Self2");
    }
}
