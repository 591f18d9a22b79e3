//! Indexes of a partition by other keys than its records' own; see `crate::keys::other`.
//!
//! Invariant: there is one of a name. Its files go with those of the segments they are beside; those by what nobody has any
//! more go when the first of another is written, and are of no use until then.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::{KeyIndex, Partition};
use crate::disk::remove_if_there;
use crate::error::LogError;
use crate::keys::{KeyOf, Keys, NAME_BYTES_MAX};
use crate::mutex::lock;
use crate::segment::parse_name;

/// Bytes of the name of a file by records' own keys.
const OWN_NAME_BYTES: usize = "00000000000000000000.keys".len();

/// An index of a partition by other keys than its records' own, which is there for as long as somebody has one of these.
#[derive(Clone)]
pub struct KeyedBy {
    partition: Arc<Partition>,
    keys: Arc<Keys>,
}

impl KeyedBy {
    /// To be asked as the one by records' own keys is.
    #[must_use]
    pub fn index(&self) -> KeyIndex<'_> {
        KeyIndex {
            partition: &self.partition,
            keys: &self.keys,
        }
    }
}

impl Partition {
    /// An index by what somebody says of each record; that of the same name, where somebody has it.
    ///
    /// # Errors
    /// A name that cannot be part of a file's.
    pub fn keyed_by(self: &Arc<Partition>, by: Arc<dyn KeyOf>) -> Result<KeyedBy, LogError> {
        let name = by.name();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(LogError::BadPath {
                path: name.to_owned(),
                reason: "what an index is by is named by 1 to 64 letters, digits and `-`",
            });
        }
        let mut others = lock(&self.other_keys);
        others.retain(|keys| keys.strong_count() > 0);
        let is_same = |keys: &Arc<Keys>| keys.by.as_ref().is_some_and(|known| known.name() == name);
        let known = others.iter().filter_map(Weak::upgrade).find(is_same);
        let keys = known.unwrap_or_else(|| {
            let keys = Arc::new(Keys::new(Arc::clone(&self.shared.keys), Some(by)));
            others.push(Arc::downgrade(&keys));
            keys
        });
        let partition = Arc::clone(self);
        Ok(KeyedBy { partition, keys })
    }

    /// Does something with each index there is.
    pub(in crate::partition) fn each_keys(&self, mut each: impl FnMut(KeyIndex<'_>)) {
        each(self.keys());
        let others: Vec<Arc<Keys>> = lock(&self.other_keys).iter().filter_map(Weak::upgrade).collect();
        for keys in &others {
            each(KeyIndex {
                partition: self,
                keys,
            });
        }
    }
}

impl KeyIndex<'_> {
    /// A file by other keys than the records' own was written: what stood in its place when not all was known goes, and with the
    /// first also the files by what nobody has any more.
    pub(super) fn sweep_others(&self, base: i64, is_sure: bool) {
        if self.keys.by.is_none() {
            return;
        }
        let disk = &*self.partition.shared.disk;
        if is_sure {
            let _ = remove_if_there(disk, &self.run_name(base, false));
        }
        if self.keys.swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut had = Vec::new();
        self.partition
            .each_keys(|index| had.extend(index.keys.by.as_ref().map(|by| format!(".{}.", by.name()))));
        // What is not found stays, and is of no use to anybody.
        let entries = disk.list(&self.partition.path).unwrap_or_default();
        let is_gone = |name: &str| {
            parse_name(name, ".keys").is_some()
                && name.len() > OWN_NAME_BYTES
                && !had.iter().any(|by| name.contains(by))
        };
        for entry in entries.iter().filter(|entry| is_gone(&entry.name)) {
            let _ = remove_if_there(disk, &format!("{}/{}", self.partition.path, entry.name));
        }
    }
}
