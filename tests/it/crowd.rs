//! Many clients at once, and some that only pretend: what they cost a server that others go on to work with.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::Server;

/// As many connections as a server takes by default.
const CONNECTIONS_MAX: usize = 10_000;

/// What a server may take while they are there, in bytes.
const RESIDENT_BYTES_MAX: usize = 200 * 1000 * 1000;

/// A connection that announces as much as a request may have; how many of them there are.
const ANNOUNCED_BYTES: u32 = 100 << 20;
const ANNOUNCED: usize = 500;

/// What they may cost together: nothing of what they announce.
const ANNOUNCED_BYTES_MAX: usize = 20 * 1000 * 1000;

/// Descriptors of this process that are not connections of a crowd: the other tests have them.
const OTHER_DESCRIPTORS: u64 = 2_000;

/// ApiVersions 0 without a client's name.
const HELLO: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

/// Whether the server answers on this connection.
fn is_answered(stream: &mut TcpStream) -> bool {
    let mut size = [0; 4];
    if stream.write_all(&HELLO).is_err() || stream.read_exact(&mut size).is_err() {
        return false;
    }
    let mut answer = vec![0; u32::from_be_bytes(size) as usize];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..4], HELLO[8..12], "the correlation id");
    true
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.kafka).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// As many descriptors as this process may have.
fn claim_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() {
        maximum
    } else {
        current
    };
    limit.unwrap_or(u64::MAX)
}

#[test]
fn a_crowd_of_idle_clients_costs_little_and_keeps_nobody_out() {
    let mine = claim_descriptors().saturating_sub(OTHER_DESCRIPTORS);
    let server = Server::start(&[]);
    assert!(server.annals(&["topic", "create", "events"]).status.success());
    let before = server.resident_bytes();
    let crowd_max = CONNECTIONS_MAX.min(usize::try_from(mine).unwrap_or(usize::MAX));
    let mut crowd = Vec::new();
    while crowd.len() < crowd_max {
        let mut stream = connect(&server);
        if !is_answered(&mut stream) {
            break;
        }
        crowd.push(stream);
    }
    let full = crowd.len();
    let with = server.resident_bytes();
    println!(
        "{full} idle connections: {} MB before, {} MB with them",
        before / 1_000_000,
        with / 1_000_000
    );
    assert!(
        with < RESIDENT_BYTES_MAX,
        "with {full} idle connections: {with} bytes"
    );
    if full < CONNECTIONS_MAX {
        println!("not checked: {CONNECTIONS_MAX} idle connections: {mine} descriptors let {full} be open");
    }

    if full < crowd_max || full == CONNECTIONS_MAX {
        assert!(!is_answered(&mut connect(&server)), "one more than there may be");
    }
    assert!(is_answered(&mut crowd[0]), "who is in stays in");
    crowd.truncate(full - 100);
    // Until the server has noticed who is gone.
    let mut tries = std::iter::repeat_with(|| server.annals(&["topic", "list"])).take(1_000);
    let listed = tries.find(|listed| listed.status.success()).unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("events"), "{listed}");
    assert!(crowd.iter_mut().step_by(100).all(is_answered));
    drop(crowd);
    server.stop();
}

/// A line of a file about a process, or one of its entries.
#[cfg(target_os = "linux")]
fn told_of(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn what_is_freed_is_kept_in_few_arenas_unless_somebody_says_otherwise() {
    let said = std::env::var("MALLOC_ARENA_MAX").unwrap_or("4".to_owned());
    let server = Server::start(&[]);
    let environment = told_of(server.pid(), "environ");
    assert!(
        environment
            .split('\0')
            .any(|entry| entry == format!("MALLOC_ARENA_MAX={said}")),
        "{environment}"
    );
    assert_eq!(told_of(server.pid(), "comm"), "annals\n");
    assert_eq!(told_of(server.pid(), "cmdline").split('\0').nth(1), Some("serve"));
    server.stop();
}

#[test]
fn what_is_only_announced_costs_nothing() {
    let server = Server::start(&[]);
    let before = server.resident_bytes();
    let announced: Vec<TcpStream> = (0..ANNOUNCED)
        .map(|_| {
            let mut stream = connect(&server);
            assert!(is_answered(&mut stream));
            // And one byte of as many.
            stream.write_all(&ANNOUNCED_BYTES.to_be_bytes()).unwrap();
            stream.write_all(&[0]).unwrap();
            stream
        })
        .collect();
    assert!(is_answered(&mut connect(&server)));
    let cost = server.resident_bytes().saturating_sub(before);
    println!("{ANNOUNCED} frames of 100 MiB announced: {cost} bytes");
    assert!(cost < ANNOUNCED_BYTES_MAX, "{cost} bytes");
    drop(announced);
    server.stop();
}
