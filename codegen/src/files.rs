//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::io;
use std::path::Path;

/// Writes a file, unless it holds this text already: then it keeps its time, and what is built from it stays built.
///
/// # Errors
/// When it cannot be written; what was there before is there still.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let mut unfinished = path.file_name().map_or_else(OsString::new, OsString::from);
    // No schema's ending, so that what a crash leaves is not read.
    unfinished.push(".unfinished");
    let unfinished = path.with_file_name(unfinished);
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_written_whole_and_only_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v1.avsc");
        write(&path, "a").unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        write(&path, "a").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        write(&path, "b").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        // What stands in the way stays, and nothing is half written.
        fs::create_dir(folder.path().join("v2.avsc.unfinished")).unwrap();
        assert!(write(&folder.path().join("v2.avsc"), "c").is_err());
        assert!(!folder.path().join("v2.avsc").exists());
    }
}
