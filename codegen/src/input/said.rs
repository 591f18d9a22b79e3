//! What `annals.toml` says, word by word, and where.
//!
//! Read off the parser's own tables: what derives would bring is more to build than all else that reads schemas. Invariant:
//! a word that is not known is an error, and so is a known one that holds something else.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::tables::{self, Held, Result, array, map, string, table, unknown, version};

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) compatibility: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) topic: Vec<TopicToml>,
    pub(super) subject: BTreeMap<String, Spanned<SubjectToml>>,
    pub(super) imports: BTreeMap<String, Spanned<String>>,
}

/// `[[topic]]`
#[derive(Debug)]
pub(super) struct TopicToml {
    pub(super) name: String,
    pub(super) subjects: Vec<Spanned<String>>,
}

/// `[subject.…]`
#[derive(Debug, Default)]
pub(super) struct SubjectToml {
    pub(super) compatibility: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) keep: Vec<Spanned<u32>>,
    pub(super) upcast: Vec<Spanned<u32>>,
}

/// Reads the file.
pub(super) fn read(text: &str) -> Result<File> {
    let parsed = tables::parse(text)?;
    let mut file = File::default();
    for (key, held) in parsed.get_ref() {
        match &**key.get_ref() {
            "compatibility" => file.compatibility = Some(string(held)?),
            "policy" => file.policy = Some(string(held)?),
            "topic" => file.topic = array(held, topic)?,
            "subject" => file.subject = map(held, subject)?,
            "imports" => file.imports = map(held, string)?,
            _ => {
                return Err(unknown(
                    key,
                    &["compatibility", "policy", "topic", "subject", "imports"],
                ));
            }
        }
    }
    Ok(file)
}

fn topic(held: &Held<'_>) -> Result<TopicToml> {
    let (mut name, mut subjects) = (None, Vec::new());
    for (key, held) in table(held)? {
        match &**key.get_ref() {
            "name" => name = Some(string(held)?.into_inner()),
            "subjects" => subjects = array(held, string)?,
            _ => return Err(unknown(key, &["name", "subjects"])),
        }
    }
    let name = name.ok_or_else(|| (held.span().start, "missing field `name`".to_owned()))?;
    Ok(TopicToml { name, subjects })
}

fn subject(held: &Held<'_>) -> Result<Spanned<SubjectToml>> {
    let mut said = SubjectToml::default();
    for (key, held) in table(held)? {
        match &**key.get_ref() {
            "compatibility" => said.compatibility = Some(string(held)?),
            "policy" => said.policy = Some(string(held)?),
            "keep" => said.keep = array(held, version)?,
            "upcast" => said.upcast = array(held, version)?,
            _ => return Err(unknown(key, &["compatibility", "policy", "keep", "upcast"])),
        }
    }
    Ok(Spanned::new(held.span(), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word_of_it_is_placed() {
        let check = |text: &str, position: usize, expected: &str| {
            assert_eq!(read(text).unwrap_err(), (position, expected.to_owned()), "{text}");
        };
        check("policy = 1", 9, "this is of type integer, and should be a string");
        check(
            "tpoic = 1",
            0,
            "unknown field `tpoic`, expected `compatibility` or `policy` or `topic` or `subject` or `imports`",
        );
        check("[[topic]]\nsubjects = []", 0, "missing field `name`");
        check("topic = 1", 8, "this is of type integer, and should be a list");
        check(
            "[subject.a]\nkeep = [1, 0]",
            23,
            "this is of type integer, and should be a version, from 1",
        );
        check(
            "[subject.a]\nkept = [1]",
            12,
            "unknown field `kept`, expected `compatibility` or `policy` or `keep` or `upcast`",
        );
        check(
            "subject.a = []",
            12,
            "this is of type array, and should be a table",
        );
        check(
            "imports.a = {}",
            12,
            "this is of type table, and should be a string",
        );
    }

    #[test]
    fn what_is_said_is_read() {
        let file = read(
            "compatibility = \"FULL\"\n[[topic]]\nname = \"t\"\nsubjects = [\"s\"]\n[subject.\"a b\"]\nkeep = [0x1]\nupcast = [2]\n\
             [imports]\n\"m.proto\" = \"m\"",
        )
        .unwrap();
        assert_eq!(file.compatibility.unwrap().span(), 16..22);
        assert_eq!(
            (
                file.topic[0].name.as_str(),
                file.topic[0].subjects[0].get_ref().as_str()
            ),
            ("t", "s")
        );
        let subject = file.subject["a b"].get_ref();
        assert_eq!((*subject.keep[0].get_ref(), *subject.upcast[0].get_ref()), (1, 2));
        assert_eq!(file.imports["m.proto"].get_ref(), "m");
    }
}
