//! `annals produce`: lines as records, checked and encoded with the schema of their topic.
//!
//! Lines go in chunks: what is at hand when the one before is answered, so that a person who types sees each line answered,
//! and a file goes in large batches. Every refusal is told with its line.

use std::path::{Path, PathBuf};

use annals_kafka_client::{Client, ErrorCode, NewRecord, Producer, ProducerConfig};
use annals_schema_model::Schema;
use annals_schema_model::avro::Plan;
use clap::Args;
use serde_json::json;

use super::super::Global;
use super::super::api::Api;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format};
use super::super::progress::Progress;
use super::container::{self, Import};
use super::payload::{Chosen, Writer};
use super::{key_value, topic_named, with_client};

mod lines;

use lines::Line;
pub(super) use lines::Lines;

/// Lines and bytes of a chunk.
const CHUNK_LINES_MAX: usize = 2_000;
const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many refusals are told one by one.
const REFUSALS_TOLD_MAX: u64 = 100;

/// `annals produce orders < orders.jsonl`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals produce orders --file orders.jsonl                one JSON value a line
  echo '{\"order_id\": 1}' | annals produce orders --key 1
  annals produce orders --key-separator '|' < keyed.txt    KEY|VALUE a line
  annals produce prices --key-separator '|' --tombstones   an empty value deletes its key
  annals produce logs --raw < app.log                      lines as they are, no schema
  annals produce orders --file orders.avro                 an Avro container file

A value is JSON, and is written with the newest version of the topic's subject (TOPIC-value) in the \
registry at --server, as Avro, Protobuf or JSON Schema; values that `annals consume -o json` prints are \
read back, where they nest no deeper than 127 levels. Keys are written with TOPIC-key where there is one. Where there is no such subject, lines are \
written as text. Data of a container file are read as that schema is, and have the key of --key, or none. Records of one key go to one partition, the same that Java's clients choose.

Exit codes: 0 all is written and durable, 1 failed, 2 usage, 3 a line was refused, 5 no such topic.")]
pub(crate) struct Produce {
    topic: String,
    /// Read lines from this file instead of stdin, or the data of an Avro container file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The key of every record
    #[arg(long, short, conflicts_with = "key_separator")]
    key: Option<String>,
    /// A line is a key, this, and a value
    #[arg(long, short = 'K', value_name = "TEXT")]
    key_separator: Option<String>,
    /// A header of every record; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME=VALUE", value_parser = key_value)]
    headers: Vec<(String, String)>,
    /// The partition of every record, whatever its key
    #[arg(long, short, value_name = "N")]
    partition: Option<i32>,
    /// An empty value is a tombstone: no value at all, which says that its key is deleted
    #[arg(long, short = 'Z')]
    tombstones: bool,
    /// Write lines as they are, whatever their bytes
    #[arg(long, conflicts_with_all = ["subject", "version", "id"])]
    raw: bool,
    /// Write values with a schema of this subject, instead of TOPIC-value
    #[arg(long)]
    subject: Option<String>,
    /// Write values with this version of the subject, instead of its newest
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Write values with the schema of this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["subject", "version"])]
    id: Option<u32>,
    /// Go on when a line is refused, instead of stopping there
    #[arg(long)]
    keep_going: bool,
}

