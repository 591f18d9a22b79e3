//! Every message in every version, against the `kafka-protocol` crate, by one harness that knows only bytes:
//! a value → our bytes → its value → its bytes, equal to ours → our value, equal to the first.
//!
//! The oracle stops at Kafka 4.1, which has all the versions declared here.

use bytes::Bytes;
use kafka_protocol::{
    messages as oracle,
    protocol::{Decodable, Encodable},
};
use proptest::prelude::*;

use super::{
    Message, Request,
    api_versions::*,
    create_topics::*,
    delete_topics::*,
    fetch,
    fetch::*,
    field::{At, Field},
    find_coordinator::*,
    init_producer_id::*,
    list_offsets::*,
    metadata::*,
    produce,
    produce::*,
};
use crate::{
    api_key::ApiKey,
    primitives::{Reader, Writer},
};

/// The bytes a value is made from. When they run out, all that follows is zero, so a shorter list is a simpler value
/// and proptest can shrink.
pub(crate) struct Entropy(std::vec::IntoIter<u8>);

impl Entropy {
    fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into_iter())
    }

    fn next(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    /// Small numbers, extremes, and anything.
    fn number(&mut self) -> i64 {
        match self.next() {
            0..64 => i64::from(self.next() as i8),
            64..80 => i64::MIN,
            80..96 => i64::MAX,
            _ => i64::from_be_bytes(std::array::from_fn(|_| self.next())),
        }
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(crate) fn i8(&mut self) -> i8 {
        self.number() as i8
    }

    pub(crate) fn i16(&mut self) -> i16 {
        self.number() as i16
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.number() as i32
    }

    pub(crate) fn i64(&mut self) -> i64 {
        self.number()
    }

    /// How many elements: few, so that values end; now and then enough for a count of two bytes.
    pub(crate) fn count(&mut self) -> usize {
        match self.next() {
            255 => 130,
            small => usize::from(small % 4),
        }
    }

    pub(crate) fn text(&mut self) -> String {
        (0..self.count()).map(|_| char::from(self.next())).collect()
    }
}

fn at<M: Message>(version: i16) -> At {
    At {
        version,
        most: usize::MAX,
        flexible: version >= M::FLEXIBLE_FROM,
    }
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    message.encode(&mut w, version).unwrap();
    w.into_bytes()
}

/// The harness, for one message and its counterpart.
fn round_trip<M, O>(entropy: &[u8])
where
    M: Message + Field + PartialEq + std::fmt::Debug,
    O: Decodable + Encodable + std::fmt::Debug,
{
    for version in M::VERSIONS {
        let value = M::sample(&mut Entropy::new(entropy.to_vec()), at::<M>(version), false);
        let ours = encoded(&value, version);

        let mut left = ours.clone();
        let theirs = O::decode(&mut left, version).unwrap_or_else(|e| panic!("v{version}: {e}\n{value:#?}"));
        assert!(
            left.is_empty(),
            "v{version}: the oracle left {} bytes of {value:#?}",
            left.len()
        );
        let mut again = Vec::new();
        theirs.encode(&mut again, version).unwrap();
        assert_eq!(ours, again, "v{version}: {value:#?}\n{theirs:#?}");

        let read = M::decode(&mut Reader::new(again.into()), version).unwrap();
        assert_eq!(read, value, "v{version}");
        assert!(ours.len() >= M::bytes_min(at::<M>(version)), "v{version}");
    }
}

/// Decoding cut, flipped and arbitrary bytes ends in a value or an error; what it makes of them can be written.
fn survives<M: Message + Field>(entropy: &[u8], noise: &[u8], cut: usize) {
    for version in M::VERSIONS {
        let value = M::sample(&mut Entropy::new(entropy.to_vec()), at::<M>(version), false);
        let mut bytes = encoded(&value, version).to_vec();
        let len = bytes.len();
        let short = Bytes::copy_from_slice(&bytes[..cut % len.max(1)]);
        assert!(
            M::decode(&mut Reader::new(short), version).is_err() || len == 0,
            "v{version}: a cut message was read"
        );
        for (i, noise) in noise.iter().enumerate() {
            if let Some(byte) = bytes.get_mut((cut + 7 * i) % len.max(1)) {
                *byte ^= noise;
            }
        }
        for bytes in [bytes, noise.to_vec()] {
            if let Ok(value) = M::decode(&mut Reader::new(bytes.into()), version) {
                encoded(&value, version);
            }
        }
    }
}

/// One property a message: reads back, agrees with the oracle, survives noise.
macro_rules! messages {
    ($($test:ident: $ours:ty = $theirs:ty;)*) => {
        $(mod $test {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

                #[test]
                fn agrees_with_the_oracle(entropy in proptest::collection::vec(any::<u8>(), 0..1500)) {
                    round_trip::<$ours, $theirs>(&entropy);
                }

                #[test]
                fn survives_noise(
                    entropy in proptest::collection::vec(any::<u8>(), 0..300),
                    noise in proptest::collection::vec(any::<u8>(), 0..40),
                    cut: u16,
                ) {
                    survives::<$ours>(&entropy, &noise, cut.into());
                }
            }
        })*

        /// Versions declared here, and the first flexible one, are the oracle's.
        #[test]
        fn versions_are_within_the_oracle() {
            $(
                let known = <$theirs as kafka_protocol::protocol::Message>::VERSIONS;
                let ours = <$ours as Message>::VERSIONS;
                assert!(known.min <= *ours.start() && *ours.end() <= known.max, stringify!($ours));
            )*
        }
    };
}

