//! What is asked of a store in process: one aggregate of 10, 1,000 and 100,000 events, and all of them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_event_store::{AsOf, EventStore, Format, Question, Source, declarative, typed};
use annals_examples::ORDER_FOLD;
use annals_examples::order::OrderFold;
use annals_segment_log::LogDir;

use crate::Fault;
use crate::corpus::{self, Corpus, Known};
use crate::measure::{Samples, process_nanos};
use crate::registry::Registry;
use crate::rng::Rng;

/// Aggregates asked for one after the other.
struct Row<'a> {
    task: &'a str,
    some: &'a [Known],
    count: usize,
    snapshots: bool,
    goal_ms: (f64, f64),
}

/// The log, opened, and a store over it that has indexed all of it.
pub struct Opened {
    pub corpus: Corpus,
    pub store: EventStore,
    log: LogDir,
    source: Source,
}

impl Opened {
    pub fn at(data: &Path) -> Result<Opened, Fault> {
        let corpus = corpus::read(data)?;
        let registry = Arc::new(Registry::new()?);
        let (log, source) = corpus::open(data)?;
        let (cpu, wall) = (process_nanos(), Instant::now());
        let store = EventStore::new(registry.clone());
        store.add_aggregate(Box::new(typed::<OrderFold>("orders")), source.clone())?;
        let text = ORDER_FOLD.replace("name: order\n", "name: declared\n");
        let declared = declarative::load(&text, &*registry).map_err(|error| error.to_string())?;
        store.add_aggregate(Box::new(declared), source.clone())?;
        store.caught_up()?;
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), process_nanos() - cpu);
        println!(
            "opened: {} events of {} aggregates are known in {wall:.3} s wall, {:.1} ns of CPU an event, {} MB resident",
            corpus.events,
            corpus.aggregates,
            cpu as f64 / corpus.events as f64,
            crate::memory::resident_kib("self", "VmRSS")? / 1024,
        );
        Ok(Opened {
            corpus,
            store,
            log,
            source,
        })
    }

    /// One aggregate. Without snapshots at a cut behind its last event, so that all of them are folded; with snapshots, which
    /// the declared fold keeps, at any event of it.
    fn one(&self, known: &Known, snapshots: bool, rng: &mut Rng) -> Result<usize, Fault> {
        let answer = if snapshots {
            let at = AsOf::Revision(rng.below(known.events));
            self.store.reconstruct("declared", &known.id, &at)?
        } else {
            let behind = (self.corpus.events - known.last) as u64;
            let at = AsOf::Offset(known.last + rng.below(behind) as i64);
            // The typed fold keeps none.
            self.store.reconstruct("order", &known.id, &at)?
        };
        if let Some(halted) = answer.halted {
            return Err(halted.to_string().into());
        }
        Ok(answer.events as usize)
    }

    fn latency(&self, row: &Row<'_>) -> Result<(), Fault> {
        let mut rng = Rng::new(11);
        let mut samples = Samples::default();
        if row.snapshots {
            for known in row.some {
                self.store.reconstruct("declared", &known.id, &AsOf::Head)?;
            }
        }
        for round in 0..row.count + row.count / 10 {
            let known = &row.some[rng.below(row.some.len() as u64) as usize];
            if round < row.count / 10 {
                self.one(known, row.snapshots, &mut rng)?;
            } else {
                samples.take(|| self.one(known, row.snapshots, &mut rng).map(drop))?;
            }
        }
        samples.print(row.task, row.goal_ms);
        Ok(())
    }

    /// All aggregates behind so many events, line by line as they are streamed.
    fn population(&self, name: &str, events: i64, goal: f64) -> Result<(), Fault> {
        let at = &AsOf::Offset(events - 1);
        let (cpu, wall) = (process_nanos(), Instant::now());
        let mut out = Lines {
            begun: wall,
            first: None,
            bytes: 0,
        };
        let rows = self.store.rows(name, at, &Question::default())?;
        let summary = Format::NdJson.write(rows, None, &mut out)?;
        let (members, first) = (summary.matched, out.first);
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), (process_nanos() - cpu) as f64 / 1e9);
        println!(
            "population as of, {name:<9} {members} aggregates, {events} events, {} MB of lines: {wall:.2} s wall, \
             first row {:.3} s, {:.2} M events/s wall, {:.3} M events/s a core  goal {goal} M a core",
            out.bytes >> 20,
            first.unwrap_or_default().as_secs_f64(),
            events as f64 / wall / 1e6,
            events as f64 / cpu / 1e6,
        );
        Ok(())
    }
}

