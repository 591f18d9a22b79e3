//! The rules of a schema that the guard itself can hold records to: conditions in CEL, on the way in.
//!
//! `CEL` judges the whole message, `CEL_FIELD` each field with one of the rule's tags (or every one, without tags);
//! `guard ; expression` asks the expression only where the guard holds. What clients change before they write, a broker
//! cannot: transforms (and so encryption) are passed over, and so is a condition that stands before a transform, because
//! it judged what the transform was given, and that is not what arrives. What is passed over is told in the log when the
//! schema is first used.
//!
//! Invariant: work on a batch is bounded, whatever the rules and the records. A rule that cannot be read refuses records,
//! as it would in a client. Left out: actions other than refusing (`NONE` lets in), functions beyond [`cel`]'s.

use std::borrow::Cow;

use annals_schema_model::cel::{Budget, Names, Path, Root, Roots, RuleText, Scope, holds};
use annals_schema_model::{Fields, Leaf, Reading, Schema, Value};

use crate::registry::{Rule as Registered, RuleKind, RuleMode, Stored};

/// What the rules of a batch may cost: so much, and so much more for each record and each of its bytes. What the records
/// before leave over is there for those behind.
pub(super) const BATCH_COST: u64 = 100_000;
const RECORD_COST: u64 = 300;
const BYTE_COST: u64 = 20;

static MESSAGE: Names = Names {
    known: &["message"],
    told: "message",
    besides: "",
};

static FIELD: Names = Names {
    known: &["value", "fullName", "name", "typeName", "tags", "message"],
    told: "value, fullName, name, typeName, tags and message",
    besides: "",
};

/// The rules of one schema.
pub(super) struct Rules {
    rules: Vec<Rule>,
    reading: Reading,
    fields: Fields,
}

struct Rule {
    name: String,
    /// What the schema says of it, else the rule itself.
    says: String,
    /// The tags of the fields it is for; nothing when it is for the message.
    fields: Option<Vec<String>>,
    /// Whether a record that breaks it is let in all the same.
    is_lenient: bool,
    read: Result<RuleText, String>,
}

impl Rules {
    /// The rules that records of this schema must keep on their way in; nothing when there are none.
    pub(super) fn of(stored: &Stored, schema: &Schema) -> Option<Rules> {
        let registered = &stored.rule_set()?.domain_rules;
        let writes =
            |rule: &&Registered| !rule.disabled && matches!(rule.mode, RuleMode::Write | RuleMode::WriteRead);
        let writing: Vec<&Registered> = registered.iter().filter(writes).collect();
        let transforms = writing.iter().rposition(|rule| rule.kind == RuleKind::Transform);
        let mut rules = Vec::new();
        for (place, rule) in writing.into_iter().enumerate() {
            let why = match concerned(rule) {
                _ if rule.kind == RuleKind::Transform => "it changes records before they are written",
                _ if Some(place) < transforms => "it judges records before another rule changes them",
                None => "only CEL and CEL_FIELD are known here",
                Some(fields) => {
                    rules.push(Rule::of(rule, fields));
                    continue;
                }
            };
            let name = rule.name.as_deref().unwrap_or_default();
            tracing::info!(
                schema_id = stored.id.get(),
                rule = name,
                why,
                "a rule is left to clients"
            );
        }
        if rules.is_empty() {
            return None;
        }
        Some(Rules {
            rules,
            reading: Reading::of(schema),
            fields: Fields::of(schema, stored.metadata().iter().flat_map(|known| &known.tags)),
        })
    }

