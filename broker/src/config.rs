//! What a broker is told when it starts: who it says it is, and every limit it holds clients to.
//!
//! Read once at start; nothing here changes while the broker runs. Each limit names its unit, and its default
//! says why it is that high. Settings of a single topic live in [`crate::topic_config`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Everything a broker needs to know before it opens its data directory.
///
/// ```
/// let config = annals_broker::BrokerConfig { default_partitions: 3, ..Default::default() };
/// assert_eq!(config.node_id, 1);
/// ```
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The only node of this cluster.
    pub node_id: i32,
    /// The cluster's id as clients see it; `None` = drawn at random once and kept in the metadata log.
    pub cluster_id: Option<String>,
    /// Whether asking Metadata for an unknown topic creates it, when the client allows that too.
    pub auto_create_topics: bool,
    /// Partitions of a topic created without a number.
    pub default_partitions: i32,
    /// Largest batch a topic takes unless its `max.message.bytes` says otherwise (Kafka's default, bytes).
    pub message_bytes_max: usize,
    /// Most records one batch may hold: judging a batch costs memory per record, whatever its bytes.
    pub batch_records_max: usize,
    /// Most record headers one batch may hold: a reader keeps some fifty bytes for one that takes two.
    pub batch_headers_max: usize,
    /// Most partitions of all topics together: each holds open files. Topics are created on demand up to half of them.
    pub partitions_max: usize,
    /// Most connections at once; one more is closed as soon as it is accepted.
    pub connections_max: usize,
    /// Largest request frame; a longer one closes its connection (bytes).
    pub frame_bytes_max: usize,
    /// Bytes of requests, read or being read but not yet answered, over all connections; readers wait beyond it. As
    /// many again for what is read from them, or comes of them, where that takes more.
    pub requests_in_flight_bytes_max: usize,
    /// Largest Fetch answer, whatever the client asks for (bytes of records; one batch may exceed it). More of them
    /// cost a client little, and us the memory of one while it is on its way.
    pub fetch_bytes_max: usize,
    /// Bytes of answers not yet written to their sockets, over all connections.
    pub answers_in_flight_bytes_max: usize,
    /// Most fetch sessions (Kafka's `max.incremental.fetch.session.cache.slots`, and its default); who gets none names its
    /// partitions in every request.
    pub fetch_sessions_max: usize,
    /// Bytes of memory that fetch sessions take, some 300 a partition.
    pub fetch_sessions_bytes_max: usize,
    /// Bytes of Fetch requests that wait for records, over all connections; one more is answered without waiting.
    pub polls_bytes_max: usize,
    /// Produce requests of one connection that may wait for their answers before its reading pauses.
    pub pipeline_max: usize,
    /// Most topics one Metadata request may create by naming them; a client asks again for the others.
    pub auto_create_topics_per_request_max: usize,
    /// A new connection must have sent its first whole request by then, however steadily it comes.
    pub first_request_timeout: Duration,
    /// A request whose first byte has arrived must be whole by then.
    pub request_read_timeout: Duration,
    /// A connection that sends nothing for this long is closed (Kafka's `connections.max.idle.ms`).
    pub idle_timeout: Duration,
    /// An answer must be taken by its client within this time.
    pub answer_write_timeout: Duration,
    /// While others wait for room, a client must move 64 KiB of its frame or answer in every such time.
    pub pace_window: Duration,
    /// How long a client waits for a topic's creation or deletion before it is told that it may still come.
    pub change_wait_max: Duration,
    /// Longest wait of a Fetch for new records, whatever the client asks for.
    pub fetch_wait_max: Duration,
    /// How long a group's offsets are kept after it went empty, or after a commit to a topic that no member wants
    /// (Kafka's `offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// How long a transactional id is known that nobody uses (Kafka's `transactional.id.expiration.ms`).
    pub transactional_id_expiration: Duration,
    /// What the members of all groups together say about themselves and are given (bytes).
    pub members_bytes_max: usize,
    /// How long a stopping broker lets requests in flight finish.
    pub stop_timeout: Duration,
    /// The time, in milliseconds since 1970; tests put their own here.
    pub clock: fn() -> i64,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
        BrokerConfig {
            node_id: 1,
            cluster_id: None,
            auto_create_topics: true,
            default_partitions: 1,
            message_bytes_max: MIB + 12,
            batch_records_max: 100_000,
            batch_headers_max: 100_000,
            partitions_max: 4_000,
            connections_max: 10_000,
            frame_bytes_max: 100 * MIB,
            requests_in_flight_bytes_max: 256 * MIB,
            fetch_bytes_max: 2 * MIB,
            answers_in_flight_bytes_max: 256 * MIB,
            fetch_sessions_max: 1_000,
            fetch_sessions_bytes_max: 64 * MIB,
            polls_bytes_max: 64 * MIB,
            pipeline_max: 64,
            auto_create_topics_per_request_max: 100,
            first_request_timeout: Duration::from_secs(10),
            request_read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(600),
            answer_write_timeout: Duration::from_secs(30),
            pace_window: Duration::from_secs(1),
            change_wait_max: Duration::from_secs(30),
            fetch_wait_max: Duration::from_secs(300),
            offsets_retention: WEEK,
            transactional_id_expiration: WEEK,
            members_bytes_max: 256 * MIB,
            stop_timeout: Duration::from_secs(10),
            clock: wall_clock_ms,
        }
    }
}

/// Milliseconds since 1970 by the machine's clock; 0 when that is set before 1970.
fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
