//! `/metrics` as Prometheus reads it, and who may read it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::server::{Server, python};

#[test]
fn a_real_parser_reads_the_figures_of_what_was_done() {
    let server = Server::start(&[]);
    python("metrics", "metrics.py", &[&server.kafka, &server.http]);
}

/// As every other page: a browser that was led here by another name is not answered.
#[test]
fn they_are_shown_to_this_machine_alone() {
    let server = Server::start(&["--demo"]);
    let ask = |host: &str| {
        let mut stream = TcpStream::connect(server.http.trim_start_matches("http://")).unwrap();
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let shown = ask("localhost");
    assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
    for line in [
        "annals_fold_index_lag{aggregate=\"order\"} 0",
        "annals_http_requests_total{method=\"POST\",route=\"/subjects/{subject}/versions\",status=\"200\"} ",
        "annals_registry_subjects ",
        "process_open_fds ",
    ] {
        assert!(shown.contains(line), "no {line} in {shown}");
    }
    let refused = ask("evil.example");
    assert!(
        !refused.starts_with("HTTP/1.1 200") && !refused.contains("process_open_fds"),
        "{refused}"
    );
}
