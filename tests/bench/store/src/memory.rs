//! Resident memory of a process.

use std::fs;

use crate::Fault;

/// A line of a process's status, in KiB.
pub fn resident_kib(pid: &str, what: &str) -> Result<u64, Fault> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(what));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no such line")?.parse()?)
}
