//! What a schema id stands for: a text together with its references, metadata and rules.
//!
//! Invariant: two contents are the same exactly when their guids and their types are. The guid is the MD5 of
//!
//! ```text
//!   text │ for each reference: name, subject, version (4 bytes) │ 1, metadata │ 1, rule set
//! ```
//!
//! with metadata and rule set left out when absent, so every registry that speaks this API gives the same content the
//! same guid. Neither subject nor schema type is part of it.

use std::sync::Arc;

use annals_schema_model::{Reference, SchemaType};
use md5::{Digest, Md5};
use uuid::Uuid;

use super::{
    context::Identity,
    contract::{Metadata, RuleSet},
};

/// A registered text with everything that is part of its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Avro, Protobuf or JSON Schema.
    pub schema_type: SchemaType,
    /// The text as stored.
    pub text: Arc<str>,
    /// The schemas it builds upon, in the order given.
    pub references: Vec<Reference>,
    /// Tags and properties.
    pub metadata: Option<Metadata>,
    /// Rules for clients.
    pub rule_set: Option<RuleSet>,
}

impl Content {
    /// The content's hash, written as a UUID by the API.
    #[must_use]
    pub fn guid(&self) -> Uuid {
        guid_of(
            &self.text,
            &self.references,
            self.metadata.as_ref(),
            self.rule_set.as_ref(),
        )
    }

    /// What tells it from other contents.
    pub(super) fn identity(&self) -> Identity {
        (self.guid(), self.schema_type)
    }
}

/// The guid of a content given by its parts.
#[must_use]
pub fn guid_of(
    text: &str,
    references: &[Reference],
    metadata: Option<&Metadata>,
    rule_set: Option<&RuleSet>,
) -> Uuid {
    let mut hash = Md5::new();
    hash.update(text.as_bytes());
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
                guid_of(text, &[], metadata.as_ref(), rules.as_ref()),
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
        let guid = guid_of("", &[], None, None);
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
        assert_eq!(guid_of("x", &[reference(2)], None, None), wanted);
        assert_ne!(guid_of("x", &[reference(3)], None, None), wanted);
    }
}
