//! Records, enums and fixed, from JSON to the arena, and their names.

use std::collections::HashSet;

use super::{
    fields,
    json::{Json, JsonKind},
    names,
    node::{Enum, Field, Fixed, Kind, Name, NodeId, Record},
    parse::{FIXED_BYTES_MAX, Parser, RESERVED, Tree, primitive, props, text},
    places::Places,
};
use crate::ParseError;

/// The most bytes of full names in one schema and its references, as often as they stand there: a namespace is written once,
/// and every name in it has all of it.
const NAMES_BYTES_MAX: usize = 64 * 1024 * 1024;

impl<'t> Parser<'t> {
    pub(super) fn record(
        &mut self,
        json: &Tree<'t>,
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
        for item in items {
            let field = fields::field(self, item, name.namespace(), depth + 1)?;
            fields.push(field);
        }
        let places = Places::new(&fields, Field::name).map_err(|place| {
            let (field, full) = (&fields[place].name, name.full());
            self.error(
                &items[place],
                format!("record {full} has two fields named \"{field}\""),
            )
        })?;
        let aliases = self.aliases(json, &name)?;
        let record = Record {
            name,
            doc: text(json, "doc"),
            aliases,
            fields,
            is_error,
            holds_itself: false,
            nothings: 0,
            places,
        };
        let id = self.add(json, Kind::Record(Box::new(record)), props(json, &RESERVED))?;
        Ok(self.define(id))
    }

    pub(super) fn enumeration(
        &mut self,
        json: &Tree<'t>,
        namespace: Option<&str>,
    ) -> Result<NodeId, ParseError> {
        let name = self.name(json, namespace)?;
        let symbols_json = self.required(json, "symbols", "an enum needs \"symbols\"")?;
        let JsonKind::Array(items) = &symbols_json.kind else {
            return Err(self.error(symbols_json, "\"symbols\" of an enum must be an array"));
        };
        let mut symbols: Vec<String> = Vec::with_capacity(items.len());
        for item in items {
            let symbol = item
                .as_str()
                .ok_or_else(|| self.error(item, "a symbol of an enum must be a string"))?;
            names::validate(symbol).map_err(|problem| self.error(item, format!("a symbol {problem}")))?;
            symbols.push(symbol.to_owned());
        }
        let places = Places::new(&symbols, String::as_str).map_err(|place| {
            let (symbol, full) = (&symbols[place], name.full());
            self.error(
                &items[place],
                format!("enum {full} has the symbol \"{symbol}\" twice"),
            )
        })?;
        let default = json
            .get("default")
            .and_then(|default| default.as_str().map(|symbol| (default, symbol)));
        if let Some((at, symbol)) = default
            && places.find(&symbols, String::as_str, symbol).is_none()
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
        let kind = Kind::Enum(Box::new(Enum {
            name,
            doc: text(json, "doc"),
            aliases,
            symbols,
            default,
            places,
        }));
        let mut props = props(json, &RESERVED);
        props.retain(|(key, _)| key != "default");
        let id = self.add(json, kind, props)?;
        Ok(self.define(id))
    }

    pub(super) fn fixed(&mut self, json: &Tree<'t>, namespace: Option<&str>) -> Result<NodeId, ParseError> {
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
        let kind = Kind::Fixed(Box::new(Fixed {
            name,
            doc: text(json, "doc"),
            aliases,
            size,
        }));
        let id = self.add(json, kind, props(json, &RESERVED))?;
        Ok(self.define(id))
    }

    /// Counts a name before it is made.
    pub(super) fn count_name(
        &mut self,
        at: &Tree<'t>,
        name: &str,
        namespace: Option<&str>,
    ) -> Result<(), ParseError> {
        let inherited = namespace.filter(|_| !name.contains('.')).map_or(0, str::len);
        self.names_bytes = self.names_bytes.saturating_add(name.len() + inherited);
        if self.names_bytes > NAMES_BYTES_MAX {
            let message = format!(
                "the full names of types in the schema have more than {NAMES_BYTES_MAX} bytes: shorten the namespace, which every name has in it"
            );
            return Err(self.error(at, message));
        }
        Ok(())
    }

    fn name(&mut self, json: &Tree<'t>, namespace: Option<&str>) -> Result<Name, ParseError> {
        let name_json = self.required(json, "name", "a record, enum or fixed needs a \"name\"")?;
        let name = name_json
            .as_str()
            .ok_or_else(|| self.error(name_json, "a name must be a string"))?;
        let namespace = json.get("namespace").and_then(Json::as_str).or(namespace);
        self.count_name(name_json, name, namespace)?;
        let name = Name::new(name, namespace);
        names::validate_full(name.full())
            .map_err(|problem| self.error(name_json, format!("the name {problem}")))?;
        if primitive(name.full()).is_some() {
            return Err(self.error(
                name_json,
                format!("\"{}\" is a primitive type, not a name for another", name.full()),
            ));
        }
        Ok(name)
    }

    /// The aliases of a named type; they live in its namespace.
    fn aliases(&mut self, json: &Tree<'t>, name: &Name) -> Result<Vec<Name>, ParseError> {
        let (mut aliases, mut known): (Vec<Name>, _) = (Vec::new(), HashSet::new());
        for (at, alias) in self.alias_texts(json)? {
            self.count_name(at, alias, name.namespace())?;
            let alias = Name::new(alias, name.namespace());
            names::validate(alias.short())
                .map_err(|problem| self.error(at, format!("an alias {problem}")))?;
            if known.insert(alias.full().to_owned()) {
                aliases.push(alias);
            }
        }
        Ok(aliases)
    }
}
