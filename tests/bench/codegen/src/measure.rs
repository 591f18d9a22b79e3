//! Samples of the thread's own time, taken round-robin, and their medians.

use rustix::time::{ClockId, clock_gettime};

const SAMPLES: usize = 25;
const SAMPLE_NANOS: u64 = 8_000_000;

fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What is measured: its name, and what takes one sample, in nanoseconds for an event.
pub struct Case<'a> {
    pub name: &'static str,
    sample: Box<dyn FnMut() -> f64 + 'a>,
    samples: Vec<f64>,
}

/// A case that does something with the event of each number.
pub fn case<'a>(name: &'static str, events: usize, mut run: impl FnMut(usize) + 'a) -> Case<'a> {
    let mut time = move |rounds: usize| {
        let start = thread_nanos();
        for _ in 0..rounds {
            (0..events).for_each(&mut run);
        }
        thread_nanos() - start
    };
    let mut rounds = 1;
    while time(rounds) < SAMPLE_NANOS {
        rounds *= 2;
    }
    sampled(name, move || time(rounds) as f64 / (rounds * events) as f64)
}

/// A case that is measured elsewhere.
pub fn sampled<'a>(name: &'static str, sample: impl FnMut() -> f64 + 'a) -> Case<'a> {
    Case {
        name,
        sample: Box::new(sample),
        samples: Vec::new(),
    }
}

/// What was asked for on the command line: a part, and a case of it.
pub fn is_wanted(title: &str) -> bool {
    std::env::args()
        .nth(1)
        .is_none_or(|wanted| title.contains(&wanted))
}

/// The median of each case, in nanoseconds.
pub fn medians(cases: &mut Vec<Case<'_>>) -> Vec<f64> {
    if let Some(wanted) = std::env::args().nth(2) {
        cases.retain(|case| case.name == wanted);
    }
    for _ in 0..SAMPLES {
        for case in cases.iter_mut() {
            case.samples.push((case.sample)());
        }
    }
    let median = |case: &mut Case<'_>| {
        case.samples.sort_by(f64::total_cmp);
        case.samples[SAMPLES / 2]
    };
    cases.iter_mut().map(median).collect()
}

/// A line for each case: nanoseconds, and how many times as fast as it the first one is.
pub fn compare<'a>(title: &str, cases: impl FnOnce() -> Vec<Case<'a>>) {
    if !is_wanted(title) {
        return;
    }
    let mut cases = cases();
    let medians = medians(&mut cases);
    println!("\n{title}");
    for (case, median) in cases.iter().zip(&medians) {
        println!(
            "  {:<44}{median:>8.0} ns{:>8.2} x",
            case.name,
            median / medians[0]
        );
    }
}
