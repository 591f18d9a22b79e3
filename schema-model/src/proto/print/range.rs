//! What is reserved, and what is kept for extensions.

use std::{borrow::Cow, collections::HashMap};

use prost_reflect::{
    DescriptorPool, DynamicMessage, FileDescriptor, MessageDescriptor, Value,
    prost_types::{DescriptorProto, EnumDescriptorProto},
};

use super::{
    Printer,
    field::bracketed,
    literal::{options, quote},
};
use crate::proto::tag;

/// Largest field number, written `max` at the end of a range.
const FIELD_NUMBER_MAX: i64 = 536_870_911;

type Options = Vec<(String, String)>;

impl Printer<'_> {
    pub(super) fn reserved_numbers(&mut self, proto: &DescriptorProto) {
        let ranges = proto.reserved_range.iter();
        let inclusive = ranges.map(|range| (i64::from(range.start()), i64::from(range.end()) - 1));
        self.ranges("reserved", inclusive.collect(), FIELD_NUMBER_MAX, &[]);
    }

    pub(super) fn reserved_values(&mut self, proto: &EnumDescriptorProto) {
        let ranges = proto.reserved_range.iter();
        let inclusive = ranges.map(|range| (i64::from(range.start()), i64::from(range.end())));
        self.ranges("reserved", inclusive.collect(), i64::from(i32::MAX), &[]);
    }

    pub(super) fn reserved_names(&mut self, names: &[String]) {
        let mut names: Vec<String> = names.iter().map(|name| quote(name.as_bytes(), true)).collect();
        if self.sorted {
            names.sort_unstable();
        }
        if !names.is_empty() {
            self.line(format_args!("reserved {};", names.join(", ")));
        }
    }

    /// A statement for each run of ranges with the same options.
    pub(super) fn extension_ranges(&mut self, message: &MessageDescriptor) {
        if self.plain {
            return;
        }
        let ranges = message.descriptor_proto().extension_range.iter();
        let mut ranges: Vec<(i64, i64, Options)> = ranges
            .enumerate()
            .map(|(index, range)| {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                let path = [message.path(), &[tag::EXTENSION_RANGE, index]].concat();
                let mut options = self.range_options.remove(&path).unwrap_or_default();
                options.extend(self.undefined.of(&path));
                options.sort();
                (i64::from(range.start()), i64::from(range.end()) - 1, options)
            })
            .collect();
        if self.sorted {
            ranges.sort();
        }
        for run in ranges.chunk_by(|left, right| left.2 == right.2) {
            let options = run.first().map(|(.., options)| options.as_slice());
            let inclusive = run.iter().map(|(start, end, _)| (*start, *end)).collect();
            self.ranges(
                "extensions",
                inclusive,
                FIELD_NUMBER_MAX,
                options.unwrap_or_default(),
            );
        }
    }

    /// Inclusive ranges.
    fn ranges(&mut self, word: &str, mut ranges: Vec<(i64, i64)>, max: i64, options: &[(String, String)]) {
        if self.sorted {
            ranges.sort_unstable();
        }
        let texts: Vec<String> = ranges
            .into_iter()
            .map(|(start, end)| match end {
                end if start == end => start.to_string(),
                end if end >= max => format!("{start} to max"),
                end => format!("{start} to {end}"),
            })
            .collect();
        if !texts.is_empty() {
            let options = bracketed(options.to_vec());
            self.line(format_args!("{word} {}{options};", texts.join(", ")));
        }
    }
}

/// The options of all extension ranges of a file, by descriptor path. The compiler gives them out in bytes alone.
pub(super) fn options_of(file: &FileDescriptor) -> HashMap<Vec<i32>, Options> {
    let mut found = HashMap::new();
    if !has_options(&file.file_descriptor_proto().message_type) {
        return found;
    }
    const FILE: &str = "google.protobuf.FileDescriptorProto";
    let own = file.parent_pool().get_message_by_name(FILE);
    let Some(descriptor) = own.or_else(|| DescriptorPool::global().get_message_by_name(FILE)) else {
        return found;
    };
    let Ok(file) = DynamicMessage::decode(descriptor, file.encode_to_vec().as_slice()) else {
        return found;
    };
    let mut open = children(&file, &[], tag::FILE_MESSAGE);
    while let Some((path, message)) = open.pop() {
        open.extend(children(&message, &path, tag::NESTED));
        for (path, range) in children(&message, &path, tag::EXTENSION_RANGE) {
            if let Some(Value::Message(set)) = under(&range, tag::RANGE_OPTIONS).as_deref() {
                found.insert(path, options(set, std::iter::empty()));
            }
        }
    }
    found
}

fn has_options(messages: &[DescriptorProto]) -> bool {
    messages.iter().any(|message| {
        let mut ranges = message.extension_range.iter();
        ranges.any(|range| range.options.is_some()) || has_options(&message.nested_type)
    })
}

/// What is under a field number as it stands in descriptor paths.
fn under(message: &DynamicMessage, tag: i32) -> Option<Cow<'_, Value>> {
    message.get_field_by_number(u32::try_from(tag).ok()?)
}

/// The messages under a repeated field, with their descriptor paths.
fn children(message: &DynamicMessage, path: &[i32], tag: i32) -> Vec<(Vec<i32>, DynamicMessage)> {
    let Some(value) = under(message, tag) else {
        return Vec::new();
    };
    let Value::List(items) = &*value else {
        return Vec::new();
    };
    let child = |(index, item): (usize, &Value)| {
        let message = item.as_message()?.clone();
        Some(([path, &[tag, i32::try_from(index).ok()?]].concat(), message))
    };
    items.iter().enumerate().filter_map(child).collect()
}
