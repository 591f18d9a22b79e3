//! Avro container files: topics to them and from them.
//!
//! A file has one schema. On the way out each record is translated from its writer's schema to that of the file, on the way
//! in from that of the file to the one that records are written with; nothing is built but bytes, a block at a time.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use annals_kafka_client::Record;
use annals_schema_model::Schema as AnySchema;
use annals_schema_model::avro::container::{Codec, ContainerReader, ContainerWriter};
use annals_schema_model::avro::{Plan, Schema};
use annals_schema_model::envelope::{self, SchemaKey};

use super::super::Global;
use super::super::api::Api;
use super::super::exit::{Exit, Failure};
use super::super::output;
use super::payload::{self, Chosen};
use super::produce::Lines;

/// Records of a topic as data of a file.
pub(super) struct Export {
    topic: String,
    file: ContainerWriter<Box<dyn Write>>,
    api: Api,
    schema: Schema,
    /// How data of each writer's schema become those of the file.
    plans: HashMap<SchemaKey, Plan>,
    /// Where it is written, and what it is called when it is whole; nothing where it is no file.
    named: Option<(PathBuf, PathBuf)>,
    written: u64,
    tombstones: u64,
}

impl Export {
    /// Begins a file; `-` is stdout. Its schema is the newest of the subject. There is none when nobody reads it.
    /// For a group a file is always a new one: what was committed for the one there is may be nowhere else.
    pub(super) fn begin(
        global: &Global,
        topic: &str,
        path: &Path,
        subject: Option<&str>,
        codec: Codec,
        is_for_group: bool,
    ) -> Result<Option<Export>, Failure> {
        let api = Api::new(&global.server);
        let subject = subject.map_or_else(|| format!("{topic}-value"), str::to_owned);
        let chosen = Chosen::Version {
            subject: subject.clone(),
            version: "latest".to_owned(),
        };
        let found = payload::chosen(&api, &chosen)?.ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("there is no subject {subject}")).help(
                "--subject names the one whose schema the file shall have; `annals schema list` shows them",
            )
        })?;
        let AnySchema::Avro(schema) = found.schema else {
            let message = format!("{} is no Avro schema, and a container file has one", found.name);
            return Err(Failure::new(Exit::Failed, message));
        };
        let named = named(path, is_for_group)?;
        let at = named.as_ref().map_or(path, |(unfinished, _)| unfinished);
        let out: Box<dyn Write> = match path.to_str() {
            Some("-") => Box::new(io::stdout()),
            _ => Box::new(BufWriter::new(
                File::create(at).map_err(|error| of_file(at, &error))?,
            )),
        };
        let sync = uuid::Uuid::new_v4().into_bytes();
        output::remark(&format!("the file has the schema of {}", found.name));
        let begun = ContainerWriter::new(out, &schema, codec, sync);
        let Some(file) = output::while_read(begun)? else {
            return Ok(None);
        };
        Ok(Some(Export {
            topic: topic.to_owned(),
            file,
            api,
            schema,
            plans: HashMap::new(),
            named,
            written: 0,
            tombstones: 0,
        }))
    }

    /// Writes records of a partition, and says whether anybody still reads them.
    pub(super) fn write(&mut self, partition: i32, records: &[&Record]) -> Result<bool, Failure> {
        let mut datum = Vec::new();
        for record in records {
            let Some(value) = record.value.as_deref() else {
                self.tombstones += 1;
                continue;
            };
            let place = |message: String| {
                let place = format!("{}-{partition} offset {}", self.topic, record.offset);
                Failure::new(Exit::Failed, format!("{place}: {message}"))
            };
            let header = payload::header(record, envelope::VALUE_HEADER);
            let framed = envelope::read_framed(header, value).map_err(|error| place(error.to_string()))?;
            if !self.plans.contains_key(&framed.schema) {
                let plan = self.plan(framed.schema).map_err(place)?;
                self.plans.insert(framed.schema, plan);
            }
            datum.clear();
            if let Some(plan) = self.plans.get(&framed.schema) {
                plan.translate(framed.body, &mut datum).map_err(|error| {
                    place(format!(
                        "{} does not read as the file's schema: {error}",
                        framed.schema
                    ))
                })?;
            }
            // A block that is full goes out at once.
            if output::while_read(self.file.append(&datum))?.is_none() {
                return Ok(false);
            }
            self.written += 1;
        }
        // What is committed to a group is in the file.
        Ok(output::while_read(self.file.flush())?.is_some())
    }

    fn plan(&self, key: SchemaKey) -> Result<Plan, String> {
        match payload::fetch_schema(&self.api, key)? {
            AnySchema::Avro(writer) => Ok(Plan::lenient(&writer, &self.schema)),
            _ => Err(format!("{key} is no Avro schema")),
        }
    }

    /// Gives the file its name, and says what there is to say besides.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        output::while_read(self.file.flush())?;
        if let Some((unfinished, path)) = &self.named {
            fs::rename(unfinished, path).map_err(|error| of_file(path, &error))?;
        }
        output::remark(&format!("wrote {} record(s)", self.written));
        if self.tombstones > 0 {
            output::remark(&format!(
                "{} record(s) have no value, and are not in the file",
                self.tombstones
            ));
        }
        Ok(())
    }
}

/// Where a file is written, and what it is called when it is whole. Whoever finds it finds all of it.
fn named(path: &Path, is_for_group: bool) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    // A pipe or a device is written to as it is.
    if path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Ok(None);
    }
    // A link goes on being one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    if is_for_group && let Some(there) = [&path, &unfinished].into_iter().find(|path| path.exists()) {
        let message = format!("{} is there already", there.display());
        return Err(Failure::new(Exit::Failed, message)
            .help("the group does not get what is in it a second time: name another file, or move it"));
    }
    Ok(Some((unfinished, path)))
}

/// A file whose data become records.
pub(super) struct Import {
    /// From the file's schema to the one that records are written with.
    pub(super) plan: Plan,
    pub(super) data: Lines,
}

/// Whether a file is a container file.
pub(super) fn is_one(path: &Path) -> Result<bool, Failure> {
    let mut start = [0; 4];
    let mut file = File::open(path).map_err(|error| of_file(path, &error))?;
    // A pipe's first bytes would be gone.
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    Ok(is_file && file.read_exact(&mut start).is_ok() && &start == b"Obj\x01")
}

/// Reads a file beside the connection, and translates into a schema.
pub(super) fn import(path: &Path, into: &Schema) -> Result<Import, Failure> {
    let file = File::open(path).map_err(|error| of_file(path, &error))?;
    let told =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
    let mut reader =
        ContainerReader::new(BufReader::with_capacity(1 << 16, file)).map_err(|error| told(&error))?;
    let plan = Plan::lenient(reader.schema(), into);
    let (sender, data) = Lines::new();
    std::thread::spawn(move || {
        loop {
            let datum = match reader.next_datum() {
                Ok(None) => return,
                Ok(Some((number, datum))) => Ok((number, datum.to_vec())),
                Err(error) => Err(io::Error::other(error.to_string())),
            };
            let ends = datum.is_err();
            if !sender.send(datum) || ends {
                return;
            }
        }
    });
    Ok(Import { plan, data })
}

fn of_file(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}
