//! What hostile bytes may cost in memory, measured: a forged count reserves nothing, a message never takes much more
//! than the bytes it came in, and decompression holds its limit and half of it again. (zstd's own state is C memory, which is
//! not counted here.)

use allocation_counter::measure;
use annals_kafka_wire::{
    batch::{Batch, BatchBuilder, BatchError, Compression},
    message::{
        Message, api_versions::*, create_topics::*, delete_topics::*, fetch::*, find_coordinator::*,
        init_producer_id::*, list_offsets::*, metadata::*, produce::*,
    },
    primitives::Reader,
};
use bytes::Bytes;

/// For an error's text, and what a test run itself needs.
const SLACK_BYTES: u64 = 8 << 10;

fn decode_costs<M: Message>(bytes: &Bytes, version: i16) -> u64 {
    measure(|| {
        let _ = M::decode(&mut Reader::new(bytes.clone()), version);
    })
    .bytes_max
}

/// Forges a huge count at every place of a few frames: no place may make the decoder reserve memory for it.
fn check<M: Message>() {
    const HUGE: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x7f, 0xff],
        &[0x00, 0xff, 0xff, 0xff],
    ];
    for version in M::VERSIONS {
        for filler in [0u8, 1, 2, 3] {
            for place in 0..64 {
                for huge in HUGE {
                    let mut bytes = vec![filler; 128];
                    bytes[place..place + huge.len()].copy_from_slice(huge);
                    let cost = decode_costs::<M>(&bytes.into(), version);
                    assert!(cost < SLACK_BYTES, "{:?} v{version}: {cost} bytes", M::KEY);
                }
            }
        }
    }
}

#[test]
fn forged_counts_reserve_nothing() {
    check::<ProduceRequest>();
    check::<ProduceResponse>();
    check::<FetchRequest>();
    check::<FetchResponse>();
    check::<ListOffsetsRequest>();
    check::<ListOffsetsResponse>();
    check::<MetadataRequest>();
    check::<MetadataResponse>();
    check::<FindCoordinatorRequest>();
    check::<FindCoordinatorResponse>();
    check::<ApiVersionsRequest>();
    check::<ApiVersionsResponse>();
    check::<CreateTopicsRequest>();
    check::<CreateTopicsResponse>();
    check::<DeleteTopicsRequest>();
    check::<DeleteTopicsResponse>();
    check::<InitProducerIdRequest>();
    check::<InitProducerIdResponse>();
}

/// A count that the bytes could hold, but whose elements end early, reserves no more than the bytes there are.
#[test]
fn a_plausible_count_reserves_at_most_the_bytes_in_hand() {
    let count = 500_000i32;
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.resize(4 + 1_000_000, 0xff); // names of length -1, the first of which is refused
    let cost = decode_costs::<MetadataRequest>(&bytes.into(), 0);
    assert!(cost < 1_000_000 + SLACK_BYTES, "{cost} bytes");
}

#[test]
fn a_bomb_costs_its_limit() {
    const LIMIT: usize = 1 << 20;
    for codec in Compression::ALL.into_iter().skip(1) {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(&vec![0; 32 << 20]), &[]);
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let cost = measure(|| {
            let bomb = batch.records(LIMIT);
            assert!(matches!(bomb, Err(BatchError::TooLarge { .. })), "{codec}");
        });
        // LZ4 announces blocks of up to 4 MiB and keeps two of them.
        let own = if codec == Compression::Lz4 {
            9 << 20
        } else {
            512 << 10
        };
        assert!(
            cost.bytes_max < (LIMIT / 2 * 3 + own) as u64,
            "{codec}: {} bytes",
            cost.bytes_max
        );
    }
}

/// Checking holds a buffer, not the records: neither what comes out of the codec nor a header a record.
#[test]
fn a_check_keeps_nothing() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(0, None, Some(&vec![0; 8 << 20]), &[]);
        for _ in 0..2_000 {
            builder.push(0, None, None, &[("", &[][..]); 100]);
        }
        let (batch, _) = Batch::parse(&builder.build(), 0).unwrap();
        let cost = measure(|| {
            let mut headers = 0;
            batch
                .check_records(16 << 20, &mut |seen| headers += seen.headers)
                .unwrap();
            assert_eq!(headers, 200_000);
        });
        let own = if codec == Compression::Lz4 {
            9 << 20
        } else {
            512 << 10
        };
        assert!(cost.bytes_max < own, "{codec}: {} bytes", cost.bytes_max);
    }
}
