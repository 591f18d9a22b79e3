//! Protobuf descriptors as the definitions that code is generated from.
//!
//! `schema-model` has compiled the text with all it imports; its descriptors carry no comments and no places, which are
//! taken from the texts.

mod comments;

use std::collections::{BTreeMap, BTreeSet};

use annals_schema_model::{Resolved, proto};
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use prost_reflect::{DescriptorPool, MessageDescriptor, Value};

use crate::model::proto::{
    Default, Enum, EnumValue, Field, File, Kind, Message, Occurs, Oneof, Scalar, Schema, Top,
};
use crate::unit::ProtoEvents;
use comments::Comments;

/// What the import names of files that come with every library begin with.
const WELL_KNOWN: &str = "google/protobuf/";

/// Numbers of fields of descriptors: what a path to a declaration is made of.
mod part {
    pub(super) const FILE_MESSAGE: i32 = 4;
    pub(super) const FILE_ENUM: i32 = 5;
    pub(super) const MESSAGE_FIELD: i32 = 2;
    pub(super) const MESSAGE_MESSAGE: i32 = 3;
    pub(super) const MESSAGE_ENUM: i32 = 4;
    pub(super) const MESSAGE_ONEOF: i32 = 8;
    pub(super) const ENUM_VALUE: i32 = 2;
}

/// Whether a path is that of a file every library brings along, which no other file can replace.
pub(crate) fn is_well_known(import: &str) -> bool {
    import.starts_with(WELL_KNOWN) && proto::Schema::is_built_in(import)
}

/// A compiled schema. `label` is what docs call its file, `imports` are the texts it was compiled with.
pub(crate) fn schema(compiled: &proto::Schema, label: &str, imports: &[Resolved]) -> Schema {
    let main = compiled.file().name().to_owned();
    let pool = compiled.file().parent_pool();
    let mut protos: Vec<&FileDescriptorProto> = pool.file_descriptor_protos().collect();
    protos.sort_by_key(|file| (file.name() != main, file.name().to_owned()));
    let text = |file: &FileDescriptorProto| {
        let imported = || imports.iter().find(|import| import.name == file.name());
        if file.name() == main {
            Some(compiled.text())
        } else {
            imported().map(|import| import.text.as_str())
        }
    };
    let files = protos.iter().map(|file| {
        let comments = text(file).map(|text| Comments::of(file.name(), text));
        let name = if file.name() == main { label } else { file.name() };
        Reading {
            pool,
            is_proto3: file.syntax() == "proto3",
            comments: comments.unwrap_or_default(),
        }
        .file(file, name)
    });
    Schema {
        files: files.collect(),
        tops: all_tops(&protos),
    }
}

/// A file being read.
struct Reading<'a> {
    pool: &'a DescriptorPool,
    is_proto3: bool,
    comments: Comments,
}

/// A declaration: the full name of what is around it, and its path.
#[derive(Clone, Copy)]
struct Place<'a> {
    around: &'a str,
    path: &'a [i32],
}