messages! {
    produce_request: ProduceRequest = oracle::ProduceRequest;
    produce_response: ProduceResponse = oracle::ProduceResponse;
    fetch_request: FetchRequest = oracle::FetchRequest;
    fetch_response: FetchResponse = oracle::FetchResponse;
    list_offsets_request: ListOffsetsRequest = oracle::ListOffsetsRequest;
    list_offsets_response: ListOffsetsResponse = oracle::ListOffsetsResponse;
    metadata_request: MetadataRequest = oracle::MetadataRequest;
    metadata_response: MetadataResponse = oracle::MetadataResponse;
    find_coordinator_request: FindCoordinatorRequest = oracle::FindCoordinatorRequest;
    find_coordinator_response: FindCoordinatorResponse = oracle::FindCoordinatorResponse;
    api_versions_request: ApiVersionsRequest = oracle::ApiVersionsRequest;
    api_versions_response: ApiVersionsResponse = oracle::ApiVersionsResponse;
    create_topics_request: CreateTopicsRequest = oracle::CreateTopicsRequest;
    create_topics_response: CreateTopicsResponse = oracle::CreateTopicsResponse;
    delete_topics_request: DeleteTopicsRequest = oracle::DeleteTopicsRequest;
    delete_topics_response: DeleteTopicsResponse = oracle::DeleteTopicsResponse;
    init_producer_id_request: InitProducerIdRequest = oracle::InitProducerIdRequest;
    init_producer_id_response: InitProducerIdResponse = oracle::InitProducerIdResponse;
}

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
    assert!(refused::<ProduceRequest>(&[], 2).contains("use 3 to 11"));
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

#[test]
fn a_request_and_its_response_have_the_same_key_and_versions() {
    fn check<M: Request>(key: ApiKey) {
        assert_eq!((M::KEY, M::Response::KEY), (key, key));
        assert_eq!(M::VERSIONS, M::Response::VERSIONS);
    }
    check::<ProduceRequest>(ApiKey::Produce);
    check::<FetchRequest>(ApiKey::Fetch);
    check::<ListOffsetsRequest>(ApiKey::ListOffsets);
    check::<MetadataRequest>(ApiKey::Metadata);
    check::<FindCoordinatorRequest>(ApiKey::FindCoordinator);
    check::<ApiVersionsRequest>(ApiKey::ApiVersions);
    check::<CreateTopicsRequest>(ApiKey::CreateTopics);
    check::<DeleteTopicsRequest>(ApiKey::DeleteTopics);
    check::<InitProducerIdRequest>(ApiKey::InitProducerId);
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
