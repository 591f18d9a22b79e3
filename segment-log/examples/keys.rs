//! What the key index costs, and copies in the order of keys: `cargo run --release -p annals-segment-log --example keys -- DIR EVENTS KEYS SEGMENT_BYTES`.
//!
//! Fills DIR with a seeded log unless it is there: so many events of so many keys, as long as those of an order, and UUIDs
//! for keys. Then it makes the index, restarts, counts the keys and looks some of them up, makes the copies and reads them, all and
//! for single keys, and prints what each step took.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_kafka_wire::batch::{Batch, BatchBuilder};
use annals_segment_log::{Durability, LogConfig, LogDir, Partition, PartitionConfig};

/// Records of a batch.
const BATCH_EVENTS: u64 = 100;

/// Keys looked up.
const LOOKUPS: u64 = 20_000;

/// Times begin here.
const BEGIN_MS: i64 = 1_700_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, events, keys, segment_bytes] = &args[..] else {
        return Err("give DIR EVENTS KEYS SEGMENT_BYTES".into());
    };
    let (events, keys): (u64, u64) = (events.parse()?, keys.parse()?);
    let config = PartitionConfig {
        segment_bytes_max: segment_bytes.parse()?,
        durability: Durability::Os,
        ..PartitionConfig::default()
    };
    let dir = Path::new(dir);
    let open = || -> Result<(LogDir, Arc<Partition>), Box<dyn Error>> {
        let log = LogDir::open(dir, LogConfig::default(), BEGIN_MS)?;
        let partition = log.partition("orders/0", config.clone())?;
        Ok((log, partition))
    };
    let (log, partition) = open()?;
    fill(&partition, events, keys)?;
    log.close()?;
    remove(&dir.join("orders/0"), &["keys", "clustered"])?;

    let (log, partition) = open()?;
    let (wall, cpu) = (Instant::now(), cpu()?);
    partition.keys().follow_keys(&mut || true)?;
    report(
        "index made of the log",
        events,
        wall.elapsed(),
        self::cpu()? - cpu,
    );
    settle(&log, &partition)?;
    let (files, bytes) = files(&dir.join("orders/0"), "keys")?;
    println!(
        "{files} runs, {bytes} bytes, {:.2} an event; {} segments of the log, {} bytes",
        bytes as f64 / events as f64,
        fs::read_dir(dir.join("orders/0"))?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"))
            .count(),
        partition.size_bytes(),
    );
    log.close()?;
    drop(partition);

    let (log, partition) = open()?;
    let (wall, cpu) = (Instant::now(), self::cpu()?);
    partition.keys().follow_keys(&mut || true)?;
    report("index opened again", events, wall.elapsed(), self::cpu()? - cpu);
    let (wall, cpu) = (Instant::now(), self::cpu()?);
    let begun = partition.keys().keys_begun(i64::MAX)?;
    println!("{begun} keys");
    report("keys counted", begun, wall.elapsed(), self::cpu()? - cpu);
    look_up(&partition, keys)?;
    copies(&partition, &dir.join("orders/0"), events, keys)?;
    println!(
        "resident at last: {} MiB, at most {} MiB",
        memory("VmRSS")?,
        memory("VmHWM")?
    );
    log.close()?;
    Ok(())
}

