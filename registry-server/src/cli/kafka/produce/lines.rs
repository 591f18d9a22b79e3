//! Lines of a file or of stdin: bytes, which need not be text.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::{CHUNK_BYTES_MAX, CHUNK_LINES_MAX};
use crate::cli::exit::{Exit, Failure};

/// A line without its end, and its number from 1.
pub(in crate::cli::kafka) type Line = (u64, Vec<u8>);

/// Lines on their way: as many, and as many bytes, as a chunk has. One that is longer is there alone.
pub(in crate::cli::kafka) struct Lines {
    received: mpsc::Receiver<io::Result<Line>>,
    room: Arc<Room>,
}

#[derive(Default)]
struct Room {
    /// Bytes that are on their way.
    taken: Mutex<usize>,
    freed: Condvar,
}

/// Where lines come from.
pub(in crate::cli::kafka) struct Sender {
    lines: mpsc::Sender<io::Result<Line>>,
    room: Arc<Room>,
}

impl Lines {
    pub(in crate::cli::kafka) fn new() -> (Sender, Lines) {
        let (lines, received) = mpsc::channel(CHUNK_LINES_MAX);
        let room = Arc::new(Room::default());
        let sender = Sender {
            lines,
            room: Arc::clone(&room),
        };
        (sender, Lines { received, room })
    }

    pub(super) async fn recv(&mut self) -> Option<io::Result<Line>> {
        let line = self.received.recv().await?;
        self.room.leave(bytes(&line));
        Some(line)
    }

    /// A line that is there already.
    pub(super) fn try_recv(&mut self) -> Option<io::Result<Line>> {
        let line = self.received.try_recv().ok()?;
        self.room.leave(bytes(&line));
        Some(line)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Who waits for room learns that nobody wants more.
        self.received.close();
        self.room.leave(usize::MAX);
    }
}

impl Sender {
    /// Sends a line when there is room for it, and says whether more are wanted.
    pub(in crate::cli::kafka) fn send(&self, line: io::Result<Line>) -> bool {
        self.room.enter(bytes(&line));
        self.lines.blocking_send(line).is_ok()
    }
}

impl Room {
    fn enter(&self, bytes: usize) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut usize| *taken > 0 && *taken + bytes > CHUNK_BYTES_MAX;
        let taken = self.freed.wait_while(taken, is_full);
        *taken.unwrap_or_else(PoisonError::into_inner) += bytes;
    }

    fn leave(&self, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(bytes);
        self.freed.notify_one();
    }
}

fn bytes(line: &io::Result<Line>) -> usize {
    line.as_ref().map_or(0, |(_, bytes)| bytes.len())
}

/// Lines as they come, read beside the connection.
pub(super) fn read(path: Option<&Path>) -> Result<Lines, Failure> {
    let reader: Box<dyn BufRead + Send> = match path {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        }
        None => Box::new(BufReader::with_capacity(1 << 16, io::stdin())),
    };
    let (lines, received) = Lines::new();
    std::thread::spawn(move || {
        for (number, line) in (1..).zip(reader.split(b'\n')) {
            if !lines.send(line.map(|line| (number, without_return(line)))) {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_on_their_way_are_bounded_by_their_bytes() {
        let (sender, mut lines) = Lines::new();
        let (sent, counted) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            // A long one is let in where there is no other.
            let lengths = [CHUNK_BYTES_MAX + 1].into_iter().chain([CHUNK_BYTES_MAX / 2; 10]);
            for (number, length) in (1..).zip(lengths) {
                if !sender.send(Ok((number, vec![0; length]))) {
                    return false;
                }
                sent.send(number).unwrap();
            }
            true
        });
        let last_is = |wanted: u64| {
            while counted.recv_timeout(Duration::from_secs(60)).unwrap() < wanted {}
            let more = counted.recv_timeout(Duration::from_millis(50));
            assert_eq!(more, Err(RecvTimeoutError::Timeout));
        };
        last_is(1);
        assert!(lines.try_recv().is_some());
        last_is(3);
        assert!(lines.try_recv().is_some());
        last_is(4);
        drop(lines);
        assert!(!thread.join().unwrap());
    }
}
