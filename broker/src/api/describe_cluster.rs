//! DescribeCluster (key 60): the one broker there is, and the cluster's id. Controllers are asked for elsewhere than at a
//! broker (version 1 on), as with Kafka. Who asks may do everything: there is no authorizer.

use annals_kafka_wire::error::ErrorCode;
use annals_kafka_wire::message::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use crate::api::allowed;
use crate::table::{Answer, Context};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn handle(
    ctx: &Context,
    _version: i16,
    request: DescribeClusterRequest,
) -> Answer<DescribeClusterResponse> {
    let refused = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((
            ErrorCode::MismatchedEndpointType,
            "The request was sent to an endpoint of brokers, and asks for controllers.".to_owned(),
        )),
        other => Some((
            ErrorCode::UnsupportedEndpointType,
            format!("Unsupported endpoint type: {other}."),
        )),
    };
    if let Some((code, sentence)) = refused {
        return Answer::Now(DescribeClusterResponse {
            error_code: code.code(),
            error_message: Some(sentence),
            ..DescribeClusterResponse::default()
        });
    }
    let broker_id = ctx.shared.config.node_id;
    Answer::Now(DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: ctx.shared.cluster_id().to_owned(),
        controller_id: broker_id,
        brokers: vec![DescribeClusterBroker {
            broker_id,
            host: ctx.advertised.host.clone(),
            port: i32::from(ctx.advertised.port),
            ..DescribeClusterBroker::default()
        }],
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => allowed::TO_THE_CLUSTER,
            false => allowed::NOT_ASKED,
        },
        ..DescribeClusterResponse::default()
    })
}
