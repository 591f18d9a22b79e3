//! Records laid out byte by byte, and in every version: read back, and not shaken by noise. The consumer protocol
//! stands against the `kafka-protocol` crate as well; the records of the internal topics it does not have.

use bytes::Bytes;
use kafka_protocol::{
    messages as oracle,
    protocol::{Decodable, Encodable},
};
use proptest::prelude::*;

use super::{consumer_groups::*, consumer_protocol::*, offsets::*, transactions::*};
use crate::{
    message::{
        Versioned,
        field::{At, Field},
        tests::{Entropy, Survey, hex},
    },
    primitives::{Reader, Writer},
};

const ID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

fn encoded<R: Versioned>(record: &R, version: i16) -> Bytes {
    let mut w = Writer::new();
    record.encode(&mut w, version).unwrap();
    w.into_bytes()
}

fn at<R: Versioned>(version: i16) -> At {
    At {
        version,
        flexible: version >= R::FLEXIBLE_FROM,
        most: usize::MAX,
        tagged: false,
    }
}

fn sample<R: Versioned + Field>(entropy: &[u8], version: i16) -> R {
    R::sample(&mut Entropy::new(entropy.to_vec()), at::<R>(version), false)
}

fn refused<R: Versioned>(bytes: &[u8]) -> String {
    R::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)))
        .err()
        .unwrap()
        .to_string()
}

fn stands_as<R: Versioned + PartialEq + std::fmt::Debug>(record: &R, version: i16, layout: &[&str]) {
    let bytes = hex(&layout.concat());
    assert_eq!(encoded(record, version), bytes, "v{version}");
    assert_eq!(&R::decode(&mut Reader::new(bytes)).unwrap(), record, "v{version}");
}

/// Reads back in every version, refuses to be cut, and survives noise.
fn holds<R>(entropy: &[u8], noise: &[u8], cut: usize)
where
    R: Versioned + Field + PartialEq + std::fmt::Debug,
{
    let mut survey = Survey::default();
    for version in R::VERSIONS {
        R::survey(&mut survey, at::<R>(version));
        let record: R = sample(entropy, version);
        let bytes = encoded(&record, version);
        assert_eq!(
            R::decode(&mut Reader::new(bytes.clone())).unwrap(),
            record,
            "v{version}"
        );
        let short = bytes.slice(..cut % bytes.len());
        assert!(
            R::decode(&mut Reader::new(short)).is_err(),
            "v{version}: a cut record was read"
        );

        let mut bytes = bytes.to_vec();
        let len = bytes.len();
        for (i, noise) in noise.iter().enumerate() {
            bytes[(cut + 7 * i) % len] ^= noise;
        }
        for bytes in [bytes, noise.to_vec()] {
            let version = bytes
                .first_chunk()
                .map_or(0, |version| i16::from_be_bytes(*version));
            if let Ok(record) = R::decode(&mut Reader::new(bytes.into())) {
                encoded(&record, version);
            }
        }
    }
    assert_eq!(survey.mistaken_nulls(), [""; 0], "these may be null, or may not");
}

