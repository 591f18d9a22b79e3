//! What is left of a node when the power goes.
//!
//! Invariant: the synced stays; of the unsynced anything may stay, and what is lost below the end reads as zeros.

use super::Node;
use super::bytes::{FileBytes, SECTOR};

/// What a power cut leaves of the unsynced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survives {
    Nothing,
    Everything,
    /// Names, and the first half of each file's new bytes.
    Half,
    /// Any sectors of the new bytes, the rest of them zeros; any directory's names or none.
    Sectors(u64),
}

/// A number that looks random, from two.
fn coin(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 32)
}

pub(super) fn survivor(node: &Node, survives: Survives, at: u64) -> Node {
    match node {
        Node::Dir { live, durable } => {
            let new = match survives {
                Survives::Nothing => false,
                Survives::Everything | Survives::Half => true,
                Survives::Sectors(seed) => coin(seed, at).is_multiple_of(2),
            };
            let names = if new { live } else { durable };
            Node::Dir {
                live: names.clone(),
                durable: names.clone(),
            }
        }
        Node::File(bytes) => {
            // What the system takes for written is lost when it was not.
            let due = bytes.written_back();
            Node::File(FileBytes::settled(surviving_bytes(
                &due,
                &bytes.durable,
                survives,
                at,
            )))
        }
    }
}

fn surviving_bytes(live: &[u8], durable: &[u8], survives: Survives, at: u64) -> Vec<u8> {
    match survives {
        Survives::Nothing => durable.to_vec(),
        Survives::Everything => live.to_vec(),
        _ if live.len() < durable.len() => {
            // An unsynced truncation: done or not.
            if coin(7, at).is_multiple_of(2) {
                live.to_vec()
            } else {
                durable.to_vec()
            }
        }
        Survives::Half => live[..durable.len() + (live.len() - durable.len()) / 2].to_vec(),
        Survives::Sectors(seed) => {
            let mut bytes = durable.to_vec();
            for start in (0..live.len()).step_by(SECTOR) {
                let end = (start + SECTOR).min(live.len());
                if coin(seed, at * 1_000_003 + start as u64).is_multiple_of(2) {
                    bytes.resize(bytes.len().max(end), 0);
                    bytes[start..end].copy_from_slice(&live[start..end]);
                }
            }
            bytes
        }
    }
}
