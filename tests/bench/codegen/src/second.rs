//! The second corpus beside serde_avro_fast: the same bytes, read and written by both.

use std::fmt::Debug;
use std::hint::black_box;

use annals_schema_model::avro::{Datum, ReadError, wire::Writer};
use serde::{Serialize, de::DeserializeOwned};

use crate::corpus::{self, Record};
use crate::draw::Random;
use crate::measure::{case, is_wanted, medians};
use crate::peers::Fast;

/// Generated from the second corpus.
#[allow(missing_docs, dead_code)]
mod ours {
    include!(concat!(env!("OUT_DIR"), "/corpus.rs"));
}

/// The same for serde.
#[allow(missing_docs, dead_code)]
mod theirs {
    include!(concat!(env!("OUT_DIR"), "/corpus_serde.rs"));
}

const VALUES: usize = 64;

fn row<O, P>(record: &Record, schema: &str, decode: impl Fn(&[u8]) -> Result<O, ReadError>)
where
    O: Datum + Debug,
    P: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let fast = Fast::new(schema);
    let mut random = Random(1);
    let draw = |_| serde_json::from_value(random.record(record)).expect("drawn of the type");
    let peers: Vec<P> = (0..VALUES).map(draw).collect();
    let bodies: Vec<Vec<u8>> = peers.iter().map(|peer| fast.encode(peer, Vec::new())).collect();
    let values: Vec<O> = bodies
        .iter()
        .map(|body| decode(body).expect("it reads"))
        .collect();
    for ((value, body), peer) in values.iter().zip(&bodies).zip(&peers) {
        let mut to = Writer::new();
        value.write(&mut to);
        assert_eq!(&to.into_bytes(), body);
        assert_eq!(&fast.decode::<P>(body), peer);
    }
    let (mut buffer, mut peer_buffer) = (Vec::new(), Vec::new());
    let mut cases = vec![
        case("encode", VALUES, |n| {
            buffer.clear();
            let mut to = Writer::append_to(std::mem::take(&mut buffer));
            values[n].write(&mut to);
            buffer = black_box(to.into_bytes());
        }),
        case("encode, serde_avro_fast", VALUES, |n| {
            peer_buffer.clear();
            peer_buffer = black_box(fast.encode(&peers[n], std::mem::take(&mut peer_buffer)));
        }),
        case("decode", VALUES, |n| drop(black_box(decode(&bodies[n])))),
        case("decode, serde_avro_fast", VALUES, |n| {
            drop(black_box(fast.decode::<P>(&bodies[n])));
        }),
    ];
    let [encode, their_encode, decode, their_decode] = medians(&mut cases)[..] else {
        return;
    };
    let bytes = bodies.iter().map(Vec::len).sum::<usize>() / VALUES;
    println!(
        "  {:<8}{bytes:>6} B{encode:>8.0} ns{:>7.2} x{decode:>8.0} ns{:>7.2} x",
        record.name,
        their_encode / encode,
        their_decode / decode
    );
}

pub fn table() {
    let title = "the second corpus: encode into a reused buffer, decode; each against serde_avro_fast";
    if !is_wanted(title) {
        return;
    }
    println!("\n{title}");
    macro_rules! row {
        ($name:ident) => {{
            use ours::corpus::$name;
            let record = corpus::all()
                .into_iter()
                .find(|record| record.name == stringify!($name));
            row::<$name, theirs::$name>(&record.expect("it is there"), $name::SCHEMA, $name::decode);
        }};
    }
    row!(Wide);
    row!(Deep);
    row!(Arrays);
    row!(Maps);
    row!(Unions);
    row!(Texts);
}