/// The oracle's bytes have no version before them; else as the messages.
fn agrees<R, O>(entropy: &[u8])
where
    R: Versioned + Field + PartialEq + std::fmt::Debug,
    O: Decodable + Encodable + std::fmt::Debug,
{
    for version in R::VERSIONS {
        let record: R = sample(entropy, version);
        let ours = encoded(&record, version);
        let mut left = ours.slice(2..);
        let theirs = O::decode(&mut left, version).unwrap();
        assert!(left.is_empty(), "v{version}: {record:#?}");
        let mut again = version.to_be_bytes().to_vec();
        theirs.encode(&mut again, version).unwrap();
        assert_eq!(ours, again, "v{version}: {record:#?}\n{theirs:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn records_hold(
        entropy in proptest::collection::vec(any::<u8>(), 0..800),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        cut: u16,
    ) {
        let cut = cut.into();
        holds::<OffsetCommitKey>(&entropy, &noise, cut);
        holds::<OffsetCommitValue>(&entropy, &noise, cut);
        holds::<GroupMetadataKey>(&entropy, &noise, cut);
        holds::<GroupMetadataValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupMetadataKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupMetadataValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupMemberMetadataKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupMemberMetadataValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupTargetAssignmentMetadataKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupTargetAssignmentMetadataValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupTargetAssignmentMemberKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupTargetAssignmentMemberValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupCurrentMemberAssignmentKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupCurrentMemberAssignmentValue>(&entropy, &noise, cut);
        holds::<ConsumerGroupRegularExpressionKey>(&entropy, &noise, cut);
        holds::<ConsumerGroupRegularExpressionValue>(&entropy, &noise, cut);
        holds::<TransactionLogKey>(&entropy, &noise, cut);
        holds::<TransactionLogValue>(&entropy, &noise, cut);
        holds::<ConsumerProtocolSubscription>(&entropy, &noise, cut);
        holds::<ConsumerProtocolAssignment>(&entropy, &noise, cut);
    }

    #[test]
    fn the_consumer_protocol_agrees_with_the_oracle(entropy in proptest::collection::vec(any::<u8>(), 0..800)) {
        agrees::<ConsumerProtocolSubscription, oracle::ConsumerProtocolSubscription>(&entropy);
        agrees::<ConsumerProtocolAssignment, oracle::ConsumerProtocolAssignment>(&entropy);
    }
}

#[test]
fn an_offset_stands_as_kafka_lays_it_out() {
    let key = OffsetCommitKey {
        group: "g".into(),
        topic: "to".into(),
        partition: 3,
    };
    stands_as(&key, 0, &["0000", "0001 67", "0002 746f", "00000003"]);
    stands_as(&key, 1, &["0001", "0001 67", "0002 746f", "00000003"]);

    let mut value = OffsetCommitValue {
        offset: 5,
        metadata: "m".into(),
        commit_timestamp: 7,
        ..Default::default()
    };
    let (offset, metadata, committed) = ("0000000000000005", "0001 6d", "0000000000000007");
    stands_as(&value, 0, &["0000", offset, metadata, committed]);
    stands_as(&value, 2, &["0002", offset, metadata, committed]);
    value.expire_timestamp = 8;
    stands_as(
        &value,
        1,
        &["0001", offset, metadata, committed, "0000000000000008"],
    );
    value.expire_timestamp = -1;
    value.leader_epoch = 6;
    stands_as(&value, 3, &["0003", offset, "00000006", metadata, committed]);
    stands_as(&value, 4, &["0004", offset, "00000006", "02 6d", committed, "00"]);
    value.topic_id = ID;
    let tags = "01 00 10 0102030405060708 090a0b0c0d0e0f10";
    stands_as(&value, 4, &["0004", offset, "00000006", "02 6d", committed, tags]);
}

#[test]
fn a_group_stands_as_kafka_lays_it_out() {
    stands_as(&GroupMetadataKey { group: "g".into() }, 2, &["0002", "0001 67"]);

    let member = MemberMetadata {
        member_id: "m1".into(),
        client_id: "c".into(),
        client_host: "/h".into(),
        session_timeout: 10,
        subscription: Bytes::from_static(&[1]),
        assignment: Bytes::from_static(&[2, 3]),
        ..Default::default()
    };
    let mut group = GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: 4,
        protocol: Some("range".into()),
        leader: None,
        members: vec![member],
        ..Default::default()
    };
    let head = "0008 636f6e73756d6572 00000004 0005 72616e6765 ffff";
    let (one, id, client, payload) = (
        "00000001",
        "0002 6d31",
        "0001 63 0002 2f68",
        "00000001 01 00000002 0203",
    );
    stands_as(&group, 0, &["0000", head, one, id, client, "0000000a", payload]);
    group.members[0].rebalance_timeout = 20;
    let timeouts = "00000014 0000000a";
    stands_as(&group, 1, &["0001", head, one, id, client, timeouts, payload]);
    group.current_state_timestamp = 9;
    let since = "0000000000000009";
    stands_as(
        &group,
        2,
        &["0002", head, since, one, id, client, timeouts, payload],
    );
    group.members[0].group_instance_id = Some("i".into());
    let instance = "0001 69";
    stands_as(
        &group,
        3,
        &["0003", head, since, one, id, instance, client, timeouts, payload],
    );
    let head = "09 636f6e73756d6572 00000004 06 72616e6765 00";
    let member = "03 6d31 02 69 02 63 03 2f68 00000014 0000000a 02 01 03 0203 00";
    stands_as(&group, 4, &["0004", head, since, "02", member, "00"]);
}

