//! A schema as text again: what a printer of our own makes from the descriptors.
//!
//! As declared, texts that differ in comments, layout, type name spelling or the order of options print alike, whether
//! they were compiled before or not. In the normal form the order of imports, fields, reserved ranges, enums, extensions
//! and services is gone, too. What has a meaning keeps its order: messages (message indexes count them), and of an
//! enum's values the first (its default) and aliases. The result is a schema again and prints as itself.

mod field;
mod literal;
mod range;

use std::{collections::HashMap, fmt::Write};

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
    Syntax, prost_types::FileDescriptorProto,
};

use super::undefined::Undefined;

pub(super) use field::default;
use field::{Member, members};
use literal::options;
pub(super) use literal::quote;

/// The normal form.
pub(super) fn normal(file: &FileDescriptor, undefined: &Undefined) -> String {
    Printer::new(undefined).print(file)
}

/// Everything in the order it was declared in.
pub(super) fn as_declared(file: &FileDescriptor, undefined: &Undefined) -> String {
    let mut printer = Printer::new(undefined);
    printer.sorted = false;
    printer.print(file)
}

/// The normal form without what extends messages: extensions, the ranges kept for them, and custom options.
pub(super) fn without_extensions(file: &FileDescriptor, undefined: &Undefined) -> String {
    let mut printer = Printer::new(undefined);
    printer.plain = true;
    printer.print(file)
}

/// One field's line.
pub(super) fn field(field: &FieldDescriptor) -> String {
    let none = Undefined::default();
    let mut printer = Printer::new(&none);
    printer.field(field);
    printer.out
}

struct Printer<'a> {
    out: String,
    depth: usize,
    /// Custom options of the file that have no definition.
    undefined: &'a Undefined,
    /// Options of extension ranges, by descriptor path.
    range_options: HashMap<Vec<i32>, Vec<(String, String)>>,
    /// Whether what has no order is put into one.
    sorted: bool,
    /// Whether extensions and custom options are left out.
    plain: bool,
}

impl<'a> Printer<'a> {
    fn new(undefined: &'a Undefined) -> Printer<'a> {
        Printer {
            out: String::new(),
            depth: 0,
            undefined,
            range_options: HashMap::new(),
            sorted: true,
            plain: false,
        }
    }

    fn print(mut self, file: &FileDescriptor) -> String {
        self.range_options = range::options_of(file);
        let syntax = if file.syntax() == Syntax::Proto2 {
            "proto2"
        } else {
            "proto3"
        };
        self.line(format_args!("syntax = \"{syntax}\";"));
        if !file.package_name().is_empty() {
            self.line(format_args!("package {};", file.package_name()));
        }
        self.imports(file.file_descriptor_proto());
        self.option_lines(&[], &file.options());
        let groups = field::groups(file.extensions());
        for message in file
            .messages()
            .filter(|message| !groups.contains(message.full_name()))
        {
            self.message(&message);
        }
        self.enums(file.enums().collect());
        self.extends(file.extensions().collect());
        let mut services: Vec<_> = file.services().collect();
        if self.sorted {
            services.sort_by(|left, right| left.name().cmp(right.name()));
        }
        for service in services {
            self.service(&service);
        }
        self.out
    }

    fn imports(&mut self, proto: &FileDescriptorProto) {
        let mut imports: Vec<_> = proto.dependency.iter().enumerate().collect();
        if self.sorted {
            imports.sort_by_key(|(_, name)| *name);
        }
        for (index, name) in imports {
            let is = |list: &[i32]| list.iter().any(|entry| usize::try_from(*entry) == Ok(index));
            let public = if is(&proto.public_dependency) {
                "public "
            } else {
                ""
            };
            let weak = if is(&proto.weak_dependency) { "weak " } else { "" };
            self.line(format_args!(
                "import {public}{weak}{};",
                quote(name.as_bytes(), true)
            ));
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{text}");
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Printer<'a>)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line(format_args!("}}"));
    }

    /// The options of a declaration that are set and wanted.
    fn options(&self, path: &[i32], message: &DynamicMessage) -> Vec<(String, String)> {
        let mut options = options(message, self.undefined.of(path));
        options.retain(|(name, _)| !self.plain || !name.starts_with('('));
        options
    }

    fn option_lines(&mut self, path: &[i32], message: &DynamicMessage) {
        for (name, value) in self.options(path, message) {
            self.line(format_args!("option {name} = {value};"));
        }
    }

    fn message(&mut self, message: &MessageDescriptor) {
        self.block(&format!("message {}", message.name()), |printer| {
            printer.message_body(message)
        });
    }

    fn message_body(&mut self, message: &MessageDescriptor) {
        self.option_lines(message.path(), &message.options());
        let proto = message.descriptor_proto();
        self.reserved_numbers(proto);
        self.reserved_names(&proto.reserved_name);
        self.extension_ranges(message);
        for member in members(message, self.sorted) {
            match member {
                Member::Field(field) => self.field(&field),
                Member::Oneof(oneof, fields) => self.block(&format!("oneof {}", oneof.name()), |printer| {
                    printer.option_lines(oneof.path(), &oneof.options());
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

    fn enums(&mut self, mut enums: Vec<EnumDescriptor>) {
        if self.sorted {
            enums.sort_by(|left, right| left.name().cmp(right.name()));
        }
        for descriptor in enums {
            self.block(&format!("enum {}", descriptor.name()), |printer| {
                printer.enum_body(&descriptor)
            });
        }
    }

    fn enum_body(&mut self, descriptor: &EnumDescriptor) {
        self.option_lines(descriptor.path(), &descriptor.options());
        let proto = descriptor.enum_descriptor_proto();
        self.reserved_values(proto);
        self.reserved_names(&proto.reserved_name);
        // The descriptor lists values by number; the text's order is in the raw form.
        let mut order: Vec<(usize, &str, i32)> = proto
            .value
            .iter()
            .enumerate()
            .map(|(index, value)| (index, value.name(), value.number()))
            .collect();
        if let Some(rest) = order.get_mut(1..).filter(|_| self.sorted) {
            rest.sort_by_key(|(index, _, number)| (*number, *index));
        }
        for (_, name, number) in order {
            let list = descriptor
                .get_value_by_name(name)
                .map(|value| self.options(value.path(), &value.options()));
            let list = field::bracketed(list.unwrap_or_default());
            self.line(format_args!("{name} = {number}{list};"));
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.block(&format!("service {}", service.name()), |printer| {
            printer.option_lines(service.path(), &service.options());
            let mut methods: Vec<_> = service.methods().collect();
            if printer.sorted {
                methods.sort_by(|left, right| left.name().cmp(right.name()));
            }
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
                if printer.options(method.path(), &method_options).is_empty() {
                    printer.line(format_args!("{head};"));
                } else {
                    printer.block(&head, |printer| {
                        printer.option_lines(method.path(), &method_options)
                    });
                }
            }
        });
    }
}
