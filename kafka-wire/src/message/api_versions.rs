//! ApiVersions (key 18): the first thing a client asks, before it knows anything.
//!
//! Its response never has tagged fields in the header. A request in a version the broker does not know is answered in
//! version 0 with UNSUPPORTED_VERSION and this API's own range (KIP-511): see [`unsupported`].

use std::ops::RangeInclusive;

use crate::{
    api_key::ApiKey,
    error::{ErrorCode, WireError},
    frame::encode_response,
    primitives::Pieces,
};

message! {
    /// Who asks.
    request ApiVersionsRequest: ApiVersions 0..=4 => ApiVersionsResponse {
        client_software_name: String, 3..; "The client library."
        client_software_version: String, 3..; "Its version."
    }

    /// What the broker can do.
    response ApiVersionsResponse: ApiVersions 0..=4 => {
        error_code: i16, 0..; "0, or UNSUPPORTED_VERSION."
        api_keys: Vec<ApiVersion>, 0..; "Each API."
        throttle_time_ms: i32, 1..; "How long the client is asked to wait, in milliseconds."
        supported_features: Vec<SupportedFeatureKey>, 3.., tag 0; "Features this broker could run with."
        finalized_features_epoch: i64, 3.., tag 1, default -1; "Grows when the list below changes, -1 if not known."
        finalized_features: Vec<FinalizedFeatureKey>, 3.., tag 2; "Features the cluster runs with."
        zk_migration_ready: bool, 3.., tag 3; "A controller's state while it leaves ZooKeeper."
    }

    /// The versions of one API.
    part ApiVersion {
        api_key: i16, 0..; "The API."
        min_version: i16, 0..; "The lowest version."
        max_version: i16, 0..; "The highest version."
    }

    /// The versions of a feature that this broker could run with.
    part SupportedFeatureKey {
        name: String, 3..; "The feature."
        min_version: i16, 3..; "The lowest version. In responses before version 4 it must not be 0."
        max_version: i16, 3..; "The highest version."
    }

    /// The versions of a feature that the cluster runs with.
    part FinalizedFeatureKey {
        name: String, 3..; "The feature."
        max_version_level: i16, 3..; "The highest version."
        min_version_level: i16, 3..; "The lowest version."
    }
}

/// The frame that answers a request in a version this broker does not know: version 0, error 35, and the range of
/// ApiVersions itself, so that the client can step down. `own` is the range the broker advertises for it.
pub fn unsupported(own: RangeInclusive<i16>, correlation_id: i32) -> Result<Pieces, WireError> {
    let range = ApiVersion {
        api_key: ApiKey::ApiVersions.code(),
        min_version: *own.start(),
        max_version: *own.end(),
    };
    let error_code = ErrorCode::UnsupportedVersion.code();
    let answer = ApiVersionsResponse {
        error_code,
        api_keys: vec![range],
        ..Default::default()
    };
    encode_response(&answer, 0, correlation_id)
}
