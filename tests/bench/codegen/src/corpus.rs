//! The second corpus: records of other kinds than the order event, so that nothing is tuned to one. The build script prints
//! each as a schema and as the other's serde types; the bench draws its values.

use std::fmt::Write;

/// A type of Avro.
pub enum Kind {
    Boolean,
    Int,
    Long,
    Double,
    /// A text of so many letters at most.
    Text(usize),
    Optional(Box<Kind>),
    /// So many items at most.
    Array(usize, Box<Kind>),
    Map(usize, Box<Kind>),
    /// An enum of its own.
    Enum(String, usize),
    /// A union without `null`: its name among the other's types, and branches.
    Union(String, Vec<Kind>),
    Record(Record),
}

/// A record: its name, and its fields in order.
pub struct Record {
    pub name: String,
    pub fields: Vec<(String, Kind)>,
}

fn record(name: &str, fields: impl IntoIterator<Item = (String, Kind)>) -> Record {
    Record {
        name: name.to_owned(),
        fields: fields.into_iter().collect(),
    }
}

fn numbered(kinds: impl IntoIterator<Item = Kind>) -> Vec<(String, Kind)> {
    let named = |(number, kind)| (format!("f{number}"), kind);
    kinds.into_iter().enumerate().map(named).collect()
}

fn wide() -> Record {
    let field = |number: usize| match number % 8 {
        0 => Kind::Int,
        1 => Kind::Long,
        2 | 3 => Kind::Text(24),
        4 => Kind::Double,
        5 => Kind::Boolean,
        6 => Kind::Optional(Box::new(Kind::Text(12))),
        _ => Kind::Optional(Box::new(Kind::Long)),
    };
    record("Wide", numbered((0..200).map(field)))
}

fn deep() -> Record {
    let level = |inner: Option<Record>, number: usize| {
        let name = if number == 0 {
            "Deep".to_owned()
        } else {
            format!("Deep{number}")
        };
        let own = [Kind::Long, Kind::Text(10)];
        record(&name, numbered(own.into_iter().chain(inner.map(Kind::Record))))
    };
    (0..20)
        .rev()
        .fold(None, |inner, number| Some(level(inner, number)))
        .unwrap_or_else(|| record("Deep", []))
}

fn arrays() -> Record {
    let point = record("Point", numbered([Kind::Double, Kind::Double, Kind::Int]));
    let kinds = [
        Kind::Array(30, Box::new(Kind::Long)),
        Kind::Array(30, Box::new(Kind::Int)),
        Kind::Array(15, Box::new(Kind::Text(12))),
        Kind::Array(10, Box::new(Kind::Record(point))),
        Kind::Array(4, Box::new(Kind::Array(4, Box::new(Kind::Double)))),
    ];
    record("Arrays", numbered(kinds))
}

fn maps() -> Record {
    let entry = record("Entry", numbered([Kind::Long, Kind::Text(12)]));
    let kinds = [
        Kind::Map(12, Box::new(Kind::Text(12))),
        Kind::Map(12, Box::new(Kind::Long)),
        Kind::Map(6, Box::new(Kind::Record(entry))),
        Kind::Map(3, Box::new(Kind::Array(4, Box::new(Kind::Int)))),
    ];
    record("Maps", numbered(kinds))
}

fn unions() -> Record {
    let field = |number: usize| {
        let part = record(&format!("Part{number}"), numbered([Kind::Long, Kind::Text(8)]));
        let branches = vec![
            Kind::Text(10),
            Kind::Long,
            Kind::Double,
            Kind::Boolean,
            Kind::Record(part),
        ];
        let union = Kind::Union(format!("Choice{number}"), branches);
        match number % 4 {
            0 => Kind::Optional(Box::new(Kind::Int)),
            1 => Kind::Optional(Box::new(Kind::Text(16))),
            2 => Kind::Enum(format!("Symbol{number}"), 5),
            _ => union,
        }
    };
    record("Unions", numbered((0..24).map(field)))
}

