//! DescribeAcls (key 29): there is no authorizer, so there are no rules to tell of, and SECURITY_DISABLED says why.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_acls::{DescribeAclsRequest, DescribeAclsResponse};

use crate::table::{Answer, Context};

pub(crate) fn handle(_: &Context, _version: i16, _: DescribeAclsRequest) -> Answer<DescribeAclsResponse> {
    Answer::Now(DescribeAclsResponse {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some("No Authorizer is configured.".to_owned()),
        ..DescribeAclsResponse::default()
    })
}
