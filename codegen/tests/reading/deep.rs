//! Values as deep as they may be, on a stack as threads have it: what is written is read, by whoever reads, and what is one
//! level deeper is neither.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::thread;

use annals_schema_model::avro::wire::{LEVELS_MAX, RECURSION_MAX};
use annals_schema_model::avro::{Datum, encode_checked};
use annals_schema_model::{DecodeError, EventSet, ReadError, Reading, Schema, SchemaType, Seen, Walk};

use crate::foreign_writers::read;
use crate::generate::Random;
use crate::sets::generated::l::{Both, R, RByNameValue, REither, RRef};
use crate::sets::generated::nest::{Nest, NestListsItemItemValue};
use crate::sets::generated::s::Strings;
use crate::sets::generated::wide::{Half, Inner, InnerEither, Quarter, Wide};
use crate::sets::generated::{ListsEvent, NestsEvent, StringsEvent, WideEvent};

/// A type, and what is asked of it.
struct Case<T> {
    text: &'static str,
    decode: fn(&[u8]) -> Result<T, ReadError>,
    /// By a plan, from a writer that has a field more.
    planned: fn(&str, &[u8]) -> Result<T, DecodeError>,
}

/// What an event set reads that is of one type.
fn known<E: EventSet, T>(text: &str, body: &[u8], of: fn(E) -> T) -> Result<T, DecodeError> {
    read::<E>(SchemaType::Avro, text, 1, body).map(|seen| match seen {
        Seen::Known(event) => of(event),
        other => panic!("{}", other.known().is_some()),
    })
}

const LISTS: Case<R> = Case {
    text: R::SCHEMA,
    decode: R::decode,
    planned: |text, body| known::<ListsEvent, R>(text, body, |ListsEvent::R(list)| list),
};

const STRINGS: Case<Strings> = Case {
    text: Strings::SCHEMA,
    decode: Strings::decode,
    planned: |text, body| known::<StringsEvent, Strings>(text, body, |StringsEvent::Strings(list)| list),
};

const NESTS: Case<Nest> = Case {
    text: Nest::SCHEMA,
    decode: Nest::decode,
    planned: |text, body| known::<NestsEvent, Nest>(text, body, |NestsEvent::Nest(nest)| nest),
};

impl<T: Datum + PartialEq + Debug> Case<T> {
    /// A value, which is written if and only if `fits`, and then read.
    fn check(&self, value: &T, fits: bool) -> Option<Vec<u8>> {
        let written = encode_checked(value);
        assert_eq!(written.is_ok(), fits, "{:?}", written.map(|bytes| bytes.len()));
        let body = written.ok()?;
        assert!((self.decode)(&body).as_ref() == Ok(value));
        let schema = Schema::parse(SchemaType::Avro, self.text, &[]).unwrap();
        Walk::new(&schema).check(&body).unwrap();
        Reading::of(&schema).read(&body).unwrap();
        assert!((self.planned)(&self.wider(), &body).as_ref() == Ok(value));
        Some(body)
    }

    /// The schema of a writer that has a field without bytes besides.
    fn wider(&self) -> String {
        let wider = self.text.replacen(
            "\"fields\": [",
            "\"fields\": [{\"name\": \"more\", \"type\": \"null\"},",
            1,
        );
        assert_ne!(wider, self.text);
        wider
    }

    /// The deepest value that is made by putting one into another; `around` are the bytes before and behind it.
    fn deepest(&self, records: usize, put: fn(T) -> T, around: [&[u8]; 2]) {
        let mut value = T::default();
        for _ in 1..records {
            value = put(value);
        }
        let body = self.check(&value, true).unwrap();
        self.check(&put(value), false);
        let deeper = [around[0], &body, around[1]].concat();
        let told = [
            (self.decode)(&deeper).unwrap_err().to_string(),
            (self.planned)(&self.wider(), &deeper).unwrap_err().to_string(),
        ];
        assert!(told.iter().all(|told| told.contains("deeper than")), "{told:?}");
    }
}

