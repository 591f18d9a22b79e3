//! The same questions through REST: one connection that is kept open, and eight askers of everything at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Fault;
use crate::corpus::{self, Corpus, Known};
use crate::measure::Samples;
use crate::memory::resident_kib;
use crate::rng::Rng;

const ASKERS: u64 = 8;
const ASKED_FOR: Duration = Duration::from_secs(30);

/// A connection that is kept open.
struct Http {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Http {
    fn connect(url: &str) -> Result<Http, Fault> {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        Ok(Http {
            stream: BufReader::new(stream),
            host,
        })
    }

    /// Status and body.
    fn get(&mut self, path: &str) -> Result<(u16, Vec<u8>), Fault> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = None;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = Some(bytes.trim().parse()?);
            }
        }
        let mut body = Vec::new();
        match length {
            Some(length) => self.take(length, &mut body)?,
            None => loop {
                let size = usize::from_str_radix(&self.line()?, 16)?;
                self.take(size, &mut body)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        Ok((status, body))
    }

    fn line(&mut self) -> Result<String, Fault> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn take(&mut self, bytes: usize, body: &mut Vec<u8>) -> Result<(), Fault> {
        let from = body.len();
        body.resize(from + bytes, 0);
        Ok(self.stream.read_exact(&mut body[from..])?)
    }
}

/// Ten-event aggregates, each at a cut behind its last event.
pub fn latency(data: &Path, url: &str) -> Result<(), Fault> {
    let corpus = corpus::read(data)?;
    let mut http = Http::connect(url)?;
    let mut rng = Rng::new(13);
    let mut samples = Samples::default();
    for round in 0..11_000 {
        let Known { id, last, .. } = &corpus.tens[rng.below(corpus.tens.len() as u64) as usize];
        let path = format!("/v1/aggregates/order/{id}?at=offset:{last}");
        let mut ask = || -> Result<(), Fault> {
            match http.get(&path)? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into()),
            }
        };
        if round < 1_000 {
            ask()?;
        } else {
            samples.take(ask)?;
        }
    }
    samples.print(
        "10 events, at any cut, through REST (CPU: the client's)",
        (0.5, 3.0),
    );
    Ok(())
}

/// Eight who ask whatever can be asked; then what the server takes.
pub fn memory(data: &Path, url: &str, pid: &str) -> Result<(), Fault> {
    let corpus = corpus::read(data)?;
    println!(
        "server before: {} MB resident",
        resident_kib(pid, "VmRSS")? / 1024
    );
    let until = Instant::now() + ASKED_FOR;
    let (answered, refused) = std::thread::scope(|scope| {
        let ask = |seed| {
            let corpus = &corpus;
            scope.spawn(move || ask(corpus, url, seed, until))
        };
        let askers: Vec<_> = (0..ASKERS).map(ask).collect();
        askers.into_iter().try_fold((0, 0), |(answered, refused), asker| {
            let (more, no) = asker.join().map_err(|_| "an asker panicked")??;
            Ok::<_, Fault>((answered + more, refused + no))
        })
    })?;
    println!(
        "server with {ASKERS} askers for {} s: {answered} answers, {refused} refusals, {} MB resident, {} MB at the most",
        ASKED_FOR.as_secs(),
        resident_kib(pid, "VmRSS")? / 1024,
        resident_kib(pid, "VmHWM")? / 1024
    );
    Ok(())
}

/// How many answers and refusals there were.
fn ask(corpus: &Corpus, url: &str, seed: u64, until: Instant) -> Result<(u64, u64), Fault> {
    let mut http = Http::connect(url)?;
    let mut rng = Rng::new(seed);
    let (mut answered, mut refused) = (0, 0);
    while Instant::now() < until {
        let some = match rng.below(3) {
            0 => &corpus.tens,
            1 => &corpus.thousands,
            _ => &corpus.giants,
        };
        let id = &some[rng.below(some.len() as u64) as usize].id;
        let cut = rng.below(corpus.events as u64);
        let path = match rng.below(6) {
            0 => format!("/v1/aggregates/order?limit=1000&at=offset:{cut}"),
            1 => format!("/v1/aggregates/order/{id}/history?at=offset:{cut}"),
            2 => format!(
                "/v1/aggregates/order/{id}/diff?from=offset:{}&to=offset:{cut}",
                cut / 2
            ),
            3 => format!("/v1/aggregates/order/{id}"),
            4 => "/v1/aggregates".to_owned(),
            _ => format!("/v1/aggregates/order/{id}?at=offset:{cut}"),
        };
        match http.get(&path)? {
            (200, _) => answered += 1,
            _ => refused += 1,
        }
    }
    Ok((answered, refused))
}
