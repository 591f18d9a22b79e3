//! Who passes over records comes to the one that who reads them all comes to.

use proptest::prelude::*;

use super::*;
use crate::batch::Record;

const BASE: i64 = 1_000;

/// A batch of these records at offset 1000, less those that are gone, with a byte of it changed.
fn batch(codec: Compression, records: &[(i64, usize, bool)], flip: Option<(usize, u8)>) -> Batch {
    let mut builder = BatchBuilder::new().compression(codec);
    for (ms, bytes, _) in records {
        builder.push(*ms, Some(b"key"), Some(&vec![7; *bytes]), &[("h", b"x")]);
    }
    let mut bytes = BytesMut::from(&builder.build()[..]);
    stamp(&mut bytes, BASE, 7);
    let (whole, _) = Batch::parse(&bytes.freeze(), 0).unwrap();
    let mut stays = records.iter().map(|(.., stays)| *stays);
    let kept = whole.with_records(1 << 20, None, &mut |_| stays.next().unwrap());
    let mut bytes = BytesMut::from(&kept.unwrap()[..]);
    if let Some((at, byte)) = flip {
        let records = bytes.len() - HEADER_BYTES;
        if let Some(place) = at.checked_rem(records) {
            bytes[HEADER_BYTES + place] ^= byte;
        }
    }
    Batch::parse(&bytes.freeze(), 0).unwrap().0
}

proptest! {
    #[test]
    fn passing_leads_to_what_reading_leads_to(
        all in prop::collection::vec((-1i64..5_000_000_000, 0usize..200, any::<bool>()), 1..40),
        codec in prop::sample::select(Compression::ALL.to_vec()),
        flip in prop::option::of((any::<usize>(), 1u8..)),
        mut offsets in prop::collection::vec(BASE - 2..BASE + 50, 1..6),
    ) {
        let batch = batch(codec, &all, flip);
        // What was flipped may be the codec's.
        let (Ok(read), Ok(mut passing)) = (batch.records(1 << 20), batch.records(1 << 20)) else {
            return Ok(());
        };
        let read: Vec<Record> = read.map_while(Result::ok).collect();
        offsets.sort_unstable();
        for offset in offsets {
            passing.pass_to(offset);
            if let Some(wanted) = read.iter().find(|record| record.offset >= offset) {
                let next = passing.clone().next().unwrap();
                prop_assert_eq!(next.as_ref(), Ok(wanted));
            } else if flip.is_none() {
                prop_assert!(passing.clone().next().is_none());
            }
        }
    }
}
