//! What the reference compiler refuses and the one used here lets pass.
//!
//! Looked at in the schema's own file only: an import was looked at when it was registered. Left out: what is a warning
//! there, extension blocks without extensions, and options that lack required fields.

use std::collections::{HashMap, HashSet};

use prost_reflect::{
    FileDescriptor, Syntax,
    prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
        field_descriptor_proto::{Label, Type},
        field_options::JsType,
        file_options::OptimizeMode,
    },
};

use super::{places::Places, tag};

/// Descriptor path and message.
type Unsound = (Vec<i32>, String);

/// Says which declaration is refused, and why.
pub(super) fn check(file: &FileDescriptor, places: &Places) -> Result<(), Unsound> {
    let proto = file.file_descriptor_proto();
    let sound = Sound {
        places,
        proto3: file.syntax() == Syntax::Proto3,
    };
    if file.options().has_field_by_name("features") {
        return Err((
            vec![tag::FILE_OPTIONS],
            "only editions have features; remove the option".to_owned(),
        ));
    }
    lite_extensions(file, proto)?;
    extension_numbers(file)?;
    sound.fields(&[tag::FILE_EXTENSION], &proto.extension)?;
    for (index, descriptor) in proto.enum_type.iter().enumerate() {
        sound.enumeration(&[tag::FILE_ENUM, small(index)], descriptor)?;
    }
    let messages = proto.message_type.iter().enumerate();
    let mut open: Vec<_> = messages
        .map(|(index, message)| (vec![tag::FILE_MESSAGE, small(index)], message))
        .collect();
    while let Some((path, message)) = open.pop() {
        sound.message(&path, message)?;
        for (index, descriptor) in message.enum_type.iter().enumerate() {
            sound.enumeration(&join(&path, tag::ENUM, index), descriptor)?;
        }
        let nested = message.nested_type.iter().enumerate();
        open.extend(nested.map(|(index, nested)| (join(&path, tag::NESTED, index), nested)));
    }
    map_values(file)
}

fn small(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn join(path: &[i32], field: i32, index: usize) -> Vec<i32> {
    [path, &[field, small(index)]].concat()
}

struct Sound<'a> {
    places: &'a Places,
    proto3: bool,
}

impl Sound<'_> {
    fn message(&self, path: &[i32], message: &DescriptorProto) -> Result<(), Unsound> {
        let options = message.options.as_ref();
        if options.is_some_and(|options| options.map_entry()) && self.places.get(path).is_some() {
            let message = "map_entry is not set by hand; write map<…> as the field's type";
            return Err((path.to_vec(), message.to_owned()));
        }
        if options.is_some_and(|options| options.message_set_wire_format()) && !message.field.is_empty() {
            let message = "a message with message_set_wire_format has no fields of its own";
            return Err((path.to_vec(), message.to_owned()));
        }
        if self.proto3 && !message.extension_range.is_empty() {
            let message = "proto3 has no extension ranges; use syntax \"proto2\"".to_owned();
            return Err((join(path, tag::EXTENSION_RANGE, 0), message));
        }
        let reserved = message
            .reserved_range
            .iter()
            .enumerate()
            .map(|(index, range)| Range {
                path: join(path, tag::RESERVED_RANGE, index),
                start: range.start(),
                last: range.end().saturating_sub(1),
            });
        let extensions = message
            .extension_range
            .iter()
            .enumerate()
            .map(|(index, range)| Range {
                path: join(path, tag::EXTENSION_RANGE, index),
                start: range.start(),
                last: range.end().saturating_sub(1),
            });
        ranges(reserved.chain(extensions).collect())?;
        let fields = message.field.iter().map(FieldDescriptorProto::name);
        reserved_names(
            path,
            tag::RESERVED_NAME,
            &message.reserved_name,
            fields,
            tag::FIELD,
        )?;
        self.fields(&[path, &[tag::EXTENSION]].concat(), &message.extension)?;
        self.fields(&[path, &[tag::FIELD]].concat(), &message.field)
    }

    fn fields(&self, path: &[i32], fields: &[FieldDescriptorProto]) -> Result<(), Unsound> {
        for (index, field) in fields.iter().enumerate() {
            options_fit(field).map_err(|message| ([path, &[small(index)]].concat(), message))?;
        }
        Ok(())
    }

    fn enumeration(&self, path: &[i32], descriptor: &EnumDescriptorProto) -> Result<(), Unsound> {
        let reserved = descriptor
            .reserved_range
            .iter()
            .enumerate()
            .map(|(index, range)| Range {
                path: join(path, tag::ENUM_RESERVED_RANGE, index),
                start: range.start(),
                last: range.end(),
            });
        ranges(reserved.collect())?;
        let values = || descriptor.value.iter();
        let names = values().map(|value| value.name());
        reserved_names(
            path,
            tag::ENUM_RESERVED_NAME,
            &descriptor.reserved_name,
            names,
            tag::ENUM_VALUE,
        )?;
        let numbers: HashSet<i32> = values().map(|value| value.number()).collect();
        let aliases = descriptor
            .options
            .as_ref()
            .is_some_and(|options| options.allow_alias());
        if aliases && numbers.len() == descriptor.value.len() {
            let message = "allow_alias is set, but no two values share a number; remove it".to_owned();
            return Err((path.to_vec(), message));
        }
        distinct_values(path, descriptor)
    }
}

