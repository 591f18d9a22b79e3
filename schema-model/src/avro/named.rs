//! Records, enums and fixed, from JSON to the arena.

use std::collections::HashMap;

use super::{
    fields,
    json::{Json, JsonKind},
    names,
    node::{Enum, Fixed, Kind, NodeId, Record},
    parse::{FIXED_BYTES_MAX, Parser, RESERVED, props, text},
};
use crate::ParseError;

impl Parser<'_> {
    pub(super) fn record(
        &mut self,
        json: &Json,
        namespace: Option<&str>,
        depth: usize,
        is_error: bool,
    ) -> Result<NodeId, ParseError> {
        let name = self.name(json, namespace)?;
        let fields_json = self.required(json, "fields", "a record needs \"fields\"")?;
        let JsonKind::Array(items) = &fields_json.kind else {
            return Err(self.error(fields_json, "\"fields\" of a record must be an array"));
        };
        let mut fields = Vec::with_capacity(items.len());
        let mut places = HashMap::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let field = fields::field(self, item, name.namespace(), depth + 1)?;
            if places.insert(field.name.clone(), place).is_some() {
                let message = format!("record {} has two fields named \"{}\"", name.full(), field.name);
                return Err(self.error(item, message));
            }
            fields.push(field);
        }
        let aliases = self.aliases(json, &name)?;
        let record = Record {
            name,
            doc: text(json, "doc"),
            aliases,
            fields,
            is_error,
            places,
        };
        let id = self.add(json, Kind::Record(record), props(json, &RESERVED))?;
        Ok(self.define(id))
    }

    pub(super) fn enumeration(&mut self, json: &Json, namespace: Option<&str>) -> Result<NodeId, ParseError> {
        let name = self.name(json, namespace)?;
        let symbols_json = self.required(json, "symbols", "an enum needs \"symbols\"")?;
        let JsonKind::Array(items) = &symbols_json.kind else {
            return Err(self.error(symbols_json, "\"symbols\" of an enum must be an array"));
        };
        let mut symbols: Vec<String> = Vec::with_capacity(items.len());
        let mut places = HashMap::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let symbol = item
                .as_str()
                .ok_or_else(|| self.error(item, "a symbol of an enum must be a string"))?;
            names::validate(symbol).map_err(|problem| self.error(item, format!("a symbol {problem}")))?;
            if places.insert(symbol.to_owned(), place).is_some() {
                return Err(self.error(
                    item,
                    format!("enum {} has the symbol \"{symbol}\" twice", name.full()),
                ));
            }
            symbols.push(symbol.to_owned());
        }
        let default = json
            .get("default")
            .and_then(|default| default.as_str().map(|symbol| (default, symbol)));
        if let Some((at, symbol)) = default
            && !places.contains_key(symbol)
        {
            return Err(self.error(
                at,
                format!(
                    "the default \"{symbol}\" of enum {} is not one of its symbols",
                    name.full()
                ),
            ));
        }
        let default = default.map(|(_, symbol)| symbol.to_owned());
        let aliases = self.aliases(json, &name)?;
        let kind = Kind::Enum(Enum {
            name,
            doc: text(json, "doc"),
            aliases,
            symbols,
            default,
            places,
        });
        let mut props = props(json, &RESERVED);
        props.retain(|(key, _)| key != "default");
        let id = self.add(json, kind, props)?;
        Ok(self.define(id))
    }

    pub(super) fn fixed(&mut self, json: &Json, namespace: Option<&str>) -> Result<NodeId, ParseError> {
        let name = self.name(json, namespace)?;
        let size_json = self.required(json, "size", "a fixed needs a \"size\"")?;
        let size = size_json.as_i64().and_then(|size| usize::try_from(size).ok());
        let size = match size {
            Some(size) if size <= FIXED_BYTES_MAX => size,
            _ => {
                let message = format!("the size of a fixed must be an integer from 0 to {FIXED_BYTES_MAX}");
                return Err(self.error(size_json, message));
            }
        };
        let aliases = self.aliases(json, &name)?;
        let kind = Kind::Fixed(Fixed {
            name,
            doc: text(json, "doc"),
            aliases,
            size,
        });
        let id = self.add(json, kind, props(json, &RESERVED))?;
        Ok(self.define(id))
    }
}
