//! Registers new schemas over so many connections at once and says how fast: `registrars HOST:PORT CONNECTIONS COUNT`.
//!
//! Every schema is a record of ten fields under a subject of its own. The client is as thin as can be, because it shares
//! the machine with the server it measures.

#![allow(clippy::expect_used, reason = "a bench breaks off where it stands")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, connections, count] = arguments.as_slice() else {
        panic!("usage: registrars HOST:PORT CONNECTIONS COUNT");
    };
    let connections: usize = connections.parse().expect("CONNECTIONS is a number");
    let count: u64 = count.parse().expect("COUNT is a number");
    // Names differ from run to run, so that a server can be measured again.
    let run = std::process::id();
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (address, next) = (address.clone(), Arc::clone(&next));
            thread::spawn(move || register(&address, run, &next, count))
        })
        .collect();
    let joined = workers
        .into_iter()
        .map(|worker| worker.join().expect("a worker panicked"));
    let mut waits: Vec<Duration> = joined.flatten().collect();
    let seconds = started.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{connections} at once: {} registered in {seconds:.2} s, {:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
        waits.len(),
        waits.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
}

fn register(address: &str, run: u32, next: &AtomicU64, count: u64) -> Vec<Duration> {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    let mut writer = stream;
    let mut waits = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return waits;
        }
        let fields: Vec<String> = (0..10)
            .map(|field| format!(r#"{{\"name\":\"field{field}\",\"type\":\"string\"}}"#))
            .collect();
        let name = format!("R{run}x{number}");
        let body = format!(
            r#"{{"schema":"{{\"type\":\"record\",\"name\":\"{name}\",\"namespace\":\"bench\",\"fields\":[{}]}}"}}"#,
            fields.join(",")
        );
        let request = format!(
            "POST /subjects/{name}-value/versions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let begun = Instant::now();
        writer.write_all(request.as_bytes()).expect("the server reads");
        read_answer(&mut reader);
        waits.push(begun.elapsed());
    }
}

fn read_answer(reader: &mut impl BufRead) {
    let (mut line, mut length, mut status) = (String::new(), 0_usize, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).expect("the server answers");
        if status.is_empty() {
            status = line.clone();
        }
        if let Some((_, value)) = line
            .split_once(':')
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole answer");
    assert!(
        status.contains(" 200 "),
        "{status}{}",
        String::from_utf8_lossy(&body)
    );
}
