//! DescribeAcls (key 29): who may do what.
//!
//! Version 0 is gone (KIP-896). The numbers of kinds, patterns, operations and permissions are those of Kafka's admin
//! clients; 1 stands for any of them.

message! {
    /// Which rules.
    request DescribeAclsRequest: DescribeAcls 1..=3 => DescribeAclsResponse {
        resource_type_filter: i8, 0..; "The kind of thing."
        resource_name_filter: Option<String>, 0.., null 0..; "Which one, null for any."
        pattern_type_filter: i8, 0.., default 3; "How names are meant: 1 any way, 2 all that match, 3 literally, 4 as a prefix."
        principal_filter: Option<String>, 0.., null 0..; "Whom the rules are for, null for anybody."
        host_filter: Option<String>, 0.., null 0..; "Where they come from, null for anywhere."
        operation: i8, 0..; "What they do."
        permission_type: i8, 0..; "2 denied, 3 allowed."
    }

    /// The rules.
    response DescribeAclsResponse: DescribeAcls 1..=3 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why there are no rules."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        resources: Vec<DescribeAclsResource>, 0..; "Each thing."
    }

    /// One thing's rules.
    part DescribeAclsResource {
        resource_type: i8, 0..; "The kind of thing."
        resource_name: String, 0..; "Which one, or how its name begins."
        pattern_type: i8, 0.., default 3; "How the name is meant: 3 literally, 4 as a prefix."
        acls: Vec<AclDescription>, 0..; "Each rule."
    }

    /// One rule.
    part AclDescription {
        principal: String, 0..; "Whom it is for."
        host: String, 0..; "Where they come from."
        operation: i8, 0..; "What they do."
        permission_type: i8, 0..; "2 denied, 3 allowed."
    }
}
