//! A page of one partition on its way into the tables of one generation.
//!
//! Invariant: the page begins where the generation stands, and that is looked at again under its lock, in the transaction
//! that writes the rows. Where an event stops it, those before are written all the same.

use std::sync::Arc;

use annals_schema_model::{EventSet, Resolve, Seen, envelope};

use super::checkpoint::{self, Added, Generation};
use super::database::{Sql, Transaction};
use super::projector::{Projector, blocking};
use super::{EventAt, Projection, ProjectionError, Refusal};
use crate::cause::Headers;
use crate::feed::{Feed, FeedError, FeedRecord};
use crate::folding::open_headed;

/// Events of one transaction: enough that commits cost little, and few enough that others are let in between.
const EVENTS_MAX: usize = 1_000;

/// What a record is to a projection.
enum What<E> {
    Event(E),
    NotMine,
    /// Of a kind that it has not heard of, by its name.
    Unknown(String),
}

/// A record that was read.
struct Read<E> {
    offset: i64,
    timestamp_ms: i64,
    key: Option<bytes::Bytes>,
    headers: Headers,
    what: What<E>,
}

/// Records of a partition, and where they end.
pub(super) struct Page<E> {
    records: Vec<Read<E>>,
    last: i64,
    /// Which offset is not among them because it cannot be read or is not accepted, and why.
    fault: Option<(i64, String)>,
}

impl<E: EventSet> Page<E> {
    /// Reads what comes behind an offset.
    pub(super) fn read(
        feed: &dyn Feed,
        resolve: &dyn Resolve,
        partition: u32,
        behind: i64,
    ) -> Result<Page<E>, FeedError> {
        let portion = feed.read_on(partition, behind, EVENTS_MAX)?;
        let mut page = Page {
            records: Vec::with_capacity(portion.records.len()),
            last: portion.last,
            fault: None,
        };
        for record in portion.records {
            let offset = record.offset;
            match read(record, resolve) {
                Ok(read) => page.records.push(read),
                Err(reason) => {
                    page.stop(offset, reason);
                    break;
                }
            }
        }
        Ok(page)
    }

    /// Ends it before an offset.
    fn stop(&mut self, offset: i64, reason: String) {
        self.records.retain(|record| record.offset < offset);
        self.last = offset - 1;
        self.fault = Some((offset, reason));
    }

    fn added(&self, partition: u32) -> Added {
        let mut added = Added {
            events: 0,
            unknown_events: 0,
            unknown_first: None,
        };
        for record in &self.records {
            match &record.what {
                What::Event(_) => added.events += 1,
                What::NotMine => {}
                What::Unknown(name) => {
                    added.unknown_events += 1;
                    added.unknown_first.get_or_insert_with(|| {
                        format!("{name} at offset {} of partition {partition}", record.offset)
                    });
                }
            }
        }
        added
    }
}

/// Reads a record; the error is why it cannot be.
fn read<E: EventSet>(record: FeedRecord, resolve: &dyn Resolve) -> Result<Read<E>, String> {
    let header = record.headers.last(envelope::VALUE_HEADER).flatten();
    let what = {
        let opened = open_headed(header, record.value.as_deref(), resolve)?;
        match E::decode(&opened.raw(), resolve).map_err(|error| error.to_string())? {
            Seen::Known(event) => What::Event(event),
            Seen::NotMine => What::NotMine,
            Seen::UnknownKind => What::Unknown(opened.writer.event_name(&opened.body)),
        }
    };
    Ok(Read {
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key,
        headers: record.headers,
        what,
    })
}

/// What became of writing a page.
pub(super) enum Written {
    /// It is written; so far the generation has come.
    Done(i64),
    /// Somebody else has written the generation since it was read.
    Elsewhere,
    /// An event is not accepted.
    Halted(i64, String),
}

impl<P: Projection> Projector<P> {
    /// Brings a generation a page further in a partition.
    pub(super) async fn advance(
        &self,
        generation: &mut Generation,
        partition: u32,
    ) -> Result<(), ProjectionError> {
        let behind = generation.last(partition);
        let (feed, resolve) = (Arc::clone(&self.feed), Arc::clone(&self.resolve));
        let read = move || Page::<P::Event>::read(&*feed, &*resolve, partition, behind);
        let mut page = blocking(read).await??;
        while page.last > behind {
            match self.write(generation, partition, &page).await? {
                Written::Done(reached) => {
                    generation.reached.insert(partition, reached);
                    break;
                }
                Written::Elsewhere => return Ok(()),
                Written::Halted(offset, reason) => page.stop(offset, reason),
            }
        }
        self.stopped(partition, &page).map_or(Ok(()), Err)
    }

    /// What stopped a page, if something did.
    pub(super) fn stopped(&self, partition: u32, page: &Page<P::Event>) -> Option<ProjectionError> {
        let (offset, reason) = page.fault.as_ref()?;
        Some(self.stopped_at(partition, *offset, reason.clone()))
    }

    pub(super) fn stopped_at(&self, partition: u32, offset: i64, reason: String) -> ProjectionError {
        ProjectionError::Stopped {
            projection: P::NAME,
            partition,
            offset,
            reason,
        }
    }

    /// Writes a page: the rows and the checkpoint, or nothing.
    async fn write(
        &self,
        generation: &Generation,
        partition: u32,
        page: &Page<P::Event>,
    ) -> Result<Written, ProjectionError> {
        let mut transaction = self.database.begin_to_write().await?;
        let written = self
            .write_within(&mut transaction, generation, partition, page)
            .await;
        match written {
            Ok(Written::Done(_)) => transaction.commit().await?,
            // What failed is told, rather than that nothing could be taken back.
            _ => drop(transaction.rollback().await),
        }
        written
    }

    /// Writes a page in a transaction, which is of no use afterwards unless all was written.
    pub(super) async fn write_within(
        &self,
        transaction: &mut Transaction,
        generation: &Generation,
        partition: u32,
        page: &Page<P::Event>,
    ) -> Result<Written, ProjectionError> {
        let added = page.added(partition);
        let locked = checkpoint::lock(transaction, generation.number, partition, &added).await?;
        let reached = locked.ok_or_else(|| self.superseded())?;
        if reached != generation.last(partition) {
            return Ok(Written::Elsewhere);
        }
        let names = generation.names(P::TABLES);
        for record in &page.records {
            let What::Event(event) = &record.what else {
                continue;
            };
            let at = EventAt {
                partition,
                offset: record.offset,
                recorded_ms: record.timestamp_ms,
                key: record.key.as_deref(),
                headers: &record.headers,
            };
            let mut sql = Sql {
                transaction: &mut *transaction,
                names: &names,
            };
            match self.projection.project(event, &at, &mut sql).await {
                Ok(()) => {}
                Err(Refusal::Halt(halt)) => return Ok(Written::Halted(record.offset, halt.to_string())),
                Err(Refusal::Sql(error)) => return Err(error.into()),
            }
        }
        checkpoint::put(transaction, generation.number, partition, page.last).await?;
        Ok(Written::Done(page.last))
    }
}
