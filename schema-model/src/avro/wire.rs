//! The runtime of generated code: Avro's binary encoding, read and written a value at a time.
//!
//! A [`Reader`] never reads past its bytes, opens at most 64 records, arrays and maps inside each other, and gives up
//! on items that take no bytes once there are more than 65,536 of them. Its errors carry the path of the field: array
//! items add theirs, generated code adds the names with [`crate::ReadError::within`].
//!
//! ```
//! use annals_schema_model::avro::wire::{Reader, Writer};
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
//! assert_eq!(reader.array(|reader| reader.long())?, [1, -2]);
//! reader.finish()?;
//! # Ok::<(), annals_schema_model::ReadError>(())
//! ```

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// How many items that take no bytes (nulls, empty records) one payload may hold.
pub const ZERO_BYTE_ITEMS_MAX: usize = 65_536;
