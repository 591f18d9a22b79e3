//! The metrics there are, one a row.

/// What kind of figure a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counted in buckets.
    Histogram,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($row:ident $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        /// A metric, by its place in the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Row { $($row),* }

        /// Every metric, in the order they are written.
        pub(super) const TABLE: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            help: $help,
            labels: &[$($label),*],
        }),*];
    };
}

metrics! {
    Brokers "kafka_brokers" Gauge [] "Brokers in the cluster: this one";
    TopicPartitions "kafka_topic_partitions" Gauge ["topic"] "Partitions of a topic";
    CurrentOffset "kafka_topic_partition_current_offset" Gauge ["topic", "partition"] "The offset behind the last durable record";
    OldestOffset "kafka_topic_partition_oldest_offset" Gauge ["topic", "partition"] "The first offset there is";
    GroupMembers "kafka_consumergroup_members" Gauge ["consumergroup"] "Members of a group";
    GroupState "kafka_consumergroup_state" Gauge ["consumergroup", "state"] "1 for the state a group is in";
    GroupOffset "kafka_consumergroup_current_offset" Gauge ["consumergroup", "topic", "partition"] "The offset a group has committed";
    GroupOffsetSum "kafka_consumergroup_current_offset_sum" Gauge ["consumergroup", "topic"] "The same, over the partitions of a topic";
    GroupLag "kafka_consumergroup_lag" Gauge ["consumergroup", "topic", "partition"] "Offsets between what a group has committed and the end";
    GroupLagSum "kafka_consumergroup_lag_sum" Gauge ["consumergroup", "topic"] "The same, over the partitions of a topic";
    MessagesIn "kafka_server_brokertopicmetrics_messagesin_total" Counter ["topic"] "Records appended since the start";
    BytesIn "kafka_server_brokertopicmetrics_bytesin_total" Counter ["topic"] "Bytes of batches appended since the start";
    BytesOut "kafka_server_brokertopicmetrics_bytesout_total" Counter ["topic"] "Bytes of batches given to consumers since the start";
    LogSize "kafka_log_log_size" Gauge ["topic"] "Bytes of a topic's log files";
    Requests "kafka_network_requestmetrics_requests_total" Counter ["request"] "Requests answered since the start, by API";
    Errors "kafka_network_requestmetrics_errors_total" Counter ["request", "error"] "Errors in answers since the start, by API and code";
    RequestSeconds "kafka_network_requestmetrics_totaltime_seconds" Histogram ["request"] "From a request's last byte to its answer, waiting included";
    Connections "kafka_server_socketservermetrics_connection_count" Gauge [] "Open connections of Kafka clients";
    ConnectionsAccepted "annals_kafka_connections_accepted_total" Counter [] "Connections accepted since the start";
    ConnectionsTurnedAway "annals_kafka_connections_turned_away_total" Counter [] "Connections closed at once, because there were too many";
    ConnectionsClosed "annals_kafka_connections_closed_total" Counter [] "Connections closed for what was sent on them, or how slowly";
    BudgetUsed "annals_kafka_budget_used_bytes" Gauge ["budget"] "Memory that requests and answers hold";
    BudgetMax "annals_kafka_budget_max_bytes" Gauge ["budget"] "Memory that they may hold";
    Refusals "annals_records_refused_total" Counter ["topic", "reason"] "Records refused since the start, by the code of the rule they broke; batches, by Kafka's name of the error";
    Warnings "annals_records_warned_total" Counter ["topic", "reason"] "Records appended with a warning since the start, by the code of the rule they broke";
    Groups "kafka_coordinator_group_groupmetadatamanager_numgroups" Gauge [] "Consumer groups";
    Producers "kafka_server_replicamanager_produceridcount" Gauge [] "Producers that partitions remember";
    TransactionalIds "annals_transactional_ids" Gauge [] "Transactional ids";
    OpenTransactions "annals_open_transactions" Gauge [] "Transactions that are open";
    Syncs "annals_log_sync_seconds" Histogram [] "How long syncs of partitions took";
    LogStopped "annals_log_stopped" Gauge [] "1 when a sync failed: no record is taken until a restart";
    LogRefusing "annals_log_refusing" Gauge [] "1 while there is no room: records are refused";
    LogDamaged "annals_log_damaged_partitions" Gauge [] "Partitions of which something cannot be read";
    LogCuts "annals_log_cuts_total" Counter [] "Torn tails cut since the start";
    LogCutBytes "annals_log_cut_bytes_total" Counter [] "Bytes of torn tails cut since the start";
    Subjects "annals_registry_subjects" Gauge [] "Subjects with a version that is not deleted";
    Schemas "annals_registry_schemas" Gauge [] "Schema ids in all contexts";
    HttpRequests "annals_http_requests_total" Counter ["method", "route", "status"] "HTTP requests answered since the start";
    FoldEvents "annals_fold_events" Gauge ["aggregate"] "Records that the index of an aggregate's topic holds";
    FoldAggregates "annals_fold_aggregates" Gauge ["aggregate"] "Aggregates of a type";
    FoldLag "annals_fold_index_lag" Gauge ["aggregate"] "Offsets that the index is behind the end of the topic";
    Snapshots "annals_fold_snapshots_total" Counter ["what"] "Snapshots of aggregates since the start: kept, used by an answer, checked behind its back, wrong, damaged";
    LeftOut "annals_metrics_left_out" Gauge ["metric"] "Rows of a metric that were left out of this answer, as there are too many";
    Resident "process_resident_memory_bytes" Gauge [] "Resident memory";
    Cpu "process_cpu_seconds_total" Counter [] "User and system CPU time spent";
    OpenFds "process_open_fds" Gauge [] "Open file descriptors";
    StartTime "process_start_time_seconds" Gauge [] "When the process began, in seconds since 1970";
}
