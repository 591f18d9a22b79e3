//! An answer as a tree of names and texts, made from what `{:?}` prints, so that two answers can be compared place by
//! place whatever their type; and the few things that may differ between two brokers that both are right.

use std::fmt::{self, Debug};

use annals_kafka_wire::batch::{Batch, DECOMPRESSED_BYTES_MAX, TimestampType, batches};
use bytes::Bytes;

use super::side::Names;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Leaf(String),
    List(Vec<Node>),
    Struct(Vec<(String, Node)>),
}

/// What of an answer is not compared, by the name of its field, and what stands in its place.
const APART: &[(&str, How)] = &[
    // Where a broker is, and what it is called.
    ("host", How::Told("<host>")),
    ("port", How::Told("<port>")),
    ("cluster_id", How::Told("<cluster>")),
    ("log_dir", How::Told("<directory>")),
    ("replica_directory_id", How::Told("<directory>")),
    // Ids are each broker's own; those the script has heard of keep the name they have there.
    ("topic_id", How::Id),
    ("member_id", How::Id),
    ("leader", How::Id),
    ("session_id", How::Id),
    ("producer_id", How::Number),
    // The clock.
    ("log_append_time_ms", How::Some("<time>")),
    ("last_timestamp", How::Some("<time>")),
    ("transaction_start_time_ms", How::Some("<time>")),
    ("last_fetch_timestamp", How::Some("<time>")),
    ("last_caught_up_timestamp", How::Some("<time>")),
    // What takes how much room is no promise.
    ("partition_size", How::Some("<bytes>")),
    ("total_bytes", How::Some("<bytes>")),
    ("usable_bytes", How::Some("<bytes>")),
    // Sentences are for people. (Where nothing is wrong Kafka says null, nothing or NONE, as it comes.)
    ("error_message", How::Told("<sentence>")),
    ("batch_index_error_message", How::Told("<sentence>")),
    ("documentation", How::Told("<sentence>")),
    // How often an epoch rises is each broker's own; the scripts send back what each was told.
    ("finalized_features_epoch", How::Some("<epoch>")),
    ("member_epoch", How::Some("<epoch>")),
    ("group_epoch", How::Some("<epoch>")),
    ("assignment_epoch", How::Some("<epoch>")),
];

#[derive(Clone, Copy)]
enum How {
    /// Whatever is said.
    Told(&'static str),
    /// Whatever is said, when anything is: not -1, 0, null or empty.
    Some(&'static str),
    /// By the name that the script has for it, or as new, when there is any id.
    Id,
    /// The same of one for which 0 is a value as any other.
    Number,
}

/// Fields that say which element of a list this is, the first that says anything: brokers list in the order of their
/// hash maps.
const KEYS: &[&str] = &[
    "name",
    "topic",
    "topic_name",
    "topic_id",
    "resource_name",
    "transactional_id",
    "group_id",
    "key",
    "user",
    "log_dir",
    "api_key",
    "partition_index",
    "partition_id",
    "partition",
    "index",
    "broker_id",
    "node_id",
    "replica_id",
    "group_instance_id",
    "member_id",
    "producer_id",
];

/// The tree of an answer, with what may differ set apart.
pub(crate) fn shown(answer: &impl Debug, names: &Names) -> Node {
    let text = format!("{answer:?}");
    let mut parser = Parser { text: &text, at: 0 };
    let node = parser.node();
    assert_eq!(parser.at, text.len(), "not read to its end: {text}");
    apart("", node, names)
}

fn apart(field: &str, node: Node, names: &Names) -> Node {
    let node = match node {
        Node::List(mut numbers)
            if field == "partitions" && matches!(numbers.first(), Some(Node::Leaf(_))) =>
        {
            numbers.sort_by_key(Node::to_string);
            Node::List(numbers)
        }
        Node::List(bytes) if field.ends_with("_id") => Node::Leaf(hex(&bytes)),
        Node::Leaf(text) if field == "records" && text.starts_with("b\"") => records(&unescaped(&text)),
        node => node,
    };
    match node {
        Node::Leaf(text) => Node::Leaf(match APART.iter().find(|(name, _)| *name == field) {
            None => text,
            Some((_, How::Told(stand_in))) => (*stand_in).to_owned(),
            Some((_, How::Some(_))) if is_none(&text) => text,
            Some((_, How::Some(stand_in))) => (*stand_in).to_owned(),
            Some((_, How::Id)) if is_none(&text) && !names.has(&text) => text,
            Some((_, How::Number)) if text == "-1" => text,
            Some((_, How::Id | How::Number)) => names.name_of(text),
        }),
        Node::List(nodes) => Node::List(nodes.into_iter().map(|node| apart(field, node, names)).collect()),
        Node::Struct(fields) => Node::Struct(
            fields
                .into_iter()
                .map(|(name, node)| {
                    let node = apart(&name, node, names);
                    (name, node)
                })
                .collect(),
        ),
    }
}

/// Whether a field says that there is nothing.
pub(crate) fn is_none(text: &str) -> bool {
    matches!(text, "" | "\"\"" | "null" | "0" | "-1") || text.bytes().all(|byte| byte == b'0')
}

fn hex(bytes: &[Node]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            Node::Leaf(number) => format!("{:02x}", number.parse::<u8>().unwrap()),
            other => panic!("no byte of an id: {other:?}"),
        })
        .collect()
}

