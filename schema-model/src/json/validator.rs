//! The `jsonschema` validator of one schema, built so that no schema and no value can run away with it.
//!
//! It is given every text it may ask for and a retriever that refuses the rest. Patterns run on the `regex` crate, in
//! time linear to the value and in bounded memory. A pattern that engine does not know (look-around, back references) or
//! that grows too big, or is one of too many, is taken out and demands nothing: the schema registers, and a payload is judged by all the rest
//! of it. Every step through a `$ref` is counted, because recursion through combinators can double with each level of
//! a value: when the steps run out the walk is broken off, by unwinding, and the value is refused.

use std::{cell::Cell, collections::HashMap, panic::AssertUnwindSafe};

use jsonschema::{Keyword, PatternOptions, Registry, Retrieve, Uri, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::{Schema, meta, node::Kind};
use crate::json_text::{Json, JsonKind};

/// The most memory one compiled pattern may take.
pub(super) const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// The most patterns that are compiled for one schema; further ones count as not known.
pub(super) const PATTERNS_MAX: usize = 500;

/// Steps through `$ref`s a value may take, however small it is.
const STEPS_MIN: usize = 10_000;

/// Further steps for each byte of a value.
const STEPS_PER_BYTE: usize = 16;

/// The keyword that counts; no schema can contain a key like this where it matters, because it is added.
const COUNTER: &str = "annals:step";

/// The keyword that stands behind a branch of the top `oneOf`, with the branch's place.
const BRANCH: &str = "annals:branch";

/// Why a value was not judged, or what is wrong with it.
pub(super) enum Failure {
    Invalid { pointer: String, message: String },
    TooLong(usize),
}

thread_local! {
    static STEPS_LEFT: Cell<usize> = const { Cell::new(0) };
    static JUDGED: Cell<Judged> = const { Cell::new(Judged::NOTHING) };
}

/// The value that is judged, by where it is kept, and the branches at the top that it is valid for.
#[derive(Clone, Copy)]
struct Judged {
    address: usize,
    first: Option<usize>,
    is_one: bool,
}

impl Judged {
    const NOTHING: Judged = Judged {
        address: 0,
        first: None,
        is_one: true,
    };

    fn of(value: &Value) -> Judged {
        Judged {
            address: address(value),
            ..Judged::NOTHING
        }
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

/// Notes that the branch before it holds; of what lies within the value, which may be judged by the same schema, nothing.
struct Branch(usize);

impl Branch {
    fn note(&self, value: &Value) {
        JUDGED.with(|judged| {
            let now = judged.get();
            if now.address == address(value) {
                judged.set(Judged {
                    first: now.first.or(Some(self.0)),
                    is_one: now.first.is_none_or(|first| first == self.0) && now.is_one,
                    ..now
                });
            }
        });
    }
}

impl<'i> Keyword<'i> for Branch {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        self.note(value);
        Ok(())
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.note(value);
        true
    }
}

/// What unwinds when the steps run out.
struct OutOfSteps;

struct Counter;

impl<'i> Keyword<'i> for Counter {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        count();
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        count();
        true
    }
}

fn count() {
    STEPS_LEFT.with(|left| match left.get().checked_sub(1) {
        Some(less) => left.set(less),
        None => std::panic::resume_unwind(Box::new(OutOfSteps)),
    });
}

struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not among the references, and nothing is fetched").into())
    }
}

fn patterns() -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex()
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
}

/// Which patterns the validator's engine can run.
#[derive(Default)]
struct Known(HashMap<String, bool>);

/// What judges a text by a pattern, where the engine can run it.
fn by_pattern(pattern: &str) -> Option<Validator> {
    let options = jsonschema::options().with_pattern_options(patterns());
    options.build(&json!({ "pattern": pattern })).ok()
}

