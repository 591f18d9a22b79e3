//! The schemas that generated code lists, as a registry for a process that has no other: a log on its own disk, a test.
//!
//! Invariant: a schema's id follows from its text and from those it refers to, or is the one it was registered with, so
//! a new version, or another order in the list, changes no id. For that versions once written with stay in the list.

use std::collections::HashMap;
use std::sync::Arc;

use annals_schema_model::{
    Identify, ParseError, Resolve, Resolved, Schema, SchemaId, SchemaVersion, Unresolved, Writer,
};
use sha2::{Digest, Sha256};

/// How many schemas one may refer to, through others too.
const REFERENCES_MAX: usize = 1_000;

/// A list that cannot serve as a registry.
///
/// ```
/// use annals_event_store::Listed;
/// use annals_schema_model::{SchemaType, SchemaVersion};
///
/// let error = Listed::new(&[SchemaVersion::new("counts-value", 1, SchemaType::Avro, "{}")]);
/// let error = error.expect_err("it is no schema").to_string();
/// assert!(error.starts_with("version 1 of counts-value does not read"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    /// A schema does not read.
    #[error("version {version} of {subject} does not read: {reason}")]
    Unreadable {
        /// Its subject.
        subject: &'static str,
        /// Its version.
        version: u32,
        /// Why.
        reason: ParseError,
    },
    /// A schema refers to one that is not in the list.
    #[error("version {version} of {subject} refers to what is not listed, or to itself")]
    Reference {
        /// Its subject.
        subject: &'static str,
        /// Its version.
        version: u32,
    },
    /// Two texts have the same id.
    #[error("{one} and {other} have the same id {id}: register them, and take the ids from the registry")]
    SameId {
        /// The id.
        id: u32,
        /// A subject.
        one: &'static str,
        /// And another.
        other: &'static str,
    },
}

/// What generated code lists as `SCHEMAS`, to be asked as a registry is.
///
/// ```
/// use annals_event_store::Listed;
/// use annals_schema_model::{Identify, Resolve, SchemaType, SchemaVersion};
///
/// // Generated code has these.
/// const SCHEMAS: &[SchemaVersion] = &[
///     SchemaVersion::new("counts-value", 1, SchemaType::Avro, r#"{"type": "record", "name": "Counted", "fields": []}"#),
/// ];
/// let listed = Listed::new(SCHEMAS)?;
/// let id = listed.id(&SCHEMAS[0]).expect("it is listed");
/// assert_eq!(listed.writer(id).expect("it is listed").schema.record_name().as_deref(), Some("Counted"));
/// # Ok::<(), annals_event_store::listed::ListedError>(())
/// ```
#[derive(Debug)]
pub struct Listed {
    ids: HashMap<(&'static str, u32), SchemaId>,
    writers: HashMap<SchemaId, Arc<Writer>>,
}

impl Listed {
    /// The schemas of a list, which has what they refer to as well.
    ///
    /// # Errors
    /// When one does not read, or two would have one id.
    pub fn new(schemas: &[SchemaVersion]) -> Result<Listed, ListedError> {
        let mut listed = Listed {
            ids: HashMap::new(),
            writers: HashMap::new(),
        };
        let mut by_id: HashMap<SchemaId, (&SchemaVersion, Vec<Resolved>)> = HashMap::new();
        for version in schemas {
            let mut resolved = Vec::new();
            resolve(version, schemas, &mut resolved, 0)?;
            let id = version.id.unwrap_or_else(|| id_of(version, &resolved));
            listed.ids.insert((version.subject, version.version), id);
            if let Some((other, others)) = by_id.get(&id) {
                if (other.text, others) != (version.text, &resolved) {
                    return Err(ListedError::SameId {
                        id: id.get(),
                        one: other.subject,
                        other: version.subject,
                    });
                }
                continue;
            }
            let schema = Schema::parse(version.schema_type, version.text, &resolved);
            let schema = schema.map_err(|reason| ListedError::Unreadable {
                subject: version.subject,
                version: version.version,
                reason,
            })?;
            listed.writers.insert(id, Arc::new(Writer::new(id, schema)));
            by_id.insert(id, (version, resolved));
        }
        Ok(listed)
    }
}

/// Adds what a schema refers to, dependencies first.
fn resolve(
    version: &SchemaVersion,
    schemas: &[SchemaVersion],
    resolved: &mut Vec<Resolved>,
    depth: usize,
) -> Result<(), ListedError> {
    let fault = || ListedError::Reference {
        subject: version.subject,
        version: version.version,
    };
    for (name, subject, number) in version.references {
        if resolved.iter().any(|known| known.name == *name) {
            continue;
        }
        let is_it = |one: &&SchemaVersion| (one.subject, one.version) == (*subject, *number);
        let found = schemas.iter().find(is_it).ok_or_else(fault)?;
        if depth >= annals_schema_model::DEPTH_MAX || resolved.len() >= REFERENCES_MAX {
            return Err(fault());
        }
        resolve(found, schemas, resolved, depth + 1)?;
        resolved.push(Resolved {
            name: (*name).to_owned(),
            text: found.text.to_owned(),
        });
    }
    Ok(())
}

fn id_of(version: &SchemaVersion, resolved: &[Resolved]) -> SchemaId {
    let mut hash = Sha256::new();
    let mut feed = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    feed(&version.schema_type.to_string());
    feed(version.text);
    for one in resolved {
        feed(&one.name);
        feed(&one.text);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 1;
    SchemaId::new(number).unwrap_or(FIRST)
}

/// The id in place of none.
const FIRST: SchemaId = match SchemaId::new(1) {
    Some(id) => id,
    None => unreachable!(),
};

impl Resolve for Listed {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        self.writers
            .get(&id)
            .map(Arc::clone)
            .ok_or(Unresolved::Unregistered)
    }
}

impl Identify for Listed {
    fn id(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        let id = self.ids.get(&(schema.subject, schema.version));
        id.copied().ok_or(Unresolved::Unregistered)
    }
}

#[cfg(test)]
mod tests {
    use annals_schema_model::SchemaType;

