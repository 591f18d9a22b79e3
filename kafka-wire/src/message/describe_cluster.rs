//! DescribeCluster (key 60): the cluster's id and where its brokers are.

message! {
    /// What to say of the cluster.
    request DescribeClusterRequest: DescribeCluster 0..=2 => DescribeClusterResponse {
        include_cluster_authorized_operations: bool, 0..; "Whether to say what the client may do to the cluster."
        endpoint_type: i8, 1.., default 1; "Whom to describe: 1 the brokers, 2 the controllers."
        include_fenced_brokers: bool, 2..; "Whether to name brokers that are fenced off."
    }

    /// The cluster.
    response DescribeClusterResponse: DescribeCluster 0..=2 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there is no description."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        endpoint_type: i8, 1.., default 1; "Who is described: 1 the brokers, 2 the controllers."
        cluster_id: String, 0..; "The cluster's id."
        controller_id: i32, 0.., default -1; "The broker that takes admin requests, -1 if not known."
        brokers: Vec<DescribeClusterBroker>, 0..; "Each broker."
        cluster_authorized_operations: i32, 0.., default i32::MIN; "What the client may do, a bit an operation."
    }

    /// Where a broker listens.
    part DescribeClusterBroker {
        broker_id: i32, 0..; "The broker."
        host: String, 0..; "Its host name."
        port: i32, 0..; "Its port."
        rack: Option<String>, 0.., null 0..; "Its rack."
        is_fenced: bool, 2..; "Whether it is fenced off."
    }
}
