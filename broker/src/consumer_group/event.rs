//! What happens to a group of the new protocol, and what is to be done.

use std::collections::BTreeSet;

use annals_kafka_wire::coordinator::offsets::OffsetsKey;
use annals_kafka_wire::error::ErrorCode;
use bytes::Bytes;

use super::heartbeat::Heard;
use super::{Classic, Parts};
use crate::group::{self, NotJoined};
use crate::ticket::Ticket;

/// What a member says. `None` is what has not changed since it last said it.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    /// Empty when the coordinator is to make one: `fresh_id`.
    pub(crate) member_id: String,
    pub(crate) fresh_id: String,
    /// Of a static member.
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rack_id: Option<String>,
    /// The one it has come to, or [`JOINS`], [`GOES`], [`WILL_BE_BACK`].
    pub(crate) epoch: i32,
    pub(crate) rebalance_timeout_ms: Option<i32>,
    pub(crate) topics: Option<BTreeSet<String>>,
    /// Empty for none any more.
    pub(crate) regex: Option<String>,
    pub(crate) assignor: Option<String>,
    /// What it has.
    pub(crate) owned: Option<Parts>,
    /// Of one that has said this by a join of the classic protocol.
    pub(crate) classic: Option<Classic>,
}

/// What happens to a group.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Heartbeat(Ticket, Box<Heartbeat>),
    /// What a member of the classic protocol says.
    Classic(group::Event),
    /// Topics have come, gone or grown.
    TopicsChanged,
    /// What [`Effect::Store`] asked for was done, or could not be.
    Stored {
        store: u64,
        is_stored: bool,
    },
    /// Time has passed.
    Tick,
}

/// A record of `__consumer_offsets`; without a value it forgets its key.
pub(crate) type Line = (OffsetsKey, Option<Bytes>);

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Store these in their order, then say so by [`Event::Stored`] with the same number. Part of them is no harm: what
    /// is read back then is led to a target again.
    Store(u64, Vec<Line>),
    Answer(Ticket, Reply),
}

/// What is told to a member of either protocol.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Classic(group::Answer),
    Consumer(Answer),
}

/// What comes of what a member has said, once the target is made.
pub(super) enum Due {
    /// It was heard, and is to be led on;
    Heard(Result<Heard, Refused>),
    /// or it has joined, by the classic protocol.
    Joined(Result<Heard, NotJoined>),
    Told(Reply),
}

/// What is told to a member.
pub(crate) type Answer = Result<Told, Refused>;

/// How a member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) member_id: String,
    pub(crate) epoch: i32,
    pub(crate) interval_ms: i32,
    /// What it has from now on; `None` when that has not changed.
    pub(crate) assignment: Option<Parts>,
}

/// Why a member is not heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) sentence: String,
}

impl Reply {
    /// What is told instead when it could not be stored.
    pub(super) fn not_stored(self) -> Reply {
        let code = ErrorCode::CoordinatorNotAvailable;
        match self {
            Reply::Consumer(_) => Reply::Consumer(Err(Refused {
                code,
                sentence: "The group could not be stored.".to_owned(),
            })),
            Reply::Classic(answer) => Reply::Classic(match answer {
                group::Answer::Join(Ok(joined)) => group::Answer::Join(Err(NotJoined {
                    code,
                    member_id: joined.member_id,
                })),
                group::Answer::Join(not_joined) => group::Answer::Join(not_joined),
                group::Answer::Sync(_) => group::Answer::Sync(Err(code)),
                group::Answer::Heartbeat(_) => group::Answer::Heartbeat(code),
                group::Answer::Leave(codes) => group::Answer::Leave(vec![code; codes.len()]),
            }),
        }
    }
}
