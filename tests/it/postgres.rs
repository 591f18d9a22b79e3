//! A PostgreSQL server of the test's own (`tests/postgres.sh`), stopped when dropped.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A running PostgreSQL.
pub(crate) struct Postgres {
    folder: TempDir,
    url: String,
}

impl Postgres {
    /// Starts one, or says why not.
    pub(crate) fn start(what: &str) -> Option<Postgres> {
        let folder = tempfile::tempdir().unwrap();
        let out = script("start", folder.path(), &[]);
        let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
        if out.status.code() == Some(3) {
            println!("skipped: {what}: {stderr}");
            return None;
        }
        assert!(out.status.success(), "PostgreSQL did not start: {stderr}");
        Some(Postgres { folder, url: stdout })
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql(&format!("CREATE DATABASE {name}"));
        let server = self.url.strip_suffix("/postgres").unwrap();
        format!("{server}/{name}")
    }

    /// Runs a statement and answers what it prints.
    pub(crate) fn sql(&self, statement: &str) -> String {
        self.run("sql", &[statement])
    }

    /// Restarts the server: `fast` or `immediate`.
    pub(crate) fn restart(&self, mode: &str) {
        self.run("restart", &[mode]);
    }

    fn run(&self, command: &str, args: &[&str]) -> String {
        let out = script(command, self.folder.path(), args);
        assert!(out.status.success(), "{command} {args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = script("stop", self.folder.path(), &[]);
    }
}

fn script(command: &str, folder: &Path, args: &[&str]) -> Output {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres.sh"))
        .arg(command)
        .arg(folder)
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
