//! `annals consume`: records as they are read, decoded by their schemas, alone or as a member of a group.
//!
//! What is read is bounded when it starts: the end of each partition then, or `--to`; with `--follow` it goes on. In a group
//! what was printed is committed, never more, and where it begins before anything is: whoever is killed comes back there.
//! What retention has taken before it was read is remarked on, and reading goes on where `--from` says.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals_kafka_client::{Client, ClientError, Isolation, Member, Offsets, Record};
use annals_schema_model::avro::container::Codec;
use clap::Args;

use super::super::Global;
use super::super::exit::{Exit, Failure};
use super::super::output;
use super::super::progress::Progress;
use super::container::Export;
use super::place::{self, Bounds, FORMS, Place};
use super::{topic_named, with_client};

mod print;
mod reading;

use print::Printer;
use reading::Reading;

/// How long one fetch waits for records; a member says between two that it is alive.
const FETCH_WAIT: Duration = Duration::from_millis(500);
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(3);
/// What was printed is committed so often.
const COMMIT_PERIOD: Duration = Duration::from_secs(1);

/// `annals consume orders`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals consume orders                           everything there is now, in columns
  annals consume orders -o json | jq .value       a JSON object a record
  annals consume orders --from -10 -f             the last ten of each partition, and what comes
  annals consume orders --from 2026-03-01 --to 2026-03-31
  annals consume orders --group billing -f        as one of a group, from where it was
  annals consume orders --avro orders.avro        into an Avro container file

Records of one partition come in their order; those of several are mixed. Payloads are decoded with \
the schemas that the registry at --server has; what names none is shown as text, bytes as base64.

A container file has one schema, the newest of its subject, and values of older ones are read as it. \
Keys are not in it, nor records without a value. A record that does not read as it ends the command. \
It is written to FILE.unfinished, and gets its name when it is whole; with --group it must not be there yet.

Exit codes: 0 all was read (or nobody reads on, as with `| head`), 1 failed, 2 usage, 5 no such topic.")]
pub(crate) struct Consume {
    topic: String,
    #[arg(long, value_name = "PLACE", help = format!("Where to begin: {FORMS}. Default: the beginning; in a group only where it has read nothing yet"), allow_hyphen_values = true, value_parser = place::from)]
    from: Option<Place>,
    #[arg(long, value_name = "PLACE", help = "Where to end, in the same forms: up to and with that offset, that time or the end of that date", allow_hyphen_values = true, value_parser = place::place, conflicts_with = "follow")]
    to: Option<Place>,
    /// End after so many records
    #[arg(long, short = 'n', value_name = "N")]
    max: Option<u64>,
    /// Read this partition; may be given several times. Without it: all
    #[arg(long = "partition", short, value_name = "N", conflicts_with = "group")]
    partitions: Vec<i32>,
    /// Read as a member of this group, and commit what was printed
    #[arg(long, short, value_name = "GROUP")]
    group: Option<String>,
    /// Wait for what comes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Print values as the bytes they are, a line each, and nothing else
    #[arg(long)]
    raw: bool,
    /// Write values to this Avro container file instead of printing them; - is stdout
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    avro: Option<PathBuf>,
    /// Give the file the newest schema of this subject, instead of that of TOPIC-value
    #[arg(long, requires = "avro")]
    subject: Option<String>,
    /// Compress the file so: null, deflate or snappy
    #[arg(long, requires = "avro", default_value = "deflate")]
    codec: Codec,
    /// Show records of transactions that are open or were aborted, too
    #[arg(long)]
    uncommitted: bool,
}

/// Whether there is more to do.
#[derive(PartialEq, Eq)]
enum Going {
    On,
    /// Enough was printed, or nobody reads it any more.
    Enough,
}

/// A run of the command.
struct Run<'a> {
    asked: &'a Consume,
    printer: Printer,
    progress: Option<Progress>,
    printed: u64,
}

