//! The listener: accepts connections up to a limit, a task each, and sees them out when the broker stops.
//!
//! The listener and the stop signal are given, so tests bind port 0 and a program passes its signals. Stopping:
//! no more connections, no more requests, what was handled is answered, and whoever takes too long is cut off.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::broker::Shared;
use crate::connection::{self, End};
use crate::table::Context;

/// Pause after a failed accept: out of file descriptors, most likely, and that passes only with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until `shutdown` is done, then lets them finish.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    shared.serve_on(port);
    let (stop, stopping) = watch::channel(false);
    let room = Arc::new(Semaphore::new(shared.config.connections_max));
    let context = Context {
        shared: Arc::clone(&shared),
        stop: stopping,
    };
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(stream, &room, &context, &mut connections),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => log_end(ended),
        }
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

/// Starts a connection's task, or closes it when there are too many.
fn admit(
    stream: TcpStream,
    room: &Arc<Semaphore>,
    context: &Context,
    connections: &mut JoinSet<Result<(), End>>,
) {
    let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
        tracing::warn!(
            connections_max = context.shared.config.connections_max,
            "a connection was closed at once: there are too many"
        );
        return;
    };
    let context = context.clone();
    connections.spawn(async move {
        let _permit = permit;
        connection::serve(stream, context).await
    });
}

/// Logs how a connection ended: a client's going is nothing, what it did wrong is worth a line.
fn log_end(ended: Result<Result<(), End>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(()) | Err(End::Closed | End::Io(_) | End::Idle(_))) => {}
        Ok(Err(end)) => tracing::warn!(reason = %end, "a connection was closed"),
        Err(error) => tracing::error!(%error, "a connection's task failed"),
    }
}
