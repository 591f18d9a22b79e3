//! `annals log check | repair`: the log's files, looked at and mended while no server has them open.
//!
//! These two work on a data folder, not on a server: what they read is what a server could not serve.

use std::path::Path;

use annals_broker::{Damage, LogError, Mended, Nameless, OfflineLog, PartitionCheck, PartitionNames, Remedy};
use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::{DataDir, Global};

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Read every byte of the log and say what is damaged; changes nothing
    #[command(after_help = "The server that has the folder open must be stopped first.

Example:
  annals log check --data-dir ./annals-data

Exit codes: 0 every record is as it was written, 3 something is damaged, 1 it could not be checked, 5 no log there.")]
    Check(DataDir),
    /// Mend what is damaged, losing nothing that can be read
    #[command(
        after_help = "Each damaged file is copied first (its name with .damaged-1), then replaced as a whole. A \
batch of which only the head is bad is restored. Where records are lost, an empty batch takes their offsets, so every \
other record stays where it was. A damaged index of keys is removed: it is made anew from the log. What a backup has is better: restore the file from there if you can.

Example:
  annals log repair --data-dir ./annals-data -o json

Exit codes: 0 everything is mended or was sound, 1 it could not be mended, 5 no log there."
    )]
    Repair(DataDir),
}

impl Log {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let (Log::Check(folder) | Log::Repair(folder)) = &self;
        let log = open(&folder.path)?;
        match self {
            Log::Check(_) => check(&log, global.output),
            Log::Repair(_) => repair(log, global.output),
        }
    }
}

fn open(data_dir: &Path) -> Result<OfflineLog, Failure> {
    let log = data_dir.join("log");
    OfflineLog::open(&log).map_err(|error| match error {
        LogError::NotALog { .. } => Failure::new(Exit::NotFound, error.to_string())
            .help("--data-dir names the folder that `annals serve` was given"),
        _ => failed(error),
    })
}

fn failed(error: LogError) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

/// What people call a partition.
fn name_of(names: &PartitionNames, path: &str) -> String {
    names.of(path).unwrap_or_else(|| format!("{path} (no topic)"))
}

fn check(log: &OfflineLog, format: Format) -> Result<Exit, Failure> {
    let names = PartitionNames::read(log).map_err(failed)?;
    let mut checked = Vec::new();
    for path in log.partitions().map_err(failed)? {
        checked.push((name_of(&names, &path), log.check(&path).map_err(failed)?));
    }
    let sound = checked.iter().all(|(_, check)| check.damage.is_empty());
    if format == Format::Json {
        let partitions: Vec<Value> = checked
            .iter()
            .map(|(name, check)| check_json(name, check))
            .collect();
        let sound = sound && log.checkpoint_fault().is_none();
        output::json(&json!({
            "sound": sound, "checkpoint": log.checkpoint_fault(), "partitions": partitions
        }))?;
    } else {
        print(log, &checked)?;
    }
    Ok(match sound && log.checkpoint_fault().is_none() {
        true => Exit::Done,
        false => Exit::No,
    })
}

fn print(log: &OfflineLog, checked: &[(String, PartitionCheck)]) -> Result<(), Failure> {
    let rows = checked.iter().map(|(name, check)| {
        let state = match (check.damage.len(), &check.torn) {
            (0, None) => "sound".to_owned(),
            (0, Some(_)) => "sound but for a torn tail".to_owned(),
            (1, _) => "damaged at one place".to_owned(),
            (places, _) => format!("damaged at {places} places"),
        };
        vec![
            name.clone(),
            format!("{}..{}", check.log_start, check.log_end),
            check.records.to_string(),
            check.bytes.to_string(),
            state,
        ]
    });
    output::table(&["PARTITION", "OFFSETS", "RECORDS", "BYTES", "STATE"], rows)?;
    for (name, check) in checked {
        for damage in &check.damage {
            output::line(&format!("{name}: {damage}"))?;
        }
        if let Some(torn) = &check.torn {
            output::line(&format!(
                "{name}: {torn}. {} bytes of a write that was never finished; the next start cuts them",
                torn.bytes
            ))?;
        }
        for stale in &check.stale {
            output::line(&format!(
                "{name}: {stale} does not fit its log; the next start writes it anew"
            ))?;
        }
        for damaged in &check.damaged_sidecars {
            output::line(&format!(
                "{name}: {damaged} is not as it was written; no record is lost with it, and `annals log repair` removes \
                 it, so that the first question makes it anew"
            ))?;
        }
    }
    if let Some(fault) = log.checkpoint_fault() {
        output::line(&format!(
            "{fault}: it is not known up to where records were acknowledged, so lost ones at an end go unnoticed"
        ))?;
    }
    if checked.iter().any(|(_, check)| !check.damage.is_empty()) {
        output::line(
            "Restore the files from a backup, or run `annals log repair`, which keeps everything else.",
        )?;
    }
    Ok(())
}

