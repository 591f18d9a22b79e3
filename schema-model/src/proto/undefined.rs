//! Custom options that nobody defined: kept as they were written, and asked about before a schema is new.
//!
//! Whoever compiles such a file elsewhere has the definition, or a parser that never looks for it. The compiler here
//! insists on one, so these options are taken out before it sees them. An option whose name means anything here, be it a
//! type or a file that is not imported, is left to the compiler, and so is every name that is not an option's.
//!
//! A file that says itself what options are (`google/protobuf/descriptor.proto`, changed by its owner) is compiled with no
//! options but those its own shape rests on: the compiler would hold the others to the definitions built into it. A file
//! that imports such a one is held to that one's definitions; where they are at odds with those that the compiler keeps
//! options by, its options are taken out, too, once the compiler has found them right.

use std::collections::{HashMap, HashSet};

use prost_reflect::{
    DescriptorError, DescriptorPool, FieldDescriptor, MessageDescriptor,
    prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
        ServiceDescriptorProto, ServiceOptions, UninterpretedOption, uninterpreted_option::NamePart,
    },
};

use super::{builtin, places::Places, print::quote, tag};

/// The options taken out of a file.
#[derive(Default)]
pub(super) struct Undefined {
    /// Name and value as text, by the descriptor path of what they are options of.
    options: HashMap<Vec<i32>, Vec<(String, String)>>,
    /// Byte and name of the one that comes first.
    first: Option<(usize, String)>,
}

impl Undefined {
    pub(super) fn of(&self, path: &[i32]) -> impl Iterator<Item = (String, String)> {
        self.options.get(path).into_iter().flatten().cloned()
    }

    /// Where the option that comes first stands in the text, and its name.
    pub(super) fn first(&self) -> Option<(usize, &str)> {
        self.first.as_ref().map(|(at, name)| (*at, name.as_str()))
    }
}

/// Takes the options out of a file whose imports are in the pool.
///
/// # Errors
/// An option that is at odds with its definition, where the compiler will not see it any more.
pub(super) fn take(
    pool: &DescriptorPool,
    file: &mut FileDescriptorProto,
    places: &Places,
) -> Result<Undefined, DescriptorError> {
    let package = file.package().to_owned();
    let messages = file.message_type.iter();
    let defines_them =
        package == "google.protobuf" && messages.map(|message| message.name()).any(defines_options);
    let is_at_odds = !defines_them && is_at_odds(pool);
    let take = |file: &mut FileDescriptorProto, all: bool| {
        let mut taking = Taking {
            pool,
            places,
            all,
            own: HashSet::new(),
            taken: Undefined::default(),
        };
        taking.declare(&package, file);
        taking.file(&package, file);
        taking.taken
    };
    if is_at_odds {
        let mut defined = file.clone();
        take(&mut defined, false);
        check(pool, defined)?;
    }
    Ok(take(file, defines_them || is_at_odds))
}

