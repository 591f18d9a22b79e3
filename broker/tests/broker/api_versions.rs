//! What is advertised: a golden table, and the handshake's corners.

use std::fmt::Write as _;
use std::path::Path;

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame::{RequestHeader, encode_request};
use annals_kafka_wire::message::Message;
use annals_kafka_wire::message::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use annals_kafka_wire::primitives::{Reader, Writer};

use crate::harness::{blocking, read_frame, start};

#[tokio::test]
async fn the_advertised_table_is_the_golden_one() {
    let broker = start().await;
    let client = broker.client().await;
    let mut table = "# key  versions: what ApiVersions answers. UPDATE=1 rewrites this file.\n".to_owned();
    for api in client.api_versions() {
        writeln!(
            table,
            "{:5}  {}-{}",
            api.api_key, api.min_version, api.max_version
        )
        .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/api_versions.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        table,
        "{}",
        path.display()
    );
    broker.stop().await;
}

#[tokio::test]
async fn every_known_version_is_answered_in_its_own_layout() {
    let broker = start().await;
    let mut stream = broker.raw();
    blocking(move || {
        use std::io::Write as _;
        let golden = include_str!("../golden/api_versions.txt").lines().skip(1).count();
        for version in 0..=4 {
            let name = |text: &str| text.to_owned();
            let request = ApiVersionsRequest {
                client_software_name: name("test"),
                client_software_version: name("1.0"),
            };
            stream
                .write_all(&encode_request(&request, version, 7, None).unwrap())
                .unwrap();
            let mut reader = Reader::new(read_frame(&mut stream));
            assert_eq!(reader.i32().unwrap(), 7, "the header of this answer is always v0");
            let answer = ApiVersionsResponse::decode(&mut reader, version).unwrap();
            assert_eq!(answer.error_code, 0, "v{version}");
            assert_eq!(answer.api_keys.len(), golden, "v{version}");
            let finalized = answer.finalized_features.iter();
            let finalized: Vec<_> = finalized
                .map(|feature| (feature.name.as_str(), feature.max_version_level))
                .collect();
            let expected = [("group.version", 1), ("transaction.version", 2)];
            assert_eq!(
                finalized,
                if version < 3 {
                    &expected[..0]
                } else {
                    &expected[..]
                }
            );
        }
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn an_unknown_version_is_answered_in_v0_with_error_35() {
    let broker = start().await;
    let mut stream = broker.raw();
    blocking(move || {
        use std::io::Write as _;
        let mut writer = Writer::new();
        writer.i32(0);
        let header = RequestHeader {
            api_key: 18,
            api_version: 99,
            correlation_id: 5,
            client_id: None,
        };
        header.encode(&mut writer).unwrap();
        let body = writer.into_bytes();
        let mut frame = body.to_vec();
        let size = u32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&size.to_be_bytes());
        stream.write_all(&frame).unwrap();
        let mut reader = Reader::new(read_frame(&mut stream));
        assert_eq!(reader.i32().unwrap(), 5);
        let answer = ApiVersionsResponse::decode(&mut reader, 0).unwrap();
        assert_eq!(ErrorCode::from(answer.error_code), ErrorCode::UnsupportedVersion);
        let own = &answer.api_keys[0];
        assert_eq!((own.api_key, own.min_version, own.max_version), (18, 0, 4));
        // The connection goes on, in a version the answer named.
        stream
            .write_all(&encode_request(&ApiVersionsRequest::default(), 0, 6, None).unwrap())
            .unwrap();
        assert!(!read_frame(&mut stream).is_empty());
    })
    .await;
    broker.stop().await;
}

#[tokio::test]
async fn software_names_of_other_characters_are_an_invalid_request() {
    let broker = start().await;
    let mut client = broker.client().await;
    let request = ApiVersionsRequest {
        client_software_name: "a b".to_owned(),
        client_software_version: "1".to_owned(),
    };
    let answer = client.call(&request).await.unwrap();
    assert_eq!(ErrorCode::from(answer.error_code), ErrorCode::InvalidRequest);
    broker.stop().await;
}
