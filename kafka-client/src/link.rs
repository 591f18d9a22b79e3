//! A connection as a stream of requests and answers: versions agreed, frames cut, answers matched to requests.

use std::time::Duration;

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::frame;
use annals_kafka_wire::message::api_versions::{ApiVersion, ApiVersionsRequest};
use annals_kafka_wire::message::{Request, fetch, offset_commit, offset_fetch, produce};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{ANSWER_TIMEOUT, ClientError, accepted, unexpected};

/// How this client names itself to brokers.
const CLIENT_ID: &str = "annals";

/// One TCP connection and what was agreed on it.
#[derive(Debug)]
pub(crate) struct Link {
    addr: String,
    stream: TcpStream,
    received: BytesMut,
    next_correlation_id: i32,
    api_versions: Vec<ApiVersion>,
}

impl Link {
    pub(crate) async fn connect(addr: &str) -> Result<Link, ClientError> {
        let failed = |cause| ClientError::Io {
            addr: addr.to_owned(),
            cause,
        };
        let stream = TcpStream::connect(addr).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let mut link = Link {
            addr: addr.to_owned(),
            stream,
            received: BytesMut::new(),
            next_correlation_id: 0,
            api_versions: Vec::new(),
        };
        let request = ApiVersionsRequest {
            client_software_name: CLIENT_ID.to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut answer = link.call(&request, 3, ANSWER_TIMEOUT).await;
        if matches!(&answer, Ok(response) if response.error_code == ErrorCode::UnsupportedVersion.code()) {
            answer = link.call(&request, 0, ANSWER_TIMEOUT).await;
        }
        let answer = answer?;
        accepted(answer.error_code, None)?;
        link.api_versions = answer.api_keys;
        Ok(link)
    }

    pub(crate) fn api_versions(&self) -> &[ApiVersion] {
        &self.api_versions
    }

    /// The newest version of a request that both sides know, and that names topics.
    pub(crate) fn version<R: Request>(&self) -> Result<i16, ClientError> {
        let theirs = self.api_versions.iter().find(|api| api.api_key == R::KEY.code());
        let newest = theirs.and_then(|theirs| {
            let newest = theirs.max_version.min(newest_that_names_topics::<R>());
            (newest >= theirs.min_version && R::VERSIONS.contains(&newest)).then_some(newest)
        });
        newest.ok_or(ClientError::NoVersion(R::KEY.name()))
    }

    pub(crate) async fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        wait_max: Duration,
    ) -> Result<R::Response, ClientError> {
        let correlation_id = self.send(request, version).await?;
        self.receive::<R>(correlation_id, version, wait_max).await
    }

    /// Sends a request and returns the correlation id its answer will carry.
    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<i32, ClientError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
        let frame = frame::encode_request(request, version, correlation_id, Some(CLIENT_ID))?;
        self.stream
            .write_all(&frame)
            .await
            .map_err(|cause| self.failed(cause))?;
        Ok(correlation_id)
    }

    /// Waits for the next answer, which must be this one: brokers answer in order.
    pub(crate) async fn receive<R: Request>(
        &mut self,
        correlation_id: i32,
        version: i16,
        wait_max: Duration,
    ) -> Result<R::Response, ClientError> {
        let frame = tokio::time::timeout(wait_max, self.read_frame()).await;
        let frame = frame.map_err(|_| ClientError::TimedOut {
            addr: self.addr.clone(),
            after: wait_max,
        })??;
        let (header, response) = frame::decode_response::<R>(frame, version)?;
        if header.correlation_id != correlation_id {
            return Err(unexpected("it carries another request's correlation id"));
        }
        Ok(response)
    }

    async fn read_frame(&mut self) -> Result<Bytes, ClientError> {
        loop {
            if let Some(frame) = frame::take_frame(&mut self.received)? {
                return Ok(frame);
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => {
                    return Err(ClientError::Closed {
                        addr: self.addr.clone(),
                    });
                }
                Ok(_) => {}
                Err(cause) => return Err(self.failed(cause)),
            }
        }
    }

    fn failed(&self, cause: std::io::Error) -> ClientError {
        ClientError::Io {
            addr: self.addr.clone(),
            cause,
        }
    }
}

/// This client knows topics by their names.
fn newest_that_names_topics<R: Request>() -> i16 {
    match R::KEY {
        ApiKey::Produce => produce::TOPIC_IDS_FROM - 1,
        ApiKey::Fetch => fetch::TOPIC_IDS_FROM - 1,
        ApiKey::OffsetCommit => offset_commit::TOPIC_IDS_FROM - 1,
        ApiKey::OffsetFetch => offset_fetch::TOPIC_IDS_FROM - 1,
        _ => *R::VERSIONS.end(),
    }
}
