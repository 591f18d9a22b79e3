//! A segment that takes the place of one or several: crash-safe, and invisible to readers.
//!
//! ```text
//! <base>-<end>.swap.tmp   being written; swept when the partition is opened
//! <base>-<end>.swap       whole and synced: from now on it stands for all segments from <base> to <end>
//! ```
//!
//! Invariant: the rename to `.swap` decides, once the directory is synced: before it the old segments count, after it
//! the new one, and whoever comes next finishes: the old files go (but for the first log, which is replaced by a
//! rename), their sidecars with them, and only when that is on disk the new one gets its name. So no step leaves a range
//! of offsets to two segments, or to none.

use std::io;

use crate::clustered;
use crate::disk::{Disk, remove_if_there};
use crate::segment::{file_name, parse_name};

const SWAP: &str = ".swap";
const UNDECIDED: &str = ".swap.tmp";

/// The file that is to stand for all segments from `base` to `end`, once it is decided.
pub(crate) fn swap_name(dir: &str, base: i64, end: i64) -> String {
    format!("{dir}/{base:020}-{end:020}{SWAP}")
}

/// The same file while it is written.
pub(crate) fn undecided_name(dir: &str, base: i64, end: i64) -> String {
    format!("{dir}/{base:020}-{end:020}{UNDECIDED}")
}

/// The range of offsets in the name of a decided swap.
fn parse_swap(name: &str) -> Option<(i64, i64)> {
    let (base, end) = name.strip_suffix(SWAP)?.split_once('-')?;
    Some((parse_name(base, "")?, parse_name(end, "")?))
}

/// Finishes one decided swap; done again it changes nothing.
pub(crate) fn finish(disk: &dyn Disk, dir: &str, base: i64, end: i64) -> io::Result<()> {
    for entry in disk.list(dir)? {
        let name = format!("{dir}/{}", entry.name);
        let stands_at = |ending| parse_name(&entry.name, ending);
        let mut endings = [".idx", ".snap", ".keys", clustered::ENDING].into_iter();
        let sidecar = endings.find_map(stands_at);
        let goes = sidecar.is_some_and(|at| (base..end).contains(&at))
            || stands_at(".log").is_some_and(|at| base < at && at < end);
        if goes {
            remove_if_there(disk, &name)?;
        }
    }
    disk.sync_dir(dir)?;
    match disk.rename(&swap_name(dir, base, end), &file_name(dir, base, "log")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.sync_dir(dir)
}

/// Finishes what a crash interrupted in a partition, and sweeps what was not decided.
pub(crate) fn finish_all(disk: &dyn Disk, dir: &str) -> io::Result<()> {
    let entries = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        if let Some((base, end)) = parse_swap(&entry.name) {
            finish(disk, dir, base, end)?;
        } else if entry.name.ends_with(UNDECIDED) {
            remove_if_there(disk, &format!("{dir}/{}", entry.name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_names() {
        let name = swap_name("a/0", 7, 300);
        assert_eq!(name, "a/0/00000000000000000007-00000000000000000300.swap");
        assert_eq!(parse_swap(name.trim_start_matches("a/0/")), Some((7, 300)));
        for name in [
            "7-300.swap",
            "00000000000000000007.swap",
            "00000000000000000007-00000000000000000300.swap.tmp",
        ] {
            assert_eq!(parse_swap(name), None, "{name}");
        }
    }
}
