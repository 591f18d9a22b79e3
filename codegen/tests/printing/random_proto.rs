//! Protobuf files that look like chance: packages, imports, messages in messages, oneofs, groups, maps, both syntaxes.
//!
//! Invariant: a row of numbers makes the same files everywhere. Names are tame, so that prost-build has an answer, or wild,
//! so that they meet in Rust; in Protobuf they are apart.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A row of numbers that look like chance.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// Some files; the last imports those before it.
pub(crate) struct Files {
    /// Import name and text.
    pub(crate) files: Vec<(String, String)>,
    /// The full names of the messages of the last file.
    pub(crate) messages: Vec<String>,
}

#[derive(Clone)]
struct Named {
    full_name: String,
    is_proto3: bool,
}

struct Maker<'a> {
    dice: &'a mut Dice,
    wild: bool,
    is_proto3: bool,
    counter: usize,
    messages: Vec<Named>,
    enums: Vec<Named>,
    own: Vec<String>,
    out: String,
}

const WILD: &[&str] = &[
    "Foo",
    "FOO",
    "FooBar",
    "Foo_bar",
    "foo_bar",
    "fooBar",
    "Type",
    "type",
    "Self",
    "self",
    "Option",
    "String",
    "Vec",
    "Box",
    "Some",
    "Bool",
    "I32",
    "_1",
    "X1",
    "x_1",
    "Prost",
    "Core",
    "Clone",
    "Default",
    "super",
    "kind",
    "set_kind",
    "get_kind",
    "push_kind",
    "match",
    "E",
    "e",
    "avro",
];
const SCALARS: &[&str] = &[
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
];
const KEYS: &[&str] = &[
    "int32", "int64", "uint32", "sint64", "fixed32", "sfixed64", "bool", "string",
];

/// Makes files that import each other from a folder.
pub(crate) fn files(dice: &mut Dice, wild: bool, folder: &str) -> Files {
    let mut maker = Maker {
        dice,
        wild,
        is_proto3: true,
        counter: 0,
        messages: Vec::new(),
        enums: Vec::new(),
        own: Vec::new(),
        out: String::new(),
    };
    let mut files: Vec<(String, String)> = Vec::new();
    // A file that another one imports is not told of what it imports itself: all of them import all before.
    for number in 0..1 + maker.dice.roll(3) {
        maker.file(&files);
        files.push((
            format!("{folder}/x{number}.proto"),
            std::mem::take(&mut maker.out),
        ));
    }
    Files {
        files,
        messages: maker.own,
    }
}

