//! Random schemas, from a seed, so that a failure can be repeated.

/// A small random number generator (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// A type, as it will be written down.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    Primitive(&'static str),
    Logical(&'static str, &'static str),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    Reference(String),
    Enum {
        name: Named,
        symbols: Vec<String>,
        default: Option<String>,
    },
    Fixed {
        name: Named,
        size: usize,
        logical: &'static str,
    },
    Record {
        name: Named,
        fields: Vec<Field>,
        word: &'static str,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) namespace: Option<String>,
    pub(crate) short: String,
    pub(crate) aliases: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) default: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) extra: &'static str,
}

const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];
const NAMESPACES: [Option<&str>; 4] = [None, Some("shop"), Some("shop.v2"), Some("b")];
/// Logical types, and what only looks like one.
pub(crate) const LOGICAL: [(&str, &str); 20] = [
    ("int", "\"logicalType\":\"date\""),
    ("int", "\"logicalType\":\"time-millis\""),
    ("long", "\"logicalType\":\"time-micros\""),
    ("long", "\"logicalType\":\"timestamp-millis\""),
    ("long", "\"logicalType\":\"timestamp-micros\""),
    ("long", "\"logicalType\":\"timestamp-nanos\""),
    ("long", "\"logicalType\":\"local-timestamp-millis\""),
    ("string", "\"logicalType\" : \"uuid\""),
    ("bytes", "\"logicalType\":\"decimal\",\"scale\":2,\"precision\":8"),
    ("bytes", "\"logicalType\":\"decimal\",\"scale\":4,\"precision\":8"),
    ("bytes", "\"logicalType\":\"decimal\",\"precision\":20"),
    ("bytes", "\"logicalType\":\"big-decimal\""),
    ("bytes", "\"logicalType\":\"decimal\",\"scale\":9,\"precision\":8"),
    ("bytes", "\"logicalType\":\"decimal\",\"precision\":\"8\""),
    ("int", "\"logicalType\":\"timestamp-millis\""),
    ("string", "\"logicalType\":\"decimal\",\"precision\":4"),
    ("double", "\"logicalType\":\"own\",\"unit\":\"m\""),
    ("long", "\"logicalType\":7"),
    ("null", "\"logicalType\":null"),
    ("string", "\"avro.java.string\":\"String\""),
];
/// Sizes of fixed and their logical types.
const FIXED: [(usize, &str); 9] = [
    (0, ""),
    (1, ""),
    (2, ""),
    (16, ""),
    (16, ",\"logicalType\":\"uuid\""),
    (12, ",\"logicalType\":\"duration\""),
    (3, ",\"logicalType\":\"uuid\""),
    (3, ",\"logicalType\":\"decimal\",\"precision\":6,\"scale\":2"),
    (3, ",\"logicalType\":\"decimal\",\"precision\":7,\"scale\":2"),
];
const EXTRA: [&str; 6] = [
    "",
    "",
    ",\"doc\":\"a \\\"doc\\\" \\u00fc\"",
    ",\"z\":{\"b\":[1,2.50,null],\"a\":1e3},\"y\":true",
    ",\"order\":\"descending\"",
    ",/* a comment */\"order\":\"ignore\"",
];

/// Makes types; counts names up so that they differ, and knows the ones made.
pub(crate) struct Types<'r> {
    pub(crate) random: &'r mut Random,
    count: usize,
    known: Vec<String>,
    open: Vec<String>,
}

