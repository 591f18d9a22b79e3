//! What bytes are refused and what is left out, by cases, and that the harness has teeth.

use bytes::Bytes;
use kafka_protocol::messages as oracle;

use super::{encoded, round_trip};
use crate::{
    message::{Message, api_versions::*, fetch, fetch::*, list_offsets::*, metadata::*, produce, produce::*},
    primitives::{Reader, Writer},
};

fn refused<M: Message>(bytes: &[u8], version: i16) -> String {
    M::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)), version)
        .err()
        .unwrap()
        .to_string()
}

#[test]
fn forged_counts_name_the_field_they_stand_in() {
    assert_eq!(
        refused::<MetadataRequest>(&[0x7f, 0xff, 0xff, 0xff], 0),
        "2147483647 elements cannot fit in the 0 bytes left (in MetadataRequest v0: topics)"
    );
    assert_eq!(
        refused::<MetadataRequest>(&[0xff, 0xff, 0xff, 0xff, 0x07], 9),
        "2147483646 elements cannot fit in the 0 bytes left (in MetadataRequest v9: topics)"
    );
    // 200 topics of at least 3 bytes each (name, partitions, tags) do not fit in 300.
    let mut forged = vec![0, 0xff, 0xff, 0, 0, 0, 1, 201, 1];
    forged.resize(309, 0);
    assert!(refused::<ProduceRequest>(&forged, 9).contains("200 elements cannot fit in the 300 bytes left"));
    // The tag section promises 2^31 tags.
    assert!(
        refused::<ApiVersionsRequest>(&[2, b'a', 2, b'b', 0xff, 0xff, 0xff, 0xff, 7], 3)
            .contains("tagged fields")
    );
}

#[test]
fn what_no_version_can_say_is_refused() {
    assert!(refused::<ApiVersionsRequest>(&[0], 0).contains("1 bytes are left over at the end"));
    assert!(refused::<ApiVersionsRequest>(&[], 5).contains("version 5 is not supported: use 0 to 4"));
    assert!(refused::<ProduceRequest>(&[], 2).contains("use 3 to 13"));
    assert!(refused::<MetadataRequest>(&[0xff, 0xff, 0xff, 0xff], 0).contains("null is not allowed"));
    let all = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    assert!(
        all.encode(&mut Writer::new(), 0)
            .unwrap_err()
            .to_string()
            .contains("null is not allowed")
    );
    assert!(all.encode(&mut Writer::new(), 1).is_ok());
    assert!(all.encode(&mut Writer::new(), 14).is_err());
}

#[test]
fn fields_a_version_lacks_are_left_out_and_read_as_their_default() {
    let asked = ListOffsetsPartition {
        partition_index: 3,
        current_leader_epoch: 9,
        timestamp: -2,
    };
    let topics = vec![ListOffsetsTopic {
        name: "orders".into(),
        partitions: vec![asked],
    }];
    let request = ListOffsetsRequest {
        isolation_level: 1,
        topics,
        ..Default::default()
    };
    let read = ListOffsetsRequest::decode(&mut Reader::new(encoded(&request, 1)), 1).unwrap();
    assert_eq!(read.isolation_level, 0);
    assert_eq!(read.topics[0].partitions[0].current_leader_epoch, -1);
    assert_eq!(read.topics[0].partitions[0].timestamp, -2);
}

#[test]
fn unknown_tagged_fields_are_skipped_and_known_ones_must_fill_their_bytes() {
    let request = ApiVersionsRequest {
        client_software_name: "a".into(),
        client_software_version: "1".into(),
    };
    let mut bytes = encoded(&request, 3).to_vec();
    assert_eq!(bytes.pop(), Some(0));
    bytes.extend([2, 5, 3, 1, 2, 3, 200, 1, 0]); // tags 5 (three bytes) and 200 (none)
    assert_eq!(
        ApiVersionsRequest::decode(&mut Reader::new(bytes.into()), 3).unwrap(),
        request
    );

    let mut bytes = encoded(&ApiVersionsResponse::default(), 3).to_vec();
    assert_eq!(bytes.pop(), Some(0));
    bytes.extend([1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 7, 0]); // finalized_features_epoch in nine bytes
    assert!(refused::<ApiVersionsResponse>(&bytes, 3).contains("1 bytes are left over at the end"));
}

/// Records are slices of the frame they came in, in requests and responses.
#[test]
fn records_are_not_copied() {
    let records = Some(Bytes::from_static(b"not really a batch"));
    let partition_data = vec![PartitionProduceData {
        index: 0,
        records: records.clone(),
    }];
    let topic_data = vec![TopicProduceData {
        name: "t".into(),
        partition_data,
        ..Default::default()
    }];
    let bytes = encoded(
        &ProduceRequest {
            topic_data,
            ..Default::default()
        },
        9,
    );
    let read = ProduceRequest::decode(&mut Reader::new(bytes.clone()), 9).unwrap();
    let slice = read.topic_data[0].partition_data[0].records.clone().unwrap();
    assert!(bytes.as_ptr_range().contains(&slice.as_ptr()));

    let partitions = vec![PartitionData {
        records,
        ..Default::default()
    }];
    let responses = vec![FetchableTopicResponse {
        topic: "t".into(),
        partitions,
        ..Default::default()
    }];
    let bytes = encoded(
        &FetchResponse {
            responses,
            ..Default::default()
        },
        4,
    );
    let read = FetchResponse::decode(&mut Reader::new(bytes.clone()), 4).unwrap();
    let slice = read.responses[0].partitions[0].records.clone().unwrap();
    assert!(bytes.as_ptr_range().contains(&slice.as_ptr()));
}

/// A leader's default is "not known", in both messages that have one, so that it is not written.
#[test]
fn an_unknown_leader_is_not_written() {
    assert_eq!(produce::LeaderIdAndEpoch::default().leader_id, -1);
    assert_eq!(fetch::LeaderIdAndEpoch::default().leader_epoch, -1);
}

/// The harness has teeth: one span that is off by one version does not pass it.
#[allow(unreachable_pub, reason = "the macro makes public structs")]
mod teeth {
    use super::*;

    message! {
        /// As `FindCoordinatorRequest`, but `key` should have ended at version 3.
        response OffByOne: FindCoordinator 0..=6 => {
            key: String, 0..=4; "The group."
            key_type: i8, 1..; "Its type."
            coordinator_keys: Vec<String>, 4..; "The groups."
        }
    }

    #[test]
    #[should_panic(expected = "v4: ")]
    fn a_wrong_span_is_noticed() {
        round_trip::<OffByOne, oracle::FindCoordinatorRequest>(&[2; 200]);
    }
}
