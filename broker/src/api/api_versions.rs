//! ApiVersions (key 18): what this broker answers, read off the table.
//!
//! * v3+: the client's software name and version must be of Kafka's characters, else INVALID_REQUEST (KIP-511).
//! * An unknown version never gets here: dispatch answers it in v0 with UNSUPPORTED_VERSION and this API's span.
//! * The features that clients look for are finalized: the new group protocol (`group.version` 1, KIP-848), and transactions with
//!   an epoch each (`transaction.version` 2, KIP-890).

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};

use crate::table::{Answer, Context, Row, TABLE};

/// What is finalized, and at which level.
const FEATURES: &[(&str, i16)] = &[("group.version", 1), ("transaction.version", 2)];

/// The first version that names the client's software.
const NAMES_SINCE: i16 = 3;

pub(crate) fn handle(_: &Context, version: i16, request: ApiVersionsRequest) -> Answer<ApiVersionsResponse> {
    let named = is_plain(&request.client_software_name) && is_plain(&request.client_software_version);
    if version >= NAMES_SINCE && !named {
        return Answer::Now(ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..ApiVersionsResponse::default()
        });
    }
    let row = |row: &Row| ApiVersion {
        api_key: row.key.code(),
        min_version: *row.versions.start(),
        max_version: *row.versions.end(),
    };
    let supported = |(name, level): &(&str, i16)| SupportedFeatureKey {
        name: (*name).to_owned(),
        min_version: 1,
        max_version: *level,
    };
    let finalized = |(name, level): &(&str, i16)| FinalizedFeatureKey {
        name: (*name).to_owned(),
        max_version_level: *level,
        min_version_level: *level,
    };
    Answer::Now(ApiVersionsResponse {
        api_keys: TABLE.iter().map(row).collect(),
        supported_features: FEATURES.iter().map(supported).collect(),
        finalized_features: FEATURES.iter().map(finalized).collect(),
        // They never change while a broker runs, but may from one of our versions to the next.
        finalized_features_epoch: FEATURES.iter().map(|(_, level)| i64::from(*level)).sum(),
        ..ApiVersionsResponse::default()
    })
}

/// Letters, digits, dots and dashes, with a letter or digit at either end.
fn is_plain(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_of_kafkas_characters() {
        for good in ["librdkafka", "apache-kafka-java", "4.3.0", "a"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a_b", "ä"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }

    #[test]
    fn the_table_is_sorted_by_key_without_repetition() {
        assert!(
            TABLE
                .windows(2)
                .all(|pair| pair[0].key.code() < pair[1].key.code())
        );
    }
}