/// What judges names by those of some patterns that run, each with its pattern; and whether there are others.
#[cfg(feature = "cel")]
pub(super) fn by_patterns<'p>(patterns: impl Iterator<Item = &'p str>) -> (Vec<(&'p str, Validator)>, bool) {
    let (mut known, mut are_others) = (Vec::new(), false);
    for pattern in patterns {
        match by_pattern(pattern).filter(|_| known.len() < PATTERNS_MAX) {
            Some(judge) => known.push((pattern, judge)),
            None => are_others = true,
        }
    }
    (known, are_others)
}

impl Known {
    fn runs(&mut self, pattern: &str) -> bool {
        if let Some(known) = self.0.get(pattern) {
            return *known;
        }
        let runs = self.0.len() < PATTERNS_MAX && by_pattern(pattern).is_some();
        self.0.insert(pattern.to_owned(), runs);
        runs
    }
}

/// The base of a schema that stands beside another's texts and refers to them.
#[cfg(feature = "cel")]
const BESIDE: &str = "json-schema:///annals/beside";

/// Compiles the validator of a schema.
pub(super) fn build(schema: &Schema) -> Result<Validator, String> {
    let mut documents = documents(schema)?;
    mark_branches(schema, &mut documents);
    let (Some(main), Some(contents)) = (schema.0.documents.first(), documents.first()) else {
        return Err("the schema has no text".to_owned());
    };
    let base = main.uris.first().map_or("", String::as_str);
    compiled(schema, documents.iter().enumerate().skip(1), (base, contents))
}

/// Compiles a schema that refers to the texts of another one, in its draft.
#[cfg(feature = "cel")]
pub(super) fn build_beside(schema: &Schema, contents: &Value) -> Result<Validator, String> {
    let documents = documents(schema)?;
    compiled(schema, documents.iter().enumerate(), (BESIDE, contents))
}

/// The texts of a schema as they are compiled.
fn documents(schema: &Schema) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    for document in &schema.0.documents {
        let json = Json::parse_strict(&document.text).map_err(|error| error.to_string())?;
        documents.push(value(&json));
    }
    prepare(schema, &mut documents);
    Ok(documents)
}

/// Compiles a text, with those of a schema that it refers to by their places.
fn compiled<'d>(
    schema: &Schema,
    others: impl Iterator<Item = (usize, &'d Value)>,
    (base, contents): (&str, &Value),
) -> Result<Validator, String> {
    let mut registry = Registry::new().retriever(Refuse);
    for (document, contents) in others {
        let Some(document) = schema.0.documents.get(document) else {
            continue;
        };
        for uri in &document.uris {
            let resource = document.draft.library().create_resource(contents.clone());
            registry = registry.add(uri, resource).map_err(|error| error.to_string())?;
        }
    }
    let registry = registry.prepare().map_err(|error| error.to_string())?;
    jsonschema::options()
        .with_draft(schema.draft().library())
        .with_retriever(Refuse)
        .with_registry(&registry)
        .with_base_uri(base)
        .with_pattern_options(patterns())
        .with_keyword(COUNTER, |_, _, _| Ok(Box::new(Counter)))
        .with_keyword(BRANCH, |_, place, _| {
            let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
            Ok(Box::new(Branch(place.unwrap_or(usize::MAX))))
        })
        .build(contents)
        .map_err(|error| error.to_string())
}

/// Judges a value that was read from this many bytes. Gives the one branch of the top `oneOf` that it is, where these are
/// events.
pub(super) fn check(validator: &Validator, value: &Value, bytes: usize) -> Result<Option<usize>, Failure> {
    let steps = STEPS_MIN + bytes.saturating_mul(STEPS_PER_BYTE);
    let judge = || {
        STEPS_LEFT.with(|left| left.set(steps));
        JUDGED.with(|judged| judged.set(Judged::of(value)));
        if validator.is_valid(value) {
            let judged = JUDGED.with(Cell::get);
            return Ok(judged.first.filter(|_| judged.is_one));
        }
        STEPS_LEFT.with(|left| left.set(steps));
        let judged = validator.validate(value).map_err(|error| Failure::Invalid {
            pointer: error.instance_path().as_str().to_owned(),
            message: sentence(&error),
        });
        judged.map(|()| None)
    };
    // The validator keeps no state between values, so nothing is left half done.
    std::panic::catch_unwind(AssertUnwindSafe(judge)).unwrap_or(Err(Failure::TooLong(steps)))
}