/// Whether a pool has its own definitions of options, with fields that are not what the compiler keeps under their
/// numbers.
fn is_at_odds(pool: &DescriptorPool) -> bool {
    let built_in = DescriptorPool::global().get_file_by_name(builtin::OPTIONS);
    let (Some(own), Some(built_in)) = (pool.get_file_by_name(builtin::OPTIONS), built_in) else {
        return false;
    };
    let shape = |field: &FieldDescriptor| {
        let kind = field.kind();
        let message = kind.as_message().map(|message| message.full_name().to_owned());
        let named = message.or_else(|| Some(kind.as_enum()?.full_name().to_owned()));
        (field.is_list(), field.field_descriptor_proto().r#type(), named)
    };
    let mut open: Vec<MessageDescriptor> = built_in.messages().collect();
    while let Some(known) = open.pop() {
        open.extend(known.child_messages());
        let own = own.parent_pool().get_message_by_name(known.full_name());
        let fields = own.iter().flat_map(|own| own.fields());
        let mut both = fields.filter_map(|field| Some((known.get_field(field.number())?, field)));
        if both.any(|(known, own)| shape(&known) != shape(&own)) {
            return true;
        }
    }
    false
}

/// Has the compiler look at a file's options without keeping them. It keeps none of a file that has one which nobody
/// knows, and complains of that one when there is nothing else to complain of: so one is added behind all others. Those of
/// extensions stand behind it and are not looked at.
fn check(pool: &DescriptorPool, mut file: FileDescriptorProto) -> Result<(), DescriptorError> {
    const LAST: &str = "<last>";
    let unknown = UninterpretedOption {
        name: vec![NamePart {
            name_part: LAST.to_owned(),
            is_extension: false,
        }],
        ..UninterpretedOption::default()
    };
    file.service.push(ServiceDescriptorProto {
        name: Some(LAST.to_owned()),
        options: Some(ServiceOptions {
            uninterpreted_option: vec![unknown],
            ..ServiceOptions::default()
        }),
        ..ServiceDescriptorProto::default()
    });
    let checked = pool.clone().add_file_descriptor_proto(file);
    checked.or_else(|error| {
        if error.to_string().contains(LAST) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// Options without which a declaration is another.
const SHAPING: [&str; 4] = ["allow_alias", "map_entry", "message_set_wire_format", "packed"];

/// Whether a message of `google.protobuf` says which options there are.
fn defines_options(message: &str) -> bool {
    message.ends_with("Options") || message == "UninterpretedOption"
}

struct Taking<'a> {
    pool: &'a DescriptorPool,
    places: &'a Places,
    /// Whether options that have a definition go, too.
    all: bool,
    /// Full names of what the file itself declares.
    own: HashSet<String>,
    taken: Undefined,
}

/// Takes the undefined ones out of one set of options; a set that is empty then is no set.
macro_rules! take_from {
    ($taking:expr, $scope:expr, $path:expr, $tag:expr, $options:expr) => {
        if let Some(options) = $options.as_mut() {
            $taking.options($scope, $path, $tag, &mut options.uninterpreted_option);
            if *options == Default::default() {
                *$options = None;
            }
        }
    };
}

impl Taking<'_> {
    fn declare(&mut self, package: &str, file: &FileDescriptorProto) {
        let mut open: Vec<(String, &DescriptorProto)> = Vec::new();
        let mut declare = |scope: &str, name: &str| {
            let full = join(scope, name);
            self.own.insert(full.clone());
            full
        };
        for extension in &file.extension {
            declare(package, extension.name());
        }
        for descriptor in &file.enum_type {
            declare(package, descriptor.name());
        }
        for message in &file.message_type {
            open.push((declare(package, message.name()), message));
        }
        while let Some((scope, message)) = open.pop() {
            for extension in &message.extension {
                declare(&scope, extension.name());
            }
            for descriptor in &message.enum_type {
                declare(&scope, descriptor.name());
            }
            for nested in &message.nested_type {
                open.push((declare(&scope, nested.name()), nested));
            }
        }
    }

    fn file(&mut self, package: &str, file: &mut FileDescriptorProto) {
        take_from!(self, package, &[], tag::FILE_OPTIONS, &mut file.options);
        for (index, message) in file.message_type.iter_mut().enumerate() {
            self.message(package, &[tag::FILE_MESSAGE, small(index)], message);
        }
        self.enums(package, &[tag::FILE_ENUM], &mut file.enum_type);
        self.fields(package, &[tag::FILE_EXTENSION], &mut file.extension);
        for (index, service) in file.service.iter_mut().enumerate() {
            let path = [tag::FILE_SERVICE, small(index)];
            let scope = join(package, service.name());
            take_from!(self, &scope, &path, tag::SERVICE_OPTIONS, &mut service.options);
            for (index, method) in service.method.iter_mut().enumerate() {
                let path = [path[0], path[1], tag::METHOD, small(index)];
                take_from!(self, &scope, &path, tag::METHOD_OPTIONS, &mut method.options);
            }
        }
    }

    /// Texts nest no deeper than [`crate::DEPTH_MAX`].
    fn message(&mut self, scope: &str, path: &[i32], message: &mut DescriptorProto) {
        let scope = &join(scope, message.name());
        let below = |tag: i32| [path, &[tag]].concat();
        take_from!(self, scope, path, tag::MESSAGE_OPTIONS, &mut message.options);
        self.fields(scope, &below(tag::FIELD), &mut message.field);
        self.fields(scope, &below(tag::EXTENSION), &mut message.extension);
        self.enums(scope, &below(tag::ENUM), &mut message.enum_type);
        for (index, range) in message.extension_range.iter_mut().enumerate() {
            let path = [path, &[tag::EXTENSION_RANGE, small(index)]].concat();
            take_from!(self, scope, &path, tag::RANGE_OPTIONS, &mut range.options);
        }
        for (index, oneof) in message.oneof_decl.iter_mut().enumerate() {
            let path = [path, &[tag::ONEOF, small(index)]].concat();
            take_from!(self, scope, &path, tag::ONEOF_OPTIONS, &mut oneof.options);
        }
        for (index, nested) in message.nested_type.iter_mut().enumerate() {
            self.message(scope, &[path, &[tag::NESTED, small(index)]].concat(), nested);
        }
    }

    fn fields(&mut self, scope: &str, path: &[i32], fields: &mut [FieldDescriptorProto]) {
        for (index, field) in fields
            .iter_mut()
            .enumerate()
            .filter(|(_, field)| field.options.is_some())
        {
            let path = [path, &[small(index)]].concat();
            take_from!(self, scope, &path, tag::FIELD_OPTIONS, &mut field.options);
        }
    }

    fn enums(&mut self, scope: &str, path: &[i32], enums: &mut [EnumDescriptorProto]) {
        for (index, descriptor) in enums.iter_mut().enumerate() {
            let path = [path, &[small(index)]].concat();
            take_from!(self, scope, &path, tag::ENUM_OPTIONS, &mut descriptor.options);
            for (index, value) in descriptor.value.iter_mut().enumerate() {
                let path = [path.as_slice(), &[tag::ENUM_VALUE, small(index)]].concat();
                take_from!(self, scope, &path, tag::VALUE_OPTIONS, &mut value.options);
            }
        }
    }

    fn options(&mut self, scope: &str, path: &[i32], tag: i32, options: &mut Vec<UninterpretedOption>) {
        let mut index = 0;
        options.retain(|option| {
            let place = small(index);
            index += 1;
            let mut extensions = option.name.iter().filter(|part| part.is_extension);
            let is_defined = extensions.all(|part| self.is_known(scope, &part.name_part));
            let name = name(option);
            if is_defined && (!self.all || SHAPING.contains(&name.as_str())) {
                return true;
            }
            let at = self
                .places
                .nearest(&[path, &[tag, tag::UNINTERPRETED, place]].concat());
            let at = at.map_or(0, |span| span.start);
            if !is_defined && self.taken.first.as_ref().is_none_or(|(first, _)| at < *first) {
                self.taken.first = Some((at, name.clone()));
            }
            let of = self.taken.options.entry(path.to_vec()).or_default();
            of.push((name, value(option)));
            false
        });
    }

    /// Whether a name means anything, looked up from the inside out.
    fn is_known(&self, scope: &str, name: &str) -> bool {
        let known = |full: &str| {
            self.own.contains(full)
                || self.pool.get_extension_by_name(full).is_some()
                || self.pool.get_message_by_name(full).is_some()
                || self.pool.get_enum_by_name(full).is_some()
        };
        if let Some(full) = name.strip_prefix('.') {
            return known(full);
        }
        let outer = scope
            .rmatch_indices('.')
            .map(|(dot, _)| scope.get(..dot).unwrap_or_default());
        let mut scopes = std::iter::once(scope).chain(outer).chain([""]);
        scopes.any(|scope| known(&join(scope, name)))
    }
}

fn small(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

fn name(option: &UninterpretedOption) -> String {
    let parts = option.name.iter().map(|part| {
        if part.is_extension {
            format!("({})", part.name_part)
        } else {
            part.name_part.clone()
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

fn value(option: &UninterpretedOption) -> String {
    if let Some(word) = &option.identifier_value {
        return word.clone();
    }
    if let Some(bytes) = &option.string_value {
        return quote(bytes, true);
    }
    if let Some(message) = &option.aggregate_value {
        return format!("{{ {message} }}");
    }
    let whole = option.positive_int_value.map(|number| number.to_string());
    let whole = whole.or_else(|| option.negative_int_value.map(|number| number.to_string()));
    whole.unwrap_or_else(|| match option.double_value.unwrap_or_default() {
        // There is no word for it behind a minus.
        number if number == f64::NEG_INFINITY => "-1e999".to_owned(),
        number => format!("{number:?}"),
    })
}
