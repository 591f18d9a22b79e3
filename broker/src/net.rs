//! The listener: accepts connections up to a limit, a task each, and sees them out when the broker stops.
//!
//! The listener and the stop signal are given, so tests bind port 0 and a program passes its signals. Stopping:
//! no more connections, no more requests, what was handled is answered, and whoever takes too long is cut off.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::broker::Shared;
use crate::connection::{self, End};
use crate::expiry;
use crate::groups;
use crate::rare::Rare;
use crate::table::{Caller, Context};
use crate::transactions;

/// Pause after a failed accept: out of file descriptors, most likely, and that passes only with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the clients of a listener are told to connect to, in every answer that names this broker. It must be an
/// address that leads them here: a client keeps to what it is told, not to what it dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// The host name.
    pub host: String,
    /// The port; 0 = the listener's own.
    pub port: u16,
}

impl Default for Advertised {
    /// `localhost`, and the listener's own port.
    fn default() -> Self {
        Advertised {
            host: "localhost".to_owned(),
            port: 0,
        }
    }
}

/// Serves connections until `shutdown` is done, then lets them finish.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut advertised: Advertised,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if advertised.port == 0 {
        advertised.port = listener.local_addr()?.port();
    }
    let (stop, stopping) = watch::channel(false);
    let advertised = Arc::new(advertised);
    let context = |peer| Context {
        shared: Arc::clone(&shared),
        advertised: Arc::clone(&advertised),
        appended: Arc::default(),
        held: Arc::default(),
        stop: stopping.clone(),
        caller: Caller {
            client_id: None,
            peer,
        },
    };
    if !shared.is_awake.swap(true, Ordering::AcqRel) {
        groups::wake(&shared);
        transactions::wake(&shared);
        expiry::wake(&shared);
    }
    let mut connections = JoinSet::new();
    let mut closed = Closed::default();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Arc::clone(&shared.connections).try_acquire_owned() {
                    Ok(place) => {
                        shared.counts.accepted.fetch_add(1, Ordering::Relaxed);
                        admit(stream, place, context(peer), &mut connections);
                    }
                    Err(_) => {
                        shared.counts.turned_away.fetch_add(1, Ordering::Relaxed);
                        closed.too_many.note(Instant::now(), shared.config.connections_max);
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => log_end(ended, &mut closed.at_fault, &shared.counts.closed),
            () = closed.due() => {}
        }
        closed.tell();
    }
    drop(listener);
    stop.send_replace(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(shared.config.stop_timeout, drained)
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "connections that did not finish in time were cut off"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// Starts a connection's task.
fn admit(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    context: Context,
    connections: &mut JoinSet<Result<(), End>>,
) {
    connections.spawn(async move {
        let _place = place;
        connection::serve(stream, context).await
    });
}

/// Connections that were closed on our side: clients make as many as they like, so not each has a line in the log.
#[derive(Default)]
struct Closed {
    /// At once, with how many there may be.
    too_many: Rare<usize>,
    /// For what their clients did.
    at_fault: Rare<End>,
}

impl Closed {
    /// Done when there may be something to tell.
    async fn due(&self) {
        match self.too_many.due().into_iter().chain(self.at_fault.due()).min() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    fn tell(&mut self) {
        let now = Instant::now();
        if let Some((connections_max, count)) = self.too_many.take(now) {
            tracing::warn!(
                connections_max,
                count,
                "connections were closed at once: there are too many"
            );
        }
        if let Some((reason, count)) = self.at_fault.take(now) {
            tracing::warn!(%reason, count, "connections were closed, the last for this reason");
        }
    }
}

/// Notes how a connection ended: a client's going is nothing, what it did wrong is worth a line.
fn log_end(ended: Result<Result<(), End>, JoinError>, at_fault: &mut Rare<End>, count: &AtomicU64) {
    match ended {
        Ok(Ok(()) | Err(End::Closed | End::Io(_) | End::Idle(_))) => {}
        Ok(Err(end)) => {
            count.fetch_add(1, Ordering::Relaxed);
            at_fault.note(Instant::now(), end);
        }
        Err(error) => tracing::error!(%error, "a connection's task failed"),
    }
}
