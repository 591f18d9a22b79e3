//! A bank on a disk of its own.

use std::sync::Arc;

use annals_event_store::{Cause, Embedded, EventStore, Listed, Repository, Source, typed};
use annals_schema_model::Timestamp;
use annals_segment_log::{Durability, LogConfig, LogDir, PartitionConfig};

use crate::account::{AccountFold, schemas};

pub(crate) const NOW: i64 = 1_767_600_000_000;

pub(crate) fn cause(command: &str) -> Cause {
    Cause::new(command, Timestamp::from_millis(NOW)).actor("ada")
}

pub(crate) struct Bank {
    pub(crate) store: EventStore,
    pub(crate) schemas: Arc<Listed>,
    log: LogDir,
    partitions: u32,
    durability: Durability,
    place: tempfile::TempDir,
}

impl Bank {
    pub(crate) fn new(partitions: u32) -> Bank {
        Bank::at(tempfile::tempdir().unwrap(), partitions, Durability::Fsync)
    }

    /// One that waits for no disk, where many are tried.
    pub(crate) fn quick(partitions: u32) -> Bank {
        Bank::at(tempfile::tempdir().unwrap(), partitions, Durability::Os)
    }

    fn at(place: tempfile::TempDir, partitions: u32, durability: Durability) -> Bank {
        let log = LogDir::open(place.path(), LogConfig::default(), NOW).unwrap();
        let schemas = Arc::new(schemas());
        let store = EventStore::new(schemas.clone());
        let config = PartitionConfig {
            durability,
            ..PartitionConfig::default()
        };
        let source = Source::open(&log, "accounts", partitions, &config).unwrap();
        store
            .add_aggregate(Box::new(typed::<AccountFold>("accounts")), source)
            .unwrap();
        Bank {
            store,
            schemas,
            log,
            partitions,
            durability,
            place,
        }
    }

    pub(crate) fn accounts(&self) -> Repository<AccountFold, Embedded> {
        Repository::new(self.store.log("account").unwrap(), self.schemas.clone())
    }

    /// The same bank in another process.
    pub(crate) fn restarted(self) -> Bank {
        self.log.close().unwrap();
        drop(self.store);
        Bank::at(self.place, self.partitions, self.durability)
    }
}