    /// Holds a body to the rules, which reads with the schema.
    ///
    /// # Errors
    /// The rule that is broken, and what it says. No part of the body is in it.
    pub(super) fn check(&self, body: &[u8], budget: &Budget) -> Result<(), String> {
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        budget.allow(RECORD_COST.saturating_add(BYTE_COST.saturating_mul(bytes)));
        let read = self.reading.read(body);
        let value = read.map_err(|error| format!("its rules cannot be asked: {error}"))?;
        let value = self.fields.plain(value);
        for rule in self.rules.iter().filter(|rule| !rule.is_lenient) {
            let broken = |field: Option<&str>| {
                let field = field.map(|name| format!(" at {name}")).unwrap_or_default();
                format!("rule {:?} is broken{field}: {}", rule.name, rule.says)
            };
            let condition = rule.read.as_ref().map_err(|why| {
                let name = &rule.name;
                format!("rule {name:?} cannot be asked by this server, so nothing keeps it: {why}")
            })?;
            match &rule.fields {
                None => {
                    if !keeps(condition, &Asked::Message(&value), budget) {
                        return Err(broken(None));
                    }
                }
                Some(tags) => self
                    .fields
                    .each(&value, tags, &mut |leaf: &Leaf<'_>| match keeps(
                        condition,
                        &Asked::Field(leaf),
                        budget,
                    ) {
                        true => Ok(()),
                        false => Err(broken(Some(&leaf.full_name))),
                    })?,
            }
        }
        Ok(())
    }
}

/// The tags of the fields a rule is for, if it is for fields; nothing when it is no rule in CEL.
fn concerned(rule: &Registered) -> Option<Option<Vec<String>>> {
    match rule.executor.as_deref()?.to_ascii_uppercase().as_str() {
        "CEL" => Some(None),
        "CEL_FIELD" => Some(Some(rule.tags.iter().cloned().collect())),
        _ => None,
    }
}

impl Rule {
    fn of(rule: &Registered, fields: Option<Vec<String>>) -> Rule {
        let text = rule.expr.clone().unwrap_or_default();
        let names = if fields.is_some() { &FIELD } else { &MESSAGE };
        let on_failure = rule.on_failure.as_deref().unwrap_or_default();
        // Of two actions the first is for writing.
        let on_failure = on_failure.split(',').next().unwrap_or_default();
        let doc = rule.doc.clone().filter(|doc| !doc.is_empty());
        Rule {
            name: rule.name.clone().unwrap_or_default(),
            says: doc.unwrap_or_else(|| text.clone()),
            fields,
            is_lenient: on_failure.trim().eq_ignore_ascii_case("NONE"),
            read: RuleText::read(&text, names),
        }
    }
}

/// Whether a rule is kept. An expression that comes out as an error is not, as in clients; a guard that does lets it be.
fn keeps(rule: &RuleText, asked: &Asked<'_>, budget: &Budget) -> bool {
    let scope = Scope::new(asked).within(budget);
    let applies = |guard| holds(guard, &scope).unwrap_or(false);
    !rule.guard.as_ref().is_none_or(applies) || holds(&rule.expression, &scope).unwrap_or(false)
}

/// What a rule is asked about.
enum Asked<'a> {
    Message(&'a Value),
    Field(&'a Leaf<'a>),
}

impl Roots for Asked<'_> {
    fn start(&self, path: &Path, _: usize) -> Result<(Cow<'_, Value>, usize), String> {
        let text = |text: &str| Cow::Owned(Value::String(text.to_owned()));
        let found = match (self, path.root) {
            (Asked::Message(value), Root::Name("message")) => Cow::Borrowed(*value),
            (Asked::Field(leaf), Root::Name("message")) => Cow::Borrowed(leaf.message),
            (Asked::Field(leaf), Root::Name("value")) => Cow::Borrowed(leaf.value),
            (Asked::Field(leaf), Root::Name("fullName")) => text(&leaf.full_name),
            (Asked::Field(leaf), Root::Name("name")) => text(leaf.name),
            (Asked::Field(leaf), Root::Name("typeName")) => text(leaf.type_name),
            (Asked::Field(leaf), Root::Name("tags")) => Cow::Borrowed(leaf.tags),
            (_, root) => return Err(format!("`{}` stands for nothing", root.name())),
        };
        Ok((found, 0))
    }
}
