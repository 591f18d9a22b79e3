//! What a handler may use besides its request.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::appended::Appended;
use crate::broker::Shared;
use crate::budget::Held;
use crate::net::Advertised;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the client calls itself.
    pub client_id: Option<String>,
    /// Where it comes from.
    pub peer: SocketAddr,
}

/// What a handler may use besides its request.
#[derive(Clone)]
pub(crate) struct Context {
    /// The broker.
    pub(crate) shared: Arc<Shared>,
    /// Where this connection's clients are told to connect to.
    pub(crate) advertised: Arc<Advertised>,
    /// What this connection appended.
    pub(crate) appended: Arc<Appended>,
    /// What the request holds: whoever works on it keeps it, also when nobody waits for the answer any more.
    pub(crate) held: Arc<Held>,
    /// Turns true when the broker stops: whoever waits answers early.
    pub(crate) stop: watch::Receiver<bool>,
    /// Who asks.
    pub(crate) caller: Caller,
}
