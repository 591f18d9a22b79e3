//! Text to descriptors: the parser, the imports, the compiler, and every error with a place in the text sent.
//!
//! Imports are followed without recursion and each file is compiled once, dependencies first, into a pool of its own,
//! so a schema holds nothing it does not import. Positions are taken out before compiling and looked up by descriptor
//! path when the compiler complains.

use std::{collections::HashMap, panic::AssertUnwindSafe};

use prost_reflect::{DescriptorError, DescriptorPool, FileDescriptor, prost_types::FileDescriptorProto};

use super::{
    builtin,
    places::{IMPORT, Places},
    scan::{self, NAME_BYTES_MAX},
    sound,
    undefined::{self, Undefined},
};
use crate::{Outline, ParseError, Resolved};

/// The name the schema itself compiles under. No import can be spelled like this.
pub(super) const MAIN: &str = "<schema>";

/// What is said of texts and compiled files in an edition.
pub(super) const EDITIONS: &str = "Protobuf editions are not supported; use syntax \"proto3\" or \"proto2\"";

/// Most files one schema may pull in.
const FILES_MAX: usize = 1_000;

/// A text compiled.
pub(super) struct Parsed {
    pub(super) file: FileDescriptor,
    pub(super) places: Places,
    pub(super) undefined: Undefined,
}

pub(super) fn parse(text: &str, resolved: &[Resolved]) -> Result<Parsed, ParseError> {
    caught(|| compile(text, resolved)).unwrap_or_else(|message| Err(ParseError::at(text, 0, message)))
}

/// Compiles what is compiled already, to know that it is sound: the file decoded, and its bytes under the name [`MAIN`].
pub(super) fn compiled(
    file: &FileDescriptorProto,
    bytes: &[u8],
    resolved: &[Resolved],
) -> Result<FileDescriptor, String> {
    let mut pool = DescriptorPool::new();
    let dependencies = Imports::follow(file, resolved).map_err(|failure| failure.message)?;
    for (_, file) in dependencies {
        add_import(&mut pool, file)?;
    }
    pool.decode_file_descriptor_proto(bytes)
        .map_err(|error| sentence(&error))?;
    names_in_bounds(&pool).map_err(|(_, message)| message)?;
    pool.get_file_by_name(MAIN)
        .ok_or_else(|| "the Protobuf compiler gave no file back".to_owned())
}

/// Says which declaration has too long a name: its path, if it is in the main file.
fn names_in_bounds(pool: &DescriptorPool) -> Result<(), (Vec<i32>, String)> {
    let check = |name: &str, file: &FileDescriptor, path: &[i32]| {
        if name.len() <= NAME_BYTES_MAX {
            return Ok(());
        }
        let path = if file.name() == MAIN { path } else { &[] };
        let start: String = name.chars().take(60).collect();
        let message = format!("the full name \"{start}…\" has more than {NAME_BYTES_MAX} bytes; shorten it");
        Err((path.to_vec(), message))
    };
    for message in pool.all_messages() {
        check(message.full_name(), &message.parent_file(), message.path())?;
    }
    for descriptor in pool.all_enums() {
        check(
            descriptor.full_name(),
            &descriptor.parent_file(),
            descriptor.path(),
        )?;
    }
    for extension in pool.all_extensions() {
        check(extension.full_name(), &extension.parent_file(), extension.path())?;
    }
    Ok(())
}

/// Parser and compiler are foreign code fed with foreign text: should one panic, it is this text that fails.
pub(super) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(body))
        .map_err(|_| "the Protobuf compiler failed on this text; simplify its options".to_owned())
}

fn compile(text: &str, resolved: &[Resolved]) -> Result<Parsed, ParseError> {
    let mut main =
        parse_file(MAIN, text).map_err(|(position, message)| ParseError::at(text, position, message))?;
    let places = Places::take(&mut main, text);
    let at = |path: &[i32], message: String| {
        ParseError::at(text, places.nearest(path).map_or(0, |span| span.start), message)
    };
    let mut pool = DescriptorPool::new();
    let dependencies =
        Imports::follow(&main, resolved).map_err(|failure| at(&[IMPORT, failure.import], failure.message))?;
    for (import, file) in dependencies {
        add_import(&mut pool, file).map_err(|message| at(&[IMPORT, import], message))?;
    }
    let undefined = undefined::take(&pool, &mut main, &places)
        .map_err(|error| at(error.path().unwrap_or_default(), sentence(&error)))?;
    pool.add_file_descriptor_proto(main)
        .map_err(|error| at(error.path().unwrap_or_default(), sentence(&error)))?;
    names_in_bounds(&pool).map_err(|(path, message)| at(&path, message))?;
    let file = pool
        .get_file_by_name(MAIN)
        .ok_or_else(|| ParseError::at(text, 0, "the Protobuf compiler gave no file back"))?;
    sound::check(&file, &places).map_err(|(path, message)| at(&path, message))?;
    Ok(Parsed {
        file,
        places: places.declarations_only(),
        undefined,
    })
}

