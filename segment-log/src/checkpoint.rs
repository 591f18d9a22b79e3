//! The durable mark: up to where each partition's records have been synced, so that recovery can tell a torn tail,
//! which nobody was promised, from damage to records that were acknowledged.
//!
//! ```text
//! CHECKPOINT, text, replaced as a whole:
//!   annals-checkpoint 1
//!   epoch 3                          leader epoch; one more after every unclean start
//!   state open                       or "clean": closed in order, nothing behind the marks
//!   partition 512 0 t/9f…/0          durable end offset, log start offset, path
//!   compacted 480 t/9f…/0            up to where it was compacted, where it was; path
//!   crc 0a1b2c3d                     CRC-32C of everything before, in hex
//! ```
//!
//! Invariant: a mark never runs ahead of the disk: it is written after the sync it speaks of, and lags behind by a
//! second or 16 MiB at most while the disk takes it. Marks of partitions not opened in this run are kept. The epoch
//! never falls.
//!
//! The file is derived: without it everything is read anew, and what stands behind the last sealed segment is not known
//! to be durable. What goes with it is the proof that records are missing at an end. So a damaged one is said and let
//! go; only its epoch is kept where that can be read, since clients remember epochs.

use std::collections::BTreeMap;

use crate::disk::{Disk, load, replace};
use crate::error::LogError;
use crate::format::crc;

pub(crate) const FILE: &str = "CHECKPOINT";
const FIRST_LINE: &str = "annals-checkpoint 1";

/// Largest file read: a million partitions.
const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// More unclean starts than a directory ever sees: a greater epoch is a flipped bit.
const EPOCH_MAX: i32 = 1 << 28;

/// What is known to be on disk of one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// One behind the last record known to be durable.
    pub(crate) durable_end: i64,
    pub(crate) log_start: i64,
    /// Up to where it was compacted.
    pub(crate) compacted_end: i64,
}

/// Content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: i32,
    pub(crate) clean: bool,
    pub(crate) marks: BTreeMap<String, Mark>,
}

/// What the file came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// There is none.
    Missing,
    Whole(Checkpoint),
    Damaged {
        reason: String,
        /// What it says of the epoch, which may be wrong as well.
        epoch: Option<i32>,
    },
}

impl Checkpoint {
    /// Reads the file.
    pub(crate) fn load(disk: &dyn Disk) -> Result<Loaded, LogError> {
        let bytes = load(disk, FILE, FILE_BYTES_MAX).map_err(LogError::io("reading CHECKPOINT"))?;
        let Some(bytes) = bytes else {
            return Ok(Loaded::Missing);
        };
        let text = String::from_utf8_lossy(&bytes);
        Ok(match parse(&text) {
            Ok(checkpoint) => Loaded::Whole(checkpoint),
            Err(reason) => Loaded::Damaged {
                reason,
                epoch: epoch_in(&text),
            },
        })
    }

    /// Replaces the file.
    pub(crate) fn store(&self, disk: &dyn Disk) -> std::io::Result<()> {
        replace(disk, FILE, self.text().as_bytes())
    }

    fn text(&self) -> String {
        let state = if self.clean { "clean" } else { "open" };
        let mut text = format!("{FIRST_LINE}\nepoch {}\nstate {state}\n", self.epoch);
        for (path, mark) in &self.marks {
            text.push_str(&format!(
                "partition {} {} {path}\n",
                mark.durable_end, mark.log_start
            ));
            if mark.compacted_end > 0 {
                text.push_str(&format!("compacted {} {path}\n", mark.compacted_end));
            }
        }
        let sum = crc(text.as_bytes());
        text.push_str(&format!("crc {sum:08x}\n"));
        text
    }
}

fn parse(text: &str) -> Result<Checkpoint, String> {
    let body = text.trim_end_matches('\n');
    let (_, last) = body.rsplit_once('\n').ok_or("it has no lines")?;
    let body = &text[..body.len() - last.len()];
    if last != format!("crc {:08x}", crc(body.as_bytes())) {
        return Err("its checksum does not match".into());
    }
    let mut lines = body.lines();
    let first = lines.next().unwrap_or_default();
    if first != FIRST_LINE {
        return Err(format!("it begins with \"{first}\" instead of \"{FIRST_LINE}\""));
    }
    let mut checkpoint = Checkpoint::default();
    for line in lines {
        read_line(line, &mut checkpoint).ok_or_else(|| format!("the line \"{line}\" is not understood"))?;
    }
    Ok(checkpoint)
}

/// The epoch a damaged file speaks of, if it is one that can be.
fn epoch_in(text: &str) -> Option<i32> {
    let said = text.lines().find_map(|line| line.strip_prefix("epoch "));
    said?.parse().ok().filter(|epoch| (0..EPOCH_MAX).contains(epoch))
}

fn read_line(line: &str, into: &mut Checkpoint) -> Option<()> {
    let (word, rest) = line.split_once(' ')?;
    match (word, rest) {
        ("epoch", epoch) => into.epoch = epoch.parse().ok()?,
        ("state", "clean") => into.clean = true,
        ("state", "open") => into.clean = false,
        ("partition", rest) => {
            let mut parts = rest.splitn(3, ' ');
            let mark = Mark {
                durable_end: parts.next()?.parse().ok()?,
                log_start: parts.next()?.parse().ok()?,
                compacted_end: 0,
            };
            into.marks.insert(parts.next()?.to_owned(), mark);
        }
        // Behind its partition's line.
        ("compacted", rest) => {
            let (end, path) = rest.split_once(' ')?;
            into.marks.get_mut(path)?.compacted_end = end.parse().ok()?;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let marks = [
            ("meta/0", 7, 0, 0),
            ("t/9f/0", 512, 100, 480),
            ("t/9f/1", 0, 0, 0),
        ]
        .map(|(path, durable_end, log_start, compacted_end)| {
            let mark = Mark {
                durable_end,
                log_start,
                compacted_end,
            };
            (path.to_owned(), mark)
        });
        Checkpoint {
            epoch: 3,
            clean: true,
            marks: marks.into(),
        }
    }

    #[test]
    fn the_file_gives_the_marks_back() {
        for checkpoint in [sample(), Checkpoint::default()] {
            assert_eq!(parse(&checkpoint.text()), Ok(checkpoint));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let text = sample().text().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut bad = text.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let harmless = bit / 8 == text.len() - 1; // the last newline carries nothing
            if let Ok(bad) = String::from_utf8(bad) {
                assert!(parse(&bad).is_err() || harmless, "bit {bit}: {bad}");
            }
        }
        for len in 0..text.len() - 1 {
            assert!(
                parse(std::str::from_utf8(&text[..len]).unwrap()).is_err(),
                "length {len}"
            );
        }
    }
}