/// Inclusive, with its place.
struct Range {
    path: Vec<i32>,
    start: i32,
    last: i32,
}

fn ranges(mut ranges: Vec<Range>) -> Result<(), Unsound> {
    if let Some(range) = ranges.iter().find(|range| range.last < range.start) {
        let message = format!(
            "the range {} to {} ends before it starts",
            range.start, range.last
        );
        return Err((range.path.clone(), message));
    }
    ranges.sort_by_key(|range| range.start);
    for pair in ranges.windows(2) {
        let [before, after] = pair else { continue };
        if after.start <= before.last {
            let message = format!(
                "the range {} to {} overlaps the range {} to {}",
                after.start, after.last, before.start, before.last
            );
            return Err((after.path.clone(), message));
        }
    }
    Ok(())
}

fn reserved_names<'a>(
    path: &[i32],
    field: i32,
    reserved: &[String],
    declared: impl Iterator<Item = &'a str>,
    declared_field: i32,
) -> Result<(), Unsound> {
    let mut known = HashSet::new();
    for (index, name) in reserved.iter().enumerate() {
        if !known.insert(name.as_str()) {
            let message = format!("the name \"{name}\" is reserved twice; remove one");
            return Err((join(path, field, index), message));
        }
    }
    for (index, name) in declared.enumerate() {
        if known.contains(name) {
            let message = format!("the name \"{name}\" is reserved; use another");
            return Err((join(path, declared_field, index), message));
        }
    }
    Ok(())
}

/// Whether a field's options go with its type.
fn options_fit(field: &FieldDescriptorProto) -> Result<(), String> {
    let json_name = field.json_name();
    if json_name.contains('\0') {
        return Err("a json_name holds no null character".to_owned());
    }
    if json_name.starts_with('[') && json_name.ends_with(']') {
        return Err("a json_name does not start with [ and end with ]: those name extensions".to_owned());
    }
    let Some(options) = &field.options else {
        return Ok(());
    };
    let name = field.name();
    let kind = field.r#type();
    let primitive = !matches!(kind, Type::String | Type::Bytes | Type::Message | Type::Group);
    if options.packed() && (field.label() != Label::Repeated || !primitive) {
        return Err(format!(
            "field \"{name}\" cannot be packed: only repeated numbers, bools and enums can"
        ));
    }
    if options.lazy() && kind != Type::Message {
        return Err(format!("field \"{name}\" cannot be lazy: only messages can"));
    }
    let wide = matches!(
        kind,
        Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64
    );
    if options.jstype() != JsType::JsNormal && !wide {
        return Err(format!(
            "field \"{name}\" cannot have a jstype: only 64-bit integers can"
        ));
    }
    Ok(())
}

