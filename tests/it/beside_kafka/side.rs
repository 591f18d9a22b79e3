//! One of the two brokers: its connections, and what the ids that it made are called in the script.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use annals_kafka_wire::api_key::ApiKey;
use annals_kafka_wire::frame::{decode_response, encode_request};
use annals_kafka_wire::message::Request;
use annals_kafka_wire::message::api_versions::ApiVersionsRequest;
use bytes::Bytes;

/// No answer is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker, as the script sees it.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    address: String,
    connections: HashMap<String, TcpStream>,
    pub(crate) names: Names,
    sent: i32,
}

/// What ids are called.
#[derive(Default)]
pub(crate) struct Names {
    topics: BTreeMap<String, [u8; 16]>,
    texts: BTreeMap<String, String>,
    numbers: BTreeMap<String, i64>,
    of: HashMap<String, String>,
}

impl Names {
    /// What an id, as it is shown, is called; one that nobody has named and a broker may have made is new.
    pub(crate) fn name_of(&self, shown: String) -> String {
        let is_made = shown.len() > 21 || shown.parse::<i64>().is_ok();
        match self.of.get(&shown) {
            Some(name) => format!("<{name}>"),
            None if is_made => "<new>".to_owned(),
            None => shown,
        }
    }

    /// Whether the script has named it.
    pub(crate) fn has(&self, shown: &str) -> bool {
        self.of.contains_key(shown)
    }

    pub(crate) fn name_topic(&mut self, name: &str, id: [u8; 16]) {
        self.topics.insert(name.to_owned(), id);
        let hex = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.of.insert(hex, format!("id of {name}"));
    }

    pub(crate) fn name_text(&mut self, name: &str, text: &str) {
        self.texts.insert(name.to_owned(), text.to_owned());
        self.of.insert(format!("{text:?}"), name.to_owned());
    }

    pub(crate) fn name_number(&mut self, name: &str, number: i64) {
        self.numbers.insert(name.to_owned(), number);
        self.of.insert(number.to_string(), name.to_owned());
    }

    pub(crate) fn keep(&mut self, name: &str, number: i64) {
        self.numbers.insert(name.to_owned(), number);
    }

    /// A topic's id; zeros when nobody has named it.
    pub(crate) fn topic(&self, name: &str) -> [u8; 16] {
        self.topics.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.texts[name].clone()
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.numbers[name]
    }
}

impl Side {
    pub(crate) fn new(name: &'static str, address: &str) -> Self {
        Side {
            name,
            address: address.to_owned(),
            connections: HashMap::new(),
            names: Names::default(),
            sent: 0,
        }
    }

    /// Every version of every API it advertises.
    pub(crate) fn advertised(&mut self) -> BTreeSet<(ApiKey, i16)> {
        let request = ApiVersionsRequest {
            client_software_name: "beside".to_owned(),
            client_software_version: "1".to_owned(),
        };
        self.send("advertised", &self.encoded(&request, 4));
        let answer = self.receive("advertised").unwrap();
        let (_, answer) = decode_response::<ApiVersionsRequest>(answer, 4).unwrap();
        let apis = answer.api_keys.iter().filter_map(|api| {
            let key = ApiKey::from_code(api.api_key)?;
            Some((key, api.min_version..=api.max_version))
        });
        apis.flat_map(|(key, versions)| versions.map(move |version| (key, version)))
            .collect()
    }

    /// A request in its frame.
    pub(crate) fn encoded<R: Request>(&self, request: &R, version: i16) -> Bytes {
        encode_request(request, version, self.sent, Some("beside"))
            .unwrap_or_else(|error| panic!("{} v{version}: {error}", R::KEY))
    }

    /// What it answers, without comparing it with anything.
    pub(crate) fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Option<R::Response> {
        self.send("aside", &self.encoded(request, version));
        let frame = self.receive("aside").ok()?;
        Some(decode_response::<R>(frame, version).unwrap().1)
    }

    /// Sends a frame, on a connection that is made when it is first named.
    pub(crate) fn send(&mut self, connection: &str, frame: &[u8]) {
        self.sent += 1;
        let stream = self.connections.entry(connection.to_owned()).or_insert_with(|| {
            let stream = TcpStream::connect(&self.address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        });
        stream.write_all(frame).unwrap();
    }

    /// The next frame, without its length, or what came instead, when the connection cannot be gone on with.
    pub(crate) fn receive(&mut self, connection: &str) -> Result<Bytes, &'static str> {
        let stream = self.connections.get_mut(connection).unwrap();
        let mut length = [0; 4];
        let mut frame = Vec::new();
        let read = stream.read_exact(&mut length).and_then(|()| {
            frame.resize(u32::from_be_bytes(length) as usize, 0);
            stream.read_exact(&mut frame)
        });
        read.map(|()| frame.into()).map_err(|error| {
            self.connections.remove(connection);
            match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => "no answer",
                _ => "closed",
            }
        })
    }
}
