//! DescribeClientQuotas (key 48): nobody has a quota, so whoever is asked for, the list is empty;
//! who could have none is refused, as with Kafka.

use std::collections::HashSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

use crate::api::outcome::Refusal;
use crate::table::{Answer, Context};

const ENTITY_TYPES: [&str; 3] = ["user", "client-id", "ip"];

/// A component that is matched by name, by being the default, or by being there.
const EXACTLY: i8 = 0;
const SPECIFIED: i8 = 2;

pub(crate) fn handle(
    _: &Context,
    _version: i16,
    request: DescribeClientQuotasRequest,
) -> Answer<DescribeClientQuotasResponse> {
    Answer::Now(match check(&request.components) {
        Ok(()) => DescribeClientQuotasResponse::default(),
        Err((code, sentence)) => DescribeClientQuotasResponse {
            error_code: code.code(),
            error_message: Some(sentence),
            entries: None,
            ..DescribeClientQuotasResponse::default()
        },
    })
}

/// Whether something could have such quotas.
fn check(components: &[ComponentData]) -> Result<(), Refusal> {
    let invalid = |sentence: &str| Err((ErrorCode::InvalidRequest, sentence.to_owned()));
    let mut seen = HashSet::new();
    for component in components {
        let kind = component.entity_type.as_str();
        if kind.is_empty() {
            return invalid("An entity type is empty.");
        }
        if !ENTITY_TYPES.contains(&kind) {
            let sentence = "Entities are of type user, client-id or ip.".to_owned();
            return Err((ErrorCode::UnsupportedVersion, sentence));
        }
        if !seen.insert(kind) {
            return invalid("An entity type is named twice.");
        }
        let has_name = component.matched.is_some();
        if !(EXACTLY..=SPECIFIED).contains(&component.match_type)
            || has_name != (component.match_type == EXACTLY)
        {
            return invalid(
                "An entity is matched by its name, by being the default (1), or by being there (2).",
            );
        }
    }
    if seen.contains("ip") && seen.len() > 1 {
        return invalid("Quotas of an address are those of nothing else.");
    }
    Ok(())
}
