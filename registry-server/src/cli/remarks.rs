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

/// The fold that an answer was made by.
pub(super) fn fold_used(answer: &Value) -> String {
    let fold = &answer["fold"];
    let digest: String = output::cell(&fold["digest"]).chars().take(12).collect();
    format!(
        "fold {} rev {} ({digest})",
        output::cell(&fold["name"]),
        fold["rev"]
    )
}

/// Says which points in the log an answer about all aggregates is of, and by which fold it was made.
pub(super) fn say_points(answer: &Value) {
    let point = |taken: &Value| {
        let (at, cut) = (output::cell(&taken["at"]), output::cell(&taken["cut"]));
        match cut.as_str() {
            "" => format!("{at} (cut nothing)"),
            cut if cut == at => format!("cut {cut}"),
            cut => format!("{at} (cut {cut})"),
        }
    };
    let points = match answer.get("cut") {
        Some(_) => format!("at: {}", point(answer)),
        None => format!("from: {}, to: {}", point(&answer["from"]), point(&answer["to"])),
    };
    output::remark(&format!("{points}, {}", fold_used(answer)));
}

/// Says which partitions a cut was given without: there is nothing in it of those.
pub(super) fn say_unnamed(given: Option<&str>, taken: &Value) {
    let unnamed = given.map_or_else(Vec::new, |given| unnamed(given, &output::cell(taken)));
    if let Some(given) = given
        && !unnamed.is_empty()
    {
        output::remark(&format!(
            "the cut {} has nothing of partitions {}, because it does not name them",
            given.trim(),
            unnamed.join(", ")
        ));
    }
}

/// The partitions of a cut that are not in the one it was taken for.
fn unnamed(given: &str, taken: &str) -> Vec<String> {
    let partitions = |cut: &str| -> Vec<String> {
        let named = cut.split(',').filter_map(|log| log.split_once('='));
        named.map(|(log, _)| log.trim().to_owned()).collect()
    };
    let given = partitions(given);
    let mut unnamed = partitions(taken);
    unnamed.retain(|log| !given.is_empty() && !given.contains(log));
    unnamed
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_that_a_cut_does_not_name() {
        let check =
            |given: &str, taken: &str, wanted: &[&str]| assert_eq!(unnamed(given, taken), wanted, "{given}");
        check("0=5", "0=5,1=-1,2=-1", &["1", "2"]);
        check(" 2=5, 0=7 ", "0=7,1=-1,2=5", &["1"]);
        check("0=5,1=-1", "0=5,1=-1", &[]);
        check("a/0=5", "a/0=5,b/0=-1", &["b/0"]);
        check("2026-03-01", "0=5,1=6", &[]);
        check("offset:5", "0=5", &[]);
    }
}
