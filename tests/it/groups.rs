//! Groups and transactions as real clients use them, and over a server that is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::server::{Server, clients, given, java, python};

#[test]
fn consumer_groups_of_three_python_clients() {
    let server = Server::start(&[]);
    python("consumer groups", "groups.py", &[&server.kafka, &server.http]);
}

#[test]
fn transactions_of_three_python_clients() {
    let server = Server::start(&[]);
    python("transactions", "transactions.py", &[&server.kafka, &server.http]);
}

#[test]
fn the_java_clients_in_groups_and_transactions() {
    for (line, program) in [
        ("clients", "Groups"),
        ("older", "Groups"),
        ("clients", "NewProtocol"),
    ] {
        let server = Server::start(&[]);
        java("the Java client in groups", line, program, &[&server.kafka]);
    }
}

/// How often the server is killed: as many times more as property tests have cases.
fn kills() -> u64 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(256_u64);
    (cases * 5 / 256).max(1)
}

#[test]
fn transactions_are_whole_or_absent_whenever_the_server_is_killed() {
    let what = "transactions over a killed server";
    let Some(program) = given(what, "ANNALS_PYTHON") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let (data, notes) = (place.path().join("data"), place.path().join("notes"));
    let notes = notes.to_str().unwrap();
    for round in 0..kills() {
        let server = Server::start_in(&data, &[]);
        let mut writer = Command::new(&program)
            .arg(clients().join("python/killed.py"))
            .args([&server.kafka, "write", notes])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // At another place each time: what is under way then is what is tested.
        let mut told = BufReader::new(writer.stdout.take().unwrap()).lines();
        let wanted = 3 + usize::try_from(round).unwrap() * 5 % 17;
        let seen = told.by_ref().take(wanted).map_while(Result::ok).count();
        assert_eq!(seen, wanted, "round {round}: lines of the writer");
        server.kill();
        // What it was told by now it has noted, or it does not matter.
        writer.kill().unwrap();
        writer.wait().unwrap();
        let server = Server::start_in(&data, &[]);
        python(what, "killed.py", &[&server.kafka, "check", notes]);
        server.kill();
    }
}
