//! The Java process behind the comparison.

use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::Value as Json;

/// How many questions may be on their way.
const WAITING_MAX: usize = 256;

/// Avro Java, waiting for requests.
pub(crate) struct Oracle {
    process: Child,
}

impl Oracle {
    /// Starts a program of `schema-model/tests/oracle`; `None`, with a line that says so, when Java is not there.
    pub(crate) fn start(program: &str) -> Option<Oracle> {
        let Ok(classpath) = std::env::var("ANNALS_AVRO_CLASSPATH") else {
            println!("skipped: comparison with Avro Java (set ANNALS_AVRO_CLASSPATH to its jars to run it)");
            return None;
        };
        // Of this crate, or of one beside it that shares this file.
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema-model/tests/oracle/");
        let source = format!("{source}{program}.java");
        let process = Command::new("java")
            .args([
                "-Xss16m",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                &classpath,
                &source,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("java starts");
        Some(Oracle { process })
    }

    /// Asks every question, made by `ask` while Java answers the ones before it, and hands each to `take` with its answer.
    pub(crate) fn ask<Q: Send>(
        mut self,
        questions: impl Iterator<Item = Q> + Send,
        ask: impl Fn(&Q) -> Json + Send,
        mut take: impl FnMut(Q, Json),
    ) {
        let input = self.process.stdin.take().expect("piped");
        let output = self.process.stdout.take().expect("piped");
        let (waiting, asked) = mpsc::sync_channel(WAITING_MAX);
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut input = BufWriter::new(input);
                for question in questions {
                    writeln!(input, "{}", ask(&question)).expect("java reads");
                    if waiting.send(question).is_err() {
                        return;
                    }
                }
            });
            let mut answers = BufReader::new(output).lines();
            while let Ok(question) = asked.recv() {
                let answer = answers.next().expect("an answer a question").expect("UTF-8");
                take(question, serde_json::from_str(&answer).expect("JSON"));
            }
            assert!(answers.next().is_none(), "an answer a question");
        });
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
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
