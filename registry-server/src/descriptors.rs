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
    /// The shares of a limit: an eighth and a quarter for connections, a quarter for partitions' first segments; the
    /// rest is for further segments, the database, and whatever else. None gets more than it knows to use.
    fn of(limit: u64) -> Shares {
        let eighth = usize::try_from(limit / 8).unwrap_or(usize::MAX);
        Shares {
            kafka_connections: (2 * eighth).min(10_000),
            http_connections: eighth.min(1_024),
            partitions: (2 * eighth).min(4_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_partitions_leave_a_reserve() {
        for limit in [64, 1_024, 4_096, 65_536, ENOUGH] {
            let shares = Shares::of(limit);
            let shared = shares.kafka_connections + shares.http_connections + shares.partitions;
            assert!(
                shared > 0 && shared as u64 <= limit * 5 / 8,
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
        assert_eq!(
            Shares::of(ENOUGH),
            plenty,
            "the limits there are without a shortage"
        );
    }
}
