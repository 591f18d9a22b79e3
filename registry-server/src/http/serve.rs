//! The accept loop: connections with limits on their number and their patience.
//!
//! `axum::serve` has no timeouts. Here a client must finish its headers, and later its body, in time, and read its answer
//! in time; a connection that says nothing is closed; there are only so many at once (`places.rs`); and a
//! shutdown lets requests under way finish, for a while. What pages of other sites send is refused at the door
//! (`site.rs`).
//!
//! HTTP/1.1 only: no flood of frames to defend against.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::{
    connection::{Connection, Unread},
    places::{Place, Places, Waiting},
    site::OwnSite,
    timed_body::TimedBody,
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
    /// How long an answer may stay unread, and what the slowest line needs for it comes on top. Default 30 s.
    pub write_timeout: Duration,
    /// How many bytes of headers are read. Default 64 KiB: long enough for tokens and long subject names.
    pub header_bytes_max: usize,
    /// How many connections are open at once; further ones wait, for a second at most when one of those waits for its
    /// client. Default 1024.
    pub connections_max: usize,
    /// How long requests under way may take to finish after a shutdown. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> ServeLimits {
        ServeLimits {
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
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
    let places = Places::new(limits.connections_max);
    let router = OwnSite::new(router, listener.local_addr()?.ip().is_loopback());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max.max(8 * 1024));
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            let stream = accept(&listener).await;
            Some((stream, places.take().await?))
        };
        let (stream, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => match accepted {
                Some(accepted) => accepted,
                None => break,
            },
        };
        let waiting = place.waiting();
        let (on_request, on_answer) = (Arc::clone(waiting), Arc::clone(waiting));
        let unread = Unread::default();
        let stream = Connection::new(stream, limits.write_timeout, Arc::clone(waiting), unread.clone());
        let service = router
            .clone()
            .map_request(move |request: Request<Incoming>| {
                on_request.works();
                request.map(|body| {
                    TimedBody::new(body, limits.body_timeout, unread.clone(), Arc::clone(&on_request))
                })
            })
            .map_response(move |response: Response| {
                response.map(|body| Answering {
                    body,
                    waiting: Arc::clone(&on_answer),
                })
            });
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::spawn(attend(graceful.watch(connection), place));
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

/// Serves a connection to its end, or until somebody else needs its place more.
async fn attend(connection: impl Future<Output = hyper::Result<()>>, place: Place) {
    tokio::select! {
        biased;
        ended = connection => if let Err(error) = ended {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "an HTTP connection ended badly"
            );
        },
        () = place.waiting().told_to_leave() => {
            tracing::debug!("an HTTP connection that waited for its client made room for another");
        }
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written at once; waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return stream;
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept HTTP connections for the moment");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// The body of an answer, which tells its connection when it has been handed over: from then on the client is waited for.
struct Answering {
    body: Body,
    waiting: Arc<Waiting>,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.waiting.works();
        pin!(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.waiting.waits();
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