impl Reading<'_> {
    fn file(&self, file: &FileDescriptorProto, name: &str) -> File {
        let around = file.package();
        let messages = file.message_type.iter().enumerate().map(|(index, message)| {
            let path = &[part::FILE_MESSAGE, number(index)];
            self.message(message, Place { around, path }, &[number(index)])
        });
        let enums = file.enum_type.iter().enumerate().map(|(index, declared)| {
            let path = &[part::FILE_ENUM, number(index)];
            self.enumeration(declared, Place { around, path })
        });
        File {
            name: name.to_owned(),
            package: around.to_owned(),
            is_well_known: is_well_known(file.name()),
            messages: messages.collect(),
            enums: enums.collect(),
        }
    }

    fn message(&self, message: &DescriptorProto, place: Place<'_>, indexes: &[i32]) -> Message {
        let full_name = joined(place.around, message.name());
        let entries = message.nested_type.iter().filter(|inner| is_entry(inner));
        let entries: BTreeMap<String, &DescriptorProto> = entries
            .map(|entry| (joined(&full_name, entry.name()), entry))
            .collect();
        let oneofs = real_oneofs(message);
        let compiled = self.pool.get_message_by_name(&full_name);
        let fields = message.field.iter().enumerate().map(|(index, field)| {
            let path = inside(place.path, part::MESSAGE_FIELD, index);
            let entry = entries.get(name_of_type(field)).copied();
            self.field(field, &path, entry, &oneofs, compiled.as_ref())
        });
        let declared = message.nested_type.iter().enumerate();
        let declared = declared.filter(|(_, inner)| !is_entry(inner));
        let messages = declared.enumerate().map(|(count, (index, inner))| {
            let path = &inside(place.path, part::MESSAGE_MESSAGE, index);
            let indexes = [indexes, &[number(count)]].concat();
            let around = &full_name;
            self.message(inner, Place { around, path }, &indexes)
        });
        let enums = message.enum_type.iter().enumerate().map(|(index, declared)| {
            let path = &inside(place.path, part::MESSAGE_ENUM, index);
            let around = &full_name;
            self.enumeration(declared, Place { around, path })
        });
        let named = oneofs.iter().filter_map(|index| {
            let path = inside(place.path, part::MESSAGE_ONEOF, *index);
            Some(Oneof {
                name: message.oneof_decl.get(*index)?.name().to_owned(),
                about: self.comments.about(&path, false),
            })
        });
        let deprecated = message
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated());
        Message {
            about: self.comments.about(place.path, deprecated),
            indexes: indexes.to_vec(),
            fields: fields.collect(),
            oneofs: named.collect(),
            messages: messages.collect(),
            enums: enums.collect(),
            full_name,
        }
    }

    fn field(
        &self,
        field: &FieldDescriptorProto,
        path: &[i32],
        entry: Option<&DescriptorProto>,
        oneofs: &[usize],
        message: Option<&MessageDescriptor>,
    ) -> Field {
        let deprecated = field.options.as_ref().is_some_and(|options| options.deprecated());
        let of_entry =
            |number: i32| entry.and_then(|entry| entry.field.iter().find(|it| it.number() == number));
        let occurs = match of_entry(1).map(kind) {
            Some(Kind::Scalar(key)) => Occurs::Map(key),
            _ => self.occurs(field, oneofs),
        };
        Field {
            name: field.name().to_owned(),
            number: field.number(),
            about: self.comments.about(path, deprecated),
            occurs,
            kind: kind(of_entry(2).unwrap_or(field)),
            default: default(message, field),
        }
    }

    fn occurs(&self, field: &FieldDescriptorProto, oneofs: &[usize]) -> Occurs {
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        let oneof = oneof.and_then(|index| oneofs.iter().position(|oneof| number(*oneof) == index));
        let is_message = matches!(field.r#type(), Type::Message | Type::Group);
        match (field.label(), oneof) {
            (_, Some(oneof)) => Occurs::Member(oneof),
            (Label::Required, _) => Occurs::Required,
            (Label::Repeated, _) => {
                let said = field.options.as_ref().and_then(|options| options.packed);
                let can = !is_message && !matches!(field.r#type(), Type::String | Type::Bytes);
                Occurs::Repeated {
                    packed: can && said.unwrap_or(self.is_proto3),
                }
            }
            (Label::Optional, _) if self.is_proto3 && !field.proto3_optional() && !is_message => {
                Occurs::Always
            }
            (Label::Optional, _) => Occurs::Optional,
        }
    }

    fn enumeration(&self, declared: &EnumDescriptorProto, place: Place<'_>) -> Enum {
        let values = declared.value.iter().enumerate().map(|(index, value)| {
            let path = inside(place.path, part::ENUM_VALUE, index);
            let deprecated = value.options.as_ref().is_some_and(|options| options.deprecated());
            EnumValue {
                name: value.name().to_owned(),
                number: value.number(),
                about: self.comments.about(&path, deprecated),
            }
        });
        let deprecated = declared
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated());
        Enum {
            full_name: joined(place.around, declared.name()),
            values: values.collect(),
            about: self.comments.about(place.path, deprecated),
        }
    }
}

