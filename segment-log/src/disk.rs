//! The only place that knows file paths and `sync_data`: two small traits, and their implementation on a real disk.
//!
//! Names are relative to the log directory and use `/`. A name becomes durable only by [`Disk::sync_dir`] of the
//! directory that holds it, bytes only by [`DiskFile::sync`]; until then a power cut may keep or lose them, and
//! lost bytes below the file's length read as zeros. What is assumed of the disk: a synced byte stays, a sector of
//! 512 bytes is written whole or not at all, and a rename is atomic.
//!
//! A failed sync is told from everything else that can fail ([`is_failed_sync`]): after it the page cache lies, so
//! whoever sees one stops writing. A failed open or write has changed nothing that was promised, and may be tried
//! again.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

mod crew;
mod real;
#[cfg(test)]
pub(crate) mod sim;

pub(crate) use real::{DirLock, RealDisk};
pub use real::{create_folder, try_room};

/// A directory's child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
}

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    Existing,
    /// An existing file is emptied.
    Create,
}

/// Something to be done on a disk, see [`Disk::together`].
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// A directory tree.
pub(crate) trait Disk: Send + Sync {
    fn open(&self, name: &str, how: Open) -> io::Result<Arc<dyn DiskFile>>;
    fn list(&self, dir: &str) -> io::Result<Vec<Entry>>;
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file or an empty directory.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Makes sure that a few files can still be opened when descriptors run out elsewhere; an error when they have.
    fn reserve(&self) -> io::Result<()>;
    /// Does all of this, in any order and several at a time: syncs that come together are done sooner than one after the
    /// other. Returns when all has ended.
    fn together(&self, work: Vec<Work>);
}

/// An open file, read and written at positions.
pub(crate) trait DiskFile: Send + Sync {
    /// Fills `out` or fails.
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()>;
    /// So many bytes, or none.
    fn read(&self, position: u64, bytes: usize) -> io::Result<Bytes> {
        let mut out = BytesMut::zeroed(bytes);
        self.read_at(position, &mut out)?;
        Ok(out.freeze())
    }
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable.
    fn sync(&self) -> io::Result<()>;
}

/// The directory of a file; the log directory itself is "".
pub(crate) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Makes a directory and its parents survive a power cut, creating what is missing.
pub(crate) fn create_dirs(disk: &dyn Disk, dir: &str) -> io::Result<()> {
    if dir.is_empty() {
        return Ok(());
    }
    create_dirs(disk, parent(dir))?;
    if !exists(disk, dir)? {
        disk.create_dir(dir)?;
    }
    disk.sync_dir(parent(dir))
}

/// Whether a directory exists.
pub(crate) fn exists(disk: &dyn Disk, dir: &str) -> io::Result<bool> {
    match disk.list(dir) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces a small file: after a power cut it has the old content or the new, never a mixture.
pub(crate) fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = format!("{name}.tmp");
    let file = disk.open(&fresh, Open::Create)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    disk.rename(&fresh, name)?;
    disk.sync_dir(parent(name))
}

/// A whole small file, or `None` when there is none. `bytes_max` bounds what is read into memory.
pub(crate) fn load(disk: &dyn Disk, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(name, Open::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.len()?;
    if len > bytes_max {
        return Err(io::Error::other(format!(
            "{name} has {len} bytes, more than the {bytes_max} expected"
        )));
    }
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes)?;
    Ok(Some(bytes))
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_if_there(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a directory with the files in it; one that is not there is fine.
pub(crate) fn remove_tree(disk: &dyn Disk, dir: &str) -> io::Result<()> {
    let entries = match disk.list(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = format!("{dir}/{}", entry.name);
        if entry.is_dir {
            remove_tree(disk, &name)?
        } else {
            disk.remove(&name)?
        }
    }
    disk.remove(dir)
}

/// The cause of a sync that failed.
#[derive(Debug, thiserror::Error)]
#[error("a sync failed: {0}")]
struct FailedSync(io::Error);

/// Marks an error as a failed sync's.
pub(crate) fn failed_sync(cause: io::Error) -> io::Error {
    io::Error::new(cause.kind(), FailedSync(cause))
}

/// Whether a sync failed, after which nothing may be written any more, and not what came before it.
pub(crate) fn is_failed_sync(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<FailedSync>())
}
