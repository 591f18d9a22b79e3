//! DescribeClientQuotas (key 48): how much clients may use.

use super::FILTERS_MAX;
use crate::primitives::Float64;

message! {
    /// Whose quotas.
    request DescribeClientQuotasRequest: DescribeClientQuotas 0..=1 => DescribeClientQuotasResponse {
        components: Vec<ComponentData>, 0.., most FILTERS_MAX; "Each kind an entity must have."
        strict: bool, 0..; "Whether entities with other kinds besides are left out."
    }

    /// What an entity must be.
    part ComponentData {
        entity_type: String, 0..; "The kind: `user`, `client-id` or `ip`."
        match_type: i8, 0..; "0 this name, 1 the default, 2 any name."
        matched: Option<String>, 0.., null 0..; "The name, null unless a name is asked for."
    }

    /// The quotas.
    response DescribeClientQuotasResponse: DescribeClientQuotas 0..=1 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there are no quotas."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        entries: Option<Vec<EntryData>>, 0.., null 0.., default Some(Vec::new()); "Each entity, null on an error."
    }

    /// One entity's quotas.
    part EntryData {
        entity: Vec<EntityData>, 0..; "What makes the entity up."
        values: Vec<ValueData>, 0..; "Each quota."
    }

    /// One part of an entity.
    part EntityData {
        entity_type: String, 0..; "Its kind."
        entity_name: Option<String>, 0.., null 0..; "Its name, null for the default."
    }

    /// One quota.
    part ValueData {
        key: String, 0..; "Which quota."
        value: Float64, 0..; "How much."
    }
}
