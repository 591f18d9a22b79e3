//! Hostile payloads: whoever reads them says which byte and which field, takes no more memory than the bytes justify, and
//! goes no deeper than what is written may be.

use std::thread;

use allocation_counter::measure;
use annals_schema_model::{
    ReadError, Schema as AnySchema, Walk as AnyWalk,
    avro::{
        Plan, Reading, Schema,
        wire::{RECURSION_MAX, Writer},
    },
};

use crate::avro;

/// Everyone who reads payloads without types.
struct Readers {
    walk: AnyWalk,
    reading: Reading,
    /// By a plan that is not the identity: the reader has one field more.
    planned: Option<Plan>,
}

impl Readers {
    fn of(schema: &Schema) -> Readers {
        let longer = schema.text().replacen(
            "\"fields\":[",
            "\"fields\":[{\"name\":\"also\",\"type\":\"int\",\"default\":1},",
            1,
        );
        let planned = (longer != schema.text()).then(|| Plan::resolve(schema, &avro(&longer)).unwrap());
        Readers {
            walk: AnyWalk::new(&AnySchema::Avro(schema.clone())),
            reading: Reading::of(schema),
            planned,
        }
    }

    /// Whether they read a body, which they agree on; the error of one stands for all.
    fn check(&self, body: &[u8]) -> Result<(), ReadError> {
        let read = self.reading.read(body).map(drop);
        let told = read.clone().map_err(|error| (error.path, error.message));
        let walked = self.walk.check(body).map_err(|error| (error.path, error.message));
        assert_eq!(walked, told, "the guard");
        if let Some(plan) = &self.planned {
            let planned = plan.translate(body, &mut Vec::new());
            assert_eq!(planned.is_ok(), read.is_ok(), "{planned:?} {read:?}");
            if let (Err(planned), Err(read)) = (planned, &read) {
                assert_eq!(
                    (planned.position, &planned.message),
                    (read.position, &read.message)
                );
            }
        }
        if let Err(error) = &read {
            assert!(
                error.position.is_some_and(|position| position <= body.len()),
                "{error:?}"
            );
            assert!(!error.message.is_empty() && error.path.len() < 2_000, "{error}");
        }
        read
    }
}

