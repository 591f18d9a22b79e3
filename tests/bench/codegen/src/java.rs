//! Avro Java beside us: a process that takes a sample when it is asked for one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The program `java/Orders.java`, warmed up.
pub struct Java {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Java {
    /// Started with the classes that `CODEGEN_BENCH_CLASSPATH` names; nothing when it is not set.
    pub fn start(bodies: &[Vec<u8>]) -> Option<Java> {
        let classpath = std::env::var_os("CODEGEN_BENCH_CLASSPATH")?;
        let file = std::env::temp_dir().join(format!("codegen-bench-{}", std::process::id()));
        let framed = |body: &Vec<u8>| [&(body.len() as u32).to_be_bytes(), body.as_slice()].concat();
        std::fs::write(&file, bodies.iter().flat_map(framed).collect::<Vec<u8>>()).expect("a file");
        let mut child = Command::new("java")
            .args([
                "-XX:+UseSerialGC",
                "-Dorg.apache.avro.SERIALIZABLE_PACKAGES=shop",
                "-cp",
            ])
            .arg(classpath)
            .arg("Orders")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("java starts");
        let asks = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut java = Java { child, asks, answers };
        assert_eq!(java.line(), "ready", "Avro Java writes the same bytes");
        let _ = std::fs::remove_file(file);
        Some(java)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("java answers");
        line.trim_end().to_owned()
    }

    /// Nanoseconds an event takes to "encode" or "decode".
    pub fn sample(&mut self, what: &str) -> f64 {
        writeln!(self.asks, "{what}").expect("java listens");
        self.line().parse().expect("a number")
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
