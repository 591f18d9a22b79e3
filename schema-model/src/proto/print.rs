//! The normal form of a schema: the text a printer of our own makes from the descriptors.
//!
//! Texts that differ in comments, layout, type name spelling, or the order of imports, options, fields, reserved
//! ranges, enums or services print alike. What has a meaning keeps its order: messages (message indexes count them),
//! and of an enum's values the first (its default) and aliases. The result is a schema again and its own normal form.
//! Left out: options of extension ranges.

mod field;
mod literal;

use std::fmt::Write;

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
    Syntax,
};

pub(super) use field::default;
use field::{Member, members};
use literal::{options, quote};

/// Largest field number, written `max` at the end of a range.
const FIELD_NUMBER_MAX: i64 = 536_870_911;

pub(super) fn file(file: &FileDescriptor) -> String {
    print(file, Printer::default())
}

/// The same without what extends messages: extensions, the ranges kept for them, and custom options.
pub(super) fn without_extensions(file: &FileDescriptor) -> String {
    print(
        file,
        Printer {
            plain: true,
            ..Printer::default()
        },
    )
}

/// One field's line.
pub(super) fn field(field: &FieldDescriptor) -> String {
    let mut printer = Printer::default();
    printer.field(field);
    printer.out
}

fn print(file: &FileDescriptor, mut printer: Printer) -> String {
    let syntax = if file.syntax() == Syntax::Proto2 {
        "proto2"
    } else {
        "proto3"
    };
    printer.line(format_args!("syntax = \"{syntax}\";"));
    if !file.package_name().is_empty() {
        printer.line(format_args!("package {};", file.package_name()));
    }
    let proto = file.file_descriptor_proto();
    let mut imports: Vec<_> = proto
        .dependency
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let is = |list: &[i32]| list.iter().any(|entry| usize::try_from(*entry) == Ok(index));
            let public = if is(&proto.public_dependency) {
                "public "
            } else {
                ""
            };
            let weak = if is(&proto.weak_dependency) { "weak " } else { "" };
            (
                name,
                format!("import {public}{weak}{};", quote(name.as_bytes(), true)),
            )
        })
        .collect();
    imports.sort();
    for (_, import) in imports {
        printer.line(format_args!("{import}"));
    }
    printer.option_lines(&file.options());
    let groups = field::groups(file.extensions());
    for message in file
        .messages()
        .filter(|message| !groups.contains(message.full_name()))
    {
        printer.message(&message);
    }
    printer.enums(file.enums().collect());
    printer.extends(file.extensions().collect());
    let mut services: Vec<_> = file.services().collect();
    services.sort_by(|left, right| left.name().cmp(right.name()));
    for service in services {
        printer.service(&service);
    }
    printer.out
}

#[derive(Default)]
struct Printer {
    out: String,
    depth: usize,
    /// Whether extensions and custom options are left out.
    plain: bool,
}

