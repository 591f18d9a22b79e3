//! What members want: topics by name, and topics that a regular expression finds.
//!
//! A regular expression is matched against whole names, by an engine whose time is linear, and is bounded in length and
//! in what it compiles to. It is compiled once, and what that takes counts among what its group takes; what a search needs
//! is there for the search alone. It never finds the broker's own topics.

use std::collections::BTreeSet;

use annals_kafka_wire::error::ErrorCode;
use regex_automata::Input;
use regex_automata::meta::{Config, Regex};

use super::heartbeat::refused;
use super::{ConsumerGroup, Heartbeat, Member, Refused, Topics};

/// The longest regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 4_096;

/// The most that one compiles to, in bytes.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// How many different ones a group's members may have: each is matched against all topics whenever those change.
const PATTERNS_MAX: usize = 64;

/// What a regular expression stands for.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// `None` for one of an older version of this program that is not good any more: it finds nothing.
    compiled: Option<Regex>,
    names: BTreeSet<String>,
}

impl Pattern {
    /// One that was taken before.
    fn known(text: &str) -> Pattern {
        Pattern {
            compiled: compile(text).ok(),
            names: BTreeSet::new(),
        }
    }

    /// Looks for the topics there are.
    fn find(&mut self, topics: &dyn Topics) {
        let Some(regex) = &self.compiled else {
            return;
        };
        let mut cache = regex.create_cache();
        let names = topics.names().into_iter();
        let found = names.filter(|name| {
            regex
                .search_half_with(&mut cache, &Input::new(name).earliest(true))
                .is_some()
        });
        self.names = found.map(str::to_owned).collect();
    }

    fn bytes(&self) -> usize {
        let names = self.names.iter().map(|name| 64 + name.len());
        names.sum::<usize>() + self.compiled.as_ref().map_or(0, Regex::memory_usage)
    }
}

impl ConsumerGroup {
    /// What a member's regular expression stands for, if it says one that is new to the group.
    pub(super) fn matched(
        &self,
        heartbeat: &Heartbeat,
        topics: &dyn Topics,
    ) -> Result<Option<(String, Pattern)>, Refused> {
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
        let mut pattern = Pattern {
            compiled: Some(compiled),
            names: BTreeSet::new(),
        };
        pattern.find(topics);
        Ok(Some((text.clone(), pattern)))
    }

    /// What they, compiled, and the names they stand for take, in bytes, about.
    pub(crate) fn patterns_bytes(&self) -> usize {
        let patterns = self.patterns.iter();
        patterns
            .map(|(text, pattern)| 64 + text.len() + pattern.bytes())
            .sum()
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
                self.patterns.insert(text.clone(), Pattern::known(text));
            }
        }
        self.patterns
            .values_mut()
            .for_each(|pattern| pattern.find(topics));
        if self.hash_of(topics) != self.topics_hash {
            self.raise_epoch();
        }
    }

    /// The topics a member wants.
    pub(super) fn wanted_by<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a String> {
        let found = member.regex.as_ref().and_then(|text| self.patterns.get(text));
        let found = found
            .into_iter()
            .flat_map(|pattern| &pattern.names)
            .filter(|name| !member.topics.contains(*name));
        member.topics.iter().chain(found)
    }

    pub(super) fn is_wanted_by(&self, member: &Member, topic: &str) -> bool {
        let found = member.regex.as_ref().and_then(|text| self.patterns.get(text));
        member.topics.contains(topic) || found.is_some_and(|pattern| pattern.names.contains(topic))
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
    // Names are short: the engines that make tables of their own as they search would take more than they save.
    let config = Config::new()
        .nfa_size_limit(Some(COMPILED_BYTES_MAX))
        .hybrid(false)
        .dfa(false)
        .onepass(false);
    let compile = |text: &str| {
        let compiled = Regex::builder().configure(config.clone()).build(text);
        compiled.map_err(|error| match error.syntax_error() {
            Some(syntax) => syntax.to_string(),
            None => format!("compiled it takes more than {COMPILED_BYTES_MAX} bytes"),
        })
    };
    compile(text)?;
    compile(&format!(r"\A(?:{text})\z"))
}
