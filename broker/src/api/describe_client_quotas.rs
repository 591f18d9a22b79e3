//! DescribeClientQuotas (key 48): nobody has a quota, so whoever is asked for, the list is empty.

use annals_kafka_wire::message::describe_client_quotas::{
    DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

use crate::table::{Answer, Context};

pub(crate) fn handle(
    _: &Context,
    _version: i16,
    _: DescribeClientQuotasRequest,
) -> Answer<DescribeClientQuotasResponse> {
    Answer::Now(DescribeClientQuotasResponse::default())
}
