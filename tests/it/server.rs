//! The real `annals` binary on free ports with its data in a temporary folder, stopped when dropped.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that the server never writes into a closed pipe.
    stdout: BufReader<ChildStdout>,
    /// What it printed until it was ready.
    pub(crate) banner: Vec<String>,
    /// `127.0.0.1:port` of the Kafka listener.
    pub(crate) kafka: String,
    /// `http://127.0.0.1:port`.
    pub(crate) http: String,
    data: Data,
}

enum Data {
    Own(TempDir),
    Given(PathBuf),
}

impl Server {
    /// Start on an empty data folder; returns when the server says it is ready.
    pub(crate) fn start(args: &[&str]) -> Server {
        Self::launch(Data::Own(tempfile::tempdir().unwrap()), args)
    }

    /// Start on a folder that outlives the server.
    pub(crate) fn start_in(data_dir: &Path, args: &[&str]) -> Server {
        Self::launch(Data::Given(data_dir.to_owned()), args)
    }

    fn launch(data: Data, args: &[&str]) -> Server {
        let dir = match &data {
            Data::Own(dir) => dir.path(),
            Data::Given(dir) => dir,
        };
        let mut child = Command::new(binary())
            .arg("serve")
            .args([
                "--kafka-listen",
                "127.0.0.1:0",
                "--http-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(dir)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = Vec::new();
        let (mut kafka, mut http, mut ready) = (None, None, false);
        while !(ready && kafka.is_some() && http.is_some()) {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "the server ended before it was ready; it printed {banner:#?}"
            );
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.first().copied() {
                Some("Kafka") => kafka = Some(words[1].to_owned()),
                Some("Registry") => http = Some(words[1].to_owned()),
                Some("annals") => ready = true,
                _ => {}
            }
            banner.push(line.trim_end().to_owned());
        }
        Server {
            child,
            stdout,
            banner,
            kafka: kafka.unwrap(),
            http: http.unwrap(),
            data,
        }
    }

    /// Where its data is.
    pub(crate) fn data_dir(&self) -> &Path {
        match &self.data {
            Data::Own(dir) => dir.path(),
            Data::Given(dir) => dir,
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its memory, as the system counts it.
    pub(crate) fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<usize>().unwrap() * 1024
    }

    /// GET and parse; panics on anything but 200.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        let url = format!("{}{path}", self.http);
        let mut answer = ureq::get(&url)
            .call()
            .unwrap_or_else(|e| panic!("GET {url}: {e}"));
        let text = answer
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()
            .unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("GET {url}: {e}: {text}"))
    }

    /// POST and parse; panics on anything but 200.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let url = format!("{}{path}", self.http);
        let mut answer = ureq::post(&url)
            .send_json(body)
            .unwrap_or_else(|e| panic!("POST {url}: {e}"));
        answer.body_mut().read_json().unwrap()
    }

    /// A client command of the same binary against this server.
    pub(crate) fn annals(&self, args: &[&str]) -> Output {
        Command::new(binary())
            .args(args)
            .env("ANNALS_SERVER", &self.http)
            .env("ANNALS_BROKERS", &self.kafka)
            .output()
            .unwrap()
    }

    /// SIGTERM, then what was left on stdout; panics when the exit code is not 0.
    pub(crate) fn stop(mut self) -> String {
        let killed = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(killed.success());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the server ended with {status}: {rest}");
        rest
    }

    /// SIGKILL, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `stop` and `kill`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ANNALS_BIN`, or what cargo built last.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ANNALS_BIN") {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = |profile: &str| root.join("target").join(profile).join("annals");
    let newest = ["release", "debug"]
        .map(built)
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max();
    newest
        .expect("no annals binary: run `cargo build --release -p annals-registry-server` first")
        .1
}

/// The folder of the client suites.
pub(crate) fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// What `test.sh` hands over, or a line that says that the test is skipped.
pub(crate) fn given(what: &str, variable: &str) -> Option<OsString> {
    let value = std::env::var_os(variable);
    if value.is_none() {
        println!("skipped: {what}: {variable} is not set (./test.sh sets it)");
    }
    value
}

/// Run a program to its end. Its stdout is shown and returned; a failure panics with all its output.
pub(crate) fn run(what: &str, command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{what}: {e}"));
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success(),
        "{what} failed ({}):\n{stdout}\n{stderr}",
        out.status
    );
    println!("{what}:\n{}", stdout.trim_end());
    stdout
}

/// Run a Python client, or say why not. Its stdout is returned.
pub(crate) fn python(what: &str, script: &str, args: &[&str]) -> Option<String> {
    let program = given(what, "ANNALS_PYTHON")?;
    let script = clients().join("python").join(script);
    Some(run(what, Command::new(program).arg(script).args(args)))
}

/// Run a Java program on one of the class paths that `test.sh` made, or say why not. Its stdout is returned.
pub(crate) fn java(what: &str, classpath: &str, program: &str, args: &[&str]) -> Option<String> {
    let made = PathBuf::from(given(what, "ANNALS_JAVA")?).join(format!("{classpath}.classpath"));
    let classpath = std::fs::read_to_string(made).unwrap();
    let small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    let mut command = Command::new("java");
    command
        .args(small)
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
    command.args(["-cp", classpath.trim_end(), program]).args(args);
    Some(run(what, &mut command))
}
