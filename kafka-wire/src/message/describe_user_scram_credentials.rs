//! DescribeUserScramCredentials (key 50): which users can log in with SCRAM, and how well their passwords are kept.

use super::USERS_MAX;

message! {
    /// Which users.
    request DescribeUserScramCredentialsRequest: DescribeUserScramCredentials 0..=0 => DescribeUserScramCredentialsResponse {
        users: Option<Vec<UserName>>, 0.., most USERS_MAX, null 0.., default Some(Vec::new()); "Each user, null for all."
    }

    /// One user.
    part UserName {
        name: String, 0..; "The user."
    }

    /// The users.
    response DescribeUserScramCredentialsResponse: DescribeUserScramCredentials 0..=0 => {
        throttle_time_ms: i32, 0..; "How long the client is asked to wait, in milliseconds."
        error_code: i16, 0..; "0, or why the whole request failed."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        results: Vec<DescribeUserScramCredentialsResult>, 0..; "Each user."
    }

    /// One user.
    part DescribeUserScramCredentialsResult {
        user: String, 0..; "The user."
        error_code: i16, 0..; "0, or why the user is not described."
        error_message: Option<String>, 0.., null 0..; "The same in words."
        credential_infos: Vec<CredentialInfo>, 0..; "Each credential."
    }

    /// One credential.
    part CredentialInfo {
        mechanism: i8, 0..; "1 SCRAM-SHA-256, 2 SCRAM-SHA-512."
        iterations: i32, 0..; "How many rounds the password went through."
    }
}
