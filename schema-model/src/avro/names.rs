//! Which words are names: letters, digits and `_`.
//!
//! Of any script where a schema is read, as Avro Java accepts by default; of ASCII alone, as the specification has it,
//! where a schema is new ([`validate_specified`]). Like in Java, characters beyond the basic plane are no letters. Rust
//! and Java count a few combining marks differently; such names are accepted here.

/// Checks a name without dots.
pub(super) fn validate(name: &str) -> Result<(), String> {
    let mut characters = name.chars();
    let Some(first) = characters.next() else {
        return Err("is empty".to_owned());
    };
    if !is_letter(first) && first != '_' {
        return Err(format!(
            "\"{name}\" must begin with a letter or _, not with {:?}",
            first.to_string()
        ));
    }
    match characters.find(|character| !is_letter(*character) && !is_digit(*character) && *character != '_') {
        Some(other) => Err(format!(
            "\"{name}\" may only hold letters, digits and _, not {:?}",
            other.to_string()
        )),
        None => Ok(()),
    }
}

/// Checks every part of a full name.
pub(super) fn validate_full(full: &str) -> Result<(), String> {
    full.split('.').try_for_each(validate)
}

/// Checks a name that is valid already against the specification's `[A-Za-z_][A-Za-z0-9_]*`, every part of it if it has
/// several.
pub(super) fn validate_specified(name: &str) -> Result<(), String> {
    match name.chars().find(|character| !character.is_ascii()) {
        Some(other) => Err(format!(
            "\"{name}\" may only hold the letters A to Z and a to z, digits and _, not {:?}",
            other.to_string()
        )),
        None => Ok(()),
    }
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic()
        || (!character.is_ascii() && (character as u32) < 0x10000 && character.is_alphabetic())
}

fn is_digit(character: char) -> bool {
    // Beyond ASCII, Java's digits are the decimal ones; fractions and Roman numerals are numeric but no digits.
    character.is_ascii_digit()
        || (!character.is_ascii() && (character as u32) < 0x10000 && is_decimal(character))
}

/// Decimal digits stand in rows of ten behind a zero; the scripts in use, in the order of their zeros.
fn is_decimal(character: char) -> bool {
    const ZEROS: [u32; 37] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
        0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
        0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0xff10,
    ];
    let code = character as u32;
    ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "_", "_1", "größe", "Ωmega", "名前", "a٣"] {
            assert_eq!(validate(name), Ok(()), "{name}");
        }
        let check = |name: &str, wanted: &str| assert_eq!(validate(name), Err(wanted.to_owned()));
        check("", "is empty");
        check("1a", "\"1a\" must begin with a letter or _, not with \"1\"");
        check("a-b", "\"a-b\" may only hold letters, digits and _, not \"-\"");
        check("a½", "\"a½\" may only hold letters, digits and _, not \"½\"");
        check("𝔞", "\"𝔞\" must begin with a letter or _, not with \"𝔞\"");
        assert_eq!(validate_specified("a1._b"), Ok(()));
        assert_eq!(
            validate_specified("shop.xé"),
            Err(
                "\"shop.xé\" may only hold the letters A to Z and a to z, digits and _, not \"é\"".to_owned()
            )
        );
        assert!(
            validate_full("a.b").is_ok() && validate_full("a..b").is_err() && validate_full("a.").is_err()
        );
    }
}
