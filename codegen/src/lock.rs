//! `annals.lock`: which registered schemas the texts in a folder are.
//!
//! ```toml
//! [[schema]]
//! subject = "orders-value"
//! version = 3
//! id = 12
//! type = "AVRO"
//! compatibility = "BACKWARD"
//! sha256 = "8f43…"
//! references = [{ name = "shop.Money", subject = "money-value", version = 1 }]
//! ```
//!
//! One stanza a schema, by subject and version, so that two who add to it merge line by line. Each text is beside it, in
//! its subject's folder, byte for byte as the registry gave it. Invariant: a build reads the file and the texts and asks
//! nobody; who writes them is `annals gen pull | update`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use annals_schema_model::{Level, Policy, Reference, SchemaType, Span};

use crate::diagnostic::Diagnostic;
use crate::tables::{self, Held, array, number, required, string, table, unknown, version};

/// The file, beside the subjects' folders.
pub const FILE: &str = "annals.lock";

/// The schemas of a folder that are registered ones, by subject and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Each once.
    pub schemas: BTreeMap<(String, u32), Locked>,
}

/// A registered schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Its id in the registry.
    pub id: u32,
    /// Its type.
    pub schema_type: SchemaType,
    /// What it refers to, by versions.
    pub references: Vec<Reference>,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// The level its subject had.
    pub compatibility: Level,
    /// The policy its subject had.
    pub policy: Policy,
}

impl Lock {
    /// The lock of a folder; an empty one when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or says what no lock does.
    pub fn read(root: &Path) -> Result<Lock, Diagnostic> {
        let path = root.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Lock::default()),
            Err(error) => Err(Diagnostic::file(&path, format!("cannot be read: {error}"))),
        }
    }

    /// The file's text: the same for the same schemas.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text =
            "# Written by `annals gen pull`; the texts are beside it. Nothing here is edited by hand.\n"
                .to_owned();
        for ((subject, version), locked) in &self.schemas {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n[[schema]]\nsubject = {}\nversion = {version}\nid = {}\ntype = \"{}\"\ncompatibility = \"{}\"\n",
                quoted(subject),
                locked.id,
                locked.schema_type,
                locked.compatibility,
            );
            if locked.policy != Policy::default() {
                let _ = writeln!(text, "policy = \"{}\"", locked.policy);
            }
            let _ = writeln!(text, "sha256 = \"{}\"", locked.sha256);
            let references = locked.references.iter().map(|reference| {
                let Reference {
                    name,
                    subject,
                    version,
                } = reference;
                format!(
                    "    {{ name = {}, subject = {}, version = {version} }},\n",
                    quoted(name),
                    quoted(subject)
                )
            });
            let references: String = references.collect();
            if !references.is_empty() {
                let _ = writeln!(text, "references = [\n{references}]");
            }
        }
        text
    }

    /// A version of a subject.
    #[must_use]
    pub fn get(&self, subject: &str, version: u32) -> Option<&Locked> {
        self.schemas.get(&(subject.to_owned(), version))
    }

    /// The newest version of a subject.
    #[must_use]
    pub fn newest(&self, subject: &str) -> Option<u32> {
        self.of(subject).next_back().map(|(version, _)| version)
    }

    /// The versions of a subject.
    pub fn of<'a>(&'a self, subject: &str) -> impl DoubleEndedIterator<Item = (u32, &'a Locked)> + use<'a> {
        let range = (subject.to_owned(), 0)..=(subject.to_owned(), u32::MAX);
        self.schemas
            .range(range)
            .map(|((_, version), locked)| (*version, locked))
    }

    /// Files that are not what the lock says, gone or edited, by subject and version.
    #[must_use]
    pub fn wrong_files(&self, root: &Path) -> Vec<((String, u32), Diagnostic)> {
        let each = self.schemas.iter().filter_map(|((subject, version), locked)| {
            let path = root.join(place(subject, *version, locked.schema_type));
            let wrong = match std::fs::read_to_string(&path) {
                Ok(text) if sha256(&text) == locked.sha256 => return None,
                Ok(_) => {
                    let newest = self.newest(subject).unwrap_or(*version);
                    let message = format!("is no longer the text that {FILE} has of {subject} v{version}");
                    let help = format!(
                        "what is registered does not change: make your change in a new file, {}, and let \
                         `annals gen pull` put this one back",
                        place(subject, newest.saturating_add(1), locked.schema_type).display()
                    );
                    Diagnostic::file(&path, message).help(help)
                }
                Err(error) => {
                    let message =
                        format!("cannot be read, and {FILE} has it as {subject} v{version}: {error}");
                    Diagnostic::file(&path, message).help("`annals gen pull` puts it back")
                }
            };
            Some(((subject.clone(), *version), wrong))
        });
        each.collect()
    }
}

