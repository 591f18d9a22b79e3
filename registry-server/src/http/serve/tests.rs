//! The accept loop over real sockets: what it cuts off, who makes room for whom, and what it lets finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
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
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// More than sockets hold.
const BIG: usize = 64 * 1024 * 1024;

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    /// Lets `GET /slow` answer; it says when it has begun.
    gate: Arc<Notify>,
    begun: Arc<Notify>,
    /// The answer of `GET /big` is gone.
    dropped: Arc<Notify>,
}

/// A long answer that says when it is dropped.
struct Big {
    bytes: Vec<u8>,
    dropped: Arc<Notify>,
}

impl AsRef<[u8]> for Big {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Big {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

async fn served(limits: ServeLimits) -> Served {
    let (gate, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let dropped = Arc::new(Notify::new());
    let on_drop = Arc::clone(&dropped);
    let big = move || async move {
        let bytes = vec![b'x'; BIG];
        Bytes::from_owner(Big {
            bytes,
            dropped: on_drop,
        })
    };
    let (wait, say) = (Arc::clone(&gate), Arc::clone(&begun));
    let slow = move || async move {
        say.notify_one();
        wait.notified().await;
        "done"
    };
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/", post(|body: String| async move { body }))
        .route("/big", get(big))
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
        dropped,
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
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200",
    )
    .await;
    check("", "").await;
    check("GET / HTTP/1.1\r\nHost:", "").await;
    check("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200").await;
    check(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf",
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
        .write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
        .write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    served.begun.notified().await;
    served.stop.send(()).unwrap();
    timeout(LONG, served.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn work_under_way_keeps_its_place() {
    let served = served(ServeLimits {
        connections_max: 1,
        ..ServeLimits::default()
    })
    .await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first
        .write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    served.begun.notified().await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(GET.as_bytes()).await.unwrap();
    let mut byte = [0; 1];
    assert!(
        timeout(SHORT, second.peek(&mut byte)).await.is_err(),
        "the only place is taken"
    );
    served.gate.notify_one();
    // The first waits for its client now, and makes room.
    assert!(read_all(&mut first).await.ends_with("done"));
    assert!(read_all(&mut second).await.ends_with("here"));
}

#[tokio::test]
async fn clients_that_are_waited_for_make_room() {
    let starts = [
        "",
        "GET / HTTP/1.1\r\nHo",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf",
    ];
    for start in starts {
        // With the time-outs that there are by default, which are longer than this test waits.
        let served = served(ServeLimits {
            connections_max: 4,
            ..ServeLimits::default()
        })
        .await;
        let mut others = Vec::new();
        for _ in 0..6 {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            others.push(stream);
        }
        assert!(exchange(served.address, GET).await.ends_with("here"), "{start:?}");
        drop(others);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_cut_off() {
    let served = served(ServeLimits {
        write_timeout: SHORT,
        ..ServeLimits::default()
    })
    .await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    timeout(LONG, served.dropped.notified()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(read.is_err() || answer.len() < BIG, "{} bytes came", answer.len());
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_at_the_door() {
    let served = served(ServeLimits::default()).await;
    let check = async |line: &str, headers: &str, wanted: &str| {
        let sent = format!("{line} HTTP/1.1\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let answer = exchange(served.address, &sent).await;
        assert!(answer.starts_with(wanted), "{line} {headers}: {answer}");
    };
    check("POST /", "Host: localhost\r\n", "HTTP/1.1 200").await;
    let foreign = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    check("POST /", foreign, "HTTP/1.1 403").await;
    check("GET /", foreign, "HTTP/1.1 200").await;
    check("GET /", "Host: evil.example\r\n", "HTTP/1.1 403").await;
}
