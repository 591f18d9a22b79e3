//! What answers are told with beside what was asked: which logs they rest on, where events may be missing, and which are no part
//! of a state. It goes to standard error, so that tables can be read by other programs.

use serde_json::Value;

use super::output;

/// Events of kinds a fold has not heard of that are told one by one.
const UNKNOWN_TOLD: usize = 3;

/// The logs that an answer rests on, where the fold is of several topics.
pub(super) fn logs(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["logs"].as_array().into_iter().flatten()
}

pub(super) fn log_name(log: &Value) -> String {
    format!("{}/{}", output::cell(&log["topic"]), log["partition"])
}

/// The partition that an answer rests on where the fold is of one topic, and which of those that had its name it is.
pub(super) fn one_log(answer: &Value) -> String {
    let partition = format!("partition {}", answer["partition"]);
    match answer["topic_id"].as_str() {
        Some(id) => format!("{partition} of the topic with the id {id}"),
        None => partition,
    }
}

/// Where an event is: its offset, with the log where the fold is of several topics, as a cut has it.
pub(super) fn place(event: &Value) -> String {
    let offset = output::cell(&event["offset"]);
    match &event["log"] {
        Value::Null => offset,
        log => format!("{}={offset}", log_name(log)),
    }
}

/// Says where an answer may miss events: what cannot be read, or was removed, may be anybody's.
pub(super) fn say_missing(answer: &Value) {
    let ranges = answer["unreadable"].as_array().into_iter().flatten();
    for range in ranges {
        output::remark(&format!(
            "offsets {} to {} of partition {} cannot be read, or were removed; events may be missing",
            range["first"], range["last"], answer["partition"]
        ));
    }
    for log in logs(answer) {
        for range in log["unreadable"].as_array().into_iter().flatten() {
            output::remark(&format!(
                "offsets {} to {} of {} cannot be read, or were removed; events may be missing",
                range["first"],
                range["last"],
                log_name(log)
            ));
        }
    }
    let others = answer["also_in_partitions"].as_array().into_iter().flatten();
    let others: Vec<String> = others.map(Value::to_string).collect();
    if !others.is_empty() {
        output::remark(&format!(
            "this id has events in partition {} too, which are no part of this: nobody knows their order against these",
            others.join(", ")
        ));
    }
    match answer["unreadable_batches"].as_u64() {
        None | Some(0) => {}
        Some(1) => {
            output::remark("one place of the log cannot be read, or was removed; events may be missing")
        }
        Some(places) => output::remark(&format!(
            "{places} places of the log cannot be read, or were removed; events may be missing"
        )),
    }
}

/// Says which events are no part of a state, as the fold has not heard of their kinds.
pub(super) fn say_unknown(answer: &Value) {
    let count = answer["unknown_events"].as_u64().unwrap_or(0);
    if count == 0 {
        return;
    }
    let first = answer["unknown"]
        .as_array()
        .into_iter()
        .flatten()
        .take(UNKNOWN_TOLD);
    let mut told: Vec<String> = first
        .map(|event| format!("{} at {}", output::cell(&event["event"]), place(event)))
        .collect();
    if count > told.len() as u64 {
        told.push("…".to_owned());
    }
    let events = match count {
        1 => "1 event is".to_owned(),
        count => format!("{count} events are"),
    };
    output::remark(&format!(
        "{events} no part of this, of a kind the fold has not heard of: {}",
        told.join(", ")
    ));
}
