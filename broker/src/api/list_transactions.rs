//! ListTransactions (key 66): all transactional ids, or those in some states, of some producers, (version 1 on) open for
//! longer than some time, or (version 2 on) whose whole name matches a pattern. States that Kafka does not know are told
//! back.

use std::collections::HashSet;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState,
};
use regex::{Regex, RegexBuilder};

use crate::table::{Answer, Context};
use crate::transactions;

/// The most memory a pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: ListTransactionsRequest,
) -> Answer<ListTransactionsResponse> {
    let shared = ctx.shared.clone();
    // No pattern is one that is empty, too.
    let pattern = request
        .transactional_id_pattern
        .as_deref()
        .filter(|pattern| !pattern.is_empty());
    let Ok(pattern) = pattern.map(whole).transpose() else {
        return Answer::Now(ListTransactionsResponse {
            error_code: ErrorCode::InvalidRegularExpression.code(),
            ..ListTransactionsResponse::default()
        });
    };
    Answer::wanted(move || {
        let states: HashSet<&str> = request.state_filters.iter().map(String::as_str).collect();
        let producers: HashSet<i64> = request.producer_id_filters.iter().copied().collect();
        let now_ms = shared.now_ms();
        let listed = |id: String| {
            let named = pattern.as_ref().is_none_or(|pattern| pattern.is_match(&id));
            let value = named.then(|| transactions::describe(&shared, &id))??;
            let state = transactions::state_name(value.transaction_status);
            // One that is not open began at -1, as Kafka has it: it is listed whatever the time.
            let open_ms = now_ms.saturating_sub(value.transaction_start_timestamp_ms);
            let wanted = (states.is_empty() || states.contains(state))
                && (producers.is_empty() || producers.contains(&value.producer_id))
                && (request.duration_filter < 0 || open_ms > request.duration_filter);
            wanted.then(|| TransactionState {
                transactional_id: id,
                producer_id: value.producer_id,
                transaction_state: state.to_owned(),
            })
        };
        let unknown = request
            .state_filters
            .iter()
            .filter(|name| !transactions::is_state(name));
        ListTransactionsResponse {
            unknown_state_filters: unknown.cloned().collect(),
            transaction_states: shared.transactions.ids().into_iter().filter_map(listed).collect(),
            ..ListTransactionsResponse::default()
        }
    })
}

/// Matches whole names.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_BYTES_MAX)
        .build()
}
