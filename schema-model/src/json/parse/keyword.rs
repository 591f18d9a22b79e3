//! The shape each keyword's value must have.

use super::{Parser, Scope};
use crate::{
    ParseError,
    json::{
        draft::Draft,
        node::{Amount, Keywords, Limit, Named, NodeId, Types},
    },
    json_text::{Json, JsonKind},
};

/// `additionalItems` is about what stands behind a tuple, and means nothing without one.
pub(super) fn settle_items(keywords: &mut Keywords, json: &Json) {
    if matches!(
        json.get("items").map(|items| &items.kind),
        Some(JsonKind::Array(_))
    ) {
        keywords.items = keywords.additional_items.take();
    }
}

/// Draft-04 says with a boolean that a bound is exclusive; the later drafts move the bound.
pub(super) fn settle_exclusive(keywords: &mut Keywords, json: &Json) {
    for (flag, bound, exclusive) in [
        ("exclusiveMaximum", Limit::Maximum, Limit::ExclusiveMaximum),
        ("exclusiveMinimum", Limit::Minimum, Limit::ExclusiveMinimum),
    ] {
        if matches!(
            json.get(flag).map(|value| &value.kind),
            Some(JsonKind::Bool(true))
        ) {
            for (limit, _) in &mut keywords.limits {
                if *limit == bound {
                    *limit = exclusive;
                }
            }
        }
    }
}

impl<'s> Parser<'s> {
    fn wrong<T>(&self, at: &Json, scope: &Scope, message: String) -> Result<T, ParseError> {
        Err(self.error(scope.document, at.span, message))
    }