#[test]
fn a_group_of_the_new_protocol_stands_as_kafka_lays_it_out() {
    let mut group = ConsumerGroupMetadataValue {
        epoch: 4,
        ..Default::default()
    };
    stands_as(&group, 0, &["0000", "00000004", "00"]);
    group.metadata_hash = 5;
    stands_as(&group, 0, &["0000", "00000004", "01 00 08 0000000000000005"]);

    let mut member = ConsumerGroupMemberMetadataValue {
        instance_id: Some("i".into()),
        client_id: "c".into(),
        client_host: "/h".into(),
        subscribed_topic_names: vec!["to".into()],
        rebalance_timeout_ms: 20,
        server_assignor: Some("uniform".into()),
        ..Default::default()
    };
    let itself = "02 69 00 02 63 03 2f68 02 03 746f 00 00000014 08 756e69666f726d";
    stands_as(&member, 0, &["0000", itself, "00"]);
    member.classic_member_metadata = None;
    stands_as(&member, 0, &["0000", itself, "01 00 01 00"]);
    let protocol = ClassicProtocol {
        name: "range".into(),
        metadata: Bytes::from_static(&[1]),
    };
    member.classic_member_metadata = Some(ClassicMemberMetadata {
        session_timeout_ms: 10,
        supported_protocols: vec![protocol],
    });
    let classic = "01 00 10 01 0000000a 02 06 72616e6765 02 01 00 00";
    stands_as(&member, 0, &["0000", itself, classic]);

    let epoch = ConsumerGroupTargetAssignmentMetadataValue { assignment_epoch: 4 };
    stands_as(&epoch, 0, &["0000", "00000004", "00"]);
    let partitions = TopicPartitions {
        topic_id: ID,
        partitions: vec![3],
    };
    let one = "02 0102030405060708 090a0b0c0d0e0f10 02 00000003 00";
    let target = ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: vec![partitions.clone()],
    };
    stands_as(&target, 0, &["0000", one, "00"]);
    let current = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: 4,
        previous_member_epoch: 3,
        state: 1,
        assigned_partitions: vec![partitions],
        ..Default::default()
    };
    stands_as(&current, 0, &["0000", "00000004 00000003 01", one, "01 00"]);
    let expression = ConsumerGroupRegularExpressionValue {
        topics: vec!["to".into()],
        version: 4,
        timestamp: 7,
    };
    let times = "0000000000000004 0000000000000007";
    stands_as(&expression, 0, &["0000", "02 03 746f", times, "00"]);
}

/// The kind of a key is the number it begins with, and is read back as that kind.
#[test]
fn each_kind_of_key_has_its_number() {
    let (group, member) = ("0001 67", "0001 6d");
    let (group_id, member_id) = ("g".to_owned(), "m".to_owned());
    let check = |key: OffsetsKey, layout: &[&str]| {
        let bytes = hex(&layout.concat());
        assert_eq!(key.encode().unwrap(), bytes);
        assert_eq!(OffsetsKey::decode(&mut Reader::new(bytes)).unwrap(), key);
    };
    let key = OffsetCommitKey {
        group: group_id.clone(),
        topic: "to".into(),
        partition: 3,
    };
    check(OffsetsKey::Offset(key), &["0001", group, "0002 746f", "00000003"]);
    let key = GroupMetadataKey {
        group: group_id.clone(),
    };
    check(OffsetsKey::Group(key), &["0002", group]);
    let key = ConsumerGroupMetadataKey {
        group_id: group_id.clone(),
    };
    check(OffsetsKey::ConsumerGroup(key), &["0003", group]);
    let key = ConsumerGroupMemberMetadataKey {
        group_id: group_id.clone(),
        member_id: member_id.clone(),
    };
    check(OffsetsKey::ConsumerGroupMember(key), &["0005", group, member]);
    let key = ConsumerGroupTargetAssignmentMetadataKey {
        group_id: group_id.clone(),
    };
    check(OffsetsKey::TargetAssignment(key), &["0006", group]);
    let key = ConsumerGroupTargetAssignmentMemberKey {
        group_id: group_id.clone(),
        member_id: member_id.clone(),
    };
    check(OffsetsKey::TargetAssignmentMember(key), &["0007", group, member]);
    let key = ConsumerGroupCurrentMemberAssignmentKey {
        group_id: group_id.clone(),
        member_id,
    };
    check(OffsetsKey::CurrentMemberAssignment(key), &["0008", group, member]);
    let key = ConsumerGroupRegularExpressionKey {
        group_id,
        regular_expression: "to.*".into(),
    };
    check(
        OffsetsKey::RegularExpression(key),
        &["0010", group, "0004 746f2e2a"],
    );
}

