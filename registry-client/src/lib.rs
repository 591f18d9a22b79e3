//! A small client of a schema registry: what an id names, and which id a schema has.
//!
//! ```no_run
//! use annals_registry_client::Client;
//!
//! # use annals_schema_model::{Identify, Resolve};
//! # fn uses(_: &(impl Resolve + Identify)) {}
//! let registry = Client::new("http://127.0.0.1:8081");
//! // let event = OrdersEvent::from_record(&value, &registry)?;
//! // let value = event.to_record(&registry)?;
//! # uses(&registry);
//! ```
//!
//! Invariant: what an id names never changes, so it is asked for once. That nobody knows it is believed for a while, so
//! that a topic full of such records does not become as many questions. Nothing is registered unless the client was told
//! that it may. It blocks: whoever runs an async runtime asks from a thread that may wait, and only for an id it meets
//! for the first time. Left out: subjects' settings, and contexts other than the default one.
//!
//! There is no TLS in it: an `https://` address does not answer, until the crate that uses this one depends on `ureq` 3
//! with its feature `rustls`, too. Over `http://` a password or token goes in the clear.

mod answer;
mod kept;
mod references;
pub mod server;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use annals_schema_model::{
    Identify, Reference, Resolve, Schema, SchemaId, SchemaType, SchemaVersion, Unresolved, Writer,
};
use serde_json::Value;

pub use answer::{Described, request};
use kept::Kept;
pub use references::{REFERENCES_MAX, resolved};
use server::{Bounds, Method, NoAnswer, Server};

/// How long one address may take to answer, when nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a failure is believed, when nothing else is said.
const FAILURES_KEPT: Duration = Duration::from_secs(5);
/// A schema and what it refers to are far smaller.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
const CONNECTIONS_IDLE_MAX: usize = 4;

/// A client. Clones share what they know.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    /// Nobody is asked offline.
    server: Option<Server>,
    registers: bool,
    failures_kept: Duration,
    known: Vec<SchemaVersion>,
    /// Since when nobody answers, and why.
    silent: RwLock<Option<(Instant, String)>>,
    writers: Kept<SchemaId, Arc<Writer>>,
    guids: Kept<[u8; 16], SchemaId>,
    ids: Kept<Place, SchemaId>,
}

/// Where subject, text and references of a schema stand in memory: what lives as long as the process is known by its
/// place. How many references there are says more than their place, which an empty list shares with others.
type Place = (SchemaType, usize, usize, (usize, usize));

/// How a client is made.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    addresses: String,
    caller: Option<Caller>,
    timeout: Duration,
    failures_kept: Duration,
    registers: bool,
    known: Vec<SchemaVersion>,
}

#[derive(Clone)]
enum Caller {
    Basic(String, String),
    Bearer(String),
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without what says who asks.
        f.debug_struct("Builder")
            .field("addresses", &server::shown(&self.addresses))
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Says who asks, by name and password.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<String>) -> Builder {
        self.caller = Some(Caller::Basic(user.into(), password.into()));
        self
    }

    /// Says who asks, by a token.
    pub fn bearer(mut self, token: impl Into<String>) -> Builder {
        self.caller = Some(Caller::Bearer(token.into()));
        self
    }

    /// How long each address may take to answer; 10 s when nothing is said.
    pub fn timeout(mut self, timeout: Duration) -> Builder {
        self.timeout = timeout;
        self
    }

    /// How long it is believed that something is not registered, or that nobody answers; 5 s when nothing is said.
    pub fn failures_kept(mut self, failures_kept: Duration) -> Builder {
        self.failures_kept = failures_kept;
        self
    }

    /// Registers schemas that are written with and not registered yet. Otherwise that is an error.
    pub fn auto_register(mut self) -> Builder {
        self.registers = true;
        self
    }

    /// Takes the ids of these schemas for those of the registry, and does not ask for them: what generated code lists as
    /// `SCHEMAS`, where it was taken from this registry.
    pub fn known(mut self, schemas: &[SchemaVersion]) -> Builder {
        self.known.extend_from_slice(schemas);
        self
    }

    /// The client. Nobody is asked yet.
    #[must_use]
    pub fn build(self) -> Client {
        let bounds = Bounds {
            timeout: self.timeout,
            answer_bytes_max: ANSWER_BYTES_MAX,
            connections_idle_max: CONNECTIONS_IDLE_MAX,
        };
        let server = Server::new(&self.addresses, bounds);
        let server = match &self.caller {
            None => server,
            Some(Caller::Basic(user, password)) => server.basic(user, password),
            Some(Caller::Bearer(token)) => server.bearer(token),
        };
        Client(Arc::new(Inner {
            server: (!self.addresses.is_empty()).then_some(server),
            registers: self.registers,
            failures_kept: self.failures_kept,
            known: self.known,
            silent: RwLock::default(),
            writers: Kept::default(),
            guids: Kept::default(),
            ids: Kept::default(),
        }))
    }
}

impl Client {
    /// A client of the registry at an address, or at several with commas between them, which are tried in turn.
    /// A name and a password in an address (`http://me:secret@host`) say who asks there.
    #[must_use]
    pub fn new(addresses: &str) -> Client {
        Client::builder(addresses).build()
    }

    /// The same, with more to be said.
    pub fn builder(addresses: &str) -> Builder {
        Builder {
            addresses: addresses.to_owned(),
            caller: None,
            timeout: TIMEOUT,
            failures_kept: FAILURES_KEPT,
            registers: false,
            known: Vec::new(),
        }
    }

