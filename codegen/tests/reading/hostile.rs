//! Hostile bytes to generated types: an error with its byte and field, no more memory than the bytes justify, and no deeper
//! than the stack.

use std::thread;

use annals_schema_model::avro::wire::RECURSION_MAX;
use annals_schema_model::{EventSet, ReadError, Reading, Schema, SchemaType, Seen, Walk};

use crate::events::park::zoo::Everything;
use crate::foreign_writers::read;
use crate::generate::Random;
use crate::payload;
use crate::sets::generated::StringsEvent;
use crate::sets::generated::k::Kinds;
use crate::sets::generated::l::{R, REither};
use crate::sets::generated::n::A;
use crate::sets::generated::s::Strings;

fn check<E: EventSet>(text: &str, body: &[u8]) -> Result<(), String> {
    match read::<E>(SchemaType::Avro, text, 1, body) {
        Ok(Seen::Known(_)) => Ok(()),
        Ok(_) => Err("another kind".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn recursion_ends_with_an_error() {
    // Threads have 2 MiB when nobody says otherwise. A record of a hundred strings takes some 30 kB of it in a debug build.
    let thread = thread::Builder::new().stack_size(2 * 1024 * 1024);
    let run = || {
        let strings = Strings::decode(&[2; 500]).unwrap_err();
        assert!(
            strings.message.contains("cut off")
                || strings.message.contains("UTF-8")
                || strings.message.contains("length"),
            "{strings}"
        );
        // Empty strings, and another record behind each hundred.
        let links = [vec![0; 100], vec![2]].concat().repeat(400);
        let strings = Strings::decode(&links).unwrap_err();
        assert!(strings.message.contains("deep"), "{strings}");
        let newer = Strings::SCHEMA.replacen(
            "\"fields\": [",
            "\"fields\": [{\"name\": \"more\", \"type\": \"null\"},",
            1,
        );
        for text in [Strings::SCHEMA, &newer] {
            let error = check::<StringsEvent>(text, &links).unwrap_err();
            assert!(error.contains("deep"), "{error}");
        }
        // The message of 400 bytes that ends other readers.
        let list = R::decode(&[2; 400]).unwrap_err();
        assert!(
            list.position.is_some() && list.path.starts_with("next.next"),
            "{list}"
        );
    };
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_generated_types_write_everybody_reads() {
    let schema = Schema::parse(SchemaType::Avro, R::SCHEMA, &[]).unwrap();
    let mut list = R {
        either: REither::String(String::new()),
        ..R::default()
    };
    for _ in 1..RECURSION_MAX {
        list = R {
            next: Some(Box::new(list)),
            either: REither::String(String::new()),
            ..R::default()
        };
    }
    let body = list.encode().unwrap();
    assert_eq!(R::decode(&body).as_ref(), Ok(&list));
    Walk::new(&schema).check(&body).unwrap();
    Reading::of(&schema).read(&body).unwrap();
}

/// Bodies damaged in every byte and cut at each: read or refused, and never read where the guard refuses.
#[test]
fn damaged_bytes_are_read_or_refused() {
    type Decode = fn(&[u8]) -> Result<(), ReadError>;
    let sets: [(&str, Decode); 4] = [
        (Everything::SCHEMA, |body| Everything::decode(body).map(drop)),
        (Kinds::SCHEMA, |body| Kinds::decode(body).map(drop)),
        (R::SCHEMA, |body| R::decode(body).map(drop)),
        (A::SCHEMA, |body| A::decode(body).map(drop)),
    ];
    let mut random = Random::new(7);
    let (mut read, mut refused) = (0, 0);
    for (text, decode) in sets {
        let schema = Schema::parse(SchemaType::Avro, text, &[]).unwrap();
        let Schema::Avro(avro) = &schema else {
            unreachable!()
        };
        let (walk, reading) = (Walk::new(&schema), Reading::of(&schema));
        for _ in 0..6 {
            let Some(body) = payload::data(avro, &mut random, true) else {
                continue;
            };
            let mut one = |bytes: &[u8]| {
                let walked = walk.check(bytes);
                assert_eq!(reading.read(bytes).is_ok(), walked.is_ok());
                match decode(bytes) {
                    Ok(()) => {
                        assert!(walked.is_ok(), "{walked:?} of what a type reads");
                        read += 1;
                    }
                    Err(error) => {
                        assert!(
                            error.position.is_some_and(|position| position <= bytes.len()),
                            "{error:?}"
                        );
                        refused += 1;
                    }
                }
            };
            for place in 0..body.len() {
                one(&body[..place]);
                for byte in [0, 1, 0x80, 0xff, random.next() as u8] {
                    let mut damaged = body.clone();
                    damaged[place] = byte;
                    one(&damaged);
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 1_000 && refused > 1_000, "{read} {refused}");
}