/// On a stack of so many bytes.
fn on_a_stack(bytes: usize, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(bytes)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

fn next(list: R) -> R {
    R {
        next: Some(Box::new(list)),
        ..R::default()
    }
}

fn branch(list: R) -> R {
    R {
        branches: vec![list],
        ..R::default()
    }
}

fn by_name(list: R) -> R {
    R {
        by_name: BTreeMap::from([(String::new(), Some(RByNameValue::R(list)))]),
        ..R::default()
    }
}

/// Two levels at once: the record in the union can hold itself as well.
fn both(list: R) -> R {
    R {
        either: REither::Both(Box::new(Both {
            left: Box::default(),
            right: Box::new(list),
        })),
        ..R::default()
    }
}

fn strings(list: Strings) -> Strings {
    Strings {
        next: Some(Box::new(list)),
        ..Strings::default()
    }
}

fn nest(nest: Nest) -> Nest {
    Nest {
        names: Vec::new(),
        lists: vec![vec![BTreeMap::from([(
            String::new(),
            NestListsItemItemValue::Nest(nest),
        )])]],
    }
}

#[test]
fn what_is_as_deep_as_may_be_is_written_and_read() {
    on_a_stack(1024 * 1024, || {
        let before = [&[0; 100][..], &[2]].concat();
        STRINGS.deepest(RECURSION_MAX, strings, [&before, &[]]);
    });
    on_a_stack(1024 * 1024, || {
        LISTS.deepest(RECURSION_MAX, next, [&[0, 2], &[0, 0, 2, 0]]);
        LISTS.deepest(RECURSION_MAX, branch, [&[0, 0, 2], &[0, 0, 2, 0]]);
        LISTS.deepest(RECURSION_MAX, by_name, [&[0, 0, 0, 2, 0, 0], &[0, 2, 0]]);
        LISTS.deepest(RECURSION_MAX / 2, both, [&[0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0], &[]]);
    });
    on_a_stack(1024 * 1024, || {
        NESTS.deepest(LEVELS_MAX / 4, nest, [&[0, 2, 2, 2, 0, 2], &[0, 0, 0]]);
    });
}

#[test]
fn whatever_is_written_is_read() {
    on_a_stack(2 * 1024 * 1024, || {
        let mut random = Random::new(11);
        for _ in 0..30 {
            let mut list = R::default();
            let mut open = 1;
            for _ in 0..random.below(RECURSION_MAX + 20) {
                let (put, more): (fn(R) -> R, usize) = match random.below(5) {
                    0 => (branch, 1),
                    1 => (by_name, 1),
                    2 => (both, 2),
                    _ => (next, 1),
                };
                list = put(list);
                open += more;
            }
            let body = LISTS.check(&list, open <= RECURSION_MAX);
            if let Some(body) = body {
                assert_eq!(RRef::decode(&body).unwrap().to_owned(), list);
            }
        }
    });
}

#[test]
fn what_is_as_wide_as_may_be_is_read_on_a_stack_as_threads_have_it() {
    let small = thread::Builder::new().stack_size(2 * 1024 * 1024);
    let read = || {
        let quarter = Quarter([3; 4096]);
        let inner = Inner {
            maybe: Some(quarter),
            either: InnerEither::Quarter(quarter),
        };
        let mut wide = Wide {
            x: 1,
            half: Half([2; 8192]),
            inner,
            more: None,
        };
        assert!(Wide::decode(&[1]).is_err());
        for _ in 0..8 {
            let body = encode_checked(&wide).unwrap();
            assert!(Wide::decode(&body).as_ref() == Ok(&wide));
            let text = Wide::SCHEMA.replacen('[', r#"[{"name": "w", "type": "null"}, "#, 1);
            let planned = known::<WideEvent, Wide>(&text, &body, |WideEvent::Wide(wide)| wide);
            assert!(planned.as_ref() == Ok(&wide));
            wide.more = Some(Box::new(wide.clone()));
        }
    };
    small.spawn(read).unwrap().join().unwrap();
}