/// A string of TOML, as of JSON: what is no letter of its own is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\U{:08X}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

fn parse(path: &Path, text: &str) -> Result<Lock, Diagnostic> {
    stanzas(text).map_err(|(position, message)| {
        let (line, column) = Span::line_column(text, position);
        if text.lines().any(|line| line.starts_with("<<<<<<< ")) {
            let help = "keep the stanzas of both, each once, without the lines of `<`, `=` and `>`; `annals gen pull` puts the rest right";
            return Diagnostic::at(path, line, column, "two sides of a merge are both in it").help(help);
        }
        Diagnostic::at(path, line, column, message).help(
            "put back a version of the file that is sound; or remove it, and name to `annals gen pull` every subject that \
             is registered",
        )
    })
}

fn stanzas(text: &str) -> tables::Result<Lock> {
    let parsed = tables::parse(text)?;
    let mut lock = Lock::default();
    for (key, held) in parsed.get_ref() {
        if key.get_ref() != "schema" {
            return Err(unknown(key, &["schema"]));
        }
        for (position, subject, version, locked) in array(held, stanza)? {
            let named = format!("{subject} v{version}");
            if lock.schemas.insert((subject, version), locked).is_some() {
                return Err((position, format!("a second stanza of {named}")));
            }
        }
    }
    Ok(lock)
}

fn stanza(held: &Held<'_>) -> tables::Result<(usize, String, u32, Locked)> {
    let (mut subject, mut number_of, mut id, mut sha256) = (None, None, None, None);
    let (mut schema_type, mut compatibility, mut policy) = (None, None, Policy::default());
    let mut references = Vec::new();
    for (key, held) in table(held)? {
        match key.get_ref().as_ref() {
            "subject" => subject = Some(string(held)?.into_inner()),
            "version" => number_of = Some(version(held)?.into_inner()),
            "id" => id = Some(number(held)?),
            "type" => schema_type = Some(word(held)?),
            "compatibility" => compatibility = Some(word(held)?),
            "policy" => policy = word(held)?,
            "sha256" => sha256 = Some(string(held)?.into_inner()),
            "references" => references = array(held, reference)?,
            _ => return Err(unknown(key, &STANZA)),
        }
    }
    let locked = Locked {
        id: required(held, "id", id)?,
        schema_type: required(held, "type", schema_type)?,
        references,
        sha256: required(held, "sha256", sha256)?,
        compatibility: required(held, "compatibility", compatibility)?,
        policy,
    };
    let subject = required(held, "subject", subject)?;
    let version = required(held, "version", number_of)?;
    Ok((held.span().start, subject, version, locked))
}

/// What a stanza may say.
const STANZA: [&str; 8] = [
    "subject",
    "version",
    "id",
    "type",
    "compatibility",
    "policy",
    "sha256",
    "references",
];

fn reference(held: &Held<'_>) -> tables::Result<Reference> {
    let (mut name, mut subject, mut number_of) = (None, None, None);
    for (key, held) in table(held)? {
        match key.get_ref().as_ref() {
            "name" => name = Some(string(held)?.into_inner()),
            "subject" => subject = Some(string(held)?.into_inner()),
            "version" => number_of = i32::try_from(version(held)?.into_inner()).ok(),
            _ => return Err(unknown(key, &["name", "subject", "version"])),
        }
    }
    Ok(Reference {
        name: required(held, "name", name)?,
        subject: required(held, "subject", subject)?,
        version: required(held, "version", number_of)?,
    })
}

/// One of the words of a type.
fn word<T: FromStr<Err: Display>>(held: &Held<'_>) -> tables::Result<T> {
    let said = string(held)?;
    let parsed = said.get_ref().parse();
    parsed.map_err(|error: T::Err| (held.span().start, error.to_string()))
}

