//! ListPartitionReassignments (key 46): the moves under way, of which one node never has any.

use annals_kafka_wire::message::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::table::{Answer, Context};

pub(crate) fn handle(
    _: &Context,
    _version: i16,
    _: ListPartitionReassignmentsRequest,
) -> Answer<ListPartitionReassignmentsResponse> {
    Answer::Now(ListPartitionReassignmentsResponse::default())
}
