//! DeleteGroups (key 42): groups that nobody is in, with their offsets. Answered when that is durable.

use std::sync::Arc;

use annals_kafka_wire::message::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

use crate::groups;
use crate::table::{Answer, Context};

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DeleteGroupsRequest,
) -> Answer<DeleteGroupsResponse> {
    let shared = Arc::clone(&ctx.shared);
    Answer::Change(Box::pin(async move {
        let mut results = Vec::with_capacity(request.groups_names.len());
        for group_id in request.groups_names {
            let code = groups::delete(&shared, &group_id).await;
            results.push(DeletableGroupResult {
                group_id,
                error_code: code.code(),
            });
        }
        DeleteGroupsResponse {
            results,
            ..DeleteGroupsResponse::default()
        }
    }))
}
