//! Protobuf schemas: parse, normal form, compatibility rules, payload walk and reading.
//!
//! Invariant: a [`Schema`] compiled together with everything it imports, so every type it names exists. The text is
//! kept as sent. What depends on the text alone (positions for findings) is kept beside the descriptors, which carry
//! none. Left out on purpose: editions (the parser knows proto2 and proto3), and plans between writer and reader:
//! Protobuf matches fields by number, so the reader's descriptor reads the writer's bytes as they are.

mod builtin;
pub mod compat;
mod compiled;
#[cfg(feature = "cel")]
mod held;
mod kind;
mod parse;
mod places;
mod print;
mod reading;
pub mod rules;
mod scan;
mod shape;
mod sound;
mod tag;
mod typed;
mod undefined;
mod walk;
mod wire;
mod write;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use hmac_sha256::Hash;
use prost_reflect::{FileDescriptor, MessageDescriptor};

use crate::{ParseError, Resolved};
use places::Places;
use shape::Shape;
use undefined::Undefined;

pub use compiled::is_compiled;
#[cfg(feature = "cel")]
pub(crate) use held::{holds, write_value};
pub use kind::kind_oneof;
pub(crate) use parse::outline;
pub use reading::Reading;
pub use scan::{NAME_BYTES_MAX, NAME_PARTS_MAX, TEXT_BYTES_MAX};
pub use shape::VALUES_MAX;
pub use typed::{Written, body, readable};
pub use walk::Walk;
pub(crate) use write::{FIRST, write};

/// A compiled Protobuf schema. Cheap to clone.
///
/// ```
/// use annals_schema_model::proto::Schema;
///
/// let schema = Schema::parse("syntax = \"proto3\"; package shop; message Order { int64 id = 1; }", &[])?;
/// assert_eq!(schema.record_name().as_deref(), Some("shop.Order"));
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    text: String,
    file: FileDescriptor,
    places: Places,
    undefined: Undefined,
    /// Compiled when the first payload asks.
    shape: OnceLock<Arc<Shape>>,
}

impl Schema {
    /// Compiles a text; its imports are taken from `resolved` by name and then from the files built in. A compiled file
    /// in base64 (see [`is_compiled`]) stands for its printed form.
    ///
    /// # Errors
    /// [`ParseError`] with what is wrong, line and column. An error inside a reference is placed at the import that
    /// leads there.
    pub fn parse(text: &str, resolved: &[Resolved]) -> Result<Schema, ParseError> {
        let (text, parsed) = match compiled::read(text, resolved) {
            Some(read) => read?,
            None => (text.to_owned(), parse::parse(text, resolved)?),
        };
        Ok(Schema(Arc::new(Inner {
            text,
            file: parsed.file,
            places: parsed.places,
            undefined: parsed.undefined,
            shape: OnceLock::new(),
        })))
    }

    /// The text as sent; of a compiled file the text it stands for.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text the registry stores and answers: as sent.
    #[must_use]
    pub fn stored_text(&self) -> String {
        self.0.text.clone()
    }

    /// One text for all texts that differ in layout alone, whether they were compiled before or not: no comments, full
    /// type names, everything in the order it was declared in.
    ///
    /// ```
    /// use annals_schema_model::proto::Schema;
    ///
    /// let one = Schema::parse("syntax=\"proto3\"; message T { string y=2; T x=1; }", &[])?;
    /// let printed = "syntax = \"proto3\";\nmessage T {\n  string y = 2;\n  .T x = 1;\n}\n";
    /// assert_eq!(one.printed(), printed);
    /// assert_eq!(Schema::parse(printed, &[])?.printed(), printed);
    /// # Ok::<(), annals_schema_model::ParseError>(())
    /// ```
    #[must_use]
    pub fn printed(&self) -> String {
        print::as_declared(&self.0.file, &self.0.undefined)
    }