/// A place in a list as descriptors count it.
fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn inside(path: &[i32], list: i32, index: usize) -> Vec<i32> {
    [path, &[list, number(index)]].concat()
}

fn joined(around: &str, name: &str) -> String {
    if around.is_empty() {
        name.to_owned()
    } else {
        format!("{around}.{name}")
    }
}

fn is_entry(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(|options| options.map_entry())
}

/// The oneofs somebody wrote: those that are not there for a field to be optional.
fn real_oneofs(message: &DescriptorProto) -> Vec<usize> {
    let is_real = |index: &usize| {
        let index = Some(number(*index));
        let mut fields = message.field.iter();
        fields.any(|field| field.oneof_index == index && !field.proto3_optional())
    };
    (0..message.oneof_decl.len()).filter(is_real).collect()
}

/// The full name of a field's type, without the dot before it.
fn name_of_type(field: &FieldDescriptorProto) -> &str {
    field.type_name().trim_start_matches('.')
}

fn kind(field: &FieldDescriptorProto) -> Kind {
    let name = || name_of_type(field).to_owned();
    Kind::Scalar(match field.r#type() {
        Type::Message => return Kind::Message(name()),
        Type::Group => return Kind::Group(name()),
        Type::Enum => return Kind::Enum(name()),
        Type::Double => Scalar::Double,
        Type::Float => Scalar::Float,
        Type::Int64 => Scalar::Int64,
        Type::Uint64 => Scalar::Uint64,
        Type::Int32 => Scalar::Int32,
        Type::Fixed64 => Scalar::Fixed64,
        Type::Fixed32 => Scalar::Fixed32,
        Type::Bool => Scalar::Bool,
        Type::String => Scalar::String,
        Type::Bytes => Scalar::Bytes,
        Type::Uint32 => Scalar::Uint32,
        Type::Sfixed32 => Scalar::Sfixed32,
        Type::Sfixed64 => Scalar::Sfixed64,
        Type::Sint32 => Scalar::Sint32,
        Type::Sint64 => Scalar::Sint64,
    })
}

