//! ListGroups (key 16): all groups, or those of some states (version 4 on) and types (version 5 on).

use annals_kafka_wire::message::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::table::{Answer, Context};

pub(crate) fn handle(ctx: &Context, _version: i16, request: ListGroupsRequest) -> Answer<ListGroupsResponse> {
    let passes = |filter: &[String], word: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(word))
    };
    let groups = &ctx.shared.groups;
    let listed = groups.cells.ids().into_iter().filter_map(|id| {
        groups.cells.look(&id, |entry| ListedGroup {
            protocol_type: entry.kind.protocol_type().unwrap_or_default().to_owned(),
            group_state: entry.kind.state_name().to_owned(),
            group_type: entry.kind.name().to_owned(),
            group_id: id.clone(),
        })
    });
    let wanted = listed.filter(|group| {
        passes(&request.states_filter, &group.group_state) && passes(&request.types_filter, &group.group_type)
    });
    Answer::Now(ListGroupsResponse {
        groups: wanted.collect(),
        ..ListGroupsResponse::default()
    })
}