    pub(super) fn string<'j>(&self, at: &'j Json, key: &str, scope: &Scope) -> Result<&'j str, ParseError> {
        at.as_str()
            .ok_or_else(|| self.error(scope.document, at.span, format!("\"{key}\" must be a string")))
    }

    fn strings(&self, at: &Json, key: &str, scope: &Scope) -> Result<Vec<String>, ParseError> {
        let texts: Option<Vec<String>> = match &at.kind {
            JsonKind::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        match texts {
            Some(texts) => Ok(texts),
            None => self.wrong(at, scope, format!("\"{key}\" must be an array of strings")),
        }
    }

    fn entries<'j>(
        &self,
        at: &'j Json,
        key: &str,
        scope: &Scope,
    ) -> Result<&'j [(String, Json)], ParseError> {
        match &at.kind {
            JsonKind::Object(entries) => Ok(entries),
            _ => self.wrong(at, scope, format!("\"{key}\" must be an object")),
        }
    }

    /// Reads a keyword that holds subschemas; answers whether it is one.
    pub(super) fn subschemas(
        &mut self,
        keywords: &mut Keywords,
        key: &str,
        value: &'s Json,
        scope: &Scope,
    ) -> Result<bool, ParseError> {
        let tuple = key == "items" && matches!(value.kind, JsonKind::Array(_));
        if key == "prefixItems" || tuple && scope.draft <= Draft::Draft201909 {
            keywords.prefix_items = self.schema_list(key, value, scope, tuple)?;
            return Ok(true);
        }
        let single = match key {
            "additionalProperties" => &mut keywords.additional_properties,
            "unevaluatedProperties" => &mut keywords.unevaluated_properties,
            "propertyNames" => &mut keywords.property_names,
            "items" => &mut keywords.items,
            "additionalItems" => &mut keywords.additional_items,
            "unevaluatedItems" => &mut keywords.unevaluated_items,
            "contains" => &mut keywords.contains,
            "not" => &mut keywords.not,
            "if" => &mut keywords.condition,
            "then" => &mut keywords.then,
            "else" => &mut keywords.otherwise,
            _ => {
                let list = match key {
                    "allOf" => &mut keywords.all_of,
                    "anyOf" => &mut keywords.any_of,
                    "oneOf" => &mut keywords.one_of,
                    _ => return self.named_subschemas(keywords, key, value, scope),
                };
                *list = self.schema_list(key, value, scope, false)?;
                return Ok(true);
            }
        };
        *single = Some(self.schema(value, &scope.below(&[key]))?);
        Ok(true)
    }

    fn schema_list(
        &mut self,
        key: &str,
        value: &'s Json,
        scope: &Scope,
        may_be_empty: bool,
    ) -> Result<Vec<NodeId>, ParseError> {
        let JsonKind::Array(items) = &value.kind else {
            return self.wrong(value, scope, format!("\"{key}\" must be an array of schemas"));
        };
        if items.is_empty() && !may_be_empty {
            return self.wrong(value, scope, format!("\"{key}\" needs at least one schema"));
        }
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            nodes.push(self.schema(item, &scope.below(&[key, &index.to_string()]))?);
        }
        Ok(nodes)
    }

    fn named_subschemas(
        &mut self,
        keywords: &mut Keywords,
        key: &str,
        value: &'s Json,
        scope: &Scope,
    ) -> Result<bool, ParseError> {
        if !matches!(
            key,
            "properties"
                | "patternProperties"
                | "dependentSchemas"
                | "dependencies"
                | "definitions"
                | "$defs"
        ) {
            return Ok(false);
        }
        let mut named = Vec::new();
        for (name, schema) in self.entries(value, key, scope)? {
            if key == "dependencies" && matches!(schema.kind, JsonKind::Array(_)) {
                let required = self.strings(schema, name, scope)?;
                keywords.dependent_required.push((name.clone(), required));
            } else {
                let node = self.schema(schema, &scope.below(&[key, name]))?;
                named.push((name.clone(), node));
            }
        }
        match key {
            "properties" => keywords.properties = Named::new(named),
            "patternProperties" => keywords.pattern_properties = Named::new(named),
            "dependentSchemas" | "dependencies" => keywords.dependent_schemas = Named::new(named),
            _ => {}
        }
        Ok(true)
    }

    /// Reads a keyword that holds no subschema.
    pub(super) fn assertion(
        &mut self,
        keywords: &mut Keywords,
        key: &str,
        value: &Json,
        scope: &Scope,
    ) -> Result<(), ParseError> {
        if let Some(limit) = Limit::of_keyword(key) {
            if let Some(amount) = self.limit(limit, value, scope)? {
                keywords.limits.push((limit, amount));
            }
            return Ok(());
        }
        match key {
            "type" => keywords.types = Some(self.types(value, scope)?),
            "enum" => match &value.kind {
                JsonKind::Array(values) => keywords.values = Some(values.clone()),
                _ => return self.wrong(value, scope, "\"enum\" must be an array".to_owned()),
            },
            "const" => keywords.values = Some(vec![value.clone()]),
            "multipleOf" => match amount(value).filter(|amount| !amount.is_zero() && !amount.is_negative()) {
                Some(amount) => keywords.multiple_of = Some(amount),
                None => {
                    return self.wrong(value, scope, "\"multipleOf\" must be a number above 0".to_owned());
                }
            },
            "pattern" => keywords.pattern = Some(self.string(value, key, scope)?.to_owned()),
            "format" => keywords.format = Some(self.string(value, key, scope)?.to_owned()),
            "title" => keywords.title = Some(self.string(value, key, scope)?.to_owned()),
            "description" => keywords.description = Some(self.string(value, key, scope)?.to_owned()),
            "default" => keywords.default = Some(value.clone()),
            "connect.type" => keywords.connect_bytes = value.as_str() == Some("bytes"),
            "required" => {
                keywords.required = self.strings(value, key, scope)?;
                keywords.required.sort_unstable();
                keywords.required.dedup();
            }
            "uniqueItems" => match value.kind {
                JsonKind::Bool(unique) => keywords.unique_items = unique,
                _ => return self.wrong(value, scope, "\"uniqueItems\" must be true or false".to_owned()),
            },
            "dependentRequired" => {
                for (name, required) in self.entries(value, key, scope)? {
                    let required = self.strings(required, name, scope)?;
                    keywords.dependent_required.push((name.clone(), required));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn types(&self, value: &Json, scope: &Scope) -> Result<Types, ParseError> {
        let single = std::slice::from_ref(value);
        let names = match &value.kind {
            JsonKind::Array(items) if !items.is_empty() => items.as_slice(),
            _ => single,
        };
        let mut types = Types::NONE;
        for name in names {
            let Some(one) = name.as_str().and_then(Types::of_name) else {
                let message = "\"type\" must be one of array, boolean, integer, null, number, object and string, or an array of these";
                return self.wrong(name, scope, message.to_owned());
            };
            types = types.with(one);
        }
        Ok(types)
    }

    /// A bound; `None` for draft-04's boolean, which changes another one.
    fn limit(&self, limit: Limit, value: &Json, scope: &Scope) -> Result<Option<Amount>, ParseError> {
        let key = limit.keyword();
        if scope.draft == Draft::Draft4 && matches!(limit, Limit::ExclusiveMaximum | Limit::ExclusiveMinimum)
        {
            return match value.kind {
                JsonKind::Bool(_) => Ok(None),
                _ => self.wrong(
                    value,
                    scope,
                    format!("\"{key}\" must be true or false in draft-04"),
                ),
            };
        }
        let Some(amount) = amount(value) else {
            return self.wrong(value, scope, format!("\"{key}\" must be a number"));
        };
        if limit.is_count() && (amount.is_negative() || !amount.is_whole()) {
            return self.wrong(
                value,
                scope,
                format!("\"{key}\" must be a whole number, 0 or above"),
            );
        }
        Ok(Some(amount))
    }
}

fn amount(value: &Json) -> Option<Amount> {
    match &value.kind {
        JsonKind::Number(text) => Amount::parse(text),
        _ => None,
    }
}
