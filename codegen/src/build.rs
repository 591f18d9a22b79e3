//! The builder a user's `build.rs` runs.
//!
//! Invariant: either the whole file is written, or none of it and every reason is told. A file that would not change is
//! not written, so nothing is compiled again for nothing.

use std::path::{Path, PathBuf};

#[cfg(feature = "asyncapi")]
use crate::asyncapi::{self, Document};
use crate::compat::{self, Incompatible};
use crate::diagnostic::Diagnostic;
use crate::draw::Weight;
use crate::error::Error;
use crate::input::{FolderVersion, Input};
use crate::settings::{Attribute, DateTimes, Decimals, Settings};
use crate::unit::Units;
use crate::{check, files, input, needs, python, rust, typescript};

/// What is generated, and from what.
#[derive(Clone, Debug)]
pub struct Build {
    schemas: PathBuf,
    out: String,
    settings: Settings,
}

/// A build as it is when nothing is said: from the folder `schemas` of the crate into `events.rs`.
#[must_use]
pub fn configure() -> Build {
    Build {
        schemas: PathBuf::from("schemas"),
        out: "events.rs".to_owned(),
        settings: Settings::default(),
    }
}

impl Build {
    /// The folder of the schemas, by a path relative to the crate, or absolute; `schemas` when not said otherwise.
    #[must_use]
    pub fn schemas(mut self, folder: impl Into<PathBuf>) -> Build {
        self.schemas = folder.into();
        self
    }

    /// The file's name in `OUT_DIR`; `events.rs` when not said otherwise.
    #[must_use]
    pub fn out(mut self, file: impl Into<String>) -> Build {
        self.out = file.into();
        self
    }

    /// Whose types dates and times are; jiff's when not said otherwise.
    #[must_use]
    pub fn date_times(mut self, date_times: DateTimes) -> Build {
        self.settings.date_times = date_times;
        self
    }

    /// Whose types decimals are; this project's when not said otherwise.
    #[must_use]
    pub fn decimals(mut self, decimals: Decimals) -> Build {
        self.settings.decimals = decimals;
        self
    }

    /// Makes Avro types serde's: fields and symbols are called as in the schema, branches of unions as their variants. Your
    /// crate depends on `serde` with `derive` then, and on `annals-schema-model` with `serde`.
    #[must_use]
    pub fn serde(mut self) -> Build {
        self.settings.serde = true;
        self
    }

    /// What is done about a schema that is not compatible with the versions before it; the build fails when nothing is said.
    #[must_use]
    pub fn incompatible(mut self, done: Incompatible) -> Build {
        self.settings.incompatible = done;
        self
    }

    /// Puts an attribute on every struct and enum that a path matches: `.` all of them, `.shop.orders` those of the
    /// namespace, `OrderPlaced` those of that name.
    #[must_use]
    pub fn type_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Build {
        let (path, attribute) = (path.into(), attribute.into());
        self.settings.type_attributes.push(Attribute { path, attribute });
        self
    }

    /// Puts an attribute on every field that a path matches: `OrderPlaced.order_id`, or all fields of a type, by its path.
    #[must_use]
    pub fn field_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Build {
        let (path, attribute) = (path.into(), attribute.into());
        self.settings.field_attributes.push(Attribute { path, attribute });
        self
    }

    /// Also generates a form of every type that a path matches, and of the types it holds, that borrows texts and bytes from
    /// its payload: `OrderPlacedRef<'a>` beside `OrderPlaced`. Paths are those of [`Build::type_attribute`].
    #[must_use]
    pub fn borrowed(mut self, path: impl Into<String>) -> Build {
        self.settings.borrowed.push(path.into());
        self
    }

