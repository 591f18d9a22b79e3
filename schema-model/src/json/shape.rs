//! What is known of the values of a schema's events: the types of their properties, as expressions have them.
//!
//! `integer` is an integer and `number` a decimal, so that no digit of an amount is lost; what a property is that is not
//! required may be missing. What is said in one place (`properties`, `allOf`, a `$ref`) is taken together. What depends on the
//! value is not known, and is dynamic: alternatives (`oneOf`, `anyOf`, `if`) but for one that is null, several types,
//! properties that no schema names. Invariant: what is known of a value holds for every valid one, save that an object is
//! expected where properties are named and no type is.

use super::Schema;
use super::node::{Keywords, Kind, NodeId, Types};
use crate::cel::Shape;
use crate::json_text::{Json, JsonKind};

/// How deep a recursive schema is followed; below that any value may stand.
const DEPTH_MAX: usize = 12;
/// Schemas that are looked at for one event; those beyond are not known.
const NODES_MAX: usize = 20_000;

impl Schema {
    /// What is known of an event's values; nothing where the schema has no such event.
    #[must_use]
    pub fn shape(&self, event: &str) -> Option<Shape> {
        let (node, whole) = self.nodes_of(event)?;
        let mut shaping = Shaping {
            schema: self,
            nodes_left: NODES_MAX,
        };
        let mut shape = shaping.node(node, 0);
        if let Some(whole) = whole.and_then(|top| self.keywords(top)) {
            // What stands beside the branches holds for each of them.
            shape = both(shape, shaping.beside(whole, 0));
        }
        Some(match shape {
            Shape::Record { fields, .. } => Shape::Record {
                name: event.to_owned(),
                fields,
            },
            shape => shape,
        })
    }
}

struct Shaping<'s> {
    schema: &'s Schema,
    nodes_left: usize,
}

impl Shaping<'_> {
    fn node(&mut self, id: NodeId, depth: usize) -> Shape {
        let left = self.nodes_left.checked_sub(1);
        let (Some(left), true) = (left, depth <= DEPTH_MAX) else {
            return Shape::Any;
        };
        self.nodes_left = left;
        let schema = self.schema;
        let Kind::Object(keywords) = &schema.node(id).kind else {
            return Shape::Any;
        };
        let mut shape = self.beside(keywords, depth);
        for alternatives in [&keywords.one_of, &keywords.any_of] {
            if let Some(alternative) = self.alternatives(alternatives, depth) {
                shape = match (shape, alternative) {
                    // The alternatives may have properties of their own.
                    (Shape::Record { .. }, Shape::Any) => Shape::Any,
                    (shape, alternative) => both(shape, alternative),
                };
            }
        }
        let depends = keywords.then.is_some() || keywords.otherwise.is_some();
        match shape {
            Shape::Record { .. } if depends || !keywords.dependent_schemas.is_empty() => Shape::Any,
            shape => shape,
        }
    }

    /// What a schema says, but for its alternatives.
    fn beside(&mut self, keywords: &Keywords, depth: usize) -> Shape {
        let mut shape = self.own(keywords, depth);
        for part in keywords.target.iter().chain(&keywords.all_of) {
            shape = both(shape, self.node(*part, depth + 1));
        }
        shape
    }

    /// What the alternatives have in common.
    fn alternatives(&mut self, alternatives: &[NodeId], depth: usize) -> Option<Shape> {
        let shapes = alternatives
            .iter()
            .map(|alternative| self.node(*alternative, depth + 1));
        shapes.reduce(|a, b| match (a, b) {
            (a, b) if a == b => a,
            (Shape::Null, shape) | (shape, Shape::Null) => Shape::optional(shape),
            (Shape::Int | Shape::Decimal, Shape::Int | Shape::Decimal) => Shape::Decimal,
            (a @ (Shape::Text | Shape::Enum(_)), b @ (Shape::Text | Shape::Enum(_))) => a.merge(b),
            _ => Shape::Any,
        })
    }

    /// What a schema says by itself.
    fn own(&mut self, keywords: &Keywords, depth: usize) -> Shape {
        let told = keywords.types.unwrap_or(Types::ALL);
        let valued = keywords.values.as_deref().map(types_of);
        let has_properties = !keywords.properties.is_empty();
        let types = match valued {
            Some(valued) if valued.within(told) => valued,
            _ if told == Types::ALL && has_properties => Types::OBJECT,
            _ => told,
        };
        let is = |wanted: Types| types.meets(wanted) && types.within(wanted.with(Types::NULL));
        let shape = if types == Types::NULL {
            return Shape::Null;
        } else if is(Types::STRING) {
            symbols(keywords).unwrap_or(Shape::Text)
        } else if is(Types::INTEGER) {
            Shape::Int
        } else if is(Types::NUMBER) {
            Shape::Decimal
        } else if is(Types::BOOLEAN) {
            Shape::Bool
        } else if is(Types::ARRAY) {
            self.array(keywords, depth)
        } else if is(Types::OBJECT) {
            self.object(keywords, depth)
        } else {
            return Shape::Any;
        };
        match types.meets(Types::NULL) {
            true => Shape::optional(shape),
            false => shape,
        }
    }

    fn array(&mut self, keywords: &Keywords, depth: usize) -> Shape {
        let items = keywords.items.filter(|_| keywords.prefix_items.is_empty());
        Shape::list(items.map_or(Shape::Any, |items| self.node(items, depth + 1)))
    }

    fn object(&mut self, keywords: &Keywords, depth: usize) -> Shape {
        if keywords.properties.is_empty() {
            // The keys are values.
            let values = keywords.additional_properties;
            let values = values.filter(|_| keywords.pattern_properties.is_empty());
            let values = values.map_or(Shape::Any, |values| self.node(values, depth + 1));
            return Shape::Map(Box::new(values));
        }
        let fields = keywords.properties.iter().map(|(name, property)| {
            let shape = self.node(*property, depth + 1);
            let shape = match keywords.requires(name) {
                true => shape,
                false => Shape::optional(shape),
            };
            (name.clone(), shape)
        });
        Shape::Record {
            name: String::new(),
            fields: fields.collect(),
        }
    }
}

