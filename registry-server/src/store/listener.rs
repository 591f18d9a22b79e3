//! Hearing that another node committed: PostgreSQL's LISTEN.
//!
//! Invariant: a commit of another node is followed by a [`Listener::changed`] that returns, whatever happened to the
//! connection in between. Notifications that were lost with a connection are made up for by the return that follows every
//! new connection. A connection that died without a word, or that a pooler keeps without its LISTEN, is found out by a
//! look at the last commit after every [`SILENCE_MAX`].

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::{
    CONNECT_MAX, PAUSE_MAX, PAUSE_MIN, StoreError,
    connection::{CHANNEL, LAST_COMMIT},
    database::postgres_options,
    within,
};

/// After so long without a notification the last commit is looked at: one SELECT of one row.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Waits for commits of other nodes.
pub struct Listener {
    options: PgConnectOptions,
    connection: Option<PgListener>,
    /// What the last look found: number and token of a commit.
    seen: Option<(i64, String)>,
    /// [`SILENCE_MAX`], but for tests.
    pub(super) silence: Duration,
}

impl Listener {
    pub(super) async fn connect(url: &str) -> Result<Listener, StoreError> {
        let options = postgres_options(url)?;
        let connection = Some(listen(&options).await?);
        Ok(Listener {
            options,
            connection,
            seen: None,
            silence: SILENCE_MAX,
        })
    }

    /// Waits until somebody, perhaps this node, committed, or until a commit may have been missed. May return without
    /// a reason; never fails, but connects again for as long as it takes.
    pub async fn changed(&mut self) {
        while let Some(listener) = &mut self.connection {
            match tokio::time::timeout(self.silence, listener.try_recv()).await {
                Ok(Ok(Some(_))) => return,
                // It reconnects by itself after some failures and not after others: here it is made anew after all.
                Ok(Ok(None) | Err(_)) => self.connection = None,
                Err(_) => match last_commit(listener).await {
                    Ok(now) if self.seen.as_ref() == Some(&now) => {}
                    Ok(now) => {
                        self.seen = Some(now);
                        return;
                    }
                    Err(_) => self.connection = None,
                },
            }
        }
        let mut pause = PAUSE_MIN;
        loop {
            match listen(&self.options).await {
                Ok(listener) => {
                    self.connection = Some(listener);
                    return;
                }
                Err(error) => {
                    tracing::warn!(error = %error.with_causes(), "cannot hear of other nodes' commits; trying again")
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

async fn listen(options: &PgConnectOptions) -> Result<PgListener, StoreError> {
    within(CONNECT_MAX, async {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(CONNECT_MAX)
            .connect_with(options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    })
    .await
}

async fn last_commit(listener: &mut PgListener) -> Result<(i64, String), StoreError> {
    within(CONNECT_MAX, async {
        Ok(sqlx::query_as(LAST_COMMIT).fetch_one(listener).await?)
    })
    .await
}
