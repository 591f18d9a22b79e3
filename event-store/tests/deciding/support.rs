//! A bank on a disk of its own, and who asks it for something.

use crate::account::{AccountFold, schemas};

include!("bank.in");

pub(crate) fn cause(command: &str) -> Cause {
    Cause::new(command, Timestamp::from_millis(NOW)).actor("ada")
}
