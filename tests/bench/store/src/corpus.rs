//! The log: made once, by appending to a partition of a topic that a server has made; and what it has, to be asked for.
//!
//! Invariant: the same size, seed and codec give the same records. Batches are as a producer with Kafka's defaults fills
//! them under load: up to 16 KiB before compression, of whatever aggregates' events came meanwhile.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_event_store::Source;
use annals_kafka_wire::batch::{Batch, BatchBuilder, Compression};
use annals_segment_log::{Durability, LogConfig, LogDir, Partition, PartitionConfig};

use crate::Fault;
use crate::registry::Registry;
use crate::rng::Rng;
use crate::shape::{Shape, id};
use crate::story;

const SEED: u64 = 7;
const BATCH_BYTES_MAX: usize = 16 << 10;
/// Ten-event aggregates that are asked for.
const TENS: usize = 20_000;

/// An aggregate that is asked for, how many events it has, and the offset of the last.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: String,
    pub events: u64,
    pub last: i64,
}

/// What the log has.
pub struct Corpus {
    pub events: i64,
    pub aggregates: u64,
    pub tens: Vec<Known>,
    pub thousands: Vec<Known>,
    pub giants: Vec<Known>,
}

/// Opens the topic's only partition, which is named by an id that the broker chose.
pub fn open(data: &Path) -> Result<(LogDir, Source), Fault> {
    let log = LogDir::open(&data.join("log"), LogConfig::default(), 0)?;
    let partition = log.partition(&partition_path(data)?, config())?;
    let source = Source {
        topic: "orders".to_owned(),
        topic_id: None,
        partitions: vec![partition],
    };
    Ok((log, source))
}

fn config() -> PartitionConfig {
    PartitionConfig {
        durability: Durability::Os,
        ..PartitionConfig::default()
    }
}

fn partition_path(data: &Path) -> Result<String, Fault> {
    let topic = data.join("topic");
    Ok(format!("t/{}/0", fs::read_to_string(topic)?.trim()))
}

/// Writes the log into a data folder in which a server made topic and schemas.
pub fn make(data: &Path, events: u64, codec: Compression) -> Result<(), Fault> {
    let registry = Registry::new()?;
    let shape = Shape::new(events, SEED);
    let (log, source) = open(data)?;
    let [partition] = &source.partitions[..] else {
        return Err("one partition".into());
    };
    if partition.log_end_offset() != 0 {
        return Err(format!("{} has records already", data.display()).into());
    }
    let mut writing = Writing {
        partition,
        codec,
        batch: BatchBuilder::new().compression(codec),
        bytes: 0,
    };
    let mut revisions = vec![0_u32; shape.lengths.len()];
    let mut lasts = vec![0_i64; shape.lengths.len()];
    for (offset, moment) in (0..).zip(&shape.moments) {
        let place = moment.aggregate as usize;
        let event = story::event(moment, revisions[place], &mut Rng::new(SEED ^ offset as u64));
        revisions[place] += 1;
        lasts[place] = offset;
        let value = event.event.to_record(&registry)?;
        writing.push(moment.ms, &id(moment.aggregate), &value, &event)?;
    }
    writing.flush()?;
    let end = partition.log_end_offset();
    partition.wait_durable(end - 1, Duration::from_secs(600))?;
    println!(
        "{end} events of {} aggregates, {} bytes of log",
        shape.lengths.len(),
        partition.size_bytes()
    );
    log.close()?;
    describe(data, &shape, &lasts)
}

struct Writing<'a> {
    partition: &'a Arc<Partition>,
    codec: Compression,
    batch: BatchBuilder,
    bytes: usize,
}

impl Writing<'_> {
    fn push(&mut self, ms: i64, key: &str, value: &[u8], event: &story::Told) -> Result<(), Fault> {
        let business = event.business_time.to_string();
        let headers = [
            ("actor", event.actor.as_bytes()),
            ("business-time", business.as_bytes()),
        ];
        let more = key.len() + value.len() + 80;
        if self.bytes + more > BATCH_BYTES_MAX {
            self.flush()?;
        }
        self.batch.push(ms, Some(key.as_bytes()), Some(value), &headers);
        self.bytes = self.batch.bytes_len();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let batch = std::mem::replace(&mut self.batch, BatchBuilder::new().compression(self.codec));
        self.bytes = 0;
        if !batch.is_empty() {
            let (batch, _) = Batch::parse(&batch.build(), 0)?;
            self.partition.append(&batch, batch.max_timestamp())?;
        }
        Ok(())
    }
}

/// Writes down what is asked for later: a line an aggregate.
fn describe(data: &Path, shape: &Shape, lasts: &[i64]) -> Result<(), Fault> {
    let mut text = format!("{} {}\n", shape.moments.len(), shape.lengths.len());
    let mut tens = 0;
    for ((aggregate, length), last) in (0..).zip(&shape.lengths).zip(lasts) {
        let kind = match (aggregate, *length) {
            (0..crate::shape::GIANTS, _) => "giant",
            (_, 1_000) => "thousand",
            (_, 10) if tens < TENS => {
                tens += 1;
                "ten"
            }
            _ => continue,
        };
        text += &format!("{kind} {} {length} {last}\n", id(aggregate));
    }
    Ok(fs::write(data.join("corpus"), text)?)
}

/// What the log in a data folder has.
pub fn read(data: &Path) -> Result<Corpus, Fault> {
    let text = fs::read_to_string(data.join("corpus"))?;
    let mut lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let Some([events, aggregates]) = lines.next().as_deref().map(|head| [head[0], head[1]]) else {
        return Err("an empty description".into());
    };
    let mut corpus = Corpus {
        events: events.parse()?,
        aggregates: aggregates.parse()?,
        tens: Vec::new(),
        thousands: Vec::new(),
        giants: Vec::new(),
    };
    for line in lines {
        let known = Known {
            id: line[1].to_owned(),
            events: line[2].parse()?,
            last: line[3].parse()?,
        };
        match line[0] {
            "ten" => corpus.tens.push(known),
            "thousand" => corpus.thousands.push(known),
            _ => corpus.giants.push(known),
        }
    }
    Ok(corpus)
}
