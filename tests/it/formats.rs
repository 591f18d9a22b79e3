//! Data directories of every format there has been, the first of which is today's: each opens, and everything in it is
//! there. `tests/formats` has one a format, packed as its server left it when it was killed; none of them ever changes.
//!
//! `UPDATE=1` makes the one of today where that is missing. A form on disk that changes begins another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, binary, python};

/// The format that is written today.
const TODAY: u32 = 1;

fn packed(format: u32) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    folder.join(format!("{format}.tar.gz"))
}

fn tar(args: &[&str], archive: &Path, folder: &Path) {
    let mut tar = Command::new("tar");
    tar.args(args)
        .arg("-C")
        .arg(folder)
        .arg("-f")
        .arg(archive)
        .arg(".");
    let status = tar.status().unwrap();
    assert!(status.success(), "{tar:?}: {status}");
}

/// Fills a data directory, and packs it.
fn make(archive: &Path) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_in(place.path(), &[]);
    let made = python(
        "a data directory of today",
        "format.py",
        &["write", &server.kafka, &server.http],
    );
    server.kill();
    if made.is_some() {
        let whoever = ["--owner=0", "--group=0", "--sort=name"];
        let left_out = ["--exclude=./log/LOCK", "--exclude=./log/RESERVE"];
        tar(
            &[&["-cz"], &whoever[..], &left_out].concat(),
            archive,
            place.path(),
        );
    }
}

/// Whether every byte of the log is sound.
fn check(data_dir: &Path) {
    let checked = Command::new(binary())
        .args(["log", "check", "--data-dir"])
        .arg(data_dir)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_data_directory_of_every_format_opens_and_everything_is_there() {
    if std::env::var_os("UPDATE").is_some() && !packed(TODAY).exists() {
        make(&packed(TODAY));
    }
    for format in 1..=TODAY {
        let archive = packed(format);
        assert!(
            archive.exists(),
            "{}: UPDATE=1 makes that of today",
            archive.display()
        );
        let place = tempfile::tempdir().unwrap();
        tar(&["-xz"], &archive, place.path());
        check(place.path());
        let server = Server::start_in(place.path(), &[]);
        let what = format!("a data directory of format {format}");
        python(&what, "format.py", &["read", &server.kafka, &server.http]);
        // Without Python, the least there is to see.
        let read = server.annals(&["consume", "orders", "--max", "9", "-o", "json"]);
        let read = String::from_utf8(read.stdout).unwrap();
        assert_eq!(read.matches("\"cents\":").count(), 9, "{what}: {read}");
        server.stop();
        check(place.path());
        let named = fs::read_to_string(place.path().join("log/FORMAT")).unwrap();
        assert_eq!(
            named,
            format!("annals-log {TODAY}\n"),
            "{what} is one of today now"
        );
    }
}