impl Maker<'_> {
    fn file(&mut self, imports: &[(String, String)]) {
        self.is_proto3 = self.dice.roll(2) == 0;
        self.own.clear();
        let package = *self.dice.pick(&["", "a", "a.foo", "a.foo.bar", "b", "r2d2"]);
        let _ = writeln!(
            self.out,
            "syntax = \"proto{}\";",
            if self.is_proto3 { 3 } else { 2 }
        );
        if !package.is_empty() {
            let _ = writeln!(self.out, "package {package};");
        }
        for (name, _) in imports {
            let _ = writeln!(self.out, "import \"{name}\";");
        }
        for known in ["timestamp", "wrappers", "struct", "empty"] {
            let _ = writeln!(self.out, "import \"google/protobuf/{known}.proto\";");
        }
        let mut scope: BTreeSet<String> = ["a", "b", "foo", "bar", "google", "r2d2"]
            .map(str::to_owned)
            .into();
        for _ in 0..1 + self.dice.roll(4) {
            if self.dice.roll(4) == 0 {
                self.enumeration(package, &mut scope);
            } else {
                self.message(package, &mut scope, 0);
            }
        }
        if self.own.is_empty() {
            self.message(package, &mut scope, 3);
        }
    }

    /// A name that nothing in the scope has, not even in other letters.
    fn name(&mut self, scope: &mut BTreeSet<String>, prefix: &str, exact: bool) -> String {
        let key = |name: &str| {
            if exact {
                name.to_owned()
            } else {
                name.replace('_', "").to_lowercase()
            }
        };
        if self.wild {
            let name = (*self.dice.pick(WILD)).to_owned();
            if scope.insert(key(&name)) {
                scope.insert(name.clone());
                return name;
            }
        }
        self.counter += 1;
        let name = format!("{prefix}{}", self.counter);
        scope.insert(key(&name));
        scope.insert(name.clone());
        name
    }

    fn enumeration(&mut self, around: &str, scope: &mut BTreeSet<String>) {
        let name = self.name(scope, "Enum", true);
        let full_name = joined(around, &name);
        let _ = writeln!(self.out, "enum {name} {{");
        for value in 0..1 + self.dice.roll(4) {
            self.counter += 1;
            let value_name = match self.dice.roll(3) {
                0 => format!("{}_VALUE{}", name.to_uppercase(), self.counter),
                1 => format!("Value{}", self.counter),
                _ => format!("v_{}", self.counter),
            };
            scope.insert(value_name.clone());
            let _ = writeln!(self.out, "  {value_name} = {};", value * 7);
        }
        self.out.push_str("}\n");
        let is_proto3 = self.is_proto3;
        self.enums.push(Named { full_name, is_proto3 });
    }

    fn message(&mut self, around: &str, scope: &mut BTreeSet<String>, depth: usize) {
        let name = self.name(scope, "Message", true);
        let full_name = joined(around, &name);
        let _ = writeln!(self.out, "// Text of {name}.\nmessage {name} {{");
        self.own.push(full_name.clone());
        let is_proto3 = self.is_proto3;
        self.messages.push(Named {
            full_name: full_name.clone(),
            is_proto3,
        });
        let mut inner = BTreeSet::new();
        if depth < 3 {
            for _ in 0..self.dice.roll(3) {
                if self.dice.roll(3) == 0 {
                    self.enumeration(&full_name, &mut inner);
                } else {
                    self.message(&full_name, &mut inner, depth + 1);
                }
            }
        }
        let mut number = 0;
        for _ in 0..self.dice.roll(6) {
            if self.dice.roll(4) == 0 {
                let oneof = self.name(&mut inner, "choice", false);
                let _ = writeln!(self.out, "oneof {oneof} {{");
                for _ in 0..1 + self.dice.roll(3) {
                    let (kind, field) = (self.kind(false), self.name(&mut inner, "member", false));
                    number += 1;
                    let _ = writeln!(self.out, "  {kind} {field} = {number};");
                }
                self.out.push_str("}\n");
            } else {
                number += 1;
                self.field(&mut inner, number);
            }
        }
        self.out.push_str("}\n");
    }

    fn field(&mut self, scope: &mut BTreeSet<String>, number: usize) {
        if self.dice.roll(5) == 0 {
            let (key, value) = (*self.dice.pick(KEYS), self.kind(true));
            let field = self.name(scope, "map", false);
            let _ = writeln!(self.out, "  map<{key}, {value}> {field} = {number};");
            return;
        }
        if !self.is_proto3 && self.dice.roll(6) == 0 {
            self.counter += 1;
            let label = *self.dice.pick(&["optional", "required", "repeated"]);
            let inner = if self.wild && label != "required" && self.dice.roll(2) == 0 {
                format!("optional {} x = 1;", self.message_name())
            } else {
                "optional int32 x = 1;".to_owned()
            };
            scope.insert(format!("Group{}", self.counter));
            let _ = writeln!(
                self.out,
                "  {label} group Group{} = {number} {{ {inner} }}",
                self.counter
            );
            return;
        }
        let kind = self.kind(false);
        let label = if self.is_proto3 {
            *self.dice.pick(&["", "optional", "repeated"])
        } else if kind.starts_with('.') {
            *self.dice.pick(&["optional", "repeated"])
        } else {
            *self.dice.pick(&["optional", "required", "repeated"])
        };
        let field = self.name(scope, "field", false);
        let is_number = !kind.starts_with('.') && kind != "string" && kind != "bytes";
        let mut options = Vec::new();
        if label == "repeated" && is_number && self.dice.roll(2) == 0 {
            options.push(if self.is_proto3 {
                "packed = false"
            } else {
                "packed = true"
            });
        }
        // Of repeated fields that say nothing of being packed, prost-build 0.14.4 takes the deprecated ones for others.
        if label != "repeated" && self.dice.roll(5) == 0 {
            options.push("deprecated = true");
        }
        let default = match kind.as_str() {
            "int32" | "sint64" | "sfixed32" => "default = -17",
            "uint64" | "fixed32" => "default = 18",
            "double" | "float" => "default = 0.25",
            "string" => "default = \"a \\\"b\\\" c\"",
            "bytes" => "default = \"\\001\\377b\"",
            "bool" => "default = true",
            _ => "",
        };
        if !self.is_proto3 && label != "repeated" && !default.is_empty() && self.dice.roll(2) == 0 {
            options.push(default);
        }
        let options = if options.is_empty() {
            String::new()
        } else {
            format!(" [{}]", options.join(", "))
        };
        let _ = writeln!(self.out, "  {label} {kind} {field} = {number}{options};");
    }

    fn message_name(&mut self) -> String {
        let named = self.dice.pick(&self.messages);
        format!(".{}", named.full_name)
    }

    fn kind(&mut self, in_map: bool) -> String {
        let is_proto3 = self.is_proto3;
        match self.dice.roll(5) {
            0 => self.message_name(),
            1 => {
                let open: Vec<Named> = self
                    .enums
                    .iter()
                    .filter(|named| named.is_proto3 || !is_proto3)
                    .cloned()
                    .collect();
                match open.as_slice() {
                    [] => "int32".to_owned(),
                    some => format!(".{}", self.dice.pick(some).full_name),
                }
            }
            2 if !in_map => {
                let known = [
                    "Timestamp",
                    "StringValue",
                    "DoubleValue",
                    "Struct",
                    "Empty",
                    "Int64Value",
                ];
                format!(".google.protobuf.{}", self.dice.pick(&known))
            }
            _ => (*self.dice.pick(SCALARS)).to_owned(),
        }
    }
}

fn joined(around: &str, name: &str) -> String {
    if around.is_empty() {
        name.to_owned()
    } else {
        format!("{around}.{name}")
    }
}
