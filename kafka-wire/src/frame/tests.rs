//! Frames come out whole or not at all, and headers have the version their key asks for.

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages as oracle,
    protocol::{Decodable, Encodable, StrBytes},
};

use super::{
    RequestHeader, ResponseHeader, decode_response, encode_request, encode_response, take_frame,
    take_frame_within,
};
use crate::{
    api_key::ApiKey,
    message::{
        Message,
        api_versions::{ApiVersionsRequest, ApiVersionsResponse, unsupported},
        metadata::{MetadataRequest, MetadataResponse},
    },
    primitives::{Reader, Writer},
};

#[test]
fn a_frame_waits_for_its_last_byte() {
    let frame = encode_request(&ApiVersionsRequest::default(), 0, 7, Some("me")).unwrap();
    let mut buffer = BytesMut::new();
    for &byte in &frame {
        assert_eq!(take_frame(&mut buffer).unwrap(), None);
        buffer.extend_from_slice(&[byte]);
    }
    buffer.extend_from_slice(&frame);
    assert_eq!(take_frame(&mut buffer).unwrap().unwrap(), frame.slice(4..));
    assert_eq!(take_frame(&mut buffer).unwrap().unwrap(), frame.slice(4..));
    assert_eq!(take_frame(&mut buffer).unwrap(), None);
}

#[test]
fn a_frame_over_the_limit_is_refused_from_its_length() {
    for (length, bytes_max) in [
        (i32::MAX, super::FRAME_BYTES_MAX),
        (-1, super::FRAME_BYTES_MAX),
        (11, 10),
    ] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        let error = take_frame_within(&mut buffer, bytes_max).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("a frame of {length} bytes is outside the limit of {bytes_max}")
        );
    }
    let mut buffer = BytesMut::from(&10i32.to_be_bytes()[..]);
    assert_eq!(take_frame_within(&mut buffer, 10).unwrap(), None);
}

/// Our request header is the oracle's, for every key and version it has.
#[test]
fn request_headers_agree_with_the_oracle() {
    for &key in ApiKey::ALL {
        let their_key = oracle::ApiKey::try_from(key.code()).unwrap();
        let versions = their_key.valid_versions();
        for (version, name) in (versions.min..=versions.max).flat_map(|v| [(v, None), (v, Some("billing"))]) {
            let header = RequestHeader {
                api_key: key.code(),
                api_version: version,
                correlation_id: 99,
                client_id: name.map(str::to_owned),
            };
            let mut w = Writer::new();
            header.encode(&mut w).unwrap();
            let ours = w.into_bytes();

            let theirs = oracle::RequestHeader::default()
                .with_request_api_key(key.code())
                .with_request_api_version(version)
                .with_correlation_id(99)
                .with_client_id(name.map(StrBytes::from_static_str));
            let mut bytes = Vec::new();
            theirs
                .encode(&mut bytes, their_key.request_header_version(version))
                .unwrap();
            assert_eq!(ours, bytes, "{key} v{version}");

            let mut r = Reader::new(ours);
            assert_eq!(RequestHeader::decode(&mut r).unwrap(), header);
            r.finish().unwrap();
        }
    }
}

#[test]
fn a_response_can_be_read_by_who_asked() {
    let answer = MetadataResponse {
        controller_id: 1,
        ..Default::default()
    };
    for version in MetadataResponse::VERSIONS {
        let frame = encode_response(&answer, version, 5).unwrap().into_bytes();
        let body = take_frame(&mut BytesMut::from(&frame[..])).unwrap().unwrap();
        let (header, read) = decode_response::<MetadataRequest>(body.clone(), version).unwrap();
        assert_eq!(header, ResponseHeader { correlation_id: 5 });
        assert_eq!(read.controller_id, if version == 0 { -1 } else { 1 });

        let mut left = body;
        let header_version = oracle::ApiKey::Metadata.response_header_version(version);
        assert_eq!(
            oracle::ResponseHeader::decode(&mut left, header_version)
                .unwrap()
                .correlation_id,
            5
        );
        oracle::MetadataResponse::decode(&mut left, version).unwrap();
        assert!(left.is_empty());
    }
}

#[test]
fn a_client_from_the_future_learns_the_range() {
    // Version 9 of ApiVersions: the header can be read, the body cannot.
    let request = Bytes::from_static(&[0, 18, 0, 9, 0, 0, 0, 3, 0xff, 0xff, 0, 1, 2, 3]);
    let header = RequestHeader::decode(&mut Reader::new(request)).unwrap();
    assert_eq!(
        (
            header.api_key,
            header.api_version,
            header.correlation_id,
            header.client_id
        ),
        (18, 9, 3, None)
    );

    let frame = unsupported(ApiVersionsRequest::VERSIONS, 3).unwrap().into_bytes();
    let (_, answer) = decode_response::<ApiVersionsRequest>(frame.slice(4..), 0).unwrap();
    assert_eq!(answer.error_code, 35);
    let [range] = &answer.api_keys[..] else {
        panic!("{answer:?}")
    };
    assert_eq!((range.api_key, range.min_version, range.max_version), (18, 0, 4));
    assert_eq!(
        ApiVersionsResponse {
            throttle_time_ms: 0,
            ..answer.clone()
        },
        answer
    );
}

#[test]
fn an_unknown_key_can_still_be_named() {
    let header = RequestHeader {
        api_key: 999,
        api_version: 1,
        correlation_id: 2,
        client_id: None,
    };
    let mut w = Writer::new();
    header.encode(&mut w).unwrap();
    assert_eq!(
        RequestHeader::decode(&mut Reader::new(w.into_bytes())).unwrap(),
        header
    );
    let cut = RequestHeader::decode(&mut Reader::new(Bytes::from_static(&[0, 3, 0]))).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "the bytes end early: 2 needed, 1 left (in request header)"
    );
}
