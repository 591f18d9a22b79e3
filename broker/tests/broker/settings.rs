//! What the settings of topics and of the node look like to who asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_broker::{BrokerConfig, OpenGate};
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};

use crate::harness::*;

/// What is asked for the settings of one thing.
fn settings_of(kind: i8, name: &str) -> DescribeConfigsRequest {
    DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: kind,
            resource_name: name.to_owned(),
            configuration_keys: None,
        }],
        include_synonyms: true,
        include_documentation: true,
    }
}

/// The one thing's answer.
async fn settings(broker: &Running, version: i16, kind: i8, name: &str) -> DescribeConfigsResult {
    let mut answer = ask(broker, version, &settings_of(kind, name)).await;
    assert_eq!(answer.results.len(), 1);
    answer.results.remove(0)
}

fn setting<'a>(result: &'a DescribeConfigsResult, name: &str) -> &'a DescribeConfigsResourceResult {
    result
        .configs
        .iter()
        .find(|setting| setting.name == name)
        .unwrap()
}

#[tokio::test]
async fn a_topics_settings_come_with_value_source_type_meaning_and_synonyms() {
    let config = BrokerConfig {
        message_bytes_max: 2_000_000,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(NoBadValues)).await;
    let mut client = broker.client().await;
    let own = BTreeMap::from([
        ("segment.bytes".to_owned(), "2097152".to_owned()),
        ("test.guard".to_owned(), "on".to_owned()),
    ]);
    client.create_topic("events", 1, &own).await.unwrap();

    let told = settings(&broker, 4, 2, "events").await;
    assert_eq!(
        (told.error_code, told.resource_type, told.resource_name.as_str()),
        (0, 2, "events")
    );
    assert!(told.configs.len() > 30 && told.configs.iter().all(|setting| !setting.read_only));
    assert!(told.configs.iter().all(|setting| {
        setting
            .documentation
            .as_ref()
            .is_some_and(|text| !text.is_empty())
    }));
    let places = |name: &str| {
        let synonyms = setting(&told, name).synonyms.iter();
        let place = synonyms.map(|place| {
            format!(
                "{}={} of {}",
                place.name,
                place.value.as_ref().unwrap(),
                place.source
            )
        });
        place.collect::<Vec<_>>().join(", ")
    };
    // Name, value, source, type, synonyms.
    for (name, value, source, kind, synonyms) in [
        (
            "segment.bytes",
            "2097152",
            1,
            3,
            "segment.bytes=2097152 of 1, log.segment.bytes=67108864 of 5",
        ),
        (
            "max.message.bytes",
            "2000000",
            4,
            3,
            "message.max.bytes=2000000 of 4",
        ),
        ("retention.ms", "-1", 5, 5, "log.retention.ms=-1 of 5"),
        ("cleanup.policy", "delete", 5, 7, "log.cleanup.policy=delete of 5"),
        ("preallocate", "false", 5, 1, "log.preallocate=false of 5"),
        (
            "test.guard",
            "on",
            1,
            2,
            "test.guard=on of 1, test.guard=off of 5",
        ),
    ] {
        let found = setting(&told, name);
        assert_eq!(
            (found.value.as_deref(), found.config_source, found.config_type),
            (Some(value), source, kind),
            "{name}"
        );
        assert_eq!(places(name), synonyms, "{name}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_settings_asked_for_alone_are_told_and_each_thing_once() {
    let broker = start().await;
    let mut client = broker.client().await;
    client.create_topic("events", 1, &BTreeMap::new()).await.unwrap();
    for version in 1..=4 {
        let mut request = settings_of(2, "events");
        request.include_synonyms = false;
        request.include_documentation = false;
        request.resources[0].configuration_keys = Some(vec!["retention.ms".to_owned(), "no.such".to_owned()]);
        // The same thing once more is answered once.
        request.resources.push(request.resources[0].clone());
        let answer = ask(&broker, version, &request).await;
        assert_eq!(answer.results.len(), 1, "v{version}");
        let [found] = &answer.results[0].configs[..] else {
            panic!("v{version}: {:?}", answer.results[0].configs)
        };
        assert_eq!(
            (found.name.as_str(), found.value.as_deref()),
            ("retention.ms", Some("-1"))
        );
        assert_eq!((found.synonyms.len(), found.documentation.as_ref()), (0, None));
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_nodes_settings_are_told_and_what_is_not_there_is_refused() {
    let config = BrokerConfig {
        default_partitions: 3,
        ..test_config()
    };
    let broker = start_with(config, Arc::new(OpenGate)).await;
    let node = settings(&broker, 4, 4, "1").await;
    assert!(
        node.configs
            .iter()
            .all(|setting| setting.read_only && setting.documentation.is_some())
    );
    assert!(node.configs.windows(2).all(|pair| pair[0].name < pair[1].name));
    for (name, value, source) in [
        ("auto.create.topics.enable", "true", 5),
        ("broker.id", "1", 5),
        ("group.max.session.timeout.ms", "1800000", 5),
        ("inter.broker.protocol.version", "4.0-IV3", 5),
        ("log.retention.ms", "-1", 5),
        ("message.max.bytes", "1048588", 5),
        ("num.partitions", "3", 4),
        ("transaction.max.timeout.ms", "900000", 5),
    ] {
        let found = setting(&node, name);
        assert_eq!(
            (found.value.as_deref(), found.config_source),
            (Some(value), source),
            "{name}"
        );
    }
    for (kind, name, code) in [
        (2, "nowhere", ErrorCode::UnknownTopicOrPartition),
        (2, "no/name", ErrorCode::InvalidTopicException),
        (4, "", ErrorCode::None),
        (4, "2", ErrorCode::InvalidRequest),
        (4, "one", ErrorCode::InvalidRequest),
        (8, "1", ErrorCode::None),
        (8, "2", ErrorCode::InvalidRequest),
        (16, "", ErrorCode::InvalidRequest),
        (16, "metrics", ErrorCode::None),
        (32, "", ErrorCode::InvalidRequest),
        (32, "group", ErrorCode::None),
        (0, "x", ErrorCode::InvalidRequest),
        (77, "x", ErrorCode::InvalidRequest),
    ] {
        let told = settings(&broker, 4, kind, name).await;
        assert_eq!(ErrorCode::from(told.error_code), code, "{kind} {name}");
        assert!(told.configs.is_empty(), "{kind} {name}");
        assert_eq!(
            told.error_message.is_some(),
            code != ErrorCode::None,
            "{kind} {name}"
        );
    }
    broker.stop().await;
}
