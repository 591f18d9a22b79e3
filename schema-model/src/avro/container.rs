//! Object container files: many data of one schema, in blocks that are compressed.
//!
//! ```text
//! "Obj" 1 | map of metadata: avro.schema, avro.codec, and what its writer says of it | 16 bytes of sync
//! then blocks: long count | long size | count data, compressed | the same sync
//! ```
//!
//! Written to and read from whatever writes and reads, a block at a time: memory is that of a block. Data are bytes here, as
//! plans translate them; the `apache-avro` crate compresses. Left out: the codecs that need a library in C, and looking for
//! the next sync behind damage.

use std::io::{self, Read, Write};
use std::str::FromStr;

use apache_avro::{Codec as ApacheCodec, DeflateSettings};
use thiserror::Error;

use super::{
    schema::Schema,
    walk::Ops,
    wire::{Fault, Reader, Writer},
};
use crate::{ParseError, ReadError};

const MAGIC: &[u8; 4] = b"Obj\x01";
const SYNC_BYTES: usize = 16;
/// How many bytes of data a block collects.
const BLOCK_BYTES: usize = 64 * 1024;
/// How many bytes a block that is read may have.
const BLOCK_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many bytes an entry of the metadata may have.
const METADATA_BYTES_MAX: usize = 4 * 1024 * 1024;
const METADATA_ENTRIES_MAX: i64 = 1_000;

/// How the blocks of a file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Null,
    /// As zlib does, without a checksum.
    #[default]
    Deflate,
    /// Faster, with a checksum.
    Snappy,
}

impl Codec {
    /// All there are.
    pub const ALL: [Codec; 3] = [Codec::Null, Codec::Deflate, Codec::Snappy];

    /// The name it has in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
        }
    }

    fn apache(self) -> ApacheCodec {
        match self {
            Codec::Null => ApacheCodec::Null,
            Codec::Deflate => ApacheCodec::Deflate(DeflateSettings::default()),
            Codec::Snappy => ApacheCodec::Snappy,
        }
    }
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Codec, String> {
        let found = Codec::ALL.into_iter().find(|codec| codec.name() == text);
        found.ok_or_else(|| format!("the codec {text:?} is not known here: null, deflate or snappy"))
    }
}

/// Why a container file is not read.
#[derive(Debug, Error)]
pub enum ContainerError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no container file, or a damaged one.
    #[error("{0}")]
    Format(String),
    /// Its schema is none.
    #[error("the file's schema: {0}")]
    Schema(#[from] ParseError),
    /// A datum does not read with its schema.
    #[error("datum {number}: {error}")]
    Datum {
        /// Its number in the file, from 1.
        number: u64,
        /// Why not.
        error: ReadError,
    },
}

/// Writes a container file.
#[derive(Debug)]
pub struct ContainerWriter<W> {
    out: W,
    codec: Codec,
    sync: [u8; SYNC_BYTES],
    block: Vec<u8>,
    count: i64,
}

impl<W: Write> ContainerWriter<W> {
    /// Begins a file of data of a schema. `sync` parts its blocks: sixteen random bytes.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn new(out: W, schema: &Schema, codec: Codec, sync: [u8; SYNC_BYTES]) -> io::Result<Self> {
        Self::with_metadata(out, schema, codec, sync, &[])
    }

    /// The same of a file that says something of itself, by names that do not begin with `avro.`.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn with_metadata(
        mut out: W,
        schema: &Schema,
        codec: Codec,
        sync: [u8; SYNC_BYTES],
        metadata: &[(&str, String)],
    ) -> io::Result<Self> {
        let mut header = Writer::append_to(MAGIC.to_vec());
        let text = schema.resolved_text();
        let own = [("avro.codec", codec.name()), ("avro.schema", text.as_str())];
        let others = metadata.iter().map(|(key, value)| (*key, value.as_str()));
        let entries: Vec<(&str, &str)> = own.into_iter().chain(others).collect();
        header.long(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        for (key, value) in entries {
            header.string(key);
            header.string(value);
        }
        header.long(0);
        header.fixed(&sync);
        out.write_all(&header.into_bytes())?;
        Ok(ContainerWriter {
            out,
            codec,
            sync,
            block: Vec::new(),
            count: 0,
        })
    }

    /// Adds a datum, by its bytes.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn append(&mut self, datum: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(datum);
        self.count += 1;
        // Of data that take no bytes a reader takes only so many in a block.
        if self.block.len() >= BLOCK_BYTES || self.count == ZERO_BYTE_DATA_MAX {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut data = std::mem::take(&mut self.block);
        self.codec
            .apache()
            .compress(&mut data)
            .map_err(io::Error::other)?;
        let mut block = Writer::new();
        block.long(std::mem::take(&mut self.count));
        block.bytes(&data);
        block.fixed(&self.sync);
        self.out.write_all(&block.into_bytes())
    }

    /// Writes what there is: the file is whole then, and more may follow.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn flush(&mut self) -> io::Result<()> {
        self.end_block()?;
        self.out.flush()
    }
}

/// Reads a container file.
#[derive(Debug)]
pub struct ContainerReader<R> {
    input: R,
    ops: Ops,
    codec: Codec,
    sync: [u8; SYNC_BYTES],
    block: Vec<u8>,
    position: usize,
    /// How many data of the block are left.
    left: i64,
    /// How many were read.
    number: u64,
}

