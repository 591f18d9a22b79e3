//! Files and bytes that the disk does not give back: damage like any other, not a reason to give up.

use std::io;

use crate::disk::DiskFile;

/// "Input/output error".
const EIO: i32 = 5;

/// Whether the disk does not give the bytes, which is damage like any other.
pub(super) fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EIO)
}

pub(crate) fn readable<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if is_unreadable(&error) => Ok(None),
        read => read.map(Some),
    }
}

/// Stands for a file that is gone.
pub(super) struct NoFile;

impl DiskFile for NoFile {
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
