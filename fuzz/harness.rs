//! Fuzzing on a stable compiler: every seed, and mutations of seeds for a while.
//!
//! The mutations are the same every time as far as they get. `ANNALS_FUZZ_SECONDS` is how long each target runs. What an
//! input may cost is measured by whoever runs it.

use std::env;
use std::time::{Duration, Instant};

const SECONDS: u64 = 10;

/// What inputs are made of.
pub(crate) struct Inputs {
    pub(crate) seeds: Vec<Vec<u8>>,
    /// What gets an input past the first look.
    pub(crate) pieces: &'static [&'static [u8]],
    /// How often a part of it may stand behind itself.
    pub(crate) repeated_max: usize,
}

impl Inputs {
    /// Hands every seed to `one`, and then mutations until the time is over; how many those were.
    pub(crate) fn run(&self, mut one: impl FnMut(&[u8])) -> u64 {
        let seconds = env::var("ANNALS_FUZZ_SECONDS").ok();
        let seconds = seconds.and_then(|text| text.parse().ok());
        let until = Duration::from_secs(seconds.unwrap_or(SECONDS));
        let (started, mut count) = (Instant::now(), 0);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        self.seeds.iter().for_each(|seed| one(seed));
        while started.elapsed() < until {
            one(&self.mutated(&mut random));
            count += 1;
        }
        count
    }

    fn mutated(&self, random: &mut Random) -> Vec<u8> {
        let mut input = self.seeds[random.below(self.seeds.len())].clone();
        for _ in 0..=random.below(6) {
            let place = random.below(input.len() + 1);
            let end = (place + random.below(40)).min(input.len());
            match random.below(8) {
                0 if place < input.len() => input[place] ^= 1 << random.below(8),
                1 => drop(input.drain(place..end)),
                2 => {
                    let copy = input[place..end].to_vec();
                    let to = random.below(input.len() + 1);
                    input.splice(to..to, copy);
                }
                3 => drop(input.splice(place..place, self.piece(random))),
                4 => {
                    let piece = self.piece(random);
                    let over = (place + piece.len()).min(input.len());
                    input.splice(place..over, piece);
                }
                // Elements of an array, mostly.
                5 => drop(input.splice(place..place, vec![0; random.below(60)])),
                6 => {
                    let other = &self.seeds[random.below(self.seeds.len())];
                    let from = random.below(other.len() + 1);
                    let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
                    input.splice(place..end, part);
                }
                // Nesting: the same part many times over.
                _ => {
                    let part = &input[place..end.min(place + 12)];
                    let many = part.repeat(1 + random.below(self.repeated_max));
                    input.splice(place..place, many);
                }
            }
        }
        input
    }

    fn piece(&self, random: &mut Random) -> Vec<u8> {
        self.pieces[random.below(self.pieces.len())].to_vec()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
