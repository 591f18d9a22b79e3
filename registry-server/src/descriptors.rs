//! File descriptors: how many the process may have, and who gets how many.
//!
//! A process that runs out of them can open no segment, and a log that cannot write is worse than a client that is
//! turned away. So the soft limit is raised to the hard one at the start, and connections and partitions are capped so
//! that what is left always suffices for new segments, the database and everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any of the shares below can use: a limit of "unlimited" is taken for this.
const ENOUGH: u64 = 1 << 20;

/// Who gets how many descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Connections of Kafka clients.
    pub(crate) kafka_connections: usize,
    /// Connections of HTTP clients.
    pub(crate) http_connections: usize,
    /// Partitions: each keeps its segments open.
    pub(crate) partitions: usize,
}

impl Shares {
    /// How many writes may wait for the database: each has a connection of an HTTP client, and reads and health checks
    /// find one of the other half however long the database is gone.
    pub(crate) fn waiting_writes(self) -> usize {
        (self.http_connections / 2).max(1)
    }
}

/// Raises the limit as far as it goes, and shares what there is.
pub(crate) fn claim() -> Shares {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (soft, hard) = (current.unwrap_or(ENOUGH), maximum.unwrap_or(ENOUGH).min(ENOUGH));
    if soft >= hard {
        return Shares::of(soft);
    }
    let raised = Rlimit {
        current: Some(hard),
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Shares::of(hard),
        Err(error) => {
            tracing::warn!(%error, soft, hard, "the limit on open files could not be raised");
            Shares::of(soft)
        }
    }
}

impl Shares {
    /// The shares of a limit: an eighth for HTTP, a quarter for partitions, each of which needs a second descriptor when it
    /// begins a segment or is read behind its first. What is left of that are connections of Kafka clients, but for a
    /// reserve: the database, and whatever else. None gets more than it knows to use.
    fn of(limit: u64) -> Shares {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let http_connections = (limit / 8).min(1_024);
        let partitions = (limit / 4).min(4_000);
        let others = http_connections + 2 * partitions + limit / 32;
        Shares {
            kafka_connections: limit.saturating_sub(others).min(10_000),
            http_connections,
            partitions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_partitions_leave_a_reserve() {
        for limit in [64, 1_024, 4_096, 20_000, 65_536, ENOUGH] {
            let shares = Shares::of(limit);
            let shared = shares.kafka_connections + shares.http_connections + 2 * shares.partitions;
            assert!(
                shares.kafka_connections as u64 >= (limit / 4).min(10_000)
                    && shared as u64 <= limit * 31 / 32,
                "{limit}: {shares:?}"
            );
            assert!(
                shares.waiting_writes() * 2 <= shares.http_connections,
                "writes that wait leave half of the places: {shares:?}"
            );
        }
        let plenty = Shares {
            kafka_connections: 10_000,
            http_connections: 1_024,
            partitions: 4_000,
        };
        for limit in [20_000, ENOUGH] {
            assert_eq!(Shares::of(limit), plenty, "without a shortage");
        }
    }
}
