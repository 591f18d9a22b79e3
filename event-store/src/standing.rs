//! Where a walk through aggregates stands, as its cursor has it.
//!
//! A key of up to [`KEY_BYTES_MAX`] bytes stands there as it is. Of a longer one there are so many of its first bytes, and a digest
//! of the whole: the walk goes on behind the key with this digest, which is sought among those that begin so.
//! Invariant: a cursor fits into a URL whatever the ids are. Left out: going on behind a long key that is no longer there; between
//! which others it stood is not known, and the walk is refused.

use sha2::{Digest, Sha256};

use crate::aggregates::Aggregate;
use crate::bookmark::Bookmarks;
use crate::cut::Cut;
use crate::error::StoreError;
use crate::hex::hex;
use crate::key::{key_bytes, key_text};
use crate::work::Work;

/// Bytes of a key that a cursor has: a URL takes three times as many for them, and proxies between take some KiB.
const KEY_BYTES_MAX: usize = 512;
/// Keys that are looked at together when a long one is sought.
const KEYS_AT_ONCE: usize = 64;
/// Stands between the place of a partition and the digest of a long key.
const DIGEST: char = '~';

/// Where an aggregate stands among all: its key, and the place of its partition.
pub(crate) type Place = (Vec<u8>, usize);

/// A place, as a cursor has it.
pub(crate) fn place_text((key, partition): &Place) -> String {
    match key.get(..KEY_BYTES_MAX) {
        Some(start) if key.len() > KEY_BYTES_MAX => {
            format!("{partition}{DIGEST}{};{}", digest(key), key_text(start))
        }
        _ => format!("{partition};{}", key_text(key)),
    }
}

fn digest(key: &[u8]) -> String {
    hex(&Sha256::digest(key))
}

/// What a cursor says of a place.
struct Standing {
    /// The key, or how it begins.
    key: Vec<u8>,
    partition: usize,
    /// Of a long key.
    digest: Option<String>,
}

impl Standing {
    fn read(text: &str) -> Option<Standing> {
        let (place, id) = text.split_once(';')?;
        let (partition, digest) = match place.split_once(DIGEST) {
            Some((partition, digest)) => (partition, Some(digest.to_owned())),
            None => (place, None),
        };
        Some(Standing {
            key: key_bytes(id),
            partition: partition.parse().ok()?,
            digest,
        })
    }
}

impl Aggregate {
    /// The cuts and the place that a walk goes on with; nothing where it begins.
    pub(crate) fn go_on<const POINTS: usize>(
        &self,
        marks: &mut Bookmarks<POINTS>,
        cursor: Option<&str>,
        work: &Work,
    ) -> Result<Option<([Cut; POINTS], Place)>, StoreError> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let is_there = |at: &Standing| at.partition < self.index.partitions.len();
        let (cuts, at) = marks.go_on(cursor, |text| Standing::read(text).filter(is_there))?;
        let key = match &at.digest {
            None => at.key,
            Some(digest) => self.seek(&at, digest, work)?,
        };
        Ok(Some((cuts, (key, at.partition))))
    }

    /// The long key that begins so and has this digest.
    fn seek(&self, at: &Standing, wanted: &str, work: &Work) -> Result<Vec<u8>, StoreError> {
        self.index.catch_up(work)?;
        for log in self.index.logs_of(at.partition) {
            let mut after = at.key.clone();
            loop {
                let keys = log.keys_after(Some(&after), (-1, i64::MAX), KEYS_AT_ONCE)?;
                let count = keys.len();
                let begin_so = keys.into_iter().take_while(|key| key.starts_with(&at.key));
                let begin_so: Vec<Vec<u8>> = begin_so.map(|key| key.into_vec()).collect();
                for key in &begin_so {
                    work.record(0)?;
                    work.batch(key.len())?;
                    if digest(key) == wanted {
                        return Ok(key.clone());
                    }
                }
                match begin_so.into_iter().next_back() {
                    Some(last) if count == KEYS_AT_ONCE => after = last,
                    _ => break,
                }
            }
        }
        Err(StoreError::PlaceGone)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_short_and_reads_back(
            letter in any::<char>(),
            count in 0_usize..1_000,
            odd in proptest::collection::vec(any::<u8>(), 0..3),
            partition in any::<usize>(),
        ) {
            let mut key = letter.to_string().repeat(count).into_bytes();
            key.extend(odd);
            let text = place_text(&(key.clone(), partition));
            let in_url: usize = text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum();
            prop_assert!(in_url <= 2_048, "{} bytes", in_url);
            let read = Standing::read(&text).unwrap();
            prop_assert_eq!(read.partition, partition);
            match key.len() > KEY_BYTES_MAX {
                true => prop_assert!(key.starts_with(&read.key) && read.digest == Some(digest(&key))),
                false => prop_assert!(key == read.key && read.digest.is_none()),
            }
        }
    }
}