/// Values whose names differ only in case, underscores or the enum's own name are one name in some languages.
fn distinct_values(path: &[i32], descriptor: &EnumDescriptorProto) -> Result<(), Unsound> {
    let mut known: HashMap<String, (&str, i32)> = HashMap::new();
    for (index, value) in descriptor.value.iter().enumerate() {
        let key = bare_name(descriptor.name(), value.name());
        let (other, number) = *known.entry(key).or_insert((value.name(), value.number()));
        if other != value.name() && number != value.number() {
            let message = format!(
                "the value \"{}\" has the name of \"{other}\" once case, underscores and the enum's name are left out; \
                 rename it",
                value.name()
            );
            return Err((join(path, tag::ENUM_VALUE, index), message));
        }
    }
    Ok(())
}

/// A value's name in one case, without underscores and without the enum's name before it.
fn bare_name(of: &str, value: &str) -> String {
    let prefix: Vec<char> = of
        .chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let mut rest = value.chars();
    let mut matched = 0;
    while let Some(wanted) = prefix.get(matched) {
        match rest.next() {
            Some('_') => {}
            Some(c) if c.to_ascii_lowercase() == *wanted => matched += 1,
            _ => return pascal(value),
        }
    }
    let rest = rest.as_str().trim_start_matches('_');
    pascal(if rest.is_empty() { value } else { rest })
}

fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

fn lite_extensions(file: &FileDescriptor, proto: &FileDescriptorProto) -> Result<(), Unsound> {
    let is_lite = |file: &FileDescriptorProto| {
        let options = file.options.as_ref();
        options.is_some_and(|options| options.optimize_for() == OptimizeMode::LiteRuntime)
    };
    if !is_lite(proto) {
        return Ok(());
    }
    let mut extensions = file
        .parent_pool()
        .all_extensions()
        .filter(|extension| extension.parent_file() == *file);
    let full = extensions.find(|extension| {
        let extended = extension.containing_message().parent_file();
        !is_lite(extended.file_descriptor_proto())
    });
    full.map_or(Ok(()), |extension| {
        let message = "a file with LITE_RUNTIME cannot extend messages of files without it".to_owned();
        Err((extension.path().to_vec(), message))
    })
}

/// One number of a message is one extension's.
fn extension_numbers(file: &FileDescriptor) -> Result<(), Unsound> {
    let mut known: HashMap<(String, u32), String> = HashMap::new();
    for extension in file.parent_pool().all_extensions() {
        let extended = extension.containing_message().full_name().to_owned();
        let name = extension.full_name().to_owned();
        let message = format!(
            "the number {} of message \"{extended}\" is taken by more than one extension",
            extension.number()
        );
        let other = known.insert((extended, extension.number()), name);
        if other.is_some() {
            let path = if extension.parent_file() == *file {
                extension.path().to_vec()
            } else {
                Vec::new()
            };
            return Err((path, message));
        }
    }
    Ok(())
}

/// The value of a map entry that leaves it out is zero, which its enum must know first.
fn map_values(file: &FileDescriptor) -> Result<(), Unsound> {
    let mut open: Vec<_> = file.messages().collect();
    while let Some(message) = open.pop() {
        for field in message.fields().filter(|field| field.is_map()) {
            let kind = field.kind();
            let value = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let first = value.as_ref().and_then(|kind| kind.as_enum()).and_then(|names| {
                names
                    .enum_descriptor_proto()
                    .value
                    .first()
                    .map(|value| value.number())
            });
            if first.is_some_and(|number| number != 0) {
                let message = "the enum of a map's values must have 0 as its first value".to_owned();
                return Err((field.path().to_vec(), message));
            }
        }
        open.extend(message.child_messages());
    }
    Ok(())
}
