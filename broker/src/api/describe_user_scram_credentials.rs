//! DescribeUserScramCredentials (key 50): nobody has credentials here. Asked for all the list is empty; a user asked for
//! by name is RESOURCE_NOT_FOUND, and DUPLICATE_RESOURCE when named twice, as with Kafka.

use std::collections::BTreeMap;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
};

use crate::table::{Answer, Context};

pub(crate) fn handle(
    _: &Context,
    _version: i16,
    request: DescribeUserScramCredentialsRequest,
) -> Answer<DescribeUserScramCredentialsResponse> {
    let mut named = BTreeMap::<String, usize>::new();
    for user in request.users.unwrap_or_default() {
        *named.entry(user.name).or_default() += 1;
    }
    let results = named.into_iter().map(|(user, times)| {
        let (code, sentence) = match times {
            1 => (ErrorCode::ResourceNotFound, "The user has no credentials."),
            _ => (
                ErrorCode::DuplicateResource,
                "The user is asked for more than once.",
            ),
        };
        DescribeUserScramCredentialsResult {
            user,
            error_code: code.code(),
            error_message: Some(sentence.to_owned()),
            ..DescribeUserScramCredentialsResult::default()
        }
    });
    Answer::Now(DescribeUserScramCredentialsResponse {
        results: results.collect(),
        ..DescribeUserScramCredentialsResponse::default()
    })
}