/// The imports of a text that nobody has but who wrote it.
pub(crate) fn outline(text: &str) -> Result<Outline, ParseError> {
    let parsed = caught(|| parse_file(MAIN, text))
        .unwrap_or_else(|message| Err((0, message)))
        .map_err(|(position, message)| ParseError::at(text, position, message))?;
    let mut outline = Outline::default();
    for name in parsed.dependency {
        if builtin::text(&name).is_some() {
            outline.replaceable.push(name);
        } else if builtin::well_known(&name).is_none() {
            outline.needs.push(name);
        }
    }
    Ok(outline)
}

fn add_import(pool: &mut DescriptorPool, mut file: FileDescriptorProto) -> Result<(), String> {
    let name = file.name().to_owned();
    let taken = undefined::take(pool, &mut file, &Places::default());
    taken
        .and_then(|_| pool.add_file_descriptor_proto(file))
        .map_err(|error| format!("in the import \"{name}\": {}", sentence(&error)))
}

/// The compiler's own words, without our inner file name.
fn sentence(error: &DescriptorError) -> String {
    error.to_string().replace(MAIN, "this schema")
}

fn parse_file(name: &str, text: &str) -> Result<FileDescriptorProto, (usize, String)> {
    scan::check(text)?;
    // A byte order mark is no part of the text; blanks keep the places after it.
    let unmarked = text.strip_prefix('\u{feff}').map(|rest| format!("   {rest}"));
    protox_parse::parse(name, unmarked.as_deref().unwrap_or(text)).map_err(|error| {
        let mut message = error.to_string();
        if message.ends_with("found 'edition'") {
            message = EDITIONS.to_owned();
        }
        (
            error
                .span()
                .map_or_else(|| fallback_position(&message, text), |span| span.start),
            message,
        )
    })
}

/// Two of the parser's errors carry no span: the end of the file, and a second package.
fn fallback_position(message: &str, text: &str) -> usize {
    if message.contains("end of file") {
        return text.trim_end().len();
    }
    text.match_indices("package")
        .nth(1)
        .map_or(0, |(position, _)| position)
}

/// An import that cannot be had, by the index of the import in the main file that leads to it.
struct ImportFailure {
    import: i32,
    message: String,
}

struct Imports<'a> {
    resolved: HashMap<&'a str, &'a str>,
    /// Done or still open.
    state: HashMap<String, bool>,
    stack: Vec<(FileDescriptorProto, usize)>,
    ordered: Vec<(i32, FileDescriptorProto)>,
}

impl<'a> Imports<'a> {
    /// Every file the main one needs, dependencies first, each with the main file's import it came by.
    fn follow(
        main: &FileDescriptorProto,
        resolved: &'a [Resolved],
    ) -> Result<Vec<(i32, FileDescriptorProto)>, ImportFailure> {
        let mut imports = Imports {
            resolved: resolved
                .iter()
                .map(|file| (file.name.as_str(), file.text.as_str()))
                .collect(),
            state: HashMap::from([(MAIN.to_owned(), false)]),
            stack: Vec::new(),
            ordered: Vec::new(),
        };
        for (index, name) in main.dependency.iter().enumerate() {
            let import = i32::try_from(index).unwrap_or(i32::MAX);
            let fail = |message| ImportFailure { import, message };
            if main.dependency[..index].contains(name) {
                return Err(fail(format!("import \"{name}\" is listed twice; remove one")));
            }
            imports.open(name).map_err(fail)?;
            imports.drain(import).map_err(fail)?;
        }
        Ok(imports.ordered)
    }

    /// Works off the stack until everything below the import just opened is done.
    fn drain(&mut self, import: i32) -> Result<(), String> {
        while let Some((file, next)) = self.stack.last_mut() {
            if let Some(name) = file.dependency.get(*next).cloned() {
                *next += 1;
                self.open(&name)?;
            } else if let Some((file, _)) = self.stack.pop() {
                self.state.insert(file.name().to_owned(), true);
                self.ordered.push((import, file));
            }
        }
        Ok(())
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        match self.state.get(name) {
            Some(true) => return Ok(()),
            Some(false) => {
                return Err(format!(
                    "import \"{name}\" imports itself, maybe by way of others"
                ));
            }
            None => {}
        }
        if self.state.len() > FILES_MAX {
            return Err(format!("the schema needs more than {FILES_MAX} files"));
        }
        let given = self.resolved.get(name).copied();
        let well_known = builtin::well_known(name).filter(|_| name != builtin::OPTIONS || given.is_none());
        let file = match (well_known, given, builtin::text(name)) {
            (Some(file), ..) => file,
            (None, Some(text), _) | (None, None, Some(text)) => {
                let mut file = parse_file(name, text).map_err(|(position, message)| {
                    let (line, column) = crate::Span::line_column(text, position);
                    format!("in the import \"{name}\", line {line}, column {column}: {message}")
                })?;
                file.source_code_info = None;
                file
            }
            (None, None, None) => {
                return Err(format!(
                    "import \"{name}\" is neither built in nor a reference; register it and reference it under this name"
                ));
            }
        };
        self.state.insert(name.to_owned(), false);
        self.stack.push((file, 0));
        Ok(())
    }
}
