//! TxnOffsetCommit (key 28): offsets that count when a producer's transaction is committed, and only then. From version
//! 3 on the member says who it is (KIP-447), so that one that was fenced commits nothing.

use std::sync::Arc;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use annals_kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::offset_commit::{Judged, JudgedTopic};
use super::producer_fault;
use crate::group::Identity;
use crate::groups::{self, Who};
use crate::internal::OFFSETS;
use crate::table::{Answer, Context};
use crate::transaction::Producer;
use crate::transactions;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: TxnOffsetCommitRequest,
) -> Answer<TxnOffsetCommitResponse> {
    let shared = Arc::clone(&ctx.shared);
    let (judged, kept) = Judged::of(&shared, request.topics.into_iter().map(plain_topic).collect());
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let identity = Identity {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let generation = request.generation_id;
    let takes_part = generation >= 0 || !identity.member_id.is_empty() || identity.instance_id.is_some();
    let who = Who {
        identity: &identity,
        epoch: generation,
        knows_epochs: true,
    };
    let member = takes_part.then_some(&who);
    let place = (OFFSETS.to_owned(), 0);
    let written = transactions::while_open(&shared, &request.transactional_id, producer, &place, || {
        groups::commit_in_transaction(&shared, &request.group_id, member, producer, kept)
    });
    Answer::Change(Box::pin(async move {
        let code = match written {
            Ok(Ok(written)) => written.durable(&shared).await.err().unwrap_or(ErrorCode::None),
            // There is no word for a member's old epoch here, nor for a group that is gone.
            Ok(Err(ErrorCode::StaleMemberEpoch | ErrorCode::GroupIdNotFound)) => ErrorCode::IllegalGeneration,
            Ok(Err(code)) => code,
            Err(code) => producer_fault(code, false),
        };
        let topic = |topic: JudgedTopic| TxnOffsetCommitResponseTopic {
            name: topic.name,
            partitions: topic.partitions.into_iter().map(partition).collect(),
        };
        TxnOffsetCommitResponse {
            topics: judged.answers(code).map(topic).collect(),
            ..TxnOffsetCommitResponse::default()
        }
    }))
}

fn partition((partition_index, code): (i32, ErrorCode)) -> TxnOffsetCommitResponsePartition {
    TxnOffsetCommitResponsePartition {
        partition_index,
        error_code: code.code(),
    }
}

/// A topic as OffsetCommit has it: the two differ in nothing but their names.
fn plain_topic(topic: TxnOffsetCommitRequestTopic) -> OffsetCommitRequestTopic {
    let plain = |partition: TxnOffsetCommitRequestPartition| OffsetCommitRequestPartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        committed_metadata: partition.committed_metadata,
    };
    OffsetCommitRequestTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(plain).collect(),
        ..OffsetCommitRequestTopic::default()
    }
}