impl<'r> Types<'r> {
    pub(crate) fn new(random: &'r mut Random) -> Types<'r> {
        Types {
            random,
            count: 0,
            known: Vec::new(),
            open: Vec::new(),
        }
    }

    fn named(&mut self, word: &str) -> Named {
        self.count += 1;
        let namespace = self.random.pick(&NAMESPACES).map(str::to_owned);
        let mut named = Named {
            namespace,
            short: format!("{word}{}", self.count),
            aliases: Vec::new(),
        };
        match self.random.below(20) {
            0..=2 => named.aliases.push(format!("shop.Old{}", self.count)),
            3 => named.aliases.push(format!("Old{}", self.count)),
            4 => named.aliases.push(format!(".Old{}", self.count)),
            // Another type of this schema, maybe.
            5 => named.aliases.extend(["b.Record1".to_owned(), "Enum2".to_owned()]),
            _ => {}
        }
        named
    }

    fn full(named: &Named) -> String {
        match &named.namespace {
            Some(namespace) => format!("{namespace}.{}", named.short),
            None => named.short.clone(),
        }
    }

    pub(crate) fn any(&mut self, depth: usize) -> Type {
        let choice = if depth == 0 {
            self.random.below(10)
        } else {
            self.random.below(22)
        };
        match choice {
            0..=7 => Type::Primitive(PRIMITIVES[choice]),
            8 => {
                let (primitive, logical) = self.random.pick(&LOGICAL);
                Type::Logical(primitive, logical)
            }
            9 if !self.known.is_empty() => Type::Reference(self.random.pick(&self.known)),
            10 if !self.open.is_empty() => {
                // Recursion goes through a union or an array, so that finite data exists.
                let inner = Type::Reference(self.random.pick(&self.open));
                if self.random.once_in(2) {
                    Type::Array(Box::new(inner))
                } else {
                    Type::Union(vec![Type::Primitive("null"), inner])
                }
            }
            9..=11 => Type::Array(Box::new(self.any(depth.saturating_sub(1)))),
            12 => Type::Map(Box::new(self.any(depth - 1))),
            13..=15 => self.union(depth),
            16 => self.enumeration(),
            17 => {
                let name = self.named("Fixed");
                self.known.push(Types::full(&name));
                let (size, logical) = self.random.pick(&FIXED);
                Type::Fixed { name, size, logical }
            }
            _ => self.record(depth),
        }
    }

    fn union(&mut self, depth: usize) -> Type {
        let mut branches = Vec::new();
        let mut kinds = Vec::new();
        for _ in 0..=self.random.below(3) {
            let branch = self.any(depth - 1);
            let kind = match &branch {
                Type::Primitive(word) | Type::Logical(word, _) => (*word).to_owned(),
                Type::Array(_) => "array".to_owned(),
                Type::Map(_) => "map".to_owned(),
                Type::Union(_) => continue,
                Type::Reference(full) => full.clone(),
                Type::Enum { name, .. } | Type::Fixed { name, .. } | Type::Record { name, .. } => {
                    Types::full(name)
                }
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
                branches.push(branch);
            }
        }
        Type::Union(branches)
    }

    fn enumeration(&mut self) -> Type {
        let name = self.named("Enum");
        let symbols: Vec<String> = (0..=self.random.below(4))
            .map(|index| format!("S{index}"))
            .collect();
        let default = if self.random.once_in(3) {
            Some(self.random.pick(&symbols))
        } else {
            None
        };
        self.known.push(Types::full(&name));
        Type::Enum {
            name,
            symbols,
            default,
        }
    }

    pub(crate) fn record(&mut self, depth: usize) -> Type {
        let name = self.named("Record");
        self.open.push(Types::full(&name));
        let count = self.random.below(5);
        let fields = (0..count)
            .map(|index| self.field(format!("f{index}"), depth.saturating_sub(1)))
            .collect();
        self.open.pop();
        self.known.push(Types::full(&name));
        let word = if self.random.once_in(12) {
            "error"
        } else {
            "record"
        };
        Type::Record { name, fields, word }
    }

    pub(crate) fn field(&mut self, name: String, depth: usize) -> Field {
        let kind = self.any(depth);
        let default = if self.random.once_in(2) {
            default(self.random, &kind)
        } else {
            None
        };
        let aliases = if self.random.once_in(8) {
            vec![format!("{name}_old")]
        } else {
            Vec::new()
        };
        Field {
            name,
            kind,
            default,
            aliases,
            extra: self.random.pick(&EXTRA),
        }
    }
}

/// A default of a type, as JSON; none for what would need another definition.
pub(crate) fn default(random: &mut Random, kind: &Type) -> Option<String> {
    Some(match kind {
        Type::Primitive(word) | Type::Logical(word, _) => match *word {
            "null" => "null",
            "boolean" => "true",
            "int" | "long" => random.pick(&["0", "-1", "1000"]),
            "float" => random.pick(&["1", "0.5", "\"NaN\"", "\"-2.5\""]),
            "double" => random.pick(&["-0.0", "1.5e10", "1e-7", "\"Infinity\"", "100"]),
            // The digits, their number in front, and the scale behind.
            "bytes" if matches!(kind, Type::Logical(_, logical) if logical.contains("big-decimal")) => {
                "\"\\u0002a\\u0004\""
            }
            // Never empty where it is a decimal: that is no number.
            "bytes" if matches!(kind, Type::Logical(..)) => "\"\\u00ff\"",
            "bytes" => random.pick(&["\"\"", "\"\\u00ff\\u0001\""]),
            _ => random.pick(&["\"\"", "\"text\"", "\"\\u00e9\\n\""]),
        }
        .to_owned(),
        Type::Array(item) => match default(random, item) {
            Some(item) if random.once_in(2) => format!("[{item}]"),
            _ => "[]".to_owned(),
        },
        Type::Map(value) => match default(random, value) {
            Some(value) if random.once_in(2) => format!("{{\"k\":{value}}}"),
            _ => "{}".to_owned(),
        },
        // Any branch may be meant; which one Java takes is compared.
        Type::Union(branches) if branches.is_empty() => return None,
        Type::Union(branches) => {
            let branch = if random.once_in(2) {
                0
            } else {
                random.below(branches.len())
            };
            return default(random, &branches[branch]);
        }
        Type::Enum { symbols, .. } => format!("\"{}\"", random.pick(symbols)),
        Type::Fixed { size, .. } => format!("\"{}\"", "x".repeat(*size)),
        Type::Record { fields, .. } => {
            let mut entries = Vec::new();
            for field in fields {
                match default(random, &field.kind) {
                    Some(value) => entries.push(format!("\"{}\":{value}", field.name)),
                    None if field.default.is_some() => {}
                    None => return None,
                }
            }
            format!("{{{}}}", entries.join(","))
        }
        Type::Reference(_) => return None,
    })
}

/// Writes a type down.
pub(crate) fn write(kind: &Type, random: &mut Random) -> String {
    let blank = random.pick(&["", "", " ", "\n  "]);
    match kind {
        Type::Primitive(word) if random.once_in(4) => format!("{{{blank}\"type\":\"{word}\"}}"),
        Type::Primitive(word) => format!("\"{word}\""),
        Type::Logical(word, logical) => format!("{{\"type\":\"{word}\",{blank}{logical}}}"),
        Type::Reference(full) => format!("\"{full}\""),
        Type::Array(item) => format!("{{\"type\":\"array\",{blank}\"items\":{}}}", write(item, random)),
        Type::Map(value) => format!(
            "{{\"values\":{},{blank}\"type\":\"map\",\"p\":1}}",
            write(value, random)
        ),
        Type::Union(branches) => {
            let branches: Vec<String> = branches.iter().map(|branch| write(branch, random)).collect();
            format!("[{blank}{}]", branches.join(","))
        }
        Type::Enum {
            name,
            symbols,
            default,
        } => {
            let default = default
                .as_ref()
                .map(|symbol| format!(",\"default\":\"{symbol}\""))
                .unwrap_or_default();
            format!(
                "{{\"type\":\"enum\",{}{default},\"symbols\":{symbols:?}}}",
                head(name, random)
            )
        }
        Type::Fixed { name, size, logical } => format!(
            "{{{blank}\"size\":{size},{},\"type\":\"fixed\"{logical}}}",
            head(name, random)
        ),
        Type::Record { name, fields, word } => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| {
                    let default = field
                        .default
                        .as_ref()
                        .map(|text| format!(",\"default\":{text}"))
                        .unwrap_or_default();
                    let aliases = if field.aliases.is_empty() {
                        String::new()
                    } else {
                        format!(",\"aliases\":{:?}", field.aliases)
                    };
                    let kind = write(&field.kind, random);
                    format!(
                        "{{\"name\":\"{}\",\"type\":{kind}{default}{aliases}{}}}",
                        field.name, field.extra
                    )
                })
                .collect();
            format!(
                "{{\"type\":\"{word}\",{},{blank}\"fields\":[{}]}}",
                head(name, random),
                fields.join(",")
            )
        }
    }
}

fn head(name: &Named, random: &mut Random) -> String {
    let aliases = if name.aliases.is_empty() {
        String::new()
    } else {
        format!(",\"aliases\":{:?}", name.aliases)
    };
    let namespace = name.namespace.as_deref().unwrap_or_default();
    if namespace.is_empty() || random.once_in(2) {
        format!(
            "\"name\":\"{}\",\"namespace\":\"{namespace}\"{aliases}",
            name.short
        )
    } else {
        format!("\"name\":\"{namespace}.{}\"{aliases}", name.short)
    }
}
