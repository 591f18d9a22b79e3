//! What no bytes may break: generated types, as a function of bytes.
//!
//! Used by the fuzz target and, on a stable compiler, by the test beside this file.

use std::sync::OnceLock;

use annals_schema_model::{EventSet, Raw, Schema, SchemaId, SchemaType, Seen};

use crate::one::One;
use crate::sets::generated::{self, SCHEMAS};

/// Inputs beyond this only cost time.
const BYTES_MAX: usize = 64 * 1024;

type Check = fn(&One, &[u8]) -> bool;

macro_rules! set {
    ($start:literal, $event:ident) => {
        ($start, |writer, body| {
            check::<generated::$event>(writer, body, |event| (event.subject(), event.version()))
        })
    };
}

/// What is read, by the start of its subject.
const SETS: &[(&str, Check)] = &[
    set!("changes-", ChangesEvent),
    set!("defaults-", DefaultsEvent),
    set!("kinds-", KindsEvent),
    set!("lists-", ListsEvent),
    set!("moved-", MovedEvent),
    set!("nests-", NestsEvent),
    set!("ordered-", OrderedEvent),
    set!("raised-", RaisedEvent),
    set!("readings-", ReadingsEvent),
    set!("strings-", StringsEvent),
    set!("symbols-", SymbolsEvent),
    set!("words-", WordsEvent),
];

/// A writer's schema, and what reads it.
pub(crate) struct Written {
    pub(crate) schema: Schema,
    writer: One,
    check: Check,
}

/// Every schema of the sets, and those of writers that are a little different: a field more, narrower numbers, no texts.
pub(crate) fn written() -> &'static [Written] {
    static WRITTEN: OnceLock<Vec<Written>> = OnceLock::new();
    let made = || {
        let of_sets = SCHEMAS.iter().filter_map(|schema| {
            let (_, check) = SETS.iter().find(|(start, _)| schema.subject.starts_with(start))?;
            Some((schema.text, *check))
        });
        let all = of_sets.flat_map(|(text, check)| {
            let more = text.replacen(
                "\"fields\": [",
                "\"fields\": [{\"name\": \"more\", \"type\": [\"null\", \"string\"]},",
                1,
            );
            let narrow = text
                .replace("\"long\"", "\"int\"")
                .replace("\"double\"", "\"float\"");
            let raw = text.replace("\"type\": \"string\"", "\"type\": \"bytes\"");
            let mut texts = vec![text.to_owned(), more, narrow, raw];
            texts.dedup();
            texts.into_iter().map(move |text| (text, check))
        });
        all.filter_map(|(text, check)| {
            // Where a default does not fit any more, for example.
            let schema = Schema::parse(SchemaType::Avro, &text, &[]).ok()?;
            Some(Written {
                writer: One::new(schema.clone()),
                schema,
                check,
            })
        })
        .collect()
    };
    WRITTEN.get_or_init(made)
}

/// A byte that says who wrote the rest. What is read is written again, and reads as the same; nothing else is. Whether it
/// was read.
pub(crate) fn generated(data: &[u8]) -> bool {
    let Some((which, body)) = data[..data.len().min(BYTES_MAX)].split_first() else {
        return false;
    };
    let written = written();
    let written = &written[usize::from(*which) % written.len()];
    (written.check)(&written.writer, body)
}

fn check<E: EventSet>(writer: &One, body: &[u8], of: fn(&E) -> (&'static str, u32)) -> bool {
    let schema = SchemaId::new(1).unwrap();
    let event = match E::decode(&Raw { schema, body }, writer) {
        Ok(Seen::Known(event)) => event,
        Ok(_) => return false,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let bytes = match event.encode() {
        Ok((_, bytes)) => bytes,
        // What another writer's enum has and ours has not.
        Err(error) => {
            assert!(error.to_string().contains("is no symbol of"), "{error}");
            return true;
        }
    };
    let of = of(&event);
    let own = SCHEMAS.iter().find(|own| (own.subject, own.version) == of);
    let own = Schema::parse(SchemaType::Avro, own.unwrap().text, &[]).unwrap();
    let body = bytes.as_slice();
    match E::decode(&Raw { schema, body }, &One::new(own)) {
        // Bytes are compared: a float may be no number.
        Ok(Seen::Known(again)) => assert_eq!(again.encode().unwrap().1, bytes),
        Ok(_) => panic!("what is written is of another kind"),
        Err(error) => panic!("what is written is not read: {error}"),
    }
    true
}
