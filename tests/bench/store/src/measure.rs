//! Samples of one thing done many times: wall time, and the processor time that the whole process took for it.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::Fault;

/// Processor time of all threads so far, in nanoseconds.
pub fn process_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Of one task.
#[derive(Default)]
pub struct Samples {
    wall: Vec<u64>,
    cpu: Vec<u64>,
}

impl Samples {
    pub fn take(&mut self, run: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        let (cpu, wall) = (process_nanos(), Instant::now());
        run()?;
        self.wall.push(wall.elapsed().as_nanos() as u64);
        self.cpu.push(process_nanos() - cpu);
        Ok(())
    }

    /// The wall time that so many of a hundred samples stay within, in milliseconds.
    pub fn wall_ms(&self, percent: usize) -> f64 {
        quantile(&self.wall, percent)
    }

    /// A line: the task, how many samples, wall and processor time, and what they should be.
    pub fn print(&self, task: &str, goal_ms: (f64, f64)) {
        println!(
            "{task:<58}{:>7} samples  wall p50 {:>9.3} p99 {:>9.3} ms  cpu p50 {:>9.3} p99 {:>9.3} ms  goal {} / {} ms",
            self.wall.len(),
            self.wall_ms(50),
            self.wall_ms(99),
            quantile(&self.cpu, 50),
            quantile(&self.cpu, 99),
            goal_ms.0,
            goal_ms.1,
        );
    }
}

fn quantile(samples: &[u64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |nanos| *nanos as f64 / 1e6)
}
