//! The process, as the kernel sees it; Linux only, elsewhere there is nothing to say.

use std::fs;

use super::table::Row;
use super::text::Text;

/// Clock ticks a second in `/proc`: a constant of the kernel's interface on every architecture this runs on.
const TICKS: f64 = 100.0;

pub(super) fn write(text: &mut Text) {
    if let Some(bytes) = resident() {
        text.add(Row::Resident, &[], bytes);
    }
    if let Some((cpu, started)) = times() {
        text.add(Row::Cpu, &[], cpu);
        text.add(Row::StartTime, &[], started);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is open to count them.
        text.add(Row::OpenFds, &[], open.count().saturating_sub(1));
    }
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

/// CPU seconds spent, and when the process began, in seconds since 1970.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let field = |number: usize| fields.split(' ').nth(number)?.parse::<f64>().ok();
    let (user, system, began) = (field(11)?, field(12)?, field(19)?);
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some((
        (user + system) / TICKS,
        boot.trim().parse::<f64>().ok()? + began / TICKS,
    ))
}
