//! The accept loop: connections with limits on their number and their patience.
//!
//! `axum::serve` has no timeouts. Here a client must finish its headers, and later its body, in time; a connection that
//! says nothing is closed; there are only so many at once; and a shutdown lets requests under way finish, for a while.
//!
//! HTTP/1.1 only: no flood of frames to defend against.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;

use super::{
    TimedBody,
    linger::{Lingering, Unread},
};

/// How long the accept loop rests when the process has run out of file descriptors or memory.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// How long a client may take to send a request's headers; also how long a kept connection may stay silent.
    /// Default 30 s.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body. Default 30 s.
    pub body_timeout: Duration,
    /// How many bytes of headers are read. Default 64 KiB: long enough for tokens and long subject names.
    pub header_bytes_max: usize,
    /// How many connections are open at once; further ones wait in the listener's queue. Default 1024.
    pub connections_max: usize,
    /// How long requests under way may take to finish after a shutdown. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> ServeLimits {
        ServeLimits {
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            header_bytes_max: 64 * 1024,
            connections_max: 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Serves a router on a listener until `shutdown` is done and the requests under way have finished.
///
/// # Errors
/// The listener is gone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max.max(8 * 1024));
    tokio::pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted?,
        };
        let body_timeout = limits.body_timeout;
        let unread = Unread::default();
        let stream = Lingering::new(stream, unread.clone());
        let service = router.clone().map_request(move |request: Request<Incoming>| {
            request.map(|body| TimedBody::new(body, body_timeout, unread.clone()))
        });
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "an HTTP connection ended badly"
                );
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some HTTP requests did not finish in time and are cut off");
    }
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written at once; waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return Ok((stream, place));
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept HTTP connections for the moment");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests;
