//! What a client may do, a bit an operation of Kafka's ACLs: everything that there is to be done, as there are no ACLs.

/// Creates topics, alters and describes the cluster and its settings, acts for it, and writes idempotently.
pub(crate) const TO_THE_CLUSTER: i32 = of(&[
    CREATE,
    ALTER,
    DESCRIBE,
    CLUSTER_ACTION,
    DESCRIBE_CONFIGS,
    ALTER_CONFIGS,
    IDEMPOTENT_WRITE,
]);

/// Reads and writes a topic, and all that is done to it.
pub(crate) const TO_A_TOPIC: i32 = of(&[
    READ,
    WRITE,
    CREATE,
    DELETE,
    ALTER,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    ALTER_CONFIGS,
]);

/// Reads as a group, describes and deletes it, and all that is done to its settings.
pub(crate) const TO_A_GROUP: i32 = of(&[READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS]);

/// Nobody asked.
pub(crate) const NOT_ASKED: i32 = i32::MIN;

const READ: i32 = 3;
const WRITE: i32 = 4;
const CREATE: i32 = 5;
const DELETE: i32 = 6;
const ALTER: i32 = 7;
const DESCRIBE: i32 = 8;
const CLUSTER_ACTION: i32 = 9;
const DESCRIBE_CONFIGS: i32 = 10;
const ALTER_CONFIGS: i32 = 11;
const IDEMPOTENT_WRITE: i32 = 12;

const fn of(operations: &[i32]) -> i32 {
    let (mut bits, mut at) = (0, 0);
    while at < operations.len() {
        bits |= 1 << operations[at];
        at += 1;
    }
    bits
}
