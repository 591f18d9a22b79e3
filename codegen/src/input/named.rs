//! What the name of a file says of it.
//!
//! Invariant: what looks like a schema is never [`Named::Other`], which alone is passed over without a word.

use annals_schema_model::SchemaType;

/// What a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Version(u32, SchemaType),
    /// Meant to be a version, and none.
    Typo,
    /// A schema under a name of its own.
    Plain(SchemaType),
    /// A schema under a name of its own, but for the case of its ending.
    Shouted,
    /// A schema in a language that is not read.
    Foreign(&'static str),
    Other,
}

/// `v3.avsc` is version 3 in Avro.
pub(super) fn named(file: &str) -> Named {
    let Some((stem, ending)) = file.rsplit_once('.') else {
        return Named::Other;
    };
    let lower = ending.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "avsc" => SchemaType::Avro,
        "proto" => SchemaType::Protobuf,
        "json" => return Named::Foreign("JSON Schema"),
        "avdl" => return Named::Foreign("Avro IDL"),
        "avpr" => return Named::Foreign("an Avro protocol"),
        _ => return Named::Other,
    };
    let digits = stem.strip_prefix(['v', 'V']).unwrap_or(stem);
    let is_number = !digits.is_empty()
        && digits
            .trim_start_matches(['+', '-'])
            .bytes()
            .all(|byte| byte.is_ascii_digit());
    let is_proper = stem.starts_with('v') && !digits.starts_with(['0', '+', '-']);
    match is_number {
        true if is_proper && ending == lower => digits
            .parse()
            .map_or(Named::Typo, |version| Named::Version(version, kind)),
        true => Named::Typo,
        false if ending == lower => Named::Plain(kind),
        false => Named::Shouted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_versions() {
        let check = |file: &str, expected: Named| assert_eq!(named(file), expected, "{file}");
        check("v1.avsc", Named::Version(1, SchemaType::Avro));
        check("v12.proto", Named::Version(12, SchemaType::Protobuf));
        for typo in [
            "v0.avsc",
            "v01.avsc",
            "v+1.avsc",
            "1.avsc",
            "V1.proto",
            "v99999999999.avsc",
            "v1.AVSC",
        ] {
            check(typo, Named::Typo);
        }
        check("money.proto", Named::Plain(SchemaType::Protobuf));
        check("vat.avsc", Named::Plain(SchemaType::Avro));
        check("money.Proto", Named::Shouted);
        check("v1.json", Named::Foreign("JSON Schema"));
        check("orders.avdl", Named::Foreign("Avro IDL"));
        check("README.md", Named::Other);
        check("LICENSE", Named::Other);
    }
}