fn texts() -> Record {
    let field = |number: usize| Kind::Text([8, 20, 40, 200][number % 4]);
    record("Texts", numbered((0..20).map(field)))
}

/// All of it.
pub fn all() -> Vec<Record> {
    vec![wide(), deep(), arrays(), maps(), unions(), texts()]
}

impl Kind {
    pub fn avro(&self) -> String {
        let simple = match self {
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Double => "double",
            Kind::Text(_) => "string",
            Kind::Optional(some) => return format!(r#"["null", {}]"#, some.avro()),
            Kind::Array(_, item) => return format!(r#"{{"type": "array", "items": {}}}"#, item.avro()),
            Kind::Map(_, value) => return format!(r#"{{"type": "map", "values": {}}}"#, value.avro()),
            Kind::Enum(name, symbols) => {
                let symbols: Vec<String> = (0..*symbols).map(|number| format!(r#""S{number}""#)).collect();
                let symbols = symbols.join(", ");
                return format!(r#"{{"type": "enum", "name": "{name}", "symbols": [{symbols}]}}"#);
            }
            Kind::Union(_, branches) => {
                let branches: Vec<String> = branches.iter().map(Kind::avro).collect();
                return format!("[{}]", branches.join(", "));
            }
            Kind::Record(record) => return record.avro(),
        };
        format!(r#""{simple}""#)
    }

    /// The name of a union's variant that serde is to know it by.
    pub fn variant(&self) -> String {
        match self {
            Kind::Boolean => "Boolean".to_owned(),
            Kind::Long => "Long".to_owned(),
            Kind::Double => "Double".to_owned(),
            Kind::Record(record) => format!("corpus.{}", record.name),
            _ => "String".to_owned(),
        }
    }

    /// The type with serde; what it is made of is appended to `items`.
    fn serde(&self, items: &mut String) -> String {
        match self {
            Kind::Boolean => "bool".to_owned(),
            Kind::Int => "i32".to_owned(),
            Kind::Long => "i64".to_owned(),
            Kind::Double => "f64".to_owned(),
            Kind::Text(_) => "String".to_owned(),
            Kind::Optional(some) => format!("Option<{}>", some.serde(items)),
            Kind::Array(_, item) => format!("Vec<{}>", item.serde(items)),
            Kind::Map(_, value) => format!("std::collections::BTreeMap<String, {}>", value.serde(items)),
            Kind::Enum(name, symbols) => {
                let symbols: Vec<String> = (0..*symbols).map(|number| format!("S{number}")).collect();
                item(items, "enum", name, &symbols.join(", "));
                name.clone()
            }
            Kind::Union(name, branches) => {
                let variants = branches.iter().map(|branch| {
                    let (inner, variant) = (branch.serde(items), branch.variant());
                    let name = variant.rsplit('.').next().unwrap_or_default();
                    format!("#[serde(rename = {variant:?})] {name}({inner})")
                });
                let variants: Vec<String> = variants.collect();
                item(items, "enum", name, &variants.join(", "));
                name.clone()
            }
            Kind::Record(record) => {
                record.serde(items);
                record.name.clone()
            }
        }
    }
}

fn item(items: &mut String, keyword: &str, name: &str, body: &str) {
    let derives = "#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]";
    let _ = writeln!(items, "{derives}\npub {keyword} {name} {{ {body} }}");
}

impl Record {
    pub fn avro(&self) -> String {
        let field =
            |(name, kind): &(String, Kind)| format!(r#"{{"name": "{name}", "type": {}}}"#, kind.avro());
        let fields: Vec<String> = self.fields.iter().map(field).collect();
        let (name, fields) = (&self.name, fields.join(",\n"));
        format!(r#"{{"type": "record", "name": "{name}", "namespace": "corpus", "fields": [{fields}]}}"#)
    }

    pub fn serde(&self, items: &mut String) {
        let fields = self.fields.iter().map(|(name, kind)| {
            let kind = kind.serde(items);
            format!("pub {name}: {kind}")
        });
        let fields: Vec<String> = fields.collect();
        item(items, "struct", &self.name, &fields.join(", "));
    }
}
