//! The golden file compiled and run: what is compared is also what works.

#![allow(clippy::unwrap_used)]

mod foreign_writers;
mod records;
mod round_trip;
mod sets;

/// The generated types.
#[allow(unreachable_pub, dead_code)]
mod events {
    include!("../golden/events.rs.txt");
}
