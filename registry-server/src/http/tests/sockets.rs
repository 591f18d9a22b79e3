//! The API over real sockets: bodies that are too long, and clients that ask before they send.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::App;
use crate::http::{
    BODY_BYTES_MAX,
    serve::{ServeLimits, serve},
};

const LONG: Duration = Duration::from_secs(20);

async fn served(app: &App) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending::<()>();
    tokio::spawn(serve(listener, app.router.clone(), ServeLimits::default(), never));
    address
}

/// Reads what is there until a text has come, or everything until the end.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    loop {
        let count = timeout(LONG, stream.read(&mut some)).await.unwrap().unwrap();
        answer.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if count == 0 || text.contains(wanted) {
            return text;
        }
    }
}

/// Sends all of a request, then reads the answer: what many clients do.
async fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    stream.write_all(body).await.unwrap();
    read_until(&mut stream, "}").await
}

#[tokio::test]
async fn long_bodies_are_answered() {
    let app = App::new().await;
    let address = served(&app).await;
    let check = async |head: &str, body: &[u8], wanted: &str| {
        let answer = exchange(address, head, body).await;
        assert!(answer.starts_with(wanted), "{head}: {answer}");
        assert!(answer.contains("error_code"), "{head}: {answer}");
    };
    let head = |line: &str, length: usize| {
        format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}"
        )
    };
    let ten = vec![b'x'; 10 * 1024 * 1024];
    let register = "POST /subjects/s/versions";
    check(&head(register, ten.len()), &ten, "HTTP/1.1 413").await;
    check(
        &head("PUT /config", BODY_BYTES_MAX + 1),
        &ten[..=BODY_BYTES_MAX],
        "HTTP/1.1 413",
    )
    .await;
    check(&head("POST /nowhere", ten.len()), &ten, "HTTP/1.1 404").await;
    check(&head("PUT /subjects/s", ten.len()), &ten, "HTTP/1.1 405").await;
    check(
        &head("POST /subjects/s/versions/x/tags", ten.len()),
        &ten,
        "HTTP/1.1 422",
    )
    .await;
    let chunk = format!("{:x}\r\n", ten.len());
    let chunked = [chunk.as_bytes(), &ten, b"\r\n0\r\n\r\n"].concat();
    let chunked_head = format!("{register} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked");
    check(&chunked_head, &chunked, "HTTP/1.1 413").await;
}

#[tokio::test]
async fn clients_that_ask_before_they_send() {
    let app = App::new().await;
    let address = served(&app).await;
    let body = r#"{"schema":"\"int\""}"#;
    let head = |length: usize| {
        format!(
            "POST /subjects/s/versions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head(body.len()).as_bytes()).await.unwrap();
    let go_on = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // One that would send too much is told so before it sends.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head(10_000_000).as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
