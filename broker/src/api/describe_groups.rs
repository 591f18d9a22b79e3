//! DescribeGroups (key 15): what groups are doing, and who is in them. One that nobody knows is `Dead`; from version 6
//! on GROUP_ID_NOT_FOUND says so as well; so is a group of the new protocol, which ConsumerGroupDescribe is for. One that is named twice is described once.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use crate::api::allowed;
use crate::group::{Group, Member, Phase};
use crate::groups::Kind;
use crate::table::{Answer, Context};

/// The first version that says that there is no such group.
const SAYS_NOT_FOUND: i16 = 6;

pub(crate) fn handle(
    ctx: &Context,
    version: i16,
    request: DescribeGroupsRequest,
) -> Answer<DescribeGroupsResponse> {
    let operations = match request.include_authorized_operations {
        true => allowed::TO_A_GROUP,
        false => allowed::NOT_ASKED,
    };
    let describe = |group_id: String| {
        let found = ctx
            .shared
            .groups
            .cells
            .look(&group_id, |entry| match &entry.kind {
                Kind::Classic(group) => Some(DescribedGroup {
                    authorized_operations: operations,
                    ..described(group)
                }),
                Kind::Consumer(_) => None,
            });
        let group = found.flatten().unwrap_or_else(|| unknown(version, &group_id));
        DescribedGroup { group_id, ..group }
    };
    let once: BTreeSet<String> = request.groups.into_iter().collect();
    Answer::Now(DescribeGroupsResponse {
        groups: once.into_iter().map(describe).collect(),
        ..DescribeGroupsResponse::default()
    })
}

fn described(group: &Group) -> DescribedGroup {
    // Until all is assigned a protocol is chosen, and not spoken yet.
    let protocol = group.protocol().filter(|_| group.phase() == Phase::Stable);
    let member = |member: &Member| DescribedGroupMember {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        member_metadata: member.metadata(protocol),
        member_assignment: member.assignment.clone(),
    };
    DescribedGroup {
        group_state: group.phase().name().to_owned(),
        protocol_type: group.protocol_type().unwrap_or_default().to_owned(),
        protocol_data: protocol.unwrap_or_default().to_owned(),
        members: group.members().map(member).collect(),
        ..DescribedGroup::default()
    }
}

fn unknown(version: i16, group_id: &str) -> DescribedGroup {
    let code = ErrorCode::GroupIdNotFound;
    let says = version >= SAYS_NOT_FOUND;
    DescribedGroup {
        error_code: if says { code.code() } else { 0 },
        error_message: says.then(|| format!("Group {group_id} not found.")),
        group_state: "Dead".to_owned(),
        ..DescribedGroup::default()
    }
}