impl Consume {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        with_client(global, async |mut client| {
            let topic = topic_named(&mut client, &self.topic).await?;
            if let Some(odd) = self
                .partitions
                .iter()
                .find(|n| !(0..topic.partitions).contains(*n))
            {
                let message = format!(
                    "topic {} has no partition {odd}, only 0 to {}",
                    self.topic,
                    topic.partitions - 1
                );
                return Err(Failure::new(Exit::NotFound, message));
            }
            // Over the records themselves, progress would only be in the way.
            let export = match self.avro.as_deref() {
                None => None,
                Some(path) => {
                    let subject = self.subject.as_deref();
                    let is_for_group = self.group.is_some();
                    match Export::begin(global, &self.topic, path, subject, self.codec, is_for_group)? {
                        None => return Ok(Exit::Done),
                        begun => begun,
                    }
                }
            };
            let progress = (!io::stdout().is_terminal()).then(|| Progress::new("records read:", None));
            let mut run = Run {
                asked: &self,
                printer: Printer::new(global, &self.topic, self.raw, export),
                progress,
                printed: 0,
            };
            match &self.group {
                Some(group) => run.in_group(&mut client, group).await?,
                None => {
                    let partitions = match self.partitions.is_empty() {
                        true => (0..topic.partitions).collect(),
                        false => self.partitions.clone(),
                    };
                    run.alone_till_stopped(&mut client, &partitions).await?;
                }
            }
            drop(run.progress.take());
            run.printer.end()?;
            Ok(Exit::Done)
        })
    }

    fn isolation(&self) -> Isolation {
        match self.uncommitted {
            true => Isolation::Uncommitted,
            false => Isolation::Committed,
        }
    }
}