    /// A client that asks nobody and knows these schemas alone, by the ids they were taken with.
    #[must_use]
    pub fn offline(schemas: &[SchemaVersion]) -> Client {
        Client::builder("").known(schemas).build()
    }

    /// The id of a schema under a subject.
    ///
    /// # Errors
    /// When it is not registered there, or the registry does not answer.
    pub fn lookup(
        &self,
        subject: &str,
        schema_type: SchemaType,
        text: &str,
        references: &[Reference],
    ) -> Result<SchemaId, Unresolved> {
        self.id_from(&["subjects", subject], schema_type, text, references)
    }

    /// Registers a schema under a subject, and answers its id; that of the schema there is, when it is registered.
    ///
    /// # Errors
    /// When the registry refuses it, or does not answer.
    pub fn register(
        &self,
        subject: &str,
        schema_type: SchemaType,
        text: &str,
        references: &[Reference],
    ) -> Result<SchemaId, Unresolved> {
        self.id_from(&["subjects", subject, "versions"], schema_type, text, references)
    }

    fn id_from(
        &self,
        path: &[&str],
        schema_type: SchemaType,
        text: &str,
        references: &[Reference],
    ) -> Result<SchemaId, Unresolved> {
        let body = answer::request(schema_type, text, references);
        let answer = self.ask(Method::Post(&body), path, &[])?;
        answer::id(&answer["id"]).ok_or_else(|| answer::odd(&answer))
    }

    fn ask(&self, method: Method<'_>, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Unresolved> {
        // Who asks nobody knows all there is.
        let server = self.0.server.as_ref().ok_or(Unresolved::Unregistered)?;
        // Each question would wait for as long again.
        if let Some((since, why)) = &*self.0.silent.read().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < self.0.failures_kept
        {
            return Err(Unresolved::Unanswered(why.clone()));
        }
        match server.ask(method, path, query) {
            Ok(Ok(answer)) => Ok(answer.body),
            Ok(Err(refusal)) => Err(answer::refused(server, &refusal)),
            Err(none) => {
                let why = none.to_string();
                if matches!(none, NoAnswer::Silent { .. } | NoAnswer::Late { .. }) {
                    let mut silent = self.0.silent.write().unwrap_or_else(PoisonError::into_inner);
                    *silent = Some((Instant::now(), why.clone()));
                }
                Err(Unresolved::Unanswered(why))
            }
        }
    }

    /// What is known of an id without asking.
    fn known(&self, id: SchemaId) -> Option<Described> {
        let known = self.0.known.iter().find(|schema| schema.id == Some(id));
        known.map(Described::from)
    }

    fn version(&self, subject: &str, version: i32) -> Result<Described, Unresolved> {
        let mut known = self.0.known.iter();
        // Without an id the version is a number that files gave, which the registry may have given to another schema.
        let known = known.find(|schema| {
            schema.id.is_some()
                && schema.subject == subject
                && i32::try_from(schema.version).is_ok_and(|own| own == version)
        });
        match known {
            Some(known) => Ok(known.into()),
            None => {
                let path = ["subjects", subject, "versions", &version.to_string()];
                Described::read(&self.ask(Method::Get, &path, &[("deleted", "true")])?)
            }
        }
    }

    fn read(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        let described = match self.known(id) {
            Some(known) => known,
            None => {
                let path = ["schemas", "ids", &id.to_string()];
                Described::read(&self.ask(Method::Get, &path, &[])?)?
            }
        };
        let resolved = resolved(&described.references, |reference| {
            self.version(&reference.subject, reference.version)
        })?;
        let schema = Schema::parse(described.schema_type, &described.text, &resolved)
            .map_err(|error| Unresolved::Unusable(error.to_string()))?;
        Ok(Arc::new(Writer::new(id, schema)))
    }

    fn find(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        // One text is another schema with other references.
        let is_it = |known: &&SchemaVersion| {
            known.subject == schema.subject
                && known.schema_type == schema.schema_type
                && known.text == schema.text
                && known.references == schema.references
        };
        if let Some(id) = self.0.known.iter().filter(is_it).find_map(|known| known.id) {
            return Ok(id);
        }
        let references: Vec<Reference> = schema.references.iter().map(answer::own_reference).collect();
        let (subject, kind, text) = (schema.subject, schema.schema_type, schema.text);
        match self.lookup(subject, kind, text, &references) {
            Err(Unresolved::Unregistered) if self.0.registers => {
                self.register(subject, kind, text, &references)
            }
            looked_up => looked_up,
        }
    }
}

impl Resolve for Client {
    fn writer(&self, id: SchemaId) -> Result<Arc<Writer>, Unresolved> {
        self.0.writers.get(id, self.0.failures_kept, || self.read(id))
    }

    fn id_of(&self, guid: [u8; 16]) -> Result<SchemaId, Unresolved> {
        self.0.guids.get(guid, self.0.failures_kept, || {
            let text = format!("{:032x}", u128::from_be_bytes(guid));
            answer::default_id(&self.ask(Method::Get, &["schemas", "guids", &text, "ids"], &[])?)
        })
    }
}

impl Identify for Client {
    fn id(&self, schema: &SchemaVersion) -> Result<SchemaId, Unresolved> {
        let place = (
            schema.schema_type,
            schema.subject.as_ptr().addr(),
            schema.text.as_ptr().addr(),
            (schema.references.as_ptr().addr(), schema.references.len()),
        );
        self.0.ids.get(place, self.0.failures_kept, || self.find(schema))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.server).finish()
    }
}

#[cfg(test)]
mod tests;
