//! What members want: topics by name, and topics that a regular expression finds.
//!
//! A regular expression is matched against whole names, by an engine whose time is linear, and is bounded in length and
//! in what it compiles to. It never finds the broker's own topics.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;
use regex::{Regex, RegexBuilder};

use super::heartbeat::refused;
use super::{ConsumerGroup, Heartbeat, Member, Refused, Topics};

/// The longest regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 4_096;

/// The most that one compiles to, in bytes.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// How many different ones a group's members may have: each is matched against all topics whenever those change.
const PATTERNS_MAX: usize = 64;

/// A regular expression, and what it stands for.
pub(super) type Pattern = (String, BTreeSet<String>);

impl ConsumerGroup {
    /// What a member's regular expression stands for, if it says one that is new to the group.
    pub(super) fn matched(
        &self,
        heartbeat: &Heartbeat,
        topics: &dyn Topics,
    ) -> Result<Option<Pattern>, Refused> {
        let text = heartbeat.regex.as_ref().filter(|text| !text.is_empty());
        let Some(text) = text.filter(|text| !self.patterns.contains_key(*text)) else {
            return Ok(None);
        };
        if self.patterns.len() >= PATTERNS_MAX {
            let sentence = format!("The group has {PATTERNS_MAX} different regular expressions already.");
            return Err(refused(ErrorCode::GroupMaxSizeReached, sentence));
        }
        let compiled = compile(text).map_err(|fault| {
            let sentence = format!("The regular expression is not valid: {fault}");
            refused(ErrorCode::InvalidRegularExpression, sentence)
        })?;
        Ok(Some((text.clone(), found(&compiled, topics))))
    }

    /// What they and the names they stand for take, in bytes, about.
    pub(crate) fn patterns_bytes(&self) -> usize {
        let names = self
            .patterns
            .iter()
            .flat_map(|(text, names)| names.iter().chain([text]));
        names.map(|name| 64 + name.len()).sum()
    }

    /// Lets go of those that no member wants any more.
    pub(super) fn forget_patterns(&mut self) {
        let wanted: BTreeSet<&String> = self
            .members
            .values()
            .filter_map(|member| member.regex.as_ref())
            .collect();
        self.patterns.retain(|text, _| wanted.contains(text));
    }

    /// Topics have come, gone or grown: whether that matters here.
    pub(super) fn look_at_topics(&mut self, topics: &dyn Topics) {
        for member in self.members.values() {
            if let Some(text) = &member.regex
                && !self.patterns.contains_key(text)
            {
                self.patterns.insert(text.clone(), BTreeSet::new());
            }
        }
        for (text, names) in &mut self.patterns {
            // It was compiled before; one of an older version of this program that is not good any more finds nothing.
            *names = compile(text)
                .map(|compiled| found(&compiled, topics))
                .unwrap_or_default();
        }
        if self.hash_of(topics) != self.topics_hash {
            self.raise_epoch();
        }
    }

    /// The topics a member wants.
    pub(super) fn wanted_by<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a String> {
        let found = member.regex.as_ref().and_then(|text| self.patterns.get(text));
        let found = found
            .into_iter()
            .flatten()
            .filter(|name| !member.topics.contains(*name));
        member.topics.iter().chain(found)
    }

    pub(super) fn is_wanted_by(&self, member: &Member, topic: &str) -> bool {
        let found = member.regex.as_ref().and_then(|text| self.patterns.get(text));
        member.topics.contains(topic) || found.is_some_and(|names| names.contains(topic))
    }

    /// Of the topics that are wanted and there: names, ids and partitions, by FNV-1a; 0 for none.
    pub(super) fn hash_of(&self, topics: &dyn Topics) -> i64 {
        let names: BTreeSet<&String> = self
            .members
            .values()
            .flat_map(|member| self.wanted_by(member))
            .collect();
        let known = names.into_iter().filter_map(|name| {
            let (id, partitions) = topics.named(name)?;
            Some([name.as_bytes(), &[0], id.as_bytes(), &partitions.to_be_bytes()].concat())
        });
        let bytes: Vec<u8> = known.flatten().collect();
        if bytes.is_empty() {
            return 0;
        }
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step);
        hash.cast_signed()
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    if text.len() > REGEX_BYTES_MAX {
        return Err(format!("it is longer than {REGEX_BYTES_MAX} bytes"));
    }
    // By itself first: what closes a group it has not opened must not close ours.
    let compile = |text: &str| RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
    let compiled = compile(text).and_then(|_| compile(&format!(r"\A(?:{text})\z")));
    compiled.map_err(|error| error.to_string())
}

fn found(compiled: &Regex, topics: &dyn Topics) -> BTreeSet<String> {
    let names = topics.names().into_iter().filter(|name| compiled.is_match(name));
    names.map(str::to_owned).collect()
}