/// The texts among the only values there may be.
fn symbols(keywords: &Keywords) -> Option<Shape> {
    let texts = keywords.values.as_deref()?.iter();
    Some(Shape::one_of(texts.filter_map(|value| match &value.kind {
        JsonKind::String(text) => Some(&**text),
        _ => None,
    })))
}

/// The types that some values have.
fn types_of(values: &[Json]) -> Types {
    let of = |value: &Json| match &value.kind {
        JsonKind::Null => Types::NULL,
        JsonKind::Bool(_) => Types::BOOLEAN,
        JsonKind::Number(_) if value.is_integer() => Types::INTEGER,
        JsonKind::Number(_) => Types::NUMBER,
        JsonKind::String(_) => Types::STRING,
        JsonKind::Array(_) => Types::ARRAY,
        JsonKind::Object(_) => Types::OBJECT,
    };
    values.iter().map(of).fold(Types::NONE, Types::with)
}

/// What is known of a value of which two things are.
fn both(a: Shape, b: Shape) -> Shape {
    match (a, b) {
        (Shape::Any, shape) | (shape, Shape::Any) => shape,
        (a, b) if a == b => a,
        (Shape::Optional(a), Shape::Optional(b)) => Shape::optional(both(*a, *b)),
        (Shape::Optional(a), b) | (b, Shape::Optional(a)) => both(*a, b),
        (Shape::Int, Shape::Decimal) | (Shape::Decimal, Shape::Int) => Shape::Int,
        (symbols @ Shape::Enum(_), Shape::Text | Shape::Enum(_))
        | (Shape::Text, symbols @ Shape::Enum(_)) => symbols,
        (Shape::List(a), Shape::List(b)) => Shape::list(both(*a, *b)),
        // A map of anything says only that it is an object.
        (Shape::Record { name, fields }, Shape::Map(_)) | (Shape::Map(_), Shape::Record { name, fields }) => {
            Shape::Record { name, fields }
        }
        (Shape::Map(a), Shape::Map(b)) => Shape::Map(Box::new(both(*a, *b))),
        (Shape::Record { name, fields }, Shape::Record { fields: others, .. }) => Shape::Record {
            name,
            fields: fields_of_both(fields, others),
        },
        _ => Shape::Any,
    }
}