impl Printer {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{text}");
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Printer)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line(format_args!("}}"));
    }

    /// The options that are set and wanted.
    fn options(&self, message: &DynamicMessage) -> Vec<(String, String)> {
        let mut options = options(message);
        options.retain(|(name, _)| !self.plain || !name.starts_with('('));
        options
    }

    fn option_lines(&mut self, message: &DynamicMessage) {
        for (name, value) in self.options(message) {
            self.line(format_args!("option {name} = {value};"));
        }
    }

    fn message(&mut self, message: &MessageDescriptor) {
        self.block(&format!("message {}", message.name()), |printer| {
            printer.message_body(message)
        });
    }

    fn message_body(&mut self, message: &MessageDescriptor) {
        self.option_lines(&message.options());
        let proto = message.descriptor_proto();
        let ranges = proto
            .reserved_range
            .iter()
            .map(|range| (range.start(), range.end()));
        self.ranges(
            "reserved",
            ranges
                .map(|(start, end)| (i64::from(start), i64::from(end) - 1))
                .collect(),
        );
        self.reserved_names(&proto.reserved_name);
        let ranges = proto
            .extension_range
            .iter()
            .filter(|_| !self.plain)
            .map(|range| (range.start(), range.end()));
        self.ranges(
            "extensions",
            ranges
                .map(|(start, end)| (i64::from(start), i64::from(end) - 1))
                .collect(),
        );
        for member in members(message) {
            match member {
                Member::Field(field) => self.field(&field),
                Member::Oneof(oneof, fields) => self.block(&format!("oneof {}", oneof.name()), |printer| {
                    printer.option_lines(&oneof.options());
                    for field in &fields {
                        printer.field(field);
                    }
                }),
            }
        }
        let groups = field::group_types(message);
        for child in message.child_messages() {
            if !child.is_map_entry() && !groups.contains(child.full_name()) {
                self.message(&child);
            }
        }
        self.enums(message.child_enums().collect());
        self.extends(message.child_extensions().collect());
    }

    /// Inclusive ranges in ascending order.
    fn ranges(&mut self, word: &str, mut ranges: Vec<(i64, i64)>) {
        ranges.sort_unstable();
        let bound = |number: i64, max: i64| {
            if number >= max {
                "max".to_owned()
            } else {
                number.to_string()
            }
        };
        let max = if word == "reserved enum" {
            i64::from(i32::MAX)
        } else {
            FIELD_NUMBER_MAX
        };
        let texts: Vec<String> = ranges
            .into_iter()
            .map(|(start, end)| {
                if start == end {
                    start.to_string()
                } else {
                    format!("{start} to {}", bound(end, max))
                }
            })
            .collect();
        if !texts.is_empty() {
            let word = word.split(' ').next().unwrap_or(word);
            self.line(format_args!("{word} {};", texts.join(", ")));
        }
    }

    fn reserved_names(&mut self, names: &[String]) {
        let mut names: Vec<String> = names.iter().map(|name| quote(name.as_bytes(), true)).collect();
        names.sort_unstable();
        if !names.is_empty() {
            self.line(format_args!("reserved {};", names.join(", ")));
        }
    }

    fn enums(&mut self, mut enums: Vec<EnumDescriptor>) {
        enums.sort_by(|left, right| left.name().cmp(right.name()));
        for descriptor in enums {
            self.block(&format!("enum {}", descriptor.name()), |printer| {
                printer.enum_body(&descriptor)
            });
        }
    }

    fn enum_body(&mut self, descriptor: &EnumDescriptor) {
        self.option_lines(&descriptor.options());
        let proto = descriptor.enum_descriptor_proto();
        let ranges = proto.reserved_range.iter();
        self.ranges(
            "reserved enum",
            ranges
                .map(|range| (i64::from(range.start()), i64::from(range.end())))
                .collect(),
        );
        self.reserved_names(&proto.reserved_name);
        // The descriptor lists values by number; the text's order is in the raw form.
        let mut order: Vec<(usize, &str, i32)> = proto
            .value
            .iter()
            .enumerate()
            .map(|(index, value)| (index, value.name(), value.number()))
            .collect();
        if let Some(rest) = order.get_mut(1..) {
            rest.sort_by_key(|(index, _, number)| (*number, *index));
        }
        for (_, name, number) in order {
            let list = descriptor
                .get_value_by_name(name)
                .map(|value| self.options(&value.options()));
            let list = field::bracketed(list.unwrap_or_default());
            self.line(format_args!("{name} = {number}{list};"));
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.block(&format!("service {}", service.name()), |printer| {
            printer.option_lines(&service.options());
            let mut methods: Vec<_> = service.methods().collect();
            methods.sort_by(|left, right| left.name().cmp(right.name()));
            for method in methods {
                let stream = |yes: bool| if yes { "stream " } else { "" };
                let head = format!(
                    "rpc {} ({}.{}) returns ({}.{})",
                    method.name(),
                    stream(method.is_client_streaming()),
                    method.input().full_name(),
                    stream(method.is_server_streaming()),
                    method.output().full_name(),
                );
                let method_options = method.options();
                if printer.options(&method_options).is_empty() {
                    printer.line(format_args!("{head};"));
                } else {
                    printer.block(&head, |printer| printer.option_lines(&method_options));
                }
            }
        });
    }
}