    use super::*;

    const MONEY: SchemaVersion = SchemaVersion::new(
        "money",
        1,
        SchemaType::Avro,
        r#"{"type":"record","name":"t.Money","fields":[{"name":"cents","type":"long"}]}"#,
    );
    const PAID: SchemaVersion = SchemaVersion {
        references: &[("t.Money", "money", 1)],
        ..SchemaVersion::new(
            "paid",
            1,
            SchemaType::Avro,
            r#"{"type":"record","name":"t.Paid","fields":[{"name":"amount","type":"t.Money"}]}"#,
        )
    };

    #[test]
    fn ids_rest_on_texts_alone() {
        let one = Listed::new(&[MONEY, PAID]).unwrap();
        let other = Listed::new(&[
            PAID,
            MONEY,
            SchemaVersion::new("more", 1, SchemaType::Avro, r#""int""#),
        ]);
        let other = other.unwrap();
        for version in [MONEY, PAID] {
            let id = one.id(&version).unwrap();
            assert_eq!(other.id(&version).unwrap(), id);
            assert_eq!(
                other.writer(id).unwrap().fingerprint,
                one.writer(id).unwrap().fingerprint
            );
        }
        assert_ne!(one.id(&MONEY).unwrap(), one.id(&PAID).unwrap());
        let same = SchemaVersion { version: 2, ..MONEY };
        let twice = Listed::new(&[MONEY, same]).unwrap();
        assert_eq!(twice.id(&same).unwrap(), twice.id(&MONEY).unwrap());
    }

    #[test]
    fn a_list_that_cannot_serve_says_why() {
        let check = |schemas: &[SchemaVersion], says: &str| {
            let error = Listed::new(schemas).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        check(&[PAID], "version 1 of paid refers to what is not listed");
        let itself = SchemaVersion {
            references: &[("t.Other", "other", 1), ("t.Paid", "paid", 1)],
            ..PAID
        };
        let back = SchemaVersion {
            subject: "other",
            references: &[("t.Paid", "paid", 1)],
            ..MONEY
        };
        check(&[itself, back], "or to itself");
        let wrong = SchemaVersion { text: "{", ..MONEY };
        check(&[wrong], "version 1 of money does not read");
        let seven = SchemaId::new(7);
        let (a, b) = (
            SchemaVersion { id: seven, ..MONEY },
            SchemaVersion { id: seven, ..PAID },
        );
        check(&[a, b], "money and paid have the same id 7");
    }
}