impl Produce {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        with_client(global, async |mut client| {
            let partitions = topic_named(&mut client, &self.topic).await?.partitions;
            if let Some(odd) = self.partition.filter(|n| !(0..partitions).contains(n)) {
                let message = format!(
                    "topic {} has no partition {odd}, only 0 to {}",
                    self.topic,
                    partitions - 1
                );
                return Err(Failure::new(Exit::NotFound, message));
            }
            let mut run = self.start(client, global, partitions).await?;
            let mut lines = match self.file.as_deref() {
                Some(path) if !self.raw && container::is_one(path)? => run.import(path)?,
                path => lines::read(path)?,
            };
            let mut chunk = Vec::new();
            while let Some(line) = lines.recv().await {
                let mut bytes = 0;
                let mut next = Some(line);
                while let Some(line) = next.take() {
                    let line =
                        line.map_err(|error| Failure::new(Exit::Failed, format!("reading lines: {error}")))?;
                    bytes += line.1.len();
                    chunk.push(line);
                    if chunk.len() < CHUNK_LINES_MAX && bytes < CHUNK_BYTES_MAX {
                        next = lines.try_recv();
                    }
                }
                if !run.write(std::mem::take(&mut chunk)).await? {
                    break;
                }
            }
            run.end(global)
        })
    }

    async fn start(&self, client: Client, global: &Global, partitions: i32) -> Result<Run<'_>, Failure> {
        let api = Api::new(&global.server);
        let (mut key, mut value) = (None, None);
        if !self.raw {
            let subject = self
                .subject
                .clone()
                .unwrap_or_else(|| format!("{}-value", self.topic));
            let latest = || "latest".to_owned();
            let chosen = match self.id {
                Some(id) => Chosen::Id(id),
                None => Chosen::Version {
                    version: self.version.map_or_else(latest, |version| version.to_string()),
                    subject: subject.clone(),
                },
            };
            value = Writer::new(&api, &chosen)?;
            if value.is_none() && self.subject.is_some() {
                return Err(
                    Failure::new(Exit::NotFound, format!("there is no subject {subject}"))
                        .help("`annals schema list` shows them"),
                );
            }
            if self.key.is_some() || self.key_separator.is_some() {
                let subject = format!("{}-key", self.topic);
                key = Writer::new(
                    &api,
                    &Chosen::Version {
                        subject,
                        version: latest(),
                    },
                )?;
            }
            let how = value.as_ref().map_or_else(
                || format!("there is no subject {subject}: values are written as text"),
                |writer| format!("values are written with {}", writer.found.name),
            );
            output::remark(&how);
        }
        Ok(Run {
            asked: self,
            key,
            value,
            plan: None,
            producer: Producer::new(client, ProducerConfig::default()).await?,
            keyless: Keyless::among(partitions),
            written: 0,
            last: None,
            refused: Vec::new(),
            refusals: 0,
            is_of_content: true,
            progress: Progress::new("records written:", None),
        })
    }
}

/// Where records without a key go: one partition after the other, a chunk each, beginning anywhere.
struct Keyless {
    next: i32,
    partitions: i32,
}

impl Keyless {
    fn among(partitions: i32) -> Keyless {
        let partitions = partitions.max(1);
        let anywhere = uuid::Uuid::new_v4().as_u128() % u128::from(partitions.unsigned_abs());
        Keyless {
            next: i32::try_from(anywhere).unwrap_or(0),
            partitions,
        }
    }

    fn take(&mut self) -> i32 {
        let taken = self.next;
        self.next = (taken + 1) % self.partitions;
        taken
    }
}

/// A line that was not written.
struct Refused {
    line: u64,
    sentence: String,
}

/// A run of the command.
struct Run<'a> {
    asked: &'a Produce,
    key: Option<Writer>,
    value: Option<Writer>,
    /// How data of a container file become values.
    plan: Option<Plan>,
    producer: Producer,
    keyless: Keyless,
    written: u64,
    /// The place of the last record.
    last: Option<(i32, i64)>,
    refused: Vec<Refused>,
    refusals: u64,
    /// Whether all were refused for what they say.
    is_of_content: bool,
    progress: Progress,
}