/// A list, and the same through an array and through a map.
const LINKS: [(&str, &[u8], &[u8]); 3] = [
    (r#"["null","L"]"#, &[2], &[0]),
    (r#"{"type":"array","items":"L"}"#, &[2], &[0]),
    (r#"{"type":"map","values":["L","null"]}"#, &[2, 0, 0], &[0]),
];

#[test]
fn depth_is_one_limit() {
    // Threads have 2 MiB when nobody says otherwise.
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024);
    let run = || {
        for (link, inner, end) in LINKS {
            let schema = avro(&format!(
                r#"{{"type":"record","name":"L","fields":[{{"name":"l","type":{link}}}]}}"#
            ));
            let chain = |links: usize| {
                // Behind each of them its blocks end.
                let ends = usize::from(!link.starts_with('['));
                [inner.repeat(links - 1), end.to_vec(), vec![0; ends * (links - 1)]].concat()
            };
            let readers = Readers::of(&schema);
            assert_eq!(readers.check(&chain(RECURSION_MAX)), Ok(()), "{link}");
            // What was read can be shown, compared and dropped.
            let value = readers.reading.read(&chain(RECURSION_MAX)).unwrap();
            assert_eq!(value.clone(), value);
            assert!(value.to_json().to_string().len() > RECURSION_MAX);
            let error = readers.check(&chain(RECURSION_MAX + 1)).unwrap_err();
            assert_eq!(
                error.message, "the payload nests deeper than 256 levels",
                "{link}"
            );
            assert_eq!(error.position, Some(inner.len() * RECURSION_MAX));
            let error = readers.check(&inner.repeat(100_000)).unwrap_err();
            assert_eq!(
                error.message, "the payload nests deeper than 256 levels",
                "{link}"
            );
        }
        // The message that ends other readers: a list without end.
        let list = avro(r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#);
        assert!(Readers::of(&list).check(&[2; 400]).is_err());
        // A record that holds itself as it is.
        let endless = avro(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
        assert!(Reading::of(&endless).read(&[]).is_err());
    };
    thread.spawn(run).unwrap().join().unwrap();
}

const ALL: &str = r#"{"type":"record","name":"All","fields":[
    {"name":"flag","type":"boolean"},
    {"name":"int","type":"int"},
    {"name":"long","type":"long"},
    {"name":"text","type":"string"},
    {"name":"raw","type":"bytes"},
    {"name":"suit","type":{"type":"enum","name":"Suit","symbols":["A","B"]}},
    {"name":"list","type":{"type":"array","items":"int"}},
    {"name":"map","type":{"type":"map","values":["null","string"]}},
    {"name":"half","type":["null",{"type":"fixed","name":"Half","size":8}]},
    {"name":"double","type":"double"}
]}"#;

/// Bytes of each field of [`ALL`].
const SOUND: [&[u8]; 10] = [
    &[1],
    &[0x80, 0x01],
    &[3],
    &[4, b'a', b'b'],
    &[2, 0xff],
    &[2],
    &[3, 4, 2, 4, 0],
    &[2, 2, b'k', 2, 2, b'v', 0],
    &[2, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0; 8],
];

type Lie = (usize, &'static [u8], usize, &'static str, &'static str);

/// A field, its bytes, at which of them it does not read, the path and the sentence.
const LIES: [Lie; 19] = [
    (
        0,
        &[2],
        0,
        "flag",
        "a boolean is the byte 2, it can only be 0 or 1",
    ),
    (
        1,
        &[0x80, 0x80, 0x80, 0x80, 0x10],
        0,
        "int",
        "an int holds 2147483648, which does not fit 32 bits",
    ),
    (2, &[0xff; 10], 0, "long", "a long does not fit 64 bits"),
    (
        2,
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
        0,
        "long",
        "a long does not fit 64 bits",
    ),
    (
        3,
        &[1],
        0,
        "text",
        "a string of length -1: a length cannot be negative",
    ),
    (
        3,
        &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        0,
        "text",
        "a string of length 9223372036854775807: the payload has only 32 bytes left",
    ),
    (3, &[2, 0xff], 0, "text", "a string is not UTF-8: byte 0 of its 1"),
    (
        4,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        0,
        "raw",
        "bytes of length -9223372036854775808: a length cannot be negative",
    ),
    (5, &[4], 0, "suit", "symbol 2 does not exist, the schema has 2"),
    (5, &[1], 0, "suit", "symbol -1 does not exist, the schema has 2"),
    (
        6,
        &[3, 2, 2, 4, 0],
        4,
        "list",
        "a block tells it ends at byte 13, but its items end at 14",
    ),
    (
        6,
        &[3, 0x7f, 2, 4, 0],
        1,
        "list",
        "a block of -64 bytes: the payload has 27 bytes left",
    ),
    (
        6,
        &[3, 0x7e, 2, 4, 0],
        1,
        "list",
        "a block of 63 bytes: the payload has 27 bytes left",
    ),
    // A count of i64::MIN, of items that are not there.
    (
        6,
        &[
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 4, 2, 4, 0,
        ],
        38,
        "list[27]",
        "an int is cut off: the payload ends at byte 48",
    ),
    (
        7,
        &[2, 2, b'k', 4],
        3,
        "map[\"k\"]",
        "union branch 2 does not exist, the schema has 2",
    ),
    (
        7,
        &[2, 2, b'k', 1],
        3,
        "map[\"k\"]",
        "union branch -1 does not exist, the schema has 2",
    ),
    (
        7,
        &[2, 2, 0xff, 0, 0],
        1,
        "map[0]",
        "a string is not UTF-8: byte 0 of its 1",
    ),
    (
        8,
        &[4],
        0,
        "half",
        "union branch 2 does not exist, the schema has 2",
    ),
    (
        9,
        &[0; 9],
        8,
        "",
        "1 bytes are left over after the value's end at byte 39",
    ),
];

#[test]
fn what_lies_is_told_with_its_byte_and_field() {
    let readers = Readers::of(&avro(ALL));
    let sound = SOUND.concat();
    assert_eq!(readers.check(&sound), Ok(()));
    for end in 0..sound.len() {
        let error = readers.check(&sound[..end]).unwrap_err();
        assert!(!error.path.is_empty(), "cut at {end}: {error}");
    }
    for (field, bytes, byte, path, message) in LIES {
        let mut parts = SOUND;
        parts[field] = bytes;
        let before = parts[..field].concat().len();
        let error = readers.check(&parts.concat()).unwrap_err();
        assert!(
            error.path.starts_with(path) && error.message == message,
            "{path} {message}, not {error:?}"
        );
        assert_eq!(error.position, Some(before + byte), "{path}: {error:?}");
    }
}

/// Bytes of memory that reading takes at once.
fn memory(read: impl FnOnce()) -> u64 {
    measure(read).bytes_max
}

#[test]
fn memory_is_bounded_by_the_bytes_in_hand() {
    const HUGE: [u8; 5] = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let nulls = (0..1_000)
        .map(|index| format!(r#"{{"name":"f{index}","type":"null"}}"#))
        .collect::<Vec<_>>()
        .join(",");
    let wide = format!(r#"{{"type":"array","items":{{"type":"record","name":"N","fields":[{nulls}]}}}}"#);
    let deep = r#"{"type":"record","name":"L","fields":[{"name":"l","type":{"type":"array","items":"L"}}]}"#;
    let cases: [(&str, Vec<u8>); 8] = [
        (r#""string""#, HUGE.to_vec()),
        (r#"{"type":"array","items":"long"}"#, HUGE.to_vec()),
        (r#"{"type":"map","values":"string"}"#, HUGE.to_vec()),
        (r#"{"type":"array","items":"null"}"#, [&HUGE[..], &[0]].concat()),
        (
            r#"{"type":"array","items":{"type":"fixed","name":"F","size":0}}"#,
            [&HUGE[..], &[0]].concat(),
        ),
        (
            r#"{"type":"array","items":{"type":"array","items":"null"}}"#,
            HUGE.repeat(100),
        ),
        // Sixty-five thousand records of a thousand nulls each, in five bytes.
        (&wide, [&HUGE[..], &[0]].concat()),
        // A count at every level.
        (deep, HUGE.repeat(RECURSION_MAX)),
    ];
    for (text, body) in cases {
        let schema = avro(text);
        let readers = Readers::of(&schema);
        let taken = memory(|| assert!(readers.check(&body).is_err(), "{text}"));
        assert!(taken < 16 << 20, "{taken} bytes for {} of {text}", body.len());
        let plan = Plan::lenient(&schema, &schema);
        let taken = memory(|| assert!(plan.translate(&body, &mut Vec::new()).is_err(), "{text}"));
        assert!(taken < 16 << 20, "{taken} bytes for {} of {text}", body.len());
    }
    // Of sound data it takes some times what they are.
    let strings = avro(r#"{"type":"array","items":"string"}"#);
    let mut writer = Writer::new();
    writer.array(&vec!["a text of some length"; 100_000], |writer, text| {
        writer.string(text)
    });
    let body = writer.into_bytes();
    let reading = Reading::of(&strings);
    let taken = memory(|| drop(reading.read(&body).unwrap()));
    assert!(taken < 10 * body.len() as u64, "{taken} bytes for {}", body.len());
}

#[test]
fn fields_without_bytes_may_be_many_in_long_payloads() {
    // Records of a lawful writer, of whose fields one takes no bytes.
    let legacy = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"legacy","type":"null"}]}"#;
    let legacy = avro(&format!(r#"{{"type":"array","items":{legacy}}}"#));
    let mut records = Writer::new();
    records.array(&vec![1; 65_537], |records, id| records.long(*id));
    let records = records.into_bytes();
    assert_eq!(
        AnyWalk::new(&AnySchema::Avro(legacy.clone())).check(&records),
        Ok(())
    );
    assert!(Reading::of(&legacy).read(&records).is_ok());
}