#[test]
fn a_transaction_stands_as_kafka_lays_it_out() {
    let key = TransactionLogKey {
        transactional_id: "tx".into(),
    };
    stands_as(&key, 0, &["0000", "0002 7478"]);

    let partitions = PartitionsSchema {
        topic: "to".into(),
        partition_ids: vec![0, 5],
    };
    let mut value = TransactionLogValue {
        producer_id: 1,
        producer_epoch: 2,
        transaction_timeout_ms: 3,
        transaction_status: 1,
        transaction_partitions: Some(vec![partitions]),
        transaction_last_update_timestamp_ms: 6,
        transaction_start_timestamp_ms: 7,
        ..Default::default()
    };
    let (head, times) = (
        "0000000000000001 0002 00000003 01",
        "0000000000000006 0000000000000007",
    );
    let partitions = "00000001 0002 746f 00000002 00000000 00000005";
    stands_as(&value, 0, &["0000", head, partitions, times]);
    let partitions = "02 03 746f 03 00000000 00000005 00";
    stands_as(&value, 1, &["0001", head, partitions, times, "00"]);
    value.previous_producer_id = 8;
    value.next_producer_id = 9;
    value.client_transaction_version = 2;
    value.next_producer_epoch = 10;
    let tags = "04 00 08 0000000000000008 01 08 0000000000000009 02 02 0002 03 02 000a";
    stands_as(&value, 1, &["0001", head, partitions, times, tags]);
    value.transaction_partitions = None;
    stands_as(&value, 1, &["0001", head, "00", times, tags]);
}

#[test]
fn an_unknown_version_is_an_error() {
    let unknown = |code: u8| {
        let error = OffsetsKey::decode(&mut Reader::new(Bytes::copy_from_slice(&[0, code, 0, 1, b'g'])));
        error.err().map(|error| error.to_string())
    };
    assert_eq!(unknown(2), None);
    assert_eq!(
        unknown(4).as_deref(),
        Some("there is no record of kind 4 (in key)")
    );
    assert!(OffsetsKey::decode(&mut Reader::new(Bytes::from_static(&[0]))).is_err());

    assert_eq!(
        refused::<OffsetCommitValue>(&[0, 5]),
        "version 5 is not supported: use 0 to 4 (in OffsetCommitValue v5)"
    );
    assert!(refused::<GroupMetadataValue>(&[0xff, 0xff]).contains("version -1 is not supported"));
    assert!(refused::<TransactionLogKey>(&[0, 1]).contains("use 0 to 0"));
    assert!(refused::<TransactionLogValue>(&[0, 2]).contains("use 0 to 1"));
    assert!(refused::<ConsumerProtocolSubscription>(&[0, 4]).contains("use 0 to 3"));
    let key = GroupMetadataKey::default();
    assert!(key.encode(&mut Writer::new(), 1).is_err());
}

/// A value of a version that says less, and what follows the end of a record, are errors, never half a record.
#[test]
fn a_record_is_read_whole_or_not_at_all() {
    let value = OffsetCommitValue::default();
    let mut bytes = encoded(&value, 3).to_vec();
    bytes.push(0);
    assert!(refused::<OffsetCommitValue>(&bytes).contains("1 bytes are left over at the end"));
    assert_eq!(
        refused::<GroupMetadataValue>(&hex("0000 0000 00000001 ffff ffff 7fffffff")),
        "2147483647 elements cannot fit in the 0 bytes left (in GroupMetadataValue v0: members)"
    );
}

/// Some clients say version 1 and leave out what it added: what they are subscribed to is known nevertheless.
#[test]
fn a_subscription_that_ends_early_still_names_its_topics() {
    let subscription = ConsumerProtocolSubscription {
        topics: vec!["a".into(), "b".into()],
        ..Default::default()
    };
    let mut bytes = encoded(&subscription, 0).to_vec();
    bytes[1] = 1;
    assert!(refused::<ConsumerProtocolSubscription>(&bytes).contains("owned_partitions"));
    let topics = |bytes: Vec<u8>| subscribed_topics(&mut Reader::new(bytes.into()));
    assert_eq!(topics(bytes).unwrap(), ["a", "b"]);
    for version in ConsumerProtocolSubscription::VERSIONS {
        assert_eq!(
            topics(encoded(&subscription, version).to_vec()).unwrap(),
            ["a", "b"]
        );
    }
    let forged = hex("0000 7fffffff").to_vec();
    assert!(topics(forged).unwrap_err().to_string().contains("(in topics)"));
}