fn check_json(name: &str, check: &PartitionCheck) -> Value {
    json!({
        "partition": name, "path": check.path, "log_start": check.log_start, "log_end": check.log_end,
        "segments": check.segments, "batches": check.batches, "records": check.records, "bytes": check.bytes,
        "damage": check.damage.iter().map(damage_json).collect::<Vec<_>>(),
        "torn": check.torn.as_ref().map(damage_json), "stale": check.stale,
        "damaged_sidecars": check.damaged_sidecars,
    })
}

fn damage_json(damage: &Damage) -> Value {
    json!({
        "file": damage.file, "position": damage.position, "bytes": damage.bytes,
        "offset": damage.offset, "end_offset": damage.end_offset, "reason": damage.reason,
    })
}

fn repair(mut log: OfflineLog, format: Format) -> Result<Exit, Failure> {
    let names = PartitionNames::read(&log).map_err(failed)?;
    let (mut mended, mut discarded) = (Vec::new(), Vec::new());
    for path in log.partitions().map_err(failed)? {
        let name = name_of(&names, &path);
        let done = log.repair(&path).map_err(failed)?;
        discarded.extend(log.discard(&path).map_err(failed)?);
        mended.extend(done.into_iter().map(|mended| (name.clone(), mended)));
    }
    let aside = log.set_checkpoint_aside().map_err(failed)?;
    // As they are now: the log of topics may be among what was mended.
    let names = PartitionNames::read(&log).map_err(failed)?;
    let nameless = names.nameless(&log).map_err(failed)?;
    if format == Format::Json {
        let rows: Vec<Value> = mended
            .iter()
            .map(|(name, mended)| mended_json(name, mended))
            .collect();
        let nameless: Vec<Value> = nameless.iter().map(nameless_json).collect();
        output::json(
            &json!({"mended": rows, "discarded": discarded, "checkpoint_copy": aside, "nameless": nameless}),
        )?;
        return Ok(Exit::Done);
    }
    for (name, Mended { damage, remedy, copy }) in &mended {
        let copy = copy
            .as_ref()
            .map_or_else(String::new, |copy| format!("; the file as it was: {copy}"));
        output::line(&format!("{name}: {damage}. {}{copy}", sentence(damage, *remedy)))?;
    }
    if let Some(aside) = &aside {
        output::line(&format!(
            "CHECKPOINT was damaged and is now {aside}; the next start reads every file"
        ))?;
    }
    for name in &discarded {
        output::line(&format!(
            "{name} was not as it was written and is removed; the first question makes it anew from the log"
        ))?;
    }
    if mended.is_empty() && discarded.is_empty() && aside.is_none() {
        output::line("nothing to mend")?;
    }
    print_nameless(&nameless)?;
    Ok(Exit::Done)
}

/// Says which topics have lost their names, and how a person gives them one.
fn print_nameless(nameless: &[Nameless]) -> Result<(), Failure> {
    for Nameless {
        folder,
        partitions,
        records,
    } in nameless
    {
        output::line(&format!(
            "{folder} is no topic any more: its name is lost, its records are not ({partitions} partitions, {records} \
             records)"
        ))?;
    }
    if !nameless.is_empty() {
        output::line(
            "To have such records back: the name may still be read in the copy of the damaged meta/0 file; start the \
             server, create a topic with that name and as many partitions, stop the server, and copy the files of each \
             partition over those of the new topic, whose folder `annals log check -o json` names. A topic whose \
             deletion was lost is there again, without its records.",
        )?;
    }
    Ok(())
}

fn nameless_json(nameless: &Nameless) -> Value {
    json!({
        "folder": nameless.folder, "partitions": nameless.partitions, "records": nameless.records,
    })
}

fn mended_json(name: &str, mended: &Mended) -> Value {
    json!({
        "partition": name, "damage": damage_json(&mended.damage),
        "remedy": word(mended.remedy), "recovered": recovered(mended.remedy), "copy": mended.copy,
    })
}

fn word(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Restored => "restored",
        Remedy::Recovered(_) => "recovered",
        Remedy::Emptied => "emptied",
        Remedy::Removed => "removed",
        Remedy::Advanced => "advanced",
    }
}

/// How many records came back from copies.
fn recovered(remedy: Remedy) -> u64 {
    match remedy {
        Remedy::Recovered(records) => records,
        Remedy::Restored | Remedy::Emptied | Remedy::Removed | Remedy::Advanced => 0,
    }
}

fn sentence(damage: &Damage, remedy: Remedy) -> String {
    let offsets = damage.end_offset.abs_diff(damage.offset);
    let sentence = match remedy {
        Remedy::Restored => "Restored: nothing is lost",
        Remedy::Emptied => "These records are lost; an empty batch takes their offsets",
        Remedy::Removed => "Removed: no record is known to have been there",
        Remedy::Advanced => "These records are lost; the log starts behind them",
        Remedy::Recovered(records) if records == offsets => {
            "Recovered from a copy in the order of keys: no record is lost"
        }
        Remedy::Recovered(records) => {
            return format!(
                "{records} records with a key came back from a copy in the order of keys; what else stood at these \
                 {offsets} offsets is lost"
            );
        }
    };
    sentence.to_owned()
}
