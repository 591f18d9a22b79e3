//! Kafka's API keys: which number is which request, and from which version its encoding is the flexible one.
//!
//! Invariant: a key's number and first flexible version stand here and nowhere else, because the shape of a request's
//! header depends on them before any body can be read. Keys that only brokers send each other are left out.

use std::fmt;

/// Never flexible: SaslHandshake and OffsetDelete kept the old encoding.
const NEVER: i16 = i16::MAX;

/// Declares the table once: a row a key.
macro_rules! api_keys {
    ($($variant:ident $code:literal flexible $flexible:expr;)*) => {
        /// What a request asks for. `Display` gives Kafka's name.
        ///
        /// ```
        /// use annals_kafka_wire::api_key::ApiKey;
        ///
        /// assert_eq!(ApiKey::from_code(18), Some(ApiKey::ApiVersions));
        /// assert_eq!(ApiKey::Fetch.code(), 1);
        /// assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ApiKey {
            $(#[doc = concat!("Key ", $code, ".")] $variant,)*
        }

        impl ApiKey {
            /// Every key of the table, in order of its number.
            pub const ALL: &'static [ApiKey] = &[$(Self::$variant),*];

            /// The number on the wire.
            pub const fn code(self) -> i16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// Kafka's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            /// The first version with compact lengths and tagged fields (KIP-482).
            pub const fn flexible_from(self) -> i16 {
                match self { $(Self::$variant => $flexible,)* }
            }

            /// The key of a number, if it is in the table.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

api_keys! {
    Produce 0 flexible 9;
    Fetch 1 flexible 12;
    ListOffsets 2 flexible 6;
    Metadata 3 flexible 9;
    OffsetCommit 8 flexible 8;
    OffsetFetch 9 flexible 6;
    FindCoordinator 10 flexible 3;
    JoinGroup 11 flexible 6;
    Heartbeat 12 flexible 4;
    LeaveGroup 13 flexible 4;
    SyncGroup 14 flexible 4;
    DescribeGroups 15 flexible 5;
    ListGroups 16 flexible 3;
    SaslHandshake 17 flexible NEVER;
    ApiVersions 18 flexible 3;
    CreateTopics 19 flexible 5;
    DeleteTopics 20 flexible 4;
    DeleteRecords 21 flexible 2;
    InitProducerId 22 flexible 2;
    OffsetForLeaderEpoch 23 flexible 4;
    AddPartitionsToTxn 24 flexible 3;
    AddOffsetsToTxn 25 flexible 3;
    EndTxn 26 flexible 3;
    TxnOffsetCommit 28 flexible 3;
    DescribeAcls 29 flexible 2;
    CreateAcls 30 flexible 2;
    DeleteAcls 31 flexible 2;
    DescribeConfigs 32 flexible 4;
    AlterConfigs 33 flexible 2;
    DescribeLogDirs 35 flexible 2;
    SaslAuthenticate 36 flexible 2;
    CreatePartitions 37 flexible 2;
    DeleteGroups 42 flexible 2;
    ElectLeaders 43 flexible 2;
    IncrementalAlterConfigs 44 flexible 1;
    AlterPartitionReassignments 45 flexible 0;
    ListPartitionReassignments 46 flexible 0;
    OffsetDelete 47 flexible NEVER;
    DescribeClientQuotas 48 flexible 1;
    AlterClientQuotas 49 flexible 1;
    DescribeUserScramCredentials 50 flexible 0;
    AlterUserScramCredentials 51 flexible 0;
    DescribeQuorum 55 flexible 0;
    DescribeCluster 60 flexible 0;
    DescribeProducers 61 flexible 0;
    DescribeTransactions 65 flexible 0;
    ListTransactions 66 flexible 0;
    ConsumerGroupHeartbeat 68 flexible 0;
    ConsumerGroupDescribe 69 flexible 0;
    ListConfigResources 74 flexible 0;
    DescribeTopicPartitions 75 flexible 0;
}

impl ApiKey {
    /// Whether a version of this request, and of its response, has compact lengths and tagged fields.
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }

    /// The version of the header before a request: 1, or 2 which ends with tagged fields.
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the header before a response: 0, or 1 which ends with tagged fields.
    /// ApiVersions always has 0, so that a client can read the answer before it knows the broker (KIP-511).
    pub const fn response_header_version(self, version: i16) -> i16 {
        match self {
            Self::ApiVersions => 0,
            _ if self.is_flexible(version) => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;

    #[test]
    fn numbers_and_headers_agree_with_the_oracle() {
        for &key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(key));
            let oracle = kafka_protocol::messages::ApiKey::try_from(key.code()).unwrap();
            assert_eq!(format!("{oracle:?}"), key.name());
            for version in oracle.valid_versions().min..=oracle.valid_versions().max {
                assert_eq!(
                    oracle.request_header_version(version),
                    key.request_header_version(version),
                    "{key} v{version}"
                );
                assert_eq!(
                    oracle.response_header_version(version),
                    key.response_header_version(version),
                    "{key} v{version}"
                );
            }
        }
    }
}
