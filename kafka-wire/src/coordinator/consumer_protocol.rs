//! What the members of a consumer group say when they join ([`ConsumerProtocolSubscription`]) and what their leader
//! gives them ([`ConsumerProtocolAssignment`]). Coordinators carry both unread; a broker reads them to describe a group
//! or to know what it is subscribed to.
//!
//! Clients take the version lightly: some say 1 without what version 1 added, and later ones may say more than 3.
//! [`subscribed_topics`] reads what they all have in common, [`subscription`] all that can be made out.

use bytes::Bytes;

use crate::{
    error::WireError,
    message::{
        PARTITIONS_MAX, TOPICS_MAX, Versioned,
        declare::message,
        field::{At, Field},
    },
    primitives::Reader,
};

/// The topics a member is subscribed to, which stand first in every version; what follows is not looked at.
///
/// ```
/// use annals_kafka_wire::{coordinator::consumer_protocol::subscribed_topics, primitives::Reader};
///
/// let of_a_later_version = bytes::Bytes::from_static(b"\0\x09\0\0\0\x01\0\x06orders\xff");
/// assert_eq!(subscribed_topics(&mut Reader::new(of_a_later_version))?, ["orders"]);
/// # Ok::<(), annals_kafka_wire::error::WireError>(())
/// ```
pub fn subscribed_topics(r: &mut Reader) -> Result<Vec<String>, WireError> {
    let version = r.i16().map_err(|e| e.within("version"))?;
    let at = At {
        version,
        flexible: false,
        most: TOPICS_MAX,
        tagged: false,
    };
    Vec::read(r, at, false).map_err(|e| e.within("topics"))
}

/// What a member says, as far as that can be made out: what a later version than 3 adds is not looked at, and one that
/// lacks what its version has is read as one of version 0.
pub fn subscription(said: &Bytes) -> Result<ConsumerProtocolSubscription, WireError> {
    let version = Reader::new(said.clone()).i16().map_err(|e| e.within("version"))?;
    let newest = *ConsumerProtocolSubscription::VERSIONS.end();
    let read = |version| {
        let at = At {
            version,
            flexible: false,
            most: TOPICS_MAX,
            tagged: false,
        };
        let mut r = Reader::new(said.clone());
        r.i16()?;
        ConsumerProtocolSubscription::read(&mut r, at, false)
    };
    read(version.clamp(0, newest)).or_else(|_| read(0))
}

message! {
    /// What a member asks for.
    versioned ConsumerProtocolSubscription: 0..=3, flexible i16::MAX => {
        topics: Vec<String>, 0.., most TOPICS_MAX; "The topics."
        user_data: Option<Bytes>, 0.., null 0..; "What its assignor adds."
        owned_partitions: Vec<TopicPartition>, 1.., most TOPICS_MAX; "What it has now."
        generation_id: i32, 2.., default -1; "The generation it has that from, -1 for none."
        rack_id: Option<String>, 3.., null 3..; "Its rack."
    }

    /// What a member is given.
    versioned ConsumerProtocolAssignment: 0..=3, flexible i16::MAX => {
        assigned_partitions: Vec<TopicPartition>, 0.., most TOPICS_MAX; "Each topic."
        user_data: Option<Bytes>, 0.., null 0..; "What its assignor adds."
    }

    /// Partitions of one topic.
    part TopicPartition {
        topic: String, 0..; "The topic."
        partitions: Vec<i32>, 0.., most PARTITIONS_MAX; "Its partitions."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_read_as_far_as_it_can_be_made_out() {
        let owned = [
            &b"\0\0\0\x01\0\x01t\xff\xff\xff\xff"[..],
            b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x07",
        ]
        .concat();
        let check = |version: i16, more: &[u8], owns: Option<&[i32]>| {
            let said = [&version.to_be_bytes()[..], more].concat();
            let read = subscription(&Bytes::from(said)).unwrap();
            assert_eq!(read.topics, ["t"], "v{version}");
            let partitions = read
                .owned_partitions
                .first()
                .map(|topic| topic.partitions.as_slice());
            assert_eq!(partitions, owns, "v{version}");
        };
        check(0, &owned[..11], None);
        check(1, &owned, Some(&[7]));
        check(1, &owned[..11], None);
        let with_rack = [&owned[..], b"\0\0\0\x05\0\x01r"].concat();
        check(3, &with_rack, Some(&[7]));
        check(9, &[&with_rack[..], b"more"].concat(), Some(&[7]));
        assert!(subscription(&Bytes::from_static(b"\0\0\0\0\0\x09")).is_err());
    }
}