/// Properties of one or the other; what one of them requires is there.
fn fields_of_both(fields: Vec<(String, Shape)>, others: Vec<(String, Shape)>) -> Vec<(String, Shape)> {
    let mut fields = fields;
    for (name, shape) in others {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, mine)) => *mine = both(std::mem::replace(mine, Shape::Any), shape),
            None => fields.push((name, shape)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::Value;
    use crate::json::{Reading, event_value};

    /// A schema and a value that is valid for it.
    type Pair = (Json, Json);

    fn leaf() -> impl Strategy<Value = Pair> + 'static {
        let number = prop_oneof![
            any::<i64>().prop_map(Json::from),
            any::<f64>()
                .prop_filter("a number", |number| number.is_finite() && number.abs() < 1e200)
                .prop_map(Json::from),
            (-1_000i32..1_000).prop_map(|cents| Json::from(f64::from(cents) / 100.0)),
        ];
        prop_oneof![
            any::<i64>().prop_map(|value| (json!({"type": "integer"}), json!(value))),
            any::<u64>().prop_map(|value| (json!({"type": "integer"}), json!(value))),
            number
                .clone()
                .prop_map(|value| (json!({"type": "number"}), value)),
            number.prop_map(|value| (json!({}), value)),
            "[a-zé\"\\\\]{0,6}".prop_map(|value| (json!({"type": "string"}), json!(value))),
            any::<bool>().prop_map(|value| (json!({"type": "boolean"}), json!(value))),
            Just((json!({"type": "null"}), Json::Null)),
            Just((json!({"enum": ["a", "b"]}), json!("b"))),
            Just((
                json!({"type": ["string", "null"], "enum": ["a", null]}),
                Json::Null
            )),
            Just((json!({"anyOf": [{"const": "a"}, {"const": "b"}]}), json!("b"))),
            Just((json!({"const": 7}), json!(7))),
            Just((json!({"enum": [1.5, 2]}), json!(1.5))),
            Just((json!({"type": ["string", "null"]}), Json::Null)),
            Just((json!({"type": ["integer", "string"]}), json!("x"))),
            Just((json!(true), json!([1]))),
        ]
    }

    fn pair() -> impl Strategy<Value = Pair> {
        leaf().prop_recursive(4, 24, 4, |inner| {
            let field = ("[abc]", inner.clone(), any::<bool>(), any::<bool>());
            let object =
                (proptest::collection::vec(field, 0..4), any::<bool>()).prop_map(|(fields, is_open)| {
                    let (mut properties, mut required, mut value) = (json!({}), Vec::new(), json!({}));
                    for (name, (schema, inner), is_required, is_there) in fields {
                        if properties.get(&name).is_some() {
                            continue;
                        }
                        properties[&name] = schema;
                        if is_required {
                            required.push(name.clone());
                        }
                        if is_required || is_there {
                            value[&name] = inner;
                        }
                    }
                    if is_open {
                        value["undeclared"] = json!(1.25);
                    }
                    (
                        json!({"type": "object", "properties": properties, "required": required}),
                        value,
                    )
                });
            prop_oneof![
                object.clone(),
                object,
                (inner.clone(), 0usize..3).prop_map(|((schema, value), count)| (
                    json!({"type": "array", "items": schema}),
                    Json::from(vec![value; count])
                )),
                inner.clone().prop_map(|(schema, value)| (
                    json!({"type": "object", "additionalProperties": schema}),
                    json!({"k": value})
                )),
                inner.clone().prop_map(|(schema, value)| (
                    json!({"allOf": [schema, {"description": "as it is"}]}),
                    value
                )),
                inner
                    .clone()
                    .prop_map(|(schema, value)| (json!({"anyOf": [{"type": "null"}, schema]}), value)),
                inner
                    .clone()
                    .prop_map(|(schema, _)| (json!({"anyOf": [{"type": "null"}, schema]}), Json::Null)),
                (inner.clone(), inner)
                    .prop_map(|((one, value), (other, _))| (json!({"anyOf": [one, other]}), value)),
            ]
        })
    }

    /// Whether a value is what its type says.
    fn fits(value: &Value, shape: &Shape) -> bool {
        match (shape, value) {
            (Shape::Any, _) | (Shape::Null | Shape::Optional(_), Value::Null) => true,
            (Shape::Optional(shape), value) => fits(value, shape),
            (Shape::Bool, Value::Bool(_))
            | (Shape::Text, Value::String(_))
            | (Shape::Decimal, Value::Decimal(_)) => true,
            (Shape::Int, Value::Int(_) | Value::UInt(_)) => true,
            (Shape::Enum(symbols), Value::String(text)) => symbols.contains(text),
            (Shape::List(of), Value::Array(items)) => items.iter().all(|item| fits(item, of)),
            (Shape::Map(of), Value::Map(entries)) => entries.iter().all(|(_, entry)| fits(entry, of)),
            (Shape::Record { fields, .. }, Value::Map(_) | Value::Record { .. }) => {
                fields.iter().all(|(name, shape)| match value.get(name) {
                    Some(value) => fits(value, shape),
                    None => matches!(shape, Shape::Optional(_) | Shape::Any | Shape::Null),
                })
            }
            _ => false,
        }
    }

    /// Whether a value is what another reader of JSON reads, numbers by their value.
    fn same(value: &Value, json: &Json) -> bool {
        match (value, json) {
            (Value::Int(_) | Value::UInt(_) | Value::Decimal(_), Json::Number(number)) => {
                let text = match value.to_json() {
                    Json::String(text) => text,
                    other => other.to_string(),
                };
                text.parse::<f64>().ok() == number.as_f64()
            }
            (Value::Array(items), Json::Array(others)) => {
                items.len() == others.len() && items.iter().zip(others).all(|(item, other)| same(item, other))
            }
            (Value::Map(entries) | Value::Record { fields: entries, .. }, Json::Object(others)) => {
                entries.len() == others.len()
                    && entries
                        .iter()
                        .zip(others)
                        .all(|((name, entry), (other, json))| **name == **other && same(entry, json))
            }
            (value, json) => value.to_json() == *json,
        }
    }

    proptest! {
        #[test]
        fn valid_values_are_what_their_types_say((schema, value) in pair()) {
            let whole = json!({"title": "E", "type": "object", "properties": {"x": schema}, "required": ["x"]});
            let schema = Schema::parse(&whole.to_string(), &[]).unwrap();
            let shape = schema.shape("E").unwrap();
            let body = json!({"x": value});
            let reading = Reading::of(&schema);
            let body_text = body.to_string();
            prop_assert_eq!(reading.judge(body_text.as_bytes()).unwrap(), "E");
            let read = event_value("E", body_text.as_bytes(), &shape).unwrap();
            prop_assert!(fits(&read, &shape), "{:?} is not {:?}", read, shape);
            prop_assert!(same(&read, &body), "{:?} is not {}", read, body);
        }
    }

    #[test]
    fn types_of_properties() {
        let shape_of = |property: &str| {
            let text = format!(
                r##"{{"oneOf": [{{"$ref": "#/$defs/E"}}], "properties": {{"common": {{"type": "string"}}}}, "required": ["common"],
                "$defs": {{"E": {{"type": "object", "properties": {{"x": {property}}}, "required": ["x"]}},
                    "Tree": {{"properties": {{"left": {{"$ref": "#/$defs/Tree"}}, "right": {{"$ref": "#/$defs/Tree"}}}}}}}}}}"##
            );
            let schema = Schema::parse(&text, &[]).unwrap();
            let shape = schema.shape("E").unwrap();
            assert_eq!(shape.field("common", "event"), Ok(Shape::Text));
            assert!(
                shape
                    .field("y", "event")
                    .unwrap_err()
                    .contains("it has x, common")
            );
            shape.field("x", "event").unwrap()
        };
        let check =
            |property: &str, wanted: &str| assert_eq!(shape_of(property).to_string(), wanted, "{property}");
        check(r#"{"type": "integer"}"#, "an integer");
        check(r#"{"type": "number"}"#, "a decimal");
        check(r#"{"type": ["number", "null"]}"#, "a decimal or null");
        check(
            r#"{"oneOf": [{"type": "null"}, {"type": "string"}]}"#,
            "text or null",
        );
        check(
            r#"{"oneOf": [{"type": "integer"}, {"type": "string"}]}"#,
            "of no known type",
        );
        check(
            r#"{"oneOf": [{"type": "integer"}, {"type": "number"}]}"#,
            "a decimal",
        );
        check(r#"{"type": "string", "format": "date-time"}"#, "text");
        check(r#"{"const": "x"}"#, "a symbol of an enum");
        check(r#"{"anyOf": [{"const": "x"}, {"type": "string"}]}"#, "text");
        check("{}", "of no known type");
        check(r#"{"type": "object"}"#, "a map");
        check(r#"{"properties": {"a": {}}}"#, "a mapping");
        check(
            r#"{"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"properties": {"b": {}}}]}"#,
            "of no known type",
        );
        check(r#"{"type": "array", "items": {"type": "integer"}}"#, "a list");
        // A tree is followed to a depth, and no further.
        let tree = shape_of(r##"{"$ref": "#/$defs/Tree"}"##);
        assert!(format!("{tree:?}").len() < 50 * NODES_MAX);
        assert_eq!(Schema::parse(r#"{"title": "E"}"#, &[]).unwrap().shape("F"), None);
    }
}
