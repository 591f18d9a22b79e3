//! The accept loop over real sockets: what it cuts off, and what it lets finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{ServeLimits, serve};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    /// Lets `GET /slow` answer; it says when it has begun.
    gate: Arc<Notify>,
    begun: Arc<Notify>,
}

async fn served(limits: ServeLimits) -> Served {
    let (gate, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, say) = (Arc::clone(&gate), Arc::clone(&begun));
    let slow = move || async move {
        say.notify_one();
        wait.notified().await;
        "done"
    };
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/", post(|body: String| async move { body }))
        .route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { stopped.await.unwrap_or_default() };
    let task = tokio::spawn(serve(listener, router, limits, shutdown));
    Served {
        address,
        stop,
        task,
        gate,
        begun,
    }
}

/// Sends bytes and reads until the server closes the connection.
async fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn clients_that_dawdle_are_cut_off() {
    let limits = ServeLimits {
        header_timeout: SHORT,
        body_timeout: SHORT,
        ..ServeLimits::default()
    };
    let served = served(limits).await;
    let check = async |sent: &str, wanted: &str| {
        let answer = exchange(served.address, sent).await;
        assert!(answer.starts_with(wanted), "{sent:?}: {answer:?}");
    };
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200",
    )
    .await;
    check("", "").await;
    check("GET / HTTP/1.1\r\nHost:", "").await;
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200").await;
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf",
        "HTTP/1.1 400",
    )
    .await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(limits.header_bytes_max));
    check(&long, "HTTP/1.1 4").await;
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish() {
    let served = served(ServeLimits::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    served.begun.notified().await;
    let idle = TcpStream::connect(served.address).await.unwrap();
    served.stop.send(()).unwrap();
    served.gate.notify_one();
    assert!(read_all(&mut stream).await.ends_with("done"));
    timeout(LONG, served.task).await.unwrap().unwrap().unwrap();
    assert!(
        TcpStream::connect(served.address).await.is_err(),
        "nobody listens any more"
    );
    drop(idle);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let served = served(ServeLimits {
        drain_timeout: SHORT,
        ..ServeLimits::default()
    })
    .await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    served.begun.notified().await;
    served.stop.send(()).unwrap();
    timeout(LONG, served.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let served = served(ServeLimits {
        connections_max: 1,
        ..ServeLimits::default()
    })
    .await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut begin = [0; 12];
    first.read_exact(&mut begin).await.unwrap();
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0; 1];
    assert!(
        timeout(SHORT, second.peek(&mut byte)).await.is_err(),
        "the only place is taken"
    );
    drop(first);
    assert!(read_all(&mut second).await.ends_with("here"));
}
