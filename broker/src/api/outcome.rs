//! What each of the things came to that a request asks for.
//!
//! Left out: what an answer says beside that, which each API has its own words for.

use std::collections::HashMap;
use std::hash::Hash;

use annals_kafka_wire::error::ErrorCode;

/// Why a request, or part of it, is not carried out.
pub(crate) type Refusal = (ErrorCode, String);

/// How often each is there.
pub(crate) fn counted<T: Hash + Eq>(all: impl IntoIterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

/// What each thing asked for came to. What is named several times comes to nothing, for the reason `twice`.
pub(crate) fn each_once<T, K: Hash + Eq>(
    asked: &[T],
    thing: impl Fn(&T) -> K,
    twice: &str,
    work: impl Fn(&T) -> Result<(), Refusal>,
) -> Vec<(K, Result<(), Refusal>)> {
    let times = counted(asked.iter().map(&thing));
    let come_to = |one: &T| match times.get(&thing(one)) {
        Some(1) => work(one),
        _ => Err((ErrorCode::InvalidRequest, twice.to_owned())),
    };
    asked.iter().map(|one| (thing(one), come_to(one))).collect()
}

/// What a change that is not settled yet came to, for each thing.
pub(crate) fn unsettled<K>(things: Vec<K>, error: ErrorCode) -> Vec<(K, Result<(), Refusal>)> {
    let refusal = || Err((error, error.meaning().to_owned()));
    things.into_iter().map(|thing| (thing, refusal())).collect()
}

/// The code and the sentence of an answer.
pub(crate) fn said(outcome: Result<(), Refusal>) -> (i16, Option<String>) {
    match outcome {
        Ok(()) => (ErrorCode::None.code(), None),
        Err((code, sentence)) => (code.code(), Some(sentence)),
    }
}