/// A number that has nothing to do with `n` (the finaliser of SplitMix64).
fn mixed(n: u64) -> u64 {
    let mut bits = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The text of a UUID.
fn key(n: u64) -> String {
    let (high, low) = (mixed(n), mixed(!n));
    let (time, version) = (high >> 32, high & 0xffff);
    format!(
        "{time:08x}-{version:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 20 & 0xfff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn fill(partition: &Partition, events: u64, keys: u64) -> Result<(), Box<dyn Error>> {
    let begun = partition.log_end_offset() as u64;
    let mut event = begun;
    while event < events {
        let mut builder = BatchBuilder::new();
        for _ in 0..BATCH_EVENTS {
            let chance = mixed(event);
            let value: Vec<u8> = (0..120 + chance % 120)
                .map(|at| (chance >> (at % 48)) as u8)
                .collect();
            // Aggregates live for a while: events of one are near each other, but for some.
            let life = event * keys / events;
            let near = (life + chance % 2_000).min(keys - 1);
            let of = if chance % 10 < 8 {
                near
            } else {
                mixed(chance) % (life + 1)
            };
            let ms = BEGIN_MS + (event * 20) as i64 + (chance % 50) as i64;
            builder.push(
                ms,
                Some(key(of).as_bytes()),
                Some(&value),
                &[("actor", &b"jane"[..])],
            );
            event += 1;
        }
        let (batch, _) = Batch::parse(&builder.build(), 0)?;
        partition.append(&batch, BEGIN_MS)?;
    }
    Ok(())
}

fn look_up(partition: &Partition, keys: u64) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    let (mut found, cpu) = (0, cpu()?);
    for n in 0..LOOKUPS {
        let key = key(mixed(n) % keys);
        let begun = Instant::now();
        let spots = partition
            .keys()
            .key_offsets(key.as_bytes(), i64::MAX, 0, usize::MAX)?;
        times.push(begun.elapsed());
        found += spots.len();
    }
    times.sort_unstable();
    let at = |per_mille: usize| {
        times
            .get(times.len() * per_mille / 1_000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{LOOKUPS} keys looked up, {found} events: p50 {:?}, p99 {:?}, CPU {:?} each",
        at(500),
        at(990),
        (self::cpu()? - cpu) / LOOKUPS as u32
    );
    Ok(())
}

/// Makes the copies, and reads them.
fn copies(partition: &Partition, dir: &Path, events: u64, keys: u64) -> Result<(), Box<dyn Error>> {
    let (wall, cpu) = (Instant::now(), self::cpu()?);
    let made = partition.cluster()?;
    report("copies made", events, wall.elapsed(), self::cpu()? - cpu);
    let (_, bytes) = files(dir, "clustered")?;
    println!(
        "{made} copies, {bytes} bytes, {:.1} an event",
        bytes as f64 / events as f64
    );
    let chunks = partition.clustered()?;
    for ahead in [0, 256 * 1024] {
        let (wall, cpu) = (Instant::now(), self::cpu()?);
        let mut read = 0;
        for chunk in chunks.iter() {
            let mut scan = chunk.scan(b"", 0, ahead)?;
            while scan.next()?.is_some() {
                read += 1;
            }
        }
        report(
            &format!("copies read, {ahead} ahead"),
            read,
            wall.elapsed(),
            self::cpu()? - cpu,
        );
    }
    let (from, end) = (
        chunks.last().map_or(0, |last| last.end()),
        partition.last_stable_offset(),
    );
    let (wall, cpu) = (Instant::now(), self::cpu()?);
    let (mut next, mut read) = (from, 1);
    while next < end {
        let chunk = Arc::new(partition.in_key_order(next, end)?);
        next = chunk.end();
        let mut scan = chunk.scan(b"", 0, 0)?;
        while scan.next()?.is_some() {
            read += 1;
        }
    }
    report("the rest put in order", read, wall.elapsed(), self::cpu()? - cpu);
    let (mut times, mut read) = (Vec::new(), 0u64);
    for n in 0..LOOKUPS / 10 {
        let key = key(mixed(n) % keys);
        let begun = Instant::now();
        for chunk in chunks.iter() {
            let mut scan = chunk.scan(key.as_bytes(), 0, 0)?;
            while let Some(copied) = scan.next()?
                && copied.key.as_deref() == Some(key.as_bytes())
            {
                read += 1;
            }
        }
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    println!(
        "one key in each of {} copies: p50 {middle:?}, {read} events in all",
        chunks.len()
    );
    Ok(())
}

fn report(what: &str, count: u64, wall: Duration, cpu: Duration) {
    println!(
        "{what}: {wall:.2?}, CPU {cpu:.2?} = {:.0} ns each, {:.2} million a second; resident {} MiB",
        cpu.as_nanos() as f64 / count as f64,
        count as f64 / wall.as_secs_f64() / 1e6,
        memory("VmRSS").unwrap_or(0),
    );
}

/// Has the log's upkeep done.
fn settle(log: &LogDir, partition: &Partition) -> Result<(), Box<dyn Error>> {
    let (wall, cpu) = (Instant::now(), cpu()?);
    log.maintain(BEGIN_MS);
    partition.keys().follow_keys(&mut || true)?;
    println!("upkeep: {:.2?}, CPU {:.2?}", wall.elapsed(), self::cpu()? - cpu);
    Ok(())
}

fn remove(dir: &Path, endings: &[&str]) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if endings
            .iter()
            .any(|ending| path.extension().is_some_and(|other| other == *ending))
        {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn files(dir: &Path, ending: &str) -> Result<(u64, u64), Box<dyn Error>> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|other| other == ending) {
            files += 1;
            bytes += entry.metadata()?.len();
        }
    }
    Ok((files, bytes))
}

/// CPU time of the process so far.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/schedstat")?;
    let nanos = stat.split(' ').next().ok_or("no CPU time")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// A line of the process's status, in MiB.
fn memory(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .ok_or("no such line")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib / 1024)
}