    /// Whether every custom option has a definition. One that has none is kept and means nothing.
    ///
    /// # Errors
    /// The first one that has none, and where it stands.
    pub fn check_options(&self) -> Result<(), ParseError> {
        self.0.undefined.first().map_or(Ok(()), |(at, name)| {
            let message = format!(
                "the option {name} is defined neither here nor in an import; import its definition, or remove it"
            );
            Err(ParseError::at(self.text(), at, message))
        })
    }

    /// One text for all texts that mean the same: no comments, one layout, fields by number, full type names.
    #[must_use]
    pub fn normalized(&self) -> String {
        print::normal(&self.0.file, &self.0.undefined)
    }

    /// The normal form without extensions, the number ranges kept for them, and custom options: for readers that know
    /// none of them. Imports stay, whether they are still needed or not.
    #[must_use]
    pub fn without_extensions(&self) -> String {
        print::without_extensions(&self.0.file, &self.0.undefined)
    }

    /// The full name of the first message.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        self.message(&[0]).map(|message| message.full_name().to_owned())
    }

    /// Whether the file declares a message of this full name.
    pub(crate) fn has_message(&self, name: &str) -> bool {
        self.indexes_of(name).is_some()
    }

    /// The indexes of a message of the file, by its full name.
    pub(crate) fn indexes_of(&self, name: &str) -> Option<Vec<i32>> {
        let of_file = self.0.file.messages().zip(0..);
        let mut open: Vec<(Vec<i32>, MessageDescriptor)> =
            of_file.map(|(message, index)| (vec![index], message)).collect();
        while let Some((indexes, message)) = open.pop() {
            if message.full_name() == name {
                return Some(indexes);
            }
            let children = declared_children(&message).zip(0..);
            open.extend(children.map(|(child, index)| ([indexes.as_slice(), &[index]].concat(), child)));
        }
        None
    }

    /// SHA-256 of the normalised text.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Hash::hash(self.normalized().as_bytes())
    }

    /// The message a list of indexes leads to: the first picks a message of the file, each further one a message
    /// nested in it, counted as declared, from 0. The entry types of map fields are not declared and not counted.
    #[must_use]
    pub fn message(&self, indexes: &[i32]) -> Option<MessageDescriptor> {
        let (first, rest) = indexes.split_first()?;
        let mut message = self.0.file.messages().nth(usize::try_from(*first).ok()?)?;
        for index in rest {
            let child = declared_children(&message).nth(usize::try_from(*index).ok()?)?;
            message = child;
        }
        Some(message)
    }

    /// Whether a file may be imported that nobody gave.
    #[must_use]
    pub fn is_built_in(import: &str) -> bool {
        builtin::well_known(import).is_some() || builtin::text(import).is_some()
    }

    /// The compiled file; its pool holds what it imports as well.
    #[must_use]
    pub fn file(&self) -> &FileDescriptor {
        &self.0.file
    }

    fn shape(&self) -> Arc<Shape> {
        Arc::clone(self.0.shape.get_or_init(|| Arc::new(Shape::of(&self.0.file))))
    }

    /// Whether two schemas import the same files, down to what those say.
    fn same_imports(&self, other: &Schema) -> bool {
        let imported = |schema: &Schema| -> Vec<_> {
            let pool = schema.file().parent_pool().clone();
            let files = pool.files().filter(|file| file.name() != parse::MAIN);
            files.map(|file| file.file_descriptor_proto().clone()).collect()
        };
        imported(self) == imported(other)
    }

    fn places(&self) -> &Places {
        &self.0.places
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("proto::Schema").field(&self.record_name()).finish()
    }
}

/// The nested messages someone wrote, without the entry types of map fields.
fn declared_children(message: &MessageDescriptor) -> impl Iterator<Item = MessageDescriptor> {
    let children: Vec<_> = message
        .child_messages()
        .filter(|child| !child.is_map_entry())
        .collect();
    children.into_iter()
}

/// A message's name without its package: `Order.Item`.
fn relative_name(message: &MessageDescriptor) -> &str {
    let package = message.package_name();
    match message.full_name().strip_prefix(package) {
        Some(rest) if !package.is_empty() => rest.strip_prefix('.').unwrap_or(rest),
        _ => message.full_name(),
    }
}

#[cfg(test)]
mod tests;
