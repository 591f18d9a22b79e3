//! Lines of a file or of stdin: bytes, which need not be text.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use tokio::sync::mpsc;

use super::CHUNK_LINES_MAX;
use crate::cli::exit::{Exit, Failure};

/// A line without its end, and its number from 1.
pub(in crate::cli::kafka) type Line = (u64, Vec<u8>);

/// Lines as they come, read beside the connection.
pub(super) fn read(path: Option<&Path>) -> Result<mpsc::Receiver<io::Result<Line>>, Failure> {
    let reader: Box<dyn BufRead + Send> = match path {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        }
        None => Box::new(BufReader::with_capacity(1 << 16, io::stdin())),
    };
    let (lines, received) = mpsc::channel(CHUNK_LINES_MAX);
    std::thread::spawn(move || {
        for (number, line) in (1..).zip(reader.split(b'\n')) {
            if lines
                .blocking_send(line.map(|line| (number, without_return(line))))
                .is_err()
            {
                return;
            }
        }
    });
    Ok(received)
}

/// A line of a file that was made on Windows.
fn without_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

/// What stands before and behind the first `separator`.
pub(super) fn split_once<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line
        .windows(separator.len().max(1))
        .position(|part| part == separator)?;
    Some((&line[..at], &line[at + separator.len()..]))
}

/// What a schema is to be written from must be text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8: byte {} is no text", error.valid_up_to()))
}