impl Run<'_> {
    /// Where these partitions are read from and to.
    async fn reading(
        &self,
        client: &mut Client,
        partitions: &[i32],
        committed: &Offsets,
    ) -> Result<Reading, Failure> {
        let (topic, isolation) = (&self.asked.topic, self.asked.isolation());
        let bounds = Bounds::of(client, topic, partitions, isolation).await?;
        let from = self.asked.from.unwrap_or(Place::Beginning);
        let mut at = bounds.find(client, topic, from, isolation).await?;
        let stored = at.keys().filter_map(|partition| {
            let offset = committed.get(&(topic.clone(), *partition))?;
            Some((*partition, *offset))
        });
        let stored: BTreeMap<i32, i64> = stored.collect();
        at.extend(&stored);
        self.find_again(client, &mut at).await?;
        let until = match self.asked.to {
            _ if self.asked.follow => BTreeMap::new(),
            None => bounds.end,
            // Up to and with what is there.
            Some(to) => {
                let behind = match to {
                    Place::Offset(offset) => Place::Offset(offset.saturating_add(1)),
                    Place::Time(ms) => Place::Time(ms.saturating_add(1)),
                    other => other,
                };
                bounds.find(client, topic, behind, isolation).await?
            }
        };
        Ok(Reading { at, until, stored })
    }

    /// Where to go on in partitions that have an offset no more: the log begins behind it, or ends before.
    async fn find_again(&self, client: &mut Client, at: &mut BTreeMap<i32, i64>) -> Result<(), Failure> {
        let topic = &self.asked.topic;
        let partitions: Vec<i32> = at.keys().copied().collect();
        let bounds = Bounds::of(client, topic, &partitions, Isolation::Uncommitted).await?;
        let is_lost = |(partition, at): &(&i32, &i64)| {
            let start = bounds.start.get(partition);
            start.is_some_and(|start| *at < start) || bounds.end.get(partition).is_some_and(|end| *at > end)
        };
        let lost: Vec<i32> = at
            .iter()
            .filter(is_lost)
            .map(|(partition, _)| *partition)
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        let from = self.asked.from.unwrap_or(Place::Beginning);
        let anew = bounds.find(client, topic, from, self.asked.isolation()).await?;
        for partition in lost {
            let found = anew.get(&partition).copied().unwrap_or(0);
            let before = at.insert(partition, found).unwrap_or(0);
            output::remark(&format!(
                "{topic}-{partition} has no offset {before} any more: going on at {found}"
            ));
        }
        Ok(())
    }

    /// Like `alone`; a container file that is to go on until somebody ends it is whole then.
    async fn alone_till_stopped(&mut self, client: &mut Client, partitions: &[i32]) -> Result<(), Failure> {
        if !(self.asked.follow && self.asked.avro.is_some()) {
            return self.alone(client, partitions).await;
        }
        let stop = super::super::stop_signal()?;
        tokio::select! {
            read = self.alone(client, partitions) => read,
            () = stop => Ok(()),
        }
    }

    async fn alone(&mut self, client: &mut Client, partitions: &[i32]) -> Result<(), Failure> {
        let mut reading = self.reading(client, partitions, &Offsets::new()).await?;
        while self.may_print() && !reading.rest().is_empty() {
            if self.step(client, &mut reading).await? == Going::Enough {
                break;
            }
        }
        Ok(())
    }

    fn may_print(&self) -> bool {
        self.asked.max.is_none_or(|max| self.printed < max)
    }

    /// Fetches once, prints, and moves on.
    async fn step(&mut self, client: &mut Client, reading: &mut Reading) -> Result<Going, Failure> {
        let (topic, isolation) = (&self.asked.topic, self.asked.isolation());
        let fetched = client
            .fetch_all(topic, &reading.rest(), isolation, FETCH_WAIT)
            .await;
        let portions = match fetched {
            Err(error) if error.is_out_of_range() => {
                self.find_again(client, &mut reading.at).await?;
                return Ok(Going::On);
            }
            fetched => fetched?,
        };
        for portion in portions {
            let partition = portion.partition;
            let until = reading.until.get(&partition).copied().unwrap_or(i64::MAX);
            let left = self.asked.max.map_or(usize::MAX, |max| {
                usize::try_from(max - self.printed).unwrap_or(usize::MAX)
            });
            let of_interest = portion.records.iter().take_while(|record| record.offset < until);
            let records: Vec<&Record> = of_interest.take(left).collect();
            if !self.printer.print(partition, &records)? {
                return Ok(Going::Enough);
            }
            self.printed += records.len() as u64;
            if let Some(progress) = &self.progress {
                progress.add(records.len());
            }
            if !self.may_print() {
                // Of what was fetched more may be left.
                if let Some(last) = records.last() {
                    reading.at.insert(partition, last.offset + 1);
                }
                return Ok(Going::Enough);
            }
            reading.at.insert(partition, portion.next_offset.min(until));
        }
        Ok(Going::On)
    }

    async fn in_group(&mut self, client: &mut Client, group: &str) -> Result<(), Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        let stop = super::super::stop_signal()?;
        tokio::spawn(async move {
            stop.await;
            flag.store(true, Ordering::Relaxed);
        });
        let topic = &self.asked.topic;
        let mut member = client.join(group, topic, None).await?;
        loop {
            if member.partitions.is_empty() {
                output::remark(&format!(
                    "the other members of group {group} have all partitions of {topic}"
                ));
            }
            let committed = client.committed(group).await?;
            let mut reading = self
                .reading(client, &member.partitions.clone(), &committed)
                .await?;
            let ended = self.as_member(client, &member, &mut reading, &interrupted).await;
            match ended {
                Ok(true) => {
                    client.leave(member).await?;
                    return Ok(());
                }
                Ok(false) => member = client.join(group, topic, Some(member.id)).await?,
                Err(failure) => {
                    // The others need not wait; what went wrong is told in any case.
                    drop(client.leave(member).await);
                    return Err(failure);
                }
            }
        }
    }

    /// Reads until there is no more (true), or until the group is shared out anew (false).
    async fn as_member(
        &mut self,
        client: &mut Client,
        member: &Member,
        reading: &mut Reading,
        interrupted: &AtomicBool,
    ) -> Result<bool, Failure> {
        let (mut beat, mut committed) = (Instant::now(), None::<Instant>);
        let mut going = Going::On;
        loop {
            let ends = going == Going::Enough
                || !self.may_print()
                || interrupted.load(Ordering::Relaxed)
                || (reading.rest().is_empty() && !self.asked.follow);
            if ends || committed.is_none_or(|at| at.elapsed() >= COMMIT_PERIOD) {
                match self.commit(client, member, reading).await {
                    Err(error) if error.is_rebalance() && !ends => return Ok(false),
                    committed => committed?,
                }
                committed = Some(Instant::now());
            }
            if ends {
                return Ok(true);
            }
            if beat.elapsed() >= HEARTBEAT_PERIOD {
                if !client.heartbeat(member).await? {
                    // Before others get the partitions; a generation that is over cannot.
                    return match self.commit(client, member, reading).await {
                        Err(error) if !error.is_rebalance() => Err(error.into()),
                        _ => Ok(false),
                    };
                }
                beat = Instant::now();
            }
            going = match reading.rest().is_empty() {
                true => {
                    // Nothing is this member's for the moment.
                    tokio::time::sleep(FETCH_WAIT).await;
                    Going::On
                }
                false => self.step(client, reading).await?,
            };
        }
    }

    /// Commits where reading stands, if the group does not have that.
    async fn commit(
        &self,
        client: &mut Client,
        member: &Member,
        reading: &mut Reading,
    ) -> Result<(), ClientError> {
        if reading.stored == reading.at {
            return Ok(());
        }
        let place = |(partition, at): (&i32, &i64)| ((self.asked.topic.clone(), *partition), *at);
        let offsets: Offsets = reading.at.iter().map(place).collect();
        client.commit(&member.group, Some(member), &offsets).await?;
        reading.stored.clone_from(&reading.at);
        Ok(())
    }
}
