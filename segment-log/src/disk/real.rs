//! The real disk, below one directory.
//!
//! Invariant: every directory made here is synced in its parent. A few descriptors are kept back, so that a process
//! that ran out of them can still begin a segment, sync a directory and write a checkpoint.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rustix::buffer::spare_capacity;

use super::crew::Crew;
use super::{Disk, DiskFile, Entry, Open, Work, failed_sync};
use crate::error::LogError;
use crate::mutex::lock;
use crate::room;

/// Descriptors kept back: a new segment in each of a few partitions, and the files of a checkpoint.
const RESERVED: usize = 16;

/// "Too many open files", of the process and of the system.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Keeps other processes out of a directory while it lives.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

/// Creates a folder with the folders above it that are missing, each of which survives a power cut. One that is there
/// is synced in the folder above it as well: its creator may have been killed before it could.
///
/// # Errors
/// What the operating system said.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|dir| !dir.exists()).collect();
    let made = missing.last().copied().unwrap_or(path);
    fs::create_dir_all(path)?;
    for dir in path.ancestors() {
        if let Some(above) = above(dir) {
            match sync_directory(above) {
                // A folder that was there before, in one that only lets pass.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && missing.is_empty() => {}
                synced => synced?,
            }
        }
        if dir == made {
            break;
        }
    }
    Ok(())
}

/// Whether a folder takes a few bytes: what is written first says best that a disk is full. If it is, what the log below
/// the other folder keeps back is let go of, so that a start finds room, and records can be deleted.
///
/// # Errors
/// What the operating system said.
pub fn try_room(folder: &Path, log: &Path) -> io::Result<()> {
    let disk = |root: &Path| RealDisk {
        root: root.to_path_buf(),
        reserved: Mutex::default(),
        crew: Crew::default(),
    };
    match room::try_room(&disk(folder), room::TRIED_BYTES_MIN) {
        Err(error) if room::is_full(&error) => {
            room::let_go(&disk(log))?;
            room::try_room(&disk(folder), room::TRIED_BYTES_MIN)
        }
        tried => tried,
    }
}

/// The folder that holds `dir`; `None` for a root.
fn above(dir: &Path) -> Option<&Path> {
    let above = dir.parent()?;
    Some(if above.as_os_str().is_empty() {
        Path::new(".")
    } else {
        above
    })
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all().map_err(failed_sync)
}

/// The real disk, below one directory.
pub(crate) struct RealDisk {
    root: PathBuf,
    /// Open files that stand for descriptors.
    reserved: Mutex<Vec<File>>,
    crew: Crew,
}

impl RealDisk {
    /// Creates the directory if it is missing and locks it.
    pub(crate) fn open(root: &Path) -> Result<(RealDisk, DirLock), LogError> {
        let shown = root.display();
        create_folder(root).map_err(LogError::io(format!("creating {shown}")))?;
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
                    reserved: Mutex::default(),
                    crew: Crew::default(),
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

    /// Opens with a descriptor of the reserve when there is no other.
    fn opening<T>(&self, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
        loop {
            match open() {
                Err(error) if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
                    if lock(&self.reserved).pop().is_none() {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }
}

impl Disk for RealDisk {
    fn open(&self, name: &str, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let create = how == Open::Create;
        let path = self.root.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).truncate(create);
        Ok(Arc::new(RealFile(self.opening(|| options.open(&path))?)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let path = self.root.join(dir);
        for entry in self.opening(|| fs::read_dir(&path))? {
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
        let path = self.root.join(dir);
        let dir = self.opening(|| File::open(&path))?;
        dir.sync_all().map_err(failed_sync)
    }

    fn reserve(&self) -> io::Result<()> {
        let mut reserved = lock(&self.reserved);
        while reserved.len() < RESERVED {
            reserved.push(File::open(&self.root)?);
        }
        Ok(())
    }

    fn together(&self, work: Vec<Work>) {
        self.crew.together(work);
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, position)
    }

    /// Into memory that nobody filled with zeros before.
    fn read(&self, position: u64, bytes: usize) -> io::Result<Bytes> {
        let mut out = Vec::with_capacity(bytes);
        while out.len() < bytes {
            let at = position + out.len() as u64;
            match rustix::io::pread(&self.0, spare_capacity(&mut out), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        out.truncate(bytes);
        Ok(Bytes::from(out))
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
        self.0.sync_data().map_err(failed_sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_down_to_the_last() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b/c");
        for _ in 0..2 {
            create_folder(&deep).unwrap();
            assert!(deep.is_dir());
        }
        assert_eq!(above(Path::new("a")), Some(Path::new(".")));
        assert_eq!(above(Path::new("a/b")), Some(Path::new("a")));
        assert_eq!(above(Path::new("/")), None);
    }

    #[test]
    fn bytes_are_read_from_anywhere_in_a_file_and_never_past_its_end() {
        let place = tempfile::tempdir().unwrap();
        let (disk, _lock) = RealDisk::open(place.path()).unwrap();
        let file = disk.open("file", Open::Create).unwrap();
        let content: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
        file.write_at(0, &content).unwrap();
        for (from, to) in [(0, 0), (0, 1), (0, 200_000), (7, 131_079), (199_999, 200_000)] {
            let read = file.read(from as u64, to - from).unwrap();
            assert_eq!(read, content[from..to], "{from}..{to}");
        }
        for (from, bytes) in [(200_000, 1), (0, 200_001), (1_000_000, 1)] {
            let kind = file.read(from, bytes).unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::UnexpectedEof, "{bytes} from {from}");
        }
    }

    #[test]
    fn a_failed_sync_is_told_from_other_errors() {
        let cause = || io::Error::other("input/output error");
        assert!(crate::disk::is_failed_sync(&failed_sync(cause())));
        assert!(!crate::disk::is_failed_sync(&cause()));
        assert_eq!(
            failed_sync(cause()).to_string(),
            "a sync failed: input/output error"
        );
    }
}
