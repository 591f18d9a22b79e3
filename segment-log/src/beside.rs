//! A file of entries beside a partition's log: for what somebody computed from its records, and can compute again.
//!
//! ```text
//! <name>.beside
//!   entries, back to back:
//!       0  4  bytes of the entry, n
//!       4  4  CRC-32C of them
//!       8  n  the entry
//! ```
//!
//! Entries are appended and never changed. Nothing is synced: the file is a cache, and goes with the partition. What a crash
//! tore, or a disk flipped, is told from what was written by its checksum, logged, and never given to anybody; whoever opens a
//! file loses what stands behind the first bad entry. While the log takes no writes, or the disk is full, nothing is
//! appended here either: what room there is belongs to records.
//! Left out: what entries say, and when they are of no more use.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Buf;

use crate::committer::Shared;
use crate::disk::{Disk, DiskFile, Open, remove_if_there};
use crate::format::crc;
use crate::mutex::lock;
use crate::partition::Partition;

pub(crate) const ENDING: &str = ".beside";
const HEAD_BYTES: usize = 8;

/// Longest entry, in bytes: what a damaged length makes anybody read.
const ENTRY_BYTES_MAX: usize = 64 << 20;

/// Bytes read at once when a file is opened.
const CHUNK_BYTES: usize = 256 << 10;

/// An open file of entries, see the module.
pub struct Beside {
    entries: Entries,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beside")
            .field("name", &self.entries.name)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Partition {
    /// Opens the file of this name beside the log, creating it if it is missing. `each` is given every entry that is there,
    /// with its position. Says how many bytes stood behind a bad entry, and are gone.
    ///
    /// # Errors
    /// The disk's. A name that is not of letters, digits and `-` is refused.
    pub fn beside(&self, name: &str, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<(Beside, u64)> {
        let name = self.beside_name(name)?;
        let (entries, lost) = Entries::open(self.disk(), &name, each)?;
        let shared = self.shared();
        Ok((Beside { entries, shared }, lost))
    }

    /// Removes the file of this name; one that is not there is fine. Who has it open may go on.
    ///
    /// # Errors
    /// The disk's, and as for [`Partition::beside`].
    pub fn remove_beside(&self, name: &str) -> io::Result<()> {
        remove_if_there(self.disk(), &self.beside_name(name)?)
    }

    /// The names of the files that there are.
    ///
    /// # Errors
    /// The disk's.
    pub fn all_beside(&self) -> io::Result<Vec<String>> {
        let entries = self.disk().list(self.path())?;
        let name = |entry: &crate::disk::Entry| Some(entry.name.strip_suffix(ENDING)?.to_owned());
        Ok(entries.iter().filter_map(name).collect())
    }

    fn beside_name(&self, name: &str) -> io::Result<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_plain) {
            let reason = format!("`{name}` is no name of a file beside a log: letters, digits and - are");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        Ok(format!("{}/{name}{ENDING}", self.path()))
    }
}

impl Beside {
    /// Appends an entry, and says at which position it is.
    ///
    /// # Errors
    /// The disk's; while the log takes no writes, or the disk is full, it is refused, and so is an entry longer than 64 MiB.
    pub fn append(&self, entry: &[u8]) -> io::Result<u64> {
        self.shared.ready().map_err(io::Error::other)?;
        if let Some(reason) = self.shared.room.reason() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, reason));
        }
        self.entries.append(entry)
    }

    /// The entry at a position; nothing where its bytes are not those that were written.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self, position: u64) -> io::Result<Option<Vec<u8>>> {
        self.entries.read(position)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.entries.bytes()
    }
}

/// Whether all of a file is entries as they were written.
pub(crate) fn is_whole(file: &dyn DiskFile) -> io::Result<bool> {
    let len = file.len()?;
    Ok(all_of(file, len, &mut |_, _| {})? == len)
}

/// Cuts a file where its entries are not as they were written.
pub(crate) fn cut(disk: &dyn Disk, name: &str) -> io::Result<()> {
    Entries::open(disk, name, &mut |_, _| {}).map(drop)
}

/// The entries of a file.
struct Entries {
    name: String,
    file: Arc<dyn DiskFile>,
    /// Where the next one goes.
    end: Mutex<u64>,
}

impl Entries {
    fn open(disk: &dyn Disk, name: &str, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<(Entries, u64)> {
        let file = match disk.open(name, Open::Existing) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.open(name, Open::Create)?,
            file => file?,
        };
        let len = file.len()?;
        let end = all_of(&*file, len, each)?;
        if end < len {
            tracing::warn!(file = %name, position = end, bytes = len - end, "entries beside a log are damaged, and are gone");
            file.set_len(end)?;
        }
        let entries = Entries {
            name: name.to_owned(),
            file,
            end: Mutex::new(end),
        };
        Ok((entries, len - end))
    }

