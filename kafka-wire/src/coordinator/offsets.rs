//! `__consumer_offsets`: how far each group has read, and who is in it.
//!
//! The version of a key says what kind of record it is: 0 and 1 an offset, 2 a group of the classic protocol, the others
//! groups of the new one. Kafka 4 writes an offset's key in version 1 and its value in version 4, or in version 1 when
//! the offset has a time of its own to expire at; a classic group's value in version 3.
//!
//! ```
//! use annals_kafka_wire::coordinator::offsets::{OffsetCommitKey, OffsetsKey};
//! use annals_kafka_wire::primitives::Reader;
//!
//! let key = OffsetCommitKey { group: "billing".into(), topic: "orders".into(), partition: 0 };
//! let bytes = OffsetsKey::Offset(key.clone()).encode()?;
//! assert_eq!(OffsetsKey::decode(&mut Reader::new(bytes))?, OffsetsKey::Offset(key));
//! # Ok::<(), annals_kafka_wire::error::WireError>(())
//! ```

use bytes::Bytes;

use super::consumer_groups::*;
use crate::{
    error::{Fault, WireError},
    message::{Versioned, declare::message},
    primitives::{Reader, Writer},
};

/// Declares the kinds of keys once: what it is called, the key, and the value that belongs to it.
macro_rules! keys {
    ($($kind:ident($key:ident) = $value:ident;)*) => {
        /// A key of `__consumer_offsets`; which kind it is stands in its version.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum OffsetsKey {
            $(#[doc = concat!("The value is a [`", stringify!($value), "`].")] $kind($key),)*
        }

        impl OffsetsKey {
            /// Reads a key of any kind.
            pub fn decode(r: &mut Reader) -> Result<Self, WireError> {
                match r.clone().i16().map_err(|e| e.within("key"))? {
                    $(kind if $key::VERSIONS.contains(&kind) => $key::decode(r).map(Self::$kind),)*
                    kind => Err(WireError::from(Fault::Kind { kind }).within("key")),
                }
            }

            /// The key in the newest version of its kind.
            pub fn encode(&self) -> Result<Bytes, WireError> {
                let mut w = Writer::new();
                match self {
                    $(Self::$kind(key) => key.encode(&mut w, *$key::VERSIONS.end())?,)*
                }
                Ok(w.into_bytes())
            }
        }
    };
}

keys! {
    Offset(OffsetCommitKey) = OffsetCommitValue;
    Group(GroupMetadataKey) = GroupMetadataValue;
    ConsumerGroup(ConsumerGroupMetadataKey) = ConsumerGroupMetadataValue;
    ConsumerGroupMember(ConsumerGroupMemberMetadataKey) = ConsumerGroupMemberMetadataValue;
    TargetAssignment(ConsumerGroupTargetAssignmentMetadataKey) = ConsumerGroupTargetAssignmentMetadataValue;
    TargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey) = ConsumerGroupTargetAssignmentMemberValue;
    CurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentKey) = ConsumerGroupCurrentMemberAssignmentValue;
    RegularExpression(ConsumerGroupRegularExpressionKey) = ConsumerGroupRegularExpressionValue;
}

message! {
    /// Whose offset, and in which partition.
    versioned OffsetCommitKey: 0..=1, flexible i16::MAX => {
        group: String, 0..; "The group."
        topic: String, 0..; "The topic."
        partition: i32, 0..; "The partition."
    }

    /// A committed offset.
    versioned OffsetCommitValue: 0..=4, flexible 4 => {
        offset: i64, 0..; "The offset of the next record to read."
        leader_epoch: i32, 3.., default -1; "The leader epoch of the last record read, -1 for none."
        metadata: String, 0..; "What the client wants to remember beside it."
        commit_timestamp: i64, 0..; "When it was committed, in milliseconds since 1970."
        expire_timestamp: i64, 1..=1, default -1; "When it may be forgotten, in milliseconds since 1970; -1 for the broker's own rule."
        topic_id: [u8; 16], 4.., tag 0; "The topic's id, zeros if it is not known."
    }

    /// Which group.
    versioned GroupMetadataKey: 2..=2, flexible i16::MAX => {
        group: String, 2..; "The group."
    }

    /// A generation of a group of the classic protocol.
    versioned GroupMetadataValue: 0..=4, flexible 4 => {
        protocol_type: String, 0..; "What kind of protocol the members speak: `consumer`, `connect` and the like."
        generation: i32, 0..; "The generation."
        protocol: Option<String>, 0.., null 0..; "The protocol chosen, null for none."
        leader: Option<String>, 0.., null 0..; "The member that assigns, null for none."
        current_state_timestamp: i64, 2.., default -1; "Since when the group is in its state, in milliseconds since 1970; -1 if not known."
        members: Vec<MemberMetadata>, 0..; "Each member."
    }

    /// One member.
    part MemberMetadata {
        member_id: String, 0..; "The member."
        group_instance_id: Option<String>, 3.., null 3..; "The name a static member keeps over restarts, null for a dynamic one."
        client_id: String, 0..; "The client's own name."
        client_host: String, 0..; "Where the client comes from."
        rebalance_timeout: i32, 1.., default -1; "How long the others wait for it in a rebalance, in milliseconds; -1 for the session's time."
        session_timeout: i32, 0..; "How long it may be silent before it counts as gone, in milliseconds."
        subscription: Bytes, 0..; "What it said when it joined; only members understand it."
        assignment: Bytes, 0..; "What it was given; only members understand it."
    }
}