impl<R: Read> ContainerReader<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// When it is none, or its schema or codec is not known.
    pub fn new(mut input: R) -> Result<ContainerReader<R>, ContainerError> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic).map_err(cut_off)?;
        if &magic != MAGIC {
            return Err(format_error(
                "it is no Avro container file: it does not begin with Obj and 1",
            ));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        let mut entries = 0;
        loop {
            let mut count = long(&mut input)?;
            if count < 0 {
                long(&mut input)?;
                count = count.saturating_neg();
            }
            if count == 0 {
                break;
            }
            entries = count.saturating_add(entries);
            if entries > METADATA_ENTRIES_MAX {
                return Err(format_error("it has too much metadata"));
            }
            for _ in 0..count {
                let key = bytes(&mut input, METADATA_BYTES_MAX)?;
                let value = bytes(&mut input, METADATA_BYTES_MAX)?;
                let text =
                    || std::str::from_utf8(&value).map_err(|_| format_error("its metadata is not UTF-8"));
                match key.as_slice() {
                    b"avro.schema" => schema = Some(Schema::parse(text()?, &[])?),
                    b"avro.codec" => codec = text()?.parse().map_err(ContainerError::Format)?,
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| format_error("it names no schema"))?;
        let mut sync = [0; SYNC_BYTES];
        input.read_exact(&mut sync).map_err(cut_off)?;
        Ok(ContainerReader {
            input,
            ops: Ops::new(&schema),
            codec,
            sync,
            block: Vec::new(),
            position: 0,
            left: 0,
            number: 0,
        })
    }

    /// The schema of its data.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.ops.schema()
    }

    /// The next datum, by its bytes, and its number from 1; nothing at the end of the file.
    ///
    /// # Errors
    /// When the file is damaged, or a datum does not read with its schema.
    pub fn next_datum(&mut self) -> Result<Option<(u64, &[u8])>, ContainerError> {
        while self.left == 0 {
            if self.position < self.block.len() {
                return Err(format_error("a block has more bytes than data"));
            }
            if !self.next_block()? {
                return Ok(None);
            }
        }
        self.number += 1;
        let rest = self.block.get(self.position..).unwrap_or_default();
        let mut reader = Reader::new(rest);
        if let Err(fault) = self.ops.walk(self.schema().root(), &mut reader) {
            return Err(self.datum_error(rest, fault));
        }
        if reader.position() == 0 && self.left > ZERO_BYTE_DATA_MAX {
            return Err(format_error("a block has too many data that take no bytes"));
        }
        let start = self.position;
        self.position += reader.position();
        self.left -= 1;
        Ok(Some((self.number, &self.block[start..self.position])))
    }

    fn datum_error(&self, rest: &[u8], fault: Fault) -> ContainerError {
        ContainerError::Datum {
            number: self.number,
            error: self.ops.placed(Reader::new(rest), fault),
        }
    }

    /// Whether there is another block.
    fn next_block(&mut self) -> Result<bool, ContainerError> {
        let mut first = [0; 1];
        if self.input.read(&mut first)? == 0 {
            return Ok(false);
        }
        let count = long((&first[..]).chain(&mut self.input))?;
        if count < 0 {
            return Err(format_error(format!("a block has {count} data")));
        }
        let mut block = bytes(&mut self.input, BLOCK_BYTES_MAX)?;
        let mut sync = [0; SYNC_BYTES];
        self.input.read_exact(&mut sync).map_err(cut_off)?;
        if sync != self.sync {
            return Err(format_error(
                "a block does not end with the file's sync: the file is damaged",
            ));
        }
        let decompressed = self.codec.apache().decompress(&mut block);
        decompressed.map_err(|error| format_error(format!("a block is damaged: {error}")))?;
        (self.block, self.position, self.left) = (block, 0, count);
        Ok(true)
    }
}

/// How many data of a block may take no bytes.
const ZERO_BYTE_DATA_MAX: i64 = super::wire::ZERO_BYTE_ITEMS_MAX as i64;

fn format_error(message: impl Into<String>) -> ContainerError {
    ContainerError::Format(message.into())
}

fn cut_off(error: io::Error) -> ContainerError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format_error("the file is cut off"),
        _ => error.into(),
    }
}

fn long(mut input: impl Read) -> Result<i64, ContainerError> {
    let mut digits = Vec::with_capacity(10);
    loop {
        let mut byte = [0; 1];
        input.read_exact(&mut byte).map_err(cut_off)?;
        digits.push(byte[0]);
        if byte[0] < 0x80 || digits.len() > 10 {
            break;
        }
    }
    Reader::new(&digits)
        .long()
        .map_err(|fault| format_error(fault.message()))
}

/// Bytes behind their length; no more memory is taken than there are.
fn bytes(mut input: impl Read, max: usize) -> Result<Vec<u8>, ContainerError> {
    let length = long(&mut input)?;
    let fits = usize::try_from(length).is_ok_and(|length| length <= max);
    if !fits {
        return Err(format_error(format!(
            "{length} bytes in one piece; {max} are read at most"
        )));
    }
    let mut bytes = Vec::new();
    input.take(length.unsigned_abs()).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length.unsigned_abs() {
        true => Ok(bytes),
        false => Err(format_error("the file is cut off")),
    }
}