/// Takes lines as a client that is never slow does.
struct Lines {
    begun: Instant,
    /// When the first came.
    first: Option<Duration>,
    bytes: usize,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.first.get_or_insert_with(|| self.begun.elapsed());
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The key index built from the log, what it takes on disk, and the same log opened once more.
pub fn index(data: &Path) -> Result<(), Fault> {
    for (path, _) in files(&data.join("log"), "keys")? {
        fs::remove_file(path)?;
    }
    let events = Opened::at(data)?.corpus.events;
    let bytes: u64 = files(&data.join("log"), "keys")?.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "index on disk: {bytes} bytes, {:.2} an event",
        bytes as f64 / events as f64
    );
    Opened::at(data).map(drop)
}

/// The copies in the order of keys, made from the log, and what they take on disk.
pub fn copies(data: &Path) -> Result<(), Fault> {
    for (path, _) in files(&data.join("log"), "clustered")? {
        fs::remove_file(path)?;
    }
    let Opened { corpus, log, source, .. } = Opened::at(data)?;
    let (cpu, wall) = (process_nanos(), Instant::now());
    let mut made = 0;
    for partition in &source.partitions {
        partition.clustered()?;
        made += partition.cluster()?;
    }
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), process_nanos() - cpu);
    let bytes: u64 = files(&data.join("log"), "clustered")?.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "copies: {made} in {wall:.2} s wall, {:.1} ns of CPU an event of the log, {bytes} bytes, {:.1} an event, {} MB at most",
        cpu as f64 / corpus.events as f64,
        bytes as f64 / corpus.events as f64,
        crate::memory::resident_kib("self", "VmHWM")? / 1024,
    );
    Ok(log.close()?)
}

/// Files of a kind below a folder, with their sizes.
fn files(folder: &Path, kind: &str) -> Result<Vec<(PathBuf, u64)>, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            found.extend(files(&path, kind)?);
        } else if path.extension().is_some_and(|ending| ending == kind) {
            found.push((path, entry.metadata()?.len()));
        }
    }
    Ok(found)
}

/// The rows whose names have `wanted` in them.
pub fn run(data: &Path, wanted: &str) -> Result<(), Fault> {
    let opened = Opened::at(data)?;
    let Corpus {
        tens,
        thousands,
        giants,
        events,
        ..
    } = &opened.corpus;
    let is_wanted = |row: &str| row.contains(wanted);
    let row = |task, some, count, snapshots, goal_ms| {
        let row = Row {
            task,
            some,
            count,
            snapshots,
            goal_ms,
        };
        opened.latency(&row)
    };
    if is_wanted("ten") {
        row("10 events, at any cut", tens, 20_000, false, (0.1, 1.0))?;
    }
    if is_wanted("thousand") {
        row("1,000 events, no snapshot", thousands, 100, false, (3.0, 10.0))?;
        row(
            "1,000 events, with snapshots, at any event",
            thousands,
            2_000,
            true,
            (0.5, 3.0),
        )?;
    }
    if is_wanted("giant") {
        row("100,000 events, no snapshot", giants, 10, false, (100.0, 300.0))?;
        row(
            "100,000 events, with snapshots, at any event",
            giants,
            2_000,
            true,
            (0.5, 3.0),
        )?;
    }
    let half = events / 2;
    if is_wanted("population") || is_wanted("typed") {
        opened.population("order", half, 2.0)?;
    }
    if is_wanted("population") || is_wanted("declared") {
        opened.population("declared", half, 0.5)?;
    }
    println!("peak {} MB", crate::memory::resident_kib("self", "VmHWM")? / 1024);
    Ok(())
}