/// Where the text of a version is, below the folder of the schemas.
#[must_use]
pub fn place(subject: &str, version: u32, kind: SchemaType) -> PathBuf {
    let ending = match kind {
        SchemaType::Avro => "avsc",
        SchemaType::Protobuf => "proto",
        SchemaType::Json => "json",
    };
    PathBuf::from(folder(subject)).join(format!("v{version}.{ending}"))
}

/// The folder of a subject: its name, but that what cannot stand in one is written as in URLs.
fn folder(subject: &str) -> String {
    let mut folder = String::with_capacity(subject.len());
    for (at, character) in subject.char_indices() {
        let is_plain = character.is_alphanumeric() || matches!(character, '-' | '_' | '+' | '@' | ' ');
        if is_plain || character == '.' && at > 0 {
            folder.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(folder, "%{byte:02X}");
            }
        }
    }
    folder
}

/// The subject of a folder.
#[must_use]
pub fn subject(folder: &str) -> String {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let escaped = escaped.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| folder.to_owned())
}

/// SHA-256 of a text, in hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in hmac_sha256::Hash::hash(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(id: u32, references: Vec<Reference>, policy: Policy) -> Locked {
        Locked {
            id,
            schema_type: SchemaType::Protobuf,
            references,
            sha256: sha256("text"),
            compatibility: Level::FullTransitive,
            policy,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let reference = |name: &str| Reference {
            name: name.to_owned(),
            subject: "a \"b\"\\".to_owned(),
            version: 7,
        };
        let mut lock = Lock::default();
        assert_eq!(parse(Path::new("l"), &lock.text()), Ok(lock.clone()));
        let rows = [
            ("b", 2, locked(1, Vec::new(), Policy::Strict)),
            (
                "a/\"'\n",
                10,
                locked(
                    2,
                    vec![reference("x"), reference("shop/y.proto")],
                    Policy::Confluent,
                ),
            ),
            ("b", 1, locked(u32::MAX, Vec::new(), Policy::Wire)),
        ];
        for (subject, version, row) in rows {
            lock.schemas.insert((subject.to_owned(), version), row);
        }
        let text = lock.text();
        assert_eq!(parse(Path::new("l"), &text), Ok(lock.clone()));
        assert_eq!(
            (lock.newest("b"), lock.newest("a"), lock.newest("c")),
            (Some(2), None, None)
        );
        let subjects: Vec<&str> = text.lines().filter(|line| line.starts_with("subject")).collect();
        assert!(subjects.is_sorted());
    }

    #[test]
    fn what_is_no_lock_is_said() {
        let check = |text: &str, wanted: &str| {
            let said = parse(Path::new("annals.lock"), text).unwrap_err().to_string();
            assert_eq!(said, wanted);
        };
        check(
            "[[schema]]\nsubject = 1",
            "annals.lock:2:11: this is of type integer, and should be a string",
        );
        check(
            "[[schema]]\nid = 1\nsubject = \"a\"",
            "annals.lock:1:1: missing field `type`",
        );
        let stanza = |level: &str| {
            format!(
                "[[schema]]\nsubject = \"a\"\nversion = 1\nid = 1\ntype = \"AVRO\"\ncompatibility = \"{level}\"\nsha256 = \"\"\n"
            )
        };
        check(
            &stanza("FULL").repeat(2),
            "annals.lock:8:1: a second stanza of a v1",
        );
        let said = parse(Path::new("l"), &stanza("HALF")).unwrap_err().to_string();
        assert!(
            said.starts_with("l:6:17: \"HALF\" is not a compatibility level"),
            "{said}"
        );
    }

    #[test]
    fn a_subject_has_a_folder_that_is_one() {
        for name in [
            "orders-value",
            "shop/money.proto",
            ":.eu:a",
            "..",
            ".",
            "a\\b",
            "50%",
            "名.名",
            "%2F",
            "a\0b",
            "CON:",
        ] {
            let folder = folder(name);
            assert_eq!(subject(&folder), name);
            assert!(
                !folder.contains(['/', '\\', ':', '\0']) && !folder.starts_with('.'),
                "{folder}"
            );
        }
        assert_eq!(folder("shop/money.proto"), "shop%2Fmoney.proto");
        assert_eq!(place("a", 3, SchemaType::Avro), Path::new("a/v3.avsc"));
        for odd in ["50%", "%zz", "%ff", "%+f", "%-1"] {
            assert_eq!(subject(odd), odd);
        }
    }
}
