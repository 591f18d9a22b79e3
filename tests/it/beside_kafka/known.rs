//! Where we answer otherwise than Kafka on purpose, each with its reason. A row that nothing falls under any more fails
//! the test.

use annals_kafka_wire::api_key::ApiKey;

use super::both::Found;
use super::shown::Difference;

/// A known difference: the API, script and step, the place, what Kafka says, what we say, and why. `*` stands for anything.
type Known = (
    ApiKey,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip] // A row a line.
pub(crate) const KNOWN: &[Known] = &[
    (ApiKey::ListGroups, "*", "groups[*]", "{*", "nothing", "a group with neither members nor offsets is gone at once"),
    (ApiKey::OffsetDelete, "groups: forget *", "*", "*", "*", "a group with neither members nor offsets is gone at once"),
    (ApiKey::DeleteGroups, "groups: delete*", "results[*].error_code", "0", "69", "a group with neither members nor offsets is gone at once"),
    (ApiKey::ConsumerGroupDescribe, "*an empty one", "groups[*", "*", "*", "a group with neither members nor offsets is gone at once"),
    (ApiKey::ConsumerGroupHeartbeat, "*: leave again", "error_code", "25", "69", "a group with neither members nor offsets is gone at once"),
    (ApiKey::DescribeGroups, "*: describe unknown ones", "groups[g#2]", "*", "nothing", "what is asked for twice is described once"),
    (ApiKey::ConsumerGroupDescribe, "*: describe unknown ones", "groups[g#2]", "*", "nothing", "what is asked for twice is described once"),
    (ApiKey::DescribeTransactions, "*: describe unknown ones", "transaction_states[x#2]", "*", "nothing", "what is asked for twice is described once"),
    (ApiKey::DescribeConfigs, "*: of a topic twice", "results[*#2]", "*", "nothing", "what is asked for twice is described once"),
    (ApiKey::DeleteGroups, "*: delete a group twice", "results[simple#2]", "nothing", "*", "each is answered, the second as one that is gone"),
    (ApiKey::CreateTopics, "*", "topics[*].configs[annals.*]", "nothing", "*", "settings of our own"),
    (ApiKey::CreateTopics, "*", "topics[*].configs[*]", "*", "nothing", "of a cluster, or of what we do not have: dead letters of share groups, tiers, a bound that a batch has anyway"),
    (ApiKey::CreateTopics, "*", "topics[*].configs[min.insync.replicas].config_source", "3", "5", "Kafka sets it for the cluster when it is formatted"),
    (ApiKey::CreateTopics, "*", "topics[*].configs[retention.ms].value", "*", r#""-1""#, "events are kept until somebody says otherwise"),
    (ApiKey::CreateTopics, "*", "topics[*].configs[segment.bytes].value", "*", "*", "smaller segments: an index in memory is one of the open segment"),
    (ApiKey::DescribeConfigs, "*", "results[*].configs[annals.*]", "nothing", "*", "settings of our own"),
    (ApiKey::DescribeConfigs, "*", "results[*].configs[*]", "*", "nothing", "of a cluster, or of what we do not have"),
    (ApiKey::DescribeConfigs, "*", "results[t of 2].configs[*].value", "*", "*", "events are kept until somebody says otherwise, in smaller segments"),
    (ApiKey::DescribeConfigs, "*", "results[t of 2].configs[*].config_source", "3", "5", "Kafka sets min.insync.replicas for the cluster when it is formatted"),
    (ApiKey::DescribeConfigs, "*where they come from", "results[t of 2].configs[*].synonyms[*", "*", "*", "every value is told with where it comes from, the default too"),
    (ApiKey::DescribeConfigs, "*", "results[1 of 4].configs[*].read_only", "false", "true", "the settings of a broker are those of its start"),
    (ApiKey::DescribeConfigs, "*", "results[1 of 4].configs[*].value", "*", "*", "limits of one node"),
    (ApiKey::DescribeConfigs, "*", "results[1 of 4].configs[*].config_source", "*", "*", "what the test gives Kafka in a file"),
    (ApiKey::DescribeConfigs, "*", "results[1 of 4].configs[*].config_type", "4", "3", "a number of replicas is told as one of 32 bits"),
    (ApiKey::DescribeConfigs, "*", "results[1 of 4].configs[inter.broker.protocol.version]", "nothing", "*", "tools of before Kafka 4 look for it"),
    (ApiKey::AlterConfigs, "*preallocate*", "responses[*].error_code", "0", "40", "no file is laid out before it is written"),
    (ApiKey::IncrementalAlterConfigs, "*preallocate*", "responses[*].error_code", "0", "40", "no file is laid out before it is written"),
    (ApiKey::IncrementalAlterConfigs, "*: only try *", "responses[*].error_code", "-1", "42", "an operation that is none is the client's mistake"),
    (ApiKey::IncrementalAlterConfigs, r#"*cleanup.policy Some("")"#, "responses[*].error_code", "40", "0", "nothing appended is nothing changed"),
    (ApiKey::ApiVersions, "*", "api_keys[*]", "{*", "nothing", "between brokers, for ACLs, quotas, tokens, share and streams groups, which we do not have"),
    (ApiKey::ApiVersions, "*", "api_keys[*].max_version", "*", "*", "a version that only brokers use, or of what we do not have"),
    (ApiKey::ApiVersions, "*", "supported_features[*", "*", "*", "features of a cluster; what we have cannot be turned off"),
    (ApiKey::ApiVersions, "*", "finalized_features[*", "{*", "nothing", "features of a cluster"),
    (ApiKey::DescribeQuorum, "*: quorum", "topics[*", "*", "*", "the log of the metadata is each broker's own"),
    (ApiKey::DescribeQuorum, "*: quorum", "nodes[1].listeners[*", "*", "*", "there is no listener for controllers"),
    (ApiKey::DescribeLogDirs, "*", "results[<directory>].*_bytes", "<bytes>", "-1", "the size of the volume is not looked up"),
    (ApiKey::DescribeAcls, "*of unknown kinds", ".", "closed", "*", "a filter of no kind is answered with what is wrong with it"),
    (ApiKey::Heartbeat, "*no text", ".", "answered", "closed", "what is no UTF-8 is no text"),
    (ApiKey::Metadata, "*: metadata by *", "*", "*", "*", "a refused request still tells where the broker is"),
    (ApiKey::CreateTopics, "*: only try", "topics[x].topic_id", "<new>", "*", "a topic that is not made has no id"),
    (ApiKey::Fetch, "*twice", "*", "*", "*", "a partition that is named twice is read from where it was named first"),
    (ApiKey::Fetch, "*a level that is none", "*", "*", "*", "a level of isolation that is none reads what is uncommitted"),
    (ApiKey::ListOffsets, "*a level that is none", "*", "*", "*", "a level of isolation that is none reads what is uncommitted"),
    (ApiKey::Fetch, "*-1 bytes*", "*", "*", "*", "less than nothing is nothing"),
    (ApiKey::Fetch, "*150 bytes*", "*.records[*", "*", "nothing", "batches come whole"),
    (ApiKey::Fetch, "*", "*.aborted_transactions", "[]", "null", "where nothing is read there is no list"),
    (ApiKey::Produce, "*", "*.log_start_offset", "*", "-1", "a refused batch tells nothing of the log"),
    (ApiKey::Produce, "*again", "*.log_append_time_ms", "<time>", "-1", "a batch that came twice is answered as it was the first time"),
    (ApiKey::Produce, "*to no partition", "responses[*]", "nothing", "*", "each topic is answered"),
    (ApiKey::Produce, "*ends early", "*.error_code", "87", "2", "bytes that are no batch are corrupt"),
    (ApiKey::Produce, "*unknown magic", "*.error_code", "2", "43", "a format that is not ours is one we do not support"),
    (ApiKey::Produce, "*magic 1", "*.error_code", "87", "43", "a format that is not ours is one we do not support"),
    (ApiKey::Produce, "*of nobody", "*.error_code", "53", "48", "there is no transaction to be in"),
    (ApiKey::Produce, "*of an older epoch", "*.error_code", "47", "87", "an epoch below 0 is no producer's"),
    (ApiKey::Produce, "*not added", "*.error_code", "120", "48", "the older word for it, which all versions know"),
    (ApiKey::DescribeProducers, "*", "*.coordinator_epoch", "-1", "0", "the one coordinator there is"),
    (ApiKey::AddOffsetsToTxn, "*of no group", "error_code", "0", "24", "a group has a name"),
    (ApiKey::ListTransactions, "*that are old", "transaction_states[*]", "nothing", "*", "the time of a transaction that has ended is not kept"),
    (ApiKey::OffsetCommit, "new-groups: commit of a ghost", "*.error_code", "25", "35", "a client that knows no epochs of members is no member"),
    (ApiKey::OffsetFetch, "new-groups: committed, asked by m1 in Some(-1)", "groups[*", "*", "*", "an epoch below 0 asks from outside"),
    (ApiKey::ConsumerGroupHeartbeat, "*", "heartbeat_interval_ms", "*", "*", "members are told sooner"),
    (ApiKey::ConsumerGroupDescribe, "*", "groups[*].members[*].subscribed_topic_regex", r#""""#, "null", "who wants nothing by an expression has none"),
    (ApiKey::ConsumerGroupDescribe, "*", "groups[].error_code", "24", "69", "there is no group without a name"),
    (ApiKey::ConsumerGroupDescribe, "*", "groups[*].members[*].*ssignment.topic_partitions[*", "*", "*", "partitions are spread as evenly, and not the same"),
    (ApiKey::ConsumerGroupDescribe, "*", "groups[*].members[*].subscribed_topic_names[*]", "*", "*", "names stand in their order"),
    (ApiKey::ConsumerGroupDescribe, "*who chose", "groups[*].assignor_name", r#""range""#, r#""uniform""#, "another assignor counts from the next assignment on"),
];

fn covers((key, what, at, kafka, annals, _): &Known, found: &Found) -> bool {
    let difference = &found.difference;
    *key == found.key
        && fits(what, &found.what)
        && fits(
            at,
            if difference.at.is_empty() {
                "."
            } else {
                &difference.at
            },
        )
        && fits(kafka, &difference.kafka)
        && fits(annals, &difference.annals)
}

/// Whether a text is as a pattern says.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|at| fits(after, &rest[at..]))
}

/// A difference that nobody knows, and the versions that have it.
type Unknown<'a> = ((ApiKey, &'a str, &'a Difference), Vec<i16>);

/// What is wrong: differences that nobody knows, and known ones that are none.
pub(crate) fn judged(found: &[Found]) -> Vec<String> {
    let mut is_seen = vec![false; KNOWN.len()];
    let mut unknown: Vec<Unknown<'_>> = Vec::new();
    for one in found {
        let mut is_known = false;
        for (known, is_seen) in KNOWN.iter().zip(&mut is_seen) {
            let is_it = covers(known, one);
            *is_seen |= is_it;
            is_known |= is_it;
        }
        if is_known {
            continue;
        }
        let told = (one.key, one.what.as_str(), &one.difference);
        match unknown.iter_mut().find(|(other, _)| *other == told) {
            Some((_, versions)) => versions.push(one.version),
            None => unknown.push((told, vec![one.version])),
        }
    }
    let unknown = unknown
        .into_iter()
        .map(|((key, what, Difference { at, kafka, annals }), versions)| {
            format!("{key} {versions:?}, {what}: {at}\n    Kafka:  {kafka}\n    Annals: {annals}")
        });
    let gone = KNOWN.iter().zip(is_seen).filter(|(_, is_seen)| !is_seen);
    let gone = gone.map(|((key, what, at, _, _, why), _)| {
        format!("{key}, {what}, {at}: there is no such difference any more, though it is listed: {why}")
    });
    unknown.chain(gone).collect()
}