/// What is wrong, the keyword that says so, and not the whole value.
pub(super) fn sentence(error: &ValidationError<'_>) -> String {
    const CHARACTERS_MAX: usize = 200;
    let mut text: String = error.masked_with("the value").to_string();
    if text.chars().count() > CHARACTERS_MAX {
        text = text.chars().take(CHARACTERS_MAX).chain(['…']).collect();
    }
    format!("{text} (keyword \"{}\")", error.kind().keyword())
}

/// Takes out the patterns that do not run, and puts a counter before every reference.
fn prepare(schema: &Schema, documents: &mut [Value]) {
    let mut known = Known::default();
    for node in &schema.0.nodes {
        let Kind::Object(keywords) = &node.kind else {
            continue;
        };
        let place = documents
            .get_mut(node.document as usize)
            .and_then(|document| document.pointer_mut(&node.pointer))
            .and_then(Value::as_object_mut);
        let Some(object) = place else { continue };
        meta::tidy(object);
        if keywords
            .pattern
            .as_deref()
            .is_some_and(|pattern| !known.runs(pattern))
        {
            object.remove("pattern");
        }
        if let Some(Value::Object(named)) = object.get_mut("patternProperties") {
            let foreign: Vec<String> = named.keys().filter(|name| !known.runs(name)).cloned().collect();
            for name in &foreign {
                named.remove(name);
            }
            if !foreign.is_empty() {
                // Any name might match, so none is additional.
                named.entry("").or_insert(Value::Bool(true));
            }
        }
        if keywords.target.is_some() {
            count_references(object, schema, node.document, node.pointer.is_empty());
        }
    }
}

/// Has each branch that is an event tell that it holds, by what is asked when all of it does.
fn mark_branches(schema: &Schema, documents: &mut [Value]) {
    let Some(branches) = schema.branches() else {
        return;
    };
    let top = documents
        .get_mut(branches.document as usize)
        .and_then(|document| document.pointer_mut(&branches.pointer));
    let Some(Value::Array(marked)) = top.and_then(|top| top.get_mut("oneOf")) else {
        return;
    };
    for (place, branch) in marked.iter_mut().enumerate() {
        *branch = json!({ "allOf": [branch.take(), { BRANCH: place }] });
    }
}

fn count_references(object: &mut Map<String, Value>, schema: &Schema, document: u32, is_root: bool) {
    let draft = schema
        .0
        .documents
        .get(document as usize)
        .map_or(schema.draft(), |document| document.draft);
    if draft.reference_stands_alone() {
        // What stands beside it means nothing, except as a place other references lead to.
        object.retain(|key, _| {
            matches!(key.as_str(), "$ref" | "definitions" | "$schema")
                || is_root && matches!(key.as_str(), "$id" | "id")
        });
    }
    let mut counted = Vec::new();
    for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
        if let Some(reference) = object.remove(key) {
            counted.push(json!({ COUNTER: true }));
            counted.push(json!({ key: reference }));
        }
    }
    match object.get_mut("allOf") {
        Some(Value::Array(all)) => all.append(&mut counted),
        _ => {
            object.insert("allOf".to_owned(), Value::Array(counted));
        }
    }
}

/// Depth is bounded by the parser's.
pub(super) fn value(json: &Json) -> Value {
    match &json.kind {
        JsonKind::Null => Value::Null,
        JsonKind::Bool(value) => Value::Bool(*value),
        JsonKind::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        JsonKind::String(text) => Value::String(text.clone()),
        JsonKind::Array(items) => Value::Array(items.iter().map(value).collect()),
        JsonKind::Object(entries) => entries
            .iter()
            .map(|(key, entry)| (key.clone(), value(entry)))
            .collect(),
    }
}