/// Batches, without what a log stamps itself (their checksums).
fn records(bytes: &Bytes) -> Node {
    Node::List(
        batches(bytes)
            .map(|batch| {
                batch.map_or_else(
                    |error| Node::Leaf(error.to_string()),
                    |batch| one_batch(&batch.verified().unwrap()),
                )
            })
            .collect(),
    )
}

fn one_batch(batch: &Batch) -> Node {
    // A broker's own time.
    let is_theirs = batch.is_control() || batch.timestamp_type() == TimestampType::LogAppendTime;
    let time = |stamp: i64| match is_theirs {
        true => "<time>".to_owned(),
        false => stamp.to_string(),
    };
    let told = |record: annals_kafka_wire::batch::Record| {
        let (key, value, headers) = (record.key, record.value, record.headers);
        let at = time(record.timestamp_ms);
        Node::Leaf(format!("{} {at} {key:?} {value:?} {headers:?}", record.offset))
    };
    let records = batch.records(DECOMPRESSED_BYTES_MAX).unwrap();
    let fields = [
        ("base_offset", batch.base_offset().to_string()),
        ("last_offset", batch.last_offset().to_string()),
        ("attributes", batch.attributes().to_string()),
        ("leader_epoch", batch.partition_leader_epoch().to_string()),
        ("base_timestamp", time(batch.base_timestamp())),
        ("max_timestamp", time(batch.max_timestamp())),
        ("producer_id", batch.producer_id().to_string()),
        ("producer_epoch", batch.producer_epoch().to_string()),
        ("base_sequence", batch.base_sequence().to_string()),
    ];
    let mut fields: Vec<(String, Node)> = fields
        .map(|(name, text)| (name.to_owned(), Node::Leaf(text)))
        .into();
    fields.push((
        "records".to_owned(),
        Node::List(records.map(|record| told(record.unwrap())).collect()),
    ));
    Node::Struct(fields)
}

/// What `{:?}` of bytes shows, as bytes again.
fn unescaped(text: &str) -> Bytes {
    let inner = text.strip_prefix("b\"").and_then(|text| text.strip_suffix('"'));
    let mut rest = inner.unwrap().bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap() as u8;
                digit() << 4 | digit()
            }
            other => other,
        });
    }
    bytes.into()
}

/// Reads what `{:?}` prints of structs, lists, options, numbers, texts and bytes.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    fn node(&mut self) -> Node {
        if self.take("[") {
            return Node::List(self.until("]", |parser| parser.node()));
        }
        if self.rest().starts_with(['"', '\'']) || self.rest().starts_with("b\"") {
            return Node::Leaf(self.quoted());
        }
        let word = self.word();
        if self.take(" { ") {
            return Node::Struct(self.until(" }", |parser| {
                let name = parser.word();
                assert!(parser.take(": "), "{}", parser.rest());
                (name, parser.node())
            }));
        }
        if self.take("(") {
            let inner = self.node();
            assert!(self.take(")"), "{}", self.rest());
            return inner;
        }
        Node::Leaf(if word == "None" { "null".to_owned() } else { word })
    }

    fn until<T>(&mut self, end: &str, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut all = Vec::new();
        while !self.take(end) {
            self.take(", ");
            all.push(one(self));
        }
        all
    }

    fn word(&mut self) -> String {
        let is_part = |letter: char| letter.is_alphanumeric() || "_-.:".contains(letter) && letter != ':';
        let end = self.rest().find(|letter| !is_part(letter));
        let word = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
        assert!(!word.is_empty(), "neither a name nor a number: {}", self.rest());
        self.at += word.len();
        word
    }

    fn quoted(&mut self) -> String {
        let mut escaped = false;
        let mut quotes = 0;
        let end = self.rest().find(|letter| {
            quotes += u32::from(letter == '"' && !escaped);
            escaped = letter == '\\' && !escaped;
            quotes == 2
        });
        let text = self.rest()[..=end.unwrap()].to_owned();
        self.at += text.len();
        text
    }
}

