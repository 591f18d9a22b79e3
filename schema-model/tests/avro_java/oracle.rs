//! The Java process behind the comparison.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use serde_json::Value as Json;

/// Avro Java, waiting for requests.
pub(crate) struct Oracle {
    process: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Oracle {
    /// Starts Java; `None`, with a line that says so, when it is not there.
    pub(crate) fn start() -> Option<Oracle> {
        let Ok(classpath) = std::env::var("ANNALS_AVRO_CLASSPATH") else {
            println!("skipped: comparison with Avro Java (set ANNALS_AVRO_CLASSPATH to its jars to run it)");
            return None;
        };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/Oracle.java");
        let mut process = Command::new("java")
            .args(["-Xss16m", "-cp", &classpath, source])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("java starts");
        let input = process.stdin.take();
        let output = process.stdout.take().map(BufReader::new);
        Some(Oracle {
            process,
            input,
            output,
        })
    }

    /// Asks everything at once.
    pub(crate) fn ask(&mut self, requests: &[Json]) -> Vec<Json> {
        let mut input = self.input.take().expect("asked once");
        let lines: Vec<String> = requests.iter().map(Json::to_string).collect();
        let sender = thread::spawn(move || {
            for line in lines {
                writeln!(input, "{line}").expect("java reads");
            }
        });
        let output = self.output.take().expect("asked once");
        let answers: Vec<Json> = output
            .lines()
            .map(|line| serde_json::from_str(&line.expect("java answers")).expect("JSON"))
            .collect();
        sender.join().expect("all sent");
        assert_eq!(answers.len(), requests.len());
        answers
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.wait();
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}
