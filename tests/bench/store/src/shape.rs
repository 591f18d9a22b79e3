//! Which aggregates there are, how long each is, and when each of its events happens.
//!
//! Lengths are those of the BPI Challenge 2019 (purchase-order items) as its published sample of one case a variant has
//! them: median 11, one in twelve above 64, 990 at most, mean 28. That sample has every rare long case and leaves out
//! how common the short ones are; so that ten million events are a million aggregates, so many aggregates as it takes
//! are short ones of 2 to 7 events. To these come a few of 1,000 events and two of 100,000, which last as long as the log.
//! Everything is drawn from one seed. Ids have nothing to do with time: neighbours in their order are strangers in the log.

use crate::rng::Rng;

/// Case lengths, at every 40th of the cases up to 39 of 40, and at every 400th of those behind.
const QUANTILES: [u32; 40] = [
    1, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 12, 12, 12, 13, 13, 14, 15, 17,
    19, 22, 25, 29, 34, 40, 50, 79, 152, 210,
];
const TAIL: [u32; 11] = [210, 219, 226, 240, 250, 268, 286, 299, 324, 371, 990];
/// Mean of what the two tables give, in thousandths, and of the short ones.
const LONG_MEAN_MILLI: u64 = 28_250;
const SHORT: (u64, u64) = (2, 7);
const SHORT_MEAN_MILLI: u64 = 4_500;
/// Mean over all.
const MEAN_MILLI: u64 = 10_000;

/// Aggregates of 1,000 events, and of 100,000 (of a tenth of the log where that is less).
pub const THOUSANDS: u32 = 20;
pub const GIANTS: u32 = 2;

/// The log's time: a year from here on.
pub const BEGIN_MS: i64 = 1_750_000_000_000;
pub const SPAN_MS: i64 = 365 * 24 * 3_600_000;
/// How long an ordinary aggregate lives, at most.
const LIFE_MS_MAX: u64 = 40 * 24 * 3_600_000;

/// An event before it has content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub ms: i64,
    pub aggregate: u32,
}

/// Which aggregates have which lengths, and all their events in the order of time.
pub struct Shape {
    pub lengths: Vec<u32>,
    pub moments: Vec<Moment>,
}

impl Shape {
    /// About so many events, from a seed.
    pub fn new(events: u64, seed: u64) -> Shape {
        let mut rng = Rng::new(seed);
        let giant = u32::try_from(events / 10).unwrap_or(u32::MAX).min(100_000);
        let mut lengths = vec![giant; GIANTS as usize];
        lengths.extend(vec![1_000; THOUSANDS as usize]);
        let mut sum: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        while sum < events {
            let length = length(&mut rng);
            sum += u64::from(length);
            lengths.push(length);
        }
        let mut moments = Vec::with_capacity(usize::try_from(sum).unwrap_or_default());
        let mut own = Vec::new();
        for (aggregate, length) in (0..).zip(&lengths) {
            let lasts = aggregate < GIANTS + THOUSANDS;
            let life = if lasts {
                SPAN_MS as u64
            } else {
                1 + rng.below(LIFE_MS_MAX)
            };
            let begin = rng.below(SPAN_MS as u64 - life + 1);
            own.clear();
            own.extend((0..*length).map(|_| begin + rng.below(life)));
            own.sort_unstable();
            moments.extend(own.iter().map(|ms| Moment {
                ms: BEGIN_MS + *ms as i64,
                aggregate,
            }));
        }
        // Stable in the order of an aggregate's own events, which are interchangeable.
        moments.sort_unstable();
        Shape { lengths, moments }
    }
}

fn length(rng: &mut Rng) -> u32 {
    let long = (MEAN_MILLI - SHORT_MEAN_MILLI) * 1_000_000 / (LONG_MEAN_MILLI - SHORT_MEAN_MILLI);
    if rng.below(1_000_000) >= long {
        return (SHORT.0 + rng.below(SHORT.1 - SHORT.0 + 1)) as u32;
    }
    let place = rng.below(400);
    // Between two rows lengths are spread evenly.
    let (table, row, part) = match place {
        0..390 => (&QUANTILES[..], place / 10, place % 10 * 100 + rng.below(100)),
        _ => (&TAIL[..], place - 390, rng.below(1_000)),
    };
    let (from, to) = (u64::from(table[row as usize]), u64::from(table[row as usize + 1]));
    (from + (to - from) * part / 1_000) as u32
}

/// The id of an aggregate: the record's key. Odd factors permute the numbers of 32 bits.
pub fn id(aggregate: u32) -> String {
    format!("{:010}", aggregate.wrapping_mul(2_654_435_761))
}
