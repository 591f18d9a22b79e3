//! The runtime of generated code: Avro's binary encoding, read and written a value at a time.
//!
//! A [`Reader`] never reads past its bytes, goes no deeper than 512 records, arrays and maps (of generated types those count
//! that are inside of records that can hold themselves) nor than the stack allows, and gives up on items that take no bytes
//! once there are more than 65,536 of them and 4 for each byte, those of a reader's defaults among them. What is wrong is a
//! [`Fault`]: a sentence and the position of a byte. The path of the field is found afterwards, with the schema
//! (`avro/locate.rs`), so that reading pays nothing for it.
//! Generated code reads from a [`Source`]: the bytes of its own schema, or those of another writer by a plan.
//!
//! ```
//! use annals_schema_model::avro::wire::{Reader, Source, Writer};
//!
//! let mut writer = Writer::new();
//! writer.string("EUR");
//! writer.branch(1);
//! writer.array(&[1i64, -2], |writer, item| writer.long(*item));
//! let bytes = writer.into_bytes();
//!
//! let mut reader = Reader::new(&bytes);
//! assert_eq!(reader.string()?, "EUR");
//! assert_eq!(reader.branch(2)?, 1);
//! assert_eq!(reader.array(Source::long)?, [1, -2]);
//! reader.finish()?;
//! # Ok::<(), annals_schema_model::avro::wire::Fault>(())
//! ```

mod blank;
mod decimal;
mod fault;
mod items;
mod logical;
mod nesting;
mod own;
mod reader;
#[macro_use]
mod rows;
mod source;
#[cfg(test)]
mod tests;
mod times;
mod varint;
mod writer;

pub use blank::Blank;
pub(crate) use blank::boxed;
pub use fault::Fault;
pub(crate) use fault::Of;
#[cfg(feature = "values")]
pub(crate) use items::{entries_into, items_into};
pub use logical::Duration;
pub(crate) use logical::big_decimal;
pub use reader::Reader;
pub(crate) use source::Sealed;
pub use source::Source;
pub use times::{Day, Moment, TimeOfDay};
pub use writer::Writer;

/// What reading answers.
pub type Result<T> = std::result::Result<T, Fault>;

/// How many items and fields that take no bytes (nulls, empty records) one payload may hold, whatever its length.
pub const ZERO_BYTE_ITEMS_MAX: usize = 65_536;

/// How many it may hold beside, for each of its bytes: long payloads have many records, which may have such fields.
pub(crate) const NOTHINGS_PER_BYTE: usize = 4;

/// How many records, arrays and maps are read inside each other by whoever reads without types, and written and read by
/// generated code inside of records that can hold themselves. The values they become are
/// walked by many who do not count, on threads with a stack of 2 MiB: it is less than any of them can go down there.
pub const LEVELS_MAX: usize = 512;

/// How many records that can hold themselves are written and read inside each other, by generated code and by whoever reads
/// without types.
pub const RECURSION_MAX: usize = 256;
