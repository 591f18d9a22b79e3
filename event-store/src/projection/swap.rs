//! How tables that have come to the head take the place of the live ones.
//!
//! Invariant: that is one transaction, in which nobody writes the live ones; where these have come further meanwhile, the
//! new ones are brought as far within it. So whoever reads sees the old tables whole or the new ones, and never less than
//! before, however busy the topic is.

use std::sync::Arc;

use super::checkpoint::{self, Generation};
use super::database::Transaction;
use super::pass::{Page, Written};
use super::projector::{Projector, blocking};
use super::{Projection, ProjectionError};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    Done,
    /// Readers hold the old tables.
    InUse,
}

impl<P: Projection> Projector<P> {
    /// Puts a generation in the place of the live one.
    pub(super) async fn swap(&self, generation: &mut Generation) -> Result<Swapped, ProjectionError> {
        let mut transaction = checkpoint::begin_to_swap(&self.database).await?;
        let swapped = self.swap_within(&mut transaction, generation).await;
        match swapped {
            Ok(()) => {
                transaction.commit().await?;
                Ok(Swapped::Done)
            }
            Err(error) => {
                transaction.rollback().await?;
                match error {
                    ProjectionError::Sql(error) if checkpoint::is_in_use(&error) => Ok(Swapped::InUse),
                    error => Err(error),
                }
            }
        }
    }

    async fn swap_within(
        &self,
        transaction: &mut Transaction,
        generation: &mut Generation,
    ) -> Result<(), ProjectionError> {
        let all = checkpoint::generations(transaction, P::NAME).await?;
        let number = generation.number;
        let here = all.iter().find(|one| one.number == number);
        *generation = here.cloned().ok_or_else(|| self.superseded())?;
        let before = all.iter().find(|one| one.live && one.number != number);
        let before = before.map(|before| before.number);
        if let Some(before) = before {
            for (partition, last) in checkpoint::retire(transaction, before, number).await? {
                self.reach(transaction, generation, partition, last).await?;
            }
        }
        Ok(checkpoint::show(transaction, number, before).await?)
    }

    /// Brings a generation to an offset that another has come to.
    async fn reach(
        &self,
        transaction: &mut Transaction,
        generation: &mut Generation,
        partition: u32,
        last: i64,
    ) -> Result<(), ProjectionError> {
        loop {
            let behind = generation.last(partition);
            if behind >= last {
                return Ok(());
            }
            let (feed, resolve) = (Arc::clone(&self.feed), Arc::clone(&self.resolve));
            let read = move || Page::<P::Event>::read(&*feed, &*resolve, partition, behind);
            let page = blocking(read).await??;
            if let Some(stopped) = self.stopped(partition, &page) {
                return Err(stopped);
            }
            match self
                .write_within(transaction, generation, partition, &page)
                .await?
            {
                Written::Done(reached) => drop(generation.reached.insert(partition, reached)),
                Written::Elsewhere => return Err(self.superseded()),
                Written::Halted(offset, reason) => return Err(self.stopped_at(partition, offset, reason)),
            }
        }
    }
}
