//! What a schema id stands for: a text together with its references, metadata and rules, and the hashes it is known by.
//!
//! A hash is the MD5 of
//!
//! ```text
//!   text │ for each reference: name, subject, version (4 bytes) │ 1, metadata │ 1, rule set
//! ```
//!
//! with metadata and rule set left out when absent, as every registry that speaks this API computes it. Neither subject
//! nor schema type is part of it, so what tells contents apart is a hash with a type ([`Identity`]).
//!
//! Two texts make two hashes. The *exact* one is of the text that is served, as it was first sent. The *form* is of the
//! text the schema prints as ([`annals_schema_model::Schema::printed`]): layouts of one schema have one form, and what
//! has the form of a registered schema is that schema. A schema's *guid* is given out and never changes: it is the form,
//! but of what was imported the exact hash, which is what other registries give out; an importer that brings the form as
//! the guid comes from a registry like this one, and keeps it.
//!
//! ```text
//!                 text served    guid     found by
//!   registered    as sent        form     exact hash, form
//!   imported      as sent        exact    exact hash, form      (guid: form, if the importer says so)
//!   registered before there were forms: as imported
//! ```
//!
//! A guid does not say its type, so in a context one stands for one type: where it is taken by another type, what comes
//! later gets the guid [`apart`] from it. `{"type":"string"}` is a schema in Avro
//! and in JSON Schema.
//!
//! So two ids may have one form: they were two schemas to the registry they come from, be it an earlier version of this
//! one. Both stay what they are: each is served by its id and guid, and its own text leads to it. A text in any other
//! layout is the one whose guid is their form, or else the one with the lower id.

use std::sync::Arc;

use annals_schema_model::{Reference, SchemaType};
use md5::{Digest, Md5};
use uuid::Uuid;

use super::contract::{Metadata, RuleSet};

/// What tells contents apart: a hash of one with its type.
pub(super) type Identity = (Uuid, SchemaType);

/// A registered text with everything that is part of its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Avro, Protobuf or JSON Schema.
    pub schema_type: SchemaType,
    /// The text as served.
    pub text: Arc<str>,
    /// The schemas it builds upon, in the order given.
    pub references: Vec<Reference>,
    /// Tags and properties.
    pub metadata: Option<Metadata>,
    /// Rules for clients.
    pub rule_set: Option<RuleSet>,
}

impl Content {
    /// The hash of the text as it is.
    #[must_use]
    pub fn exact(&self) -> Uuid {
        self.hash_with(&self.text)
    }

    /// The hash with another text in place of its own.
    #[must_use]
    pub(super) fn hash_with(&self, text: &str) -> Uuid {
        TextHash::of(text).with(self)
    }
}

/// A text read into a hash once, whatever stands behind it.
#[derive(Clone, Debug)]
pub(super) struct TextHash(Md5);

impl TextHash {
    pub(super) fn of(text: &str) -> TextHash {
        TextHash(Md5::new_with_prefix(text))
    }

    /// The hash of the text alone.
    pub(super) fn alone(&self) -> Uuid {
        self.followed_by(&[], None, None)
    }

    /// The hash with everything of a content but its text.
    pub(super) fn with(&self, content: &Content) -> Uuid {
        self.followed_by(
            &content.references,
            content.metadata.as_ref(),
            content.rule_set.as_ref(),
        )
    }

    fn followed_by(
        &self,
        references: &[Reference],
        metadata: Option<&Metadata>,
        rule_set: Option<&RuleSet>,
    ) -> Uuid {
        let mut hash = self.0.clone();
        for reference in references {
            hash.update(reference.name.as_bytes());
            hash.update(reference.subject.as_bytes());
            hash.update(reference.version.to_be_bytes());
        }
        if let Some(metadata) = metadata {
            hash.update([1]);
            metadata.hash_into(|bytes| hash.update(bytes));
        }
        if let Some(rule_set) = rule_set {
            hash.update([1]);
            rule_set.hash_into(|bytes| hash.update(bytes));
        }
        Uuid::from_bytes(hash.finalize().into())
    }
}

/// The guid in place of one that stands for another type already.
pub(super) fn apart((guid, schema_type): Identity) -> Identity {
    let mut hash = Md5::new();
    hash.update(guid.as_bytes());
    hash.update(schema_type.name());
    (Uuid::from_bytes(hash.finalize().into()), schema_type)
}

/// The hash of a content given by its parts.
#[must_use]
pub fn hash_of(
    text: &str,
    references: &[Reference],
    metadata: Option<&Metadata>,
    rule_set: Option<&RuleSet>,
) -> Uuid {
    TextHash::of(text).followed_by(references, metadata, rule_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids() {
        let check = |text: &str, metadata: Option<&str>, rules: Option<&str>, hashed: &str| {
            let metadata: Option<Metadata> = metadata.map(|json| serde_json::from_str(json).unwrap());
            let rules: Option<RuleSet> = rules.map(|json| serde_json::from_str(json).unwrap());
            let wanted = Uuid::from_bytes(Md5::digest(hashed.as_bytes()).into());
            assert_eq!(
                hash_of(text, &[], metadata.as_ref(), rules.as_ref()),
                wanted,
                "{hashed:?}"
            );
        };
        check("\"string\"", None, None, "\"string\"");
        check("x", Some("{}"), None, "x\u{1}");
        check("x", None, Some("{}"), "x\u{1}");
        check(
            "x",
            Some(r#"{"tags":{"b":["z","y"],"a":["x"]},"properties":{"p":"1","o":"2"},"sensitive":["p"]}"#),
            None,
            "x\u{1}axbyzo2p1p",
        );
        let rule = r#"{"name":"n","doc":"d","type":"CEL","tags":["t"],"params":{"k":"v"},"expr":"e","onSuccess":"s",
            "onFailure":"f","disabled":true}"#;
        let rules = format!(r#"{{"domainRules":[{rule}]}}"#);
        check(
            "x",
            Some("{}"),
            Some(&rules),
            "x\u{1}\u{1}ndTRANSFORMWRITEREADCELtkvesf\u{1}",
        );
    }

    #[test]
    fn a_known_guid_is_rendered_as_a_uuid() {
        // MD5 of the seven characters "int" in quotes and so on is checked by the digest crate; this pins the rendering.
        let guid = hash_of("", &[], None, None);
        assert_eq!(guid.to_string(), "d41d8cd9-8f00-b204-e980-0998ecf8427e");
    }

    #[test]
    fn references_count() {
        let reference = |version| Reference {
            name: "a.B".to_owned(),
            subject: "b".to_owned(),
            version,
        };
        let bytes = [b"xa.Bb".as_slice(), &[0, 0, 0, 2]].concat();
        let wanted = Uuid::from_bytes(Md5::digest(&bytes).into());
        assert_eq!(hash_of("x", &[reference(2)], None, None), wanted);
        assert_ne!(hash_of("x", &[reference(3)], None, None), wanted);
    }
}
