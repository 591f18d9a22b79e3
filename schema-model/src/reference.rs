//! References between schemas: how they are named, and what they resolve to.
//!
//! Only the registry knows which text a subject and version stand for; it hands the texts over as [`Resolved`],
//! dependencies first. Cycles are its concern too. What a text asks for, its [`Outline`] says.

use crate::{ParseError, SchemaType};

/// One entry of a schema's `references`, as registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The name the schema uses: a full name in Avro, an import path in Protobuf, the URI of a `$ref` in JSON
    /// Schema.
    pub name: String,
    /// The subject the referenced schema lives under.
    pub subject: String,
    /// Its version there; -1 stands for the latest.
    pub version: i32,
}

/// A reference's name and the text it resolves to. Lists of these hold dependencies first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resolved {
    /// As in [`Reference::name`].
    pub name: String,
    /// The schema text.
    pub text: String,
}

/// What a text gives to others and asks of them, as far as it says so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Full names of the types it defines; in Avro alone, because Protobuf knows others by their files.
    pub defines: Vec<String>,
    /// What it uses without defining it, each once: full names in Avro, import paths in Protobuf but for those built in.
    pub needs: Vec<String>,
    /// Import paths of Protobuf that are built in, unless a reference has another file of that path.
    pub replaceable: Vec<String>,
}

impl Outline {
    /// The outline of a text. JSON Schema has none: what its `$ref`s mean depends on where they are.
    ///
    /// ```
    /// use annals_schema_model::{Outline, SchemaType};
    ///
    /// let text = r#"{"type": "record", "name": "shop.Order", "fields": [{"name": "total", "type": "Money"}]}"#;
    /// let outline = Outline::of(SchemaType::Avro, text)?;
    /// assert_eq!(outline.defines, ["shop.Order"]);
    /// assert_eq!(outline.needs, ["shop.Money"]);
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no schema whatever it refers to.
    pub fn of(kind: SchemaType, text: &str) -> Result<Outline, ParseError> {
        match kind {
            #[cfg(feature = "avro")]
            SchemaType::Avro => crate::avro::outline(text),
            #[cfg(feature = "proto")]
            SchemaType::Protobuf => crate::proto::outline(text),
            #[allow(unreachable_patterns)]
            _ => {
                let _ = text;
                Ok(Outline::default())
            }
        }
    }
}