    /// Reads the schemas, and says whether code can be generated of them.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn load(&self) -> Result<Loaded, Error> {
        let mut said: Vec<Diagnostic> = self
            .settings
            .wrong_attributes()
            .into_iter()
            .map(|message| Diagnostic::file(&self.schemas, message))
            .collect();
        let mut input = input::load(&self.schemas)?;
        for subject in input.subjects() {
            if let Some((newest, older)) = subject.versions.split_last() {
                let done = self.settings.incompatible;
                said.extend(compat::compare(subject, newest, older, done));
            }
        }
        let (mut wrong, odd) = Diagnostic::parted(said);
        input.warnings.extend(odd);
        match check::units(&input) {
            Ok(units) if wrong.is_empty() => Ok(Loaded {
                settings: self.settings.clone(),
                input,
                units,
            }),
            units => {
                wrong.extend(units.err().into_iter().flatten());
                wrong.extend(input.warnings);
                Err(wrong.into())
            }
        }
    }

    /// The Rust text.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn generate(&self) -> Result<String, Error> {
        self.load()?.rust()
    }

    /// Every version in the folder, each after those it refers to, and what is odd about the folder. They are not compared.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn versions(&self) -> Result<(Vec<FolderVersion>, Vec<Diagnostic>), Error> {
        let input = input::load(&self.schemas)?;
        let rows = input.in_order().into_iter();
        let versions = rows.map(|(subject, text)| FolderVersion::of(subject, text));
        Ok((versions.collect(), input.warnings))
    }

    /// Generates into `OUT_DIR`, from inside a `build.rs`, and tells cargo what the file was made from and what is odd.
    ///
    /// # Errors
    /// Everything that is wrong, which cargo has been told then.
    pub fn compile(&self) -> Result<(), Error> {
        println!("cargo::rerun-if-changed={}", self.schemas.display());
        // Whether it has what generated code needs is said below, and is another matter once it is changed.
        println!("cargo::rerun-if-changed=Cargo.toml");
        let written = self.load().and_then(|loaded| {
            loaded.warnings().iter().for_each(tell);
            let text = loaded.rust()?;
            let folder = std::env::var_os("CARGO_MANIFEST_DIR");
            let lacking = folder.map(|folder| needs::missing(Path::new(&folder), &text));
            let lacking: Vec<Diagnostic> = lacking.into_iter().flatten().collect();
            if lacking.iter().any(|said| said.weight == Weight::Error) {
                return Err(lacking.into());
            }
            lacking.iter().for_each(tell);
            Ok(self.write(&text)?)
        });
        if let Err(error) = &written {
            error.diagnostics().iter().for_each(tell);
        }
        written
    }

    fn write(&self, text: &str) -> Result<(), Diagnostic> {
        let Some(folder) = std::env::var_os("OUT_DIR") else {
            return Err(Diagnostic::file(
                &self.schemas,
                "OUT_DIR is not set: run this from a build.rs",
            ));
        };
        let path = Path::new(&folder).join(&self.out);
        files::write(&path, text)
            .map_err(|error| Diagnostic::file(&path, format!("cannot be written: {error}")))
    }
}

/// Schemas that code is generated of.
#[derive(Debug)]
pub struct Loaded {
    settings: Settings,
    input: Input,
    units: Units,
}

impl Loaded {
    /// What is odd about the schemas, and stops nothing.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.input.warnings
    }

    /// The Rust text.
    ///
    /// # Errors
    /// What Rust has no types for.
    pub fn rust(&self) -> Result<String, Error> {
        Ok(rust::file(&self.input, &self.units, &self.settings)?)
    }

    /// The same types in TypeScript: those of the values that clients of Node read and write.
    #[must_use]
    pub fn typescript(&self) -> String {
        typescript::file(&self.units)
    }

    /// The same types in Python: dataclasses of the values that `fastavro` reads and writes.
    #[must_use]
    pub fn python(&self) -> String {
        python::file(&self.units)
    }

    /// The topics as a document of AsyncAPI 3, under a title and a version of its owner's.
    #[cfg(feature = "asyncapi")]
    #[must_use]
    pub fn asyncapi(&self, title: &str, version: &str) -> Document {
        asyncapi::document(&self.units, title, version)
    }
}

/// Tells cargo, which takes a line.
fn tell(diagnostic: &Diagnostic) {
    println!("cargo::{}={}", diagnostic.weight.name(), in_one_line(diagnostic));
}

fn in_one_line(diagnostic: &Diagnostic) -> String {
    let help = if diagnostic.help.is_empty() {
        ""
    } else {
        "; help: "
    };
    let said = format!("{diagnostic}{help}{}", diagnostic.help);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