    fn append(&self, entry: &[u8]) -> io::Result<u64> {
        let length = u32::try_from(entry.len())
            .ok()
            .filter(|_| entry.len() <= ENTRY_BYTES_MAX);
        let length = length.ok_or_else(|| io::Error::other("the entry is too long"))?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + entry.len());
        bytes.extend(length.to_be_bytes());
        bytes.extend(crc(entry).to_be_bytes());
        bytes.extend(entry);
        let mut end = lock(&self.end);
        let position = *end;
        self.file.write_at(position, &bytes)?;
        *end += bytes.len() as u64;
        Ok(position)
    }

    fn read(&self, position: u64) -> io::Result<Option<Vec<u8>>> {
        let end = self.bytes();
        let mut entry = Vec::new();
        if let Some((length, sum)) = head(&*self.file, position, end)? {
            entry.resize(length, 0);
            self.file.read_at(position + HEAD_BYTES as u64, &mut entry)?;
            if crc(&entry) == sum {
                return Ok(Some(entry));
            }
        }
        tracing::warn!(file = %self.name, position, "an entry beside a log is damaged");
        Ok(None)
    }

    fn bytes(&self) -> u64 {
        *lock(&self.end)
    }
}

/// Length and checksum of the entry at a position; nothing where none can stand.
fn head(file: &dyn DiskFile, position: u64, end: u64) -> io::Result<Option<(usize, u32)>> {
    if end.saturating_sub(position) < HEAD_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = [0; HEAD_BYTES];
    file.read_at(position, &mut bytes)?;
    Ok(parse_head(&bytes, end - position))
}

/// What a head says, when so many bytes are left from it on.
fn parse_head(mut bytes: &[u8], left: u64) -> Option<(usize, u32)> {
    let (length, sum) = (bytes.try_get_u32().ok()?, bytes.try_get_u32().ok()?);
    let length = usize::try_from(length).ok()?;
    let is_within = length <= ENTRY_BYTES_MAX && (HEAD_BYTES + length) as u64 <= left;
    is_within.then_some((length, sum))
}

/// Goes through the entries, a chunk at a time, and says where the last good one ends.
fn all_of(file: &dyn DiskFile, len: u64, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<u64> {
    let (mut position, mut chunk, mut used) = (0, Vec::new(), 0);
    loop {
        let left = len - position;
        let held: &[u8] = chunk.get(used..).unwrap_or_default();
        let wanted = match held.get(..HEAD_BYTES) {
            None => HEAD_BYTES,
            Some(head) => match parse_head(head, left) {
                None => return Ok(position),
                Some((length, _)) => HEAD_BYTES + length,
            },
        };
        if held.len() < wanted {
            // The same place again, with as much as is wanted.
            let bytes = left.min(wanted.max(CHUNK_BYTES) as u64);
            if bytes < wanted as u64 {
                return Ok(position);
            }
            chunk = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
            used = 0;
            file.read_at(position, &mut chunk)?;
            continue;
        }
        let sum = parse_head(held, left).map_or(0, |(_, sum)| sum);
        let entry = held.get(HEAD_BYTES..wanted).unwrap_or_default();
        if crc(entry) != sum {
            return Ok(position);
        }
        each(position, entry);
        position += wanted as u64;
        used += wanted;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::sim::SimDisk;

    fn open(disk: &SimDisk) -> (Entries, Vec<(u64, Vec<u8>)>, u64) {
        let mut found = Vec::new();
        let (beside, lost) =
            Entries::open(disk, "x", &mut |at, entry| found.push((at, entry.to_vec()))).unwrap();
        (beside, found, lost)
    }

    proptest! {
        /// What was appended is there again, unless a byte was flipped: then it and what stands behind it is not.
        #[test]
        fn entries_come_back_or_are_gone(
            entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..20),
            long in prop::option::of(CHUNK_BYTES - 20..2 * CHUNK_BYTES),
            flipped in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut entries = entries;
            entries.extend(long.map(|length| vec![7; length]));
            let disk = SimDisk::new();
            let (beside, found, _) = open(&disk);
            prop_assert!(found.is_empty());
            let mut kept: Vec<(u64, Vec<u8>)> = Vec::new();
            for entry in &entries {
                kept.push((beside.append(entry).unwrap(), entry.clone()));
            }
            for (at, entry) in &kept {
                let read = beside.read(*at).unwrap();
                prop_assert_eq!(read.as_ref(), Some(entry));
            }
            let mut bytes = disk.bytes("x");
            let total = bytes.len() as u64;
            prop_assert_eq!(total, beside.bytes());
            prop_assert!(is_whole(&*disk.open("x", Open::Existing).unwrap()).unwrap());
            if let Some(flipped) = flipped {
                let at = flipped.index(bytes.len());
                bytes[at] ^= 0x10;
                disk.put("x", &bytes);
                prop_assert!(!is_whole(&*disk.open("x", Open::Existing).unwrap()).unwrap());
                let bad = kept.iter().rposition(|(position, _)| *position <= at as u64).unwrap();
                prop_assert!(beside.read(kept[bad].0).unwrap() != Some(kept[bad].1.clone()));
                kept.truncate(bad);
            }
            let (beside, found, lost) = open(&disk);
            prop_assert_eq!(&found, &kept);
            prop_assert_eq!(lost + beside.bytes(), total);
            // It goes on behind what is good.
            let at = beside.append(b"next").unwrap();
            kept.push((at, b"next".to_vec()));
            prop_assert_eq!(open(&disk).1, kept);
        }
    }
}
