//! The only place that knows file paths and `sync_data`: two small traits, and their implementation on a real disk.
//!
//! Names are relative to the log directory and use `/`. A name becomes durable only by [`Disk::sync_dir`] of the
//! directory that holds it, bytes only by [`DiskFile::sync`]; until then a power cut may keep or lose them, and
//! lost bytes below the file's length read as zeros. What is assumed of the disk: a synced byte stays, a sector of
//! 512 bytes is written whole or not at all, and a rename is atomic.
//!
//! Left out: retries. Whoever sees an error stops writing, because after a failed sync the page cache lies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::LogError;

#[cfg(test)]
pub(crate) mod sim;

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
}

/// An open file, read and written at positions.
pub(crate) trait DiskFile: Send + Sync {
    /// Fills `out` or fails.
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()>;
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

/// Keeps other processes out of a directory while it lives.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

/// The real disk, below one directory.
#[derive(Debug)]
pub(crate) struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Creates the directory if it is missing and locks it.
    pub(crate) fn open(root: &Path) -> Result<(RealDisk, DirLock), LogError> {
        let shown = root.display();
        if !root.exists() {
            fs::create_dir_all(root).map_err(LogError::io(format!("creating {shown}")))?;
            if let Some(dir) = root.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                sync_directory(dir).map_err(LogError::io(format!("syncing {}", dir.display())))?;
            }
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join("LOCK"));
        let file = file.map_err(LogError::io(format!("opening {shown}/LOCK")))?;
        match file.try_lock() {
            Ok(()) => Ok((
                RealDisk {
                    root: root.to_path_buf(),
                },
                DirLock { _file: file },
            )),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked {
                path: shown.to_string(),
            }),
            Err(TryLockError::Error(source)) => Err(LogError::Io {
                what: format!("locking {shown}/LOCK"),
                source,
            }),
        }
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

impl Disk for RealDisk {
    fn open(&self, name: &str, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let create = how == Open::Create;
        let path = self.root.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(create)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.root.join(dir))? {
            let entry = entry?;
            // A name that is not UTF-8 is not one of ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            entries.push(Entry {
                name,
                is_dir: entry.file_type()?.is_dir(),
            });
        }
        Ok(entries)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        fs::create_dir(self.root.join(dir))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        if path.is_dir() {
            fs::remove_dir(path)
        } else {
            fs::remove_file(path)
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        sync_directory(&self.root.join(dir))
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, position)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
