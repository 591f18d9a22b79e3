//! Why a projection does not go on, in sentences that say where it stands and what to do.

use crate::feed::FeedError;
use crate::fold::Halt;

/// Why an event is not projected.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The projection does not accept it.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// Why a projection does not go on. What it has done stands; started again, it goes on there.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/projected.in"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Shown { let bank = two_accounts(); let (store, schemas) = (&bank.store, bank.schemas.clone());
/// # let place = tempfile::tempdir()?; let database = database(&place).await;
/// // Ada's account was opened at offset 0, and these tables begin behind offset 1.
/// let balances = Projector::new(Balances, store.feed("account")?, schemas, database).behind("0=1".parse()?);
/// let stopped = balances.catch_up().await.expect_err("offset 3 is a deposit to it");
/// let told = "projection balances stops at offset 3 of partition 0: there is no such account";
/// assert_eq!(stopped.to_string(), told);
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The topic cannot be followed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed. A commit that was not answered may have been made: who goes on finds out.
    #[error("the database of the projection failed: {0}")]
    Sql(#[from] sqlx::Error),
    /// An event cannot be read, or is not accepted. All before it of its partition are in the tables.
    #[error("projection {projection} stops at offset {offset} of partition {partition}: {reason}")]
    Stopped {
        /// The projection.
        projection: &'static str,
        /// The event's partition.
        partition: u32,
        /// Its offset.
        offset: i64,
        /// Why, in a sentence.
        reason: String,
    },
    /// A later revision is there.
    #[error(
        "projection {projection} has revision {revision}, and tables of revision {there} are there; run that program, or \
         raise the revision to go back"
    )]
    Older {
        /// The projection.
        projection: &'static str,
        /// The revision of this program.
        revision: u32,
        /// The later one.
        there: u32,
    },
    /// Another program has put tables in the place of these.
    #[error(
        "the tables of projection {projection} revision {revision} were replaced by those of another program"
    )]
    Superseded {
        /// The projection.
        projection: &'static str,
        /// The revision of this program.
        revision: u32,
    },
    /// Readers have kept the live tables in use.
    #[error(
        "the new tables of projection {projection} are ready, and readers do not let go of the old ones; go on when their \
         transactions are over"
    )]
    InUse {
        /// The projection.
        projection: &'static str,
    },
    /// The log ends before what was read of it.
    #[error(
        "projection {projection} has read partition {partition} of topic {topic} up to offset {read}, and the log ends at \
         {last}: this is not the log it was made from"
    )]
    OtherLog {
        /// The projection.
        projection: &'static str,
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// What was read.
        read: i64,
        /// What there is.
        last: i64,
    },
    /// A table's name will not do.
    #[error("a table cannot be called `{name}`: {problem}")]
    Name {
        /// The name.
        name: &'static str,
        /// Why not.
        problem: String,
    },
    /// The thread that reads the log ended.
    #[error("reading the log was given up: {0}")]
    GivenUp(String),
}