/// A place where two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) at: String,
    pub(crate) kafka: String,
    pub(crate) annals: String,
}

/// Where two trees differ, each place once.
pub(crate) fn compare(at: &str, kafka: &Node, annals: &Node, found: &mut Vec<Difference>) {
    match (kafka, annals) {
        (Node::Struct(theirs), Node::Struct(ours)) if theirs.len() == ours.len() => {
            for ((name, theirs), (_, ours)) in theirs.iter().zip(ours) {
                let dot = if at.is_empty() { "" } else { "." };
                compare(&format!("{at}{dot}{name}"), theirs, ours, found);
            }
        }
        (Node::List(theirs), Node::List(ours)) => {
            let (theirs, ours) = (keyed(theirs), keyed(ours));
            for (key, node) in &theirs {
                let at = format!("{at}[{key}]");
                match ours.iter().find(|(other, _)| other == key) {
                    Some((_, other)) => compare(&at, node, other, found),
                    None => found.push(Difference::new(at, &node.to_string(), "nothing")),
                }
            }
            for (key, node) in ours {
                if !theirs.iter().any(|(other, _)| *other == key) {
                    found.push(Difference::new(
                        format!("{at}[{key}]"),
                        "nothing",
                        &node.to_string(),
                    ));
                }
            }
        }
        _ if kafka == annals => {}
        _ => found.push(Difference::new(
            at.to_owned(),
            &kafka.to_string(),
            &annals.to_string(),
        )),
    }
}

/// Each element by what it is called, or by its place; a second of a name has its number behind it.
fn keyed(nodes: &[Node]) -> Vec<(String, &Node)> {
    let mut all: Vec<(String, &Node)> = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let key = node.key().unwrap_or_else(|| place.to_string());
        let before = all
            .iter()
            .filter(|(_, other)| other.key().as_ref() == Some(&key))
            .count();
        let key = if before == 0 {
            key
        } else {
            format!("{key}#{}", before + 1)
        };
        all.push((key, node));
    }
    all
}

impl Node {
    fn key(&self) -> Option<String> {
        let Node::Struct(fields) = self else {
            return None;
        };
        let field = |key: &&str| fields.iter().find(|(name, _)| name == *key).map(|(_, node)| node);
        let keys = KEYS.iter().filter_map(|key| match field(key) {
            Some(Node::Leaf(text)) => Some(text.trim_matches('"').to_owned()),
            _ => None,
        });
        let told: Vec<String> = keys.collect();
        let first = told.iter().find(|key| !is_none(key)).or_else(|| told.last())?;
        // Things of several kinds may have one name.
        Some(match field(&"resource_type") {
            Some(kind) => format!("{first} of {kind}"),
            None => first.clone(),
        })
    }

    /// Shows every error code.
    pub(crate) fn error_codes(&self, show: &mut dyn FnMut(&str)) {
        match self {
            Node::Leaf(_) => {}
            Node::List(nodes) => nodes.iter().for_each(|node| node.error_codes(show)),
            Node::Struct(fields) => {
                for (name, node) in fields {
                    match node {
                        Node::Leaf(code) if name.ends_with("error_code") => show(code),
                        node => node.error_codes(show),
                    }
                }
            }
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Leaf(text) => f.write_str(text),
            Node::List(nodes) => {
                f.write_str("[")?;
                for (place, node) in nodes.iter().enumerate() {
                    write!(f, "{}{node}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Node::Struct(fields) => {
                f.write_str("{")?;
                for (place, (name, node)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {node}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl Difference {
    pub(crate) fn new(at: String, kafka: &str, annals: &str) -> Self {
        Difference {
            at,
            kafka: kafka.to_owned(),
            annals: annals.to_owned(),
        }
    }
}