impl Run<'_> {
    /// Reads a container file instead of lines.
    fn import(&mut self, path: &Path) -> Result<Lines, Failure> {
        let refuse = |message: String| Failure::new(Exit::Usage, message);
        if self.asked.key_separator.is_some() || self.asked.tombstones {
            let message = "data of a container file have no key before them, and are never empty";
            return Err(refuse(message.to_owned()).help("--key gives all of them one"));
        }
        let schema = self.value.as_ref().map(|writer| &writer.found.schema);
        let Some(Schema::Avro(schema)) = schema else {
            let message = format!(
                "{} is an Avro container file, and there is no Avro schema to write it with",
                path.display()
            );
            return Err(
                refuse(message).help("--subject names one; `annals schema register` registers the file's")
            );
        };
        let Import { plan, data } = container::import(path, schema)?;
        self.plan = Some(plan);
        Ok(data)
    }

    /// Writes lines; says whether more are wanted.
    async fn write(&mut self, lines: Vec<Line>) -> Result<bool, Failure> {
        let mut waiting: Vec<(u64, NewRecord)> = Vec::with_capacity(lines.len());
        let mut goes_on = true;
        for (number, line) in lines {
            match self.record(&line) {
                Ok(record) => waiting.push((number, record)),
                Err(sentence) => {
                    self.refuse(number, sentence);
                    if !self.asked.keep_going {
                        goes_on = false;
                        break;
                    }
                }
            }
        }
        let keyless = self.keyless.take();
        while !waiting.is_empty() {
            let refused_before = self.refusals;
            let again = self.send(&waiting, keyless).await?;
            let first = self.refused.iter().map(|refused| refused.line).min();
            goes_on &= self.asked.keep_going || self.refusals == refused_before;
            // Those that only stood beside a refused one go again; those behind it only when told to go on.
            waiting.retain(|(number, _)| {
                again.contains(number) && (self.asked.keep_going || first.is_none_or(|first| *number < first))
            });
        }
        Ok(goes_on)
    }

    /// Sends records and waits for what becomes of them; the lines of those that may be sent again.
    async fn send(&mut self, records: &[(u64, NewRecord)], keyless: i32) -> Result<Vec<u64>, Failure> {
        let mut lines = std::collections::HashMap::with_capacity(records.len());
        for (number, record) in records {
            let partition = self.asked.partition.or(record.key.is_none().then_some(keyless));
            let ticket = self
                .producer
                .send(&self.asked.topic, partition, record.clone())
                .await?;
            lines.insert(ticket, *number);
        }
        let mut again = Vec::new();
        for delivery in self.producer.flush().await? {
            let Some(number) = lines.get(&delivery.ticket).copied() else {
                continue;
            };
            match delivery.outcome {
                Ok(offset) => {
                    self.written += 1;
                    self.last = Some((delivery.partition, offset));
                    self.progress.add(1);
                }
                Err(undelivered) if undelivered.innocent => again.push(number),
                Err(undelivered) => {
                    self.is_of_content &= undelivered.code == ErrorCode::InvalidRecord;
                    self.refuse(number, undelivered.to_string());
                }
            }
        }
        Ok(again)
    }

    fn refuse(&mut self, line: u64, sentence: String) {
        self.refusals += 1;
        if self.refusals <= REFUSALS_TOLD_MAX {
            output::remark(&format!("line {line} was refused: {sentence}"));
            self.refused.push(Refused { line, sentence });
        }
    }

    fn record(&self, line: &[u8]) -> Result<NewRecord, String> {
        let (key, value) = match (&self.asked.key_separator, &self.asked.key) {
            (Some(separator), _) => match lines::split_once(line, separator.as_bytes()) {
                Some((key, value)) => (Some(key), value),
                None => return Err(format!("there is no {separator:?} between a key and a value")),
            },
            (None, key) => (key.as_ref().map(String::as_bytes), line),
        };
        let key = match (key, &self.key) {
            (Some(key), Some(writer)) => Some(
                lines::text(key)
                    .and_then(|key| writer.write_key(key))
                    .map_err(|problem| format!("the key {problem}"))?,
            ),
            (key, _) => key.map(<[u8]>::to_vec),
        };
        let value = match &self.value {
            _ if value.is_empty() && self.asked.tombstones => None,
            Some(writer) => {
                let written = match &self.plan {
                    Some(plan) => writer.translate(plan, value),
                    None => lines::text(value).and_then(|value| writer.write(value)),
                };
                Some(written.map_err(|problem| format!("the value {problem}"))?)
            }
            None => Some(value.to_vec()),
        };
        let headers = self.asked.headers.iter();
        Ok(NewRecord {
            key: key.map(Into::into),
            value: value.map(Into::into),
            headers: headers
                .map(|(name, value)| (name.clone(), value.clone().into_bytes().into()))
                .collect(),
            timestamp_ms: jiff::Timestamp::now().as_millisecond(),
        })
    }

    fn end(self, global: &Global) -> Result<Exit, Failure> {
        let Run {
            written, refusals, ..
        } = self;
        drop(self.progress);
        let topic = &self.asked.topic;
        if global.output == Format::Json {
            let refused = self.refused.iter();
            output::json(&json!({
                "topic": topic, "written": written, "refused": refusals,
                "refusals": refused.map(|r| json!({"line": r.line, "sentence": r.sentence})).collect::<Vec<_>>(),
            }))?;
        } else {
            let at = match (written, self.last) {
                (1, Some((partition, offset))) => format!(": partition {partition}, offset {offset}"),
                _ => String::new(),
            };
            output::line(&format!("wrote {written} record(s) to {topic}{at}"))?;
        }
        if refusals == 0 {
            return Ok(Exit::Done);
        }
        let exit = if self.is_of_content {
            Exit::No
        } else {
            Exit::Failed
        };
        let failure = Failure::new(exit, format!("{refusals} line(s) were refused"));
        Err(match self.asked.keep_going {
            true => failure,
            false => failure.help(
                "what stands behind is not written, but for what was on its way; --keep-going writes it too",
            ),
        })
    }
}