/// The default that a text gives a field; compilers read it.
fn default(message: Option<&MessageDescriptor>, field: &FieldDescriptorProto) -> Option<Default> {
    field.default_value.as_ref()?;
    let number = u32::try_from(field.number()).ok()?;
    Some(match message?.get_field(number)?.default_value() {
        Value::Bool(value) => Default::Bool(value),
        Value::I32(value) => Default::Int(value.into()),
        Value::I64(value) => Default::Int(value.into()),
        Value::U32(value) => Default::Int(value.into()),
        Value::U64(value) => Default::Int(value.into()),
        Value::F32(value) => Default::Float(value.into()),
        Value::F64(value) => Default::Float(value),
        Value::String(value) => Default::String(value),
        Value::Bytes(value) => Default::Bytes(value.to_vec()),
        Value::EnumNumber(_) => Default::Symbol(field.default_value().to_owned()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => return None,
    })
}

/// What is declared at the tops of all files.
fn all_tops(files: &[&FileDescriptorProto]) -> BTreeMap<String, Top> {
    let mut all: BTreeMap<String, Top> = files.iter().flat_map(|file| tops(file)).collect();
    let names: BTreeSet<String> = all.keys().cloned().collect();
    for top in all.values_mut() {
        let used = std::mem::take(&mut top.uses).into_iter();
        top.uses = used.filter_map(|name| top_of(&names, &name)).collect();
    }
    all
}

/// The declaration at the top of a file that a name is in.
fn top_of(tops: &BTreeSet<String>, name: &str) -> Option<String> {
    let mut name = name;
    loop {
        match tops.get(name) {
            Some(top) => return Some(top.clone()),
            None => name = name.rsplit_once('.')?.0,
        }
    }
}

/// What is declared at the top of a file, to compare it with what another file declares under its name.
fn tops(file: &FileDescriptorProto) -> Vec<(String, Top)> {
    let name = |name: &str| joined(file.package(), name);
    let meaning = |bytes: Vec<u8>| [file.syntax().as_bytes(), &[0], &bytes].concat();
    let messages = file.message_type.iter().map(|message| {
        let mut open = vec![message];
        let mut uses = BTreeSet::new();
        while let Some(message) = open.pop() {
            uses.extend(
                message
                    .field
                    .iter()
                    .filter(|field| field.type_name.is_some())
                    .map(|field| name_of_type(field).to_owned()),
            );
            open.extend(&message.nested_type);
        }
        let meaning = meaning(message.encode_to_vec());
        (name(message.name()), Top { meaning, uses })
    });
    let enums = file.enum_type.iter().map(|declared| {
        let (meaning, uses) = (meaning(declared.encode_to_vec()), BTreeSet::new());
        (name(declared.name()), Top { meaning, uses })
    });
    messages.chain(enums).collect()
}

/// What the events of a schema are: the messages of a subject's name, or all that are in no other. One message with one
/// oneof alone is what surrounds them.
pub(crate) fn events(schema: &Schema, record: Option<&str>) -> ProtoEvents {
    let messages = schema.main().map_or(&[][..], |file| &file.messages);
    match (record, messages) {
        (Some(record), _) => ProtoEvents::Messages(vec![record.to_owned()]),
        (None, [top, ..]) if top.oneofs.len() == 1 => ProtoEvents::Members {
            message: top.full_name.clone(),
            oneof: 0,
        },
        (None, all) => ProtoEvents::Messages(all.iter().map(|message| message.full_name.clone()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}// Of a file.
syntax = \"proto2\";
package a.b;
import \"c.proto\";
import \"google/protobuf/any.proto\";

// First.
//  code
message A { // behind
  /* A field. */ optional int32 x = 1 [default = -7, deprecated = true];
  repeated string y = 2;
  map<string, A.Inner> m = 3;
  optional group G = 4 { required bytes raw = 1 [default = \"\\001\\xffq\\n\"]; }
  oneof one { E e = 5; c.C c = 6; }
  message Inner { message Deep {} }
  repeated sint64 packed = 7 [packed = true];
  extensions 100 to 200;
  enum E { option allow_alias = true; ZERO = 0; /* Two. */ TWO = 2; ALSO = 2 [deprecated = true]; }
}
";

    fn compiled(text: &str, imports: &[Resolved]) -> Schema {
        let compiled = proto::Schema::parse(text, imports).unwrap();
        schema(&compiled, "schemas/v1.proto", imports)
    }

    fn import(text: &str) -> Vec<Resolved> {
        vec![Resolved {
            name: "c.proto".to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn a_file_with_everything() {
        let read = compiled(
            TEXT,
            &import("syntax = \"proto3\"; package c;\n// Imported.\nmessage C {}"),
        );
        let names: Vec<_> = read
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.is_well_known))
            .collect();
        assert_eq!(
            names,
            [
                ("schemas/v1.proto", false),
                ("c.proto", false),
                ("google/protobuf/any.proto", true)
            ]
        );
        let a = read.message("a.b.A").unwrap();
        assert_eq!(a.about.doc.as_deref(), Some(" First.\n  code\n\n behind"));
        assert_eq!((a.about.line, &a.indexes[..]), (9, &[0][..]));
        let fields: Vec<_> = a
            .fields
            .iter()
            .map(|field| {
                (
                    field.name.as_str(),
                    field.number,
                    field.occurs,
                    field.kind.clone(),
                )
            })
            .collect();
        let (int, text) = (Kind::Scalar(Scalar::Int32), Kind::Scalar(Scalar::String));
        let expected = [
            ("x", 1, Occurs::Optional, int),
            ("y", 2, Occurs::Repeated { packed: false }, text),
            (
                "m",
                3,
                Occurs::Map(Scalar::String),
                Kind::Message("a.b.A.Inner".to_owned()),
            ),
            ("g", 4, Occurs::Optional, Kind::Group("a.b.A.G".to_owned())),
            ("e", 5, Occurs::Member(0), Kind::Enum("a.b.A.E".to_owned())),
            ("c", 6, Occurs::Member(0), Kind::Message("c.C".to_owned())),
            (
                "packed",
                7,
                Occurs::Repeated { packed: true },
                Kind::Scalar(Scalar::Sint64),
            ),
        ];
        assert_eq!(fields, expected);
        assert_eq!(a.fields[0].default, Some(Default::Int(-7)));
        assert!(a.fields[0].about.deprecated);
        assert_eq!(a.fields[0].about.doc.as_deref(), Some(" A field."));
        assert_eq!(a.oneofs[0].name, "one");
    }

    #[test]
    fn what_is_declared_inside() {
        let read = compiled(
            TEXT,
            &import("syntax = \"proto3\"; package c;\n// Imported.\nmessage C {}"),
        );
        let a = read.message("a.b.A").unwrap();
        let inner: Vec<_> = read.files[0]
            .all_messages()
            .iter()
            .map(|message| (message.full_name.clone(), message.indexes.clone()))
            .collect();
        let expected = [
            ("a.b.A", vec![0]),
            ("a.b.A.G", vec![0, 0]),
            ("a.b.A.Inner", vec![0, 1]),
            ("a.b.A.Inner.Deep", vec![0, 1, 0]),
        ];
        assert_eq!(inner, expected.map(|(name, indexes)| (name.to_owned(), indexes)));
        let g = read.message("a.b.A.G").unwrap();
        assert_eq!(
            g.fields[0].default,
            Some(Default::Bytes(vec![1, 255, b'q', b'\n']))
        );
        let values: Vec<_> = a.enums[0]
            .values
            .iter()
            .map(|value| (value.name.as_str(), value.number, value.about.deprecated))
            .collect();
        assert_eq!(values, [("ZERO", 0, false), ("TWO", 2, false), ("ALSO", 2, true)]);
        assert_eq!(
            read.message("c.C").unwrap().about.doc.as_deref(),
            Some(" Imported.")
        );
    }

    #[test]
    fn proto3_fields() {
        let text = "syntax = \"proto3\"; message A { int32 a = 1; optional int32 b = 2; A c = 3; repeated int32 d = 4; repeated A e = 5; repeated int32 f = 6 [packed = false]; oneof o { int32 g = 7; } }";
        let read = compiled(text, &[]);
        let occurs: Vec<_> = read
            .message("A")
            .unwrap()
            .fields
            .iter()
            .map(|field| field.occurs)
            .collect();
        let packed = |packed| Occurs::Repeated { packed };
        let expected = [
            Occurs::Always,
            Occurs::Optional,
            Occurs::Optional,
            packed(true),
            packed(false),
            packed(false),
            Occurs::Member(0),
        ];
        assert_eq!(occurs, expected);
    }

    #[test]
    fn types_agree_when_all_they_reach_does() {
        let one = compiled(TEXT, &import("syntax = \"proto3\"; package c; message C {}"));
        let same = compiled(
            &TEXT.replace("// First.", "// 1st."),
            &import("syntax = \"proto3\";\npackage c;\n// Words.\nmessage C {}"),
        );
        let other = compiled(
            TEXT,
            &import("syntax = \"proto3\"; package c; message C { int32 x = 1; }"),
        );
        assert!(one.agrees(&same, "a.b.A") && same.agrees(&one, "c.C"));
        assert!(!one.agrees(&other, "a.b.A") && !one.agrees(&other, "c.C"));
    }
}
