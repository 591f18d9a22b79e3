//! The builder a user's `build.rs` runs.
//!
//! Invariant: either the whole file is written, or none of it and every reason is told. A file that would not change is
//! not written, so nothing is compiled again for nothing.

use std::path::{Path, PathBuf};

#[cfg(feature = "asyncapi")]
use crate::asyncapi::{self, Document};
use crate::compat::{self, Compared, Incompatible};
use crate::diagnostic::Diagnostic;
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

    /// The Rust text.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn generate(&self) -> Result<String, Error> {
        let (input, units) = self.read()?;
        Ok(rust::file(&input, &units, &self.settings)?)
    }

    /// The same types in TypeScript: those of the values that clients of Node read and write.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn typescript(&self) -> Result<String, Error> {
        Ok(typescript::file(&self.read()?.1))
    }

    /// The same types in Python: dataclasses of the values that `fastavro` reads and writes.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn python(&self) -> Result<String, Error> {
        Ok(python::file(&self.read()?.1))
    }

    /// The topics as a document of AsyncAPI 3, under a title and a version of its owner's.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    #[cfg(feature = "asyncapi")]
    pub fn asyncapi(&self, title: &str, version: &str) -> Result<Document, Error> {
        Ok(asyncapi::document(&self.read()?.1, title, version))
    }

    /// Every version in the folder, each after those it refers to.
    ///
    /// # Errors
    /// Everything that is wrong with the schemas.
    pub fn versions(&self) -> Result<Vec<FolderVersion>, Error> {
        let input = input::load(&self.schemas)?;
        let rows = input.in_order().into_iter();
        Ok(rows
            .map(|(subject, text)| FolderVersion::of(subject, text))
            .collect())
    }

    fn read(&self) -> Result<(Input, Units), Error> {
        let wrong = self.settings.wrong_attributes().into_iter();
        let mut wrong: Vec<Diagnostic> = wrong
            .map(|message| Diagnostic::file(&self.schemas, message))
            .collect();
        let mut input = input::load(&self.schemas)?;
        let mut compared = Compared::default();
        for subject in input.subjects() {
            if let Some((newest, older)) = subject.versions.split_last() {
                compared.add(compat::compare(subject, newest, older));
            }
        }
        match self.settings.incompatible {
            Incompatible::Refuse => wrong.extend(compared.refused),
            Incompatible::Warn => input.warnings.extend(compared.refused),
        }
        input.warnings.extend(compared.told);
        match check::units(&input) {
            Ok(units) if wrong.is_empty() => Ok((input, units)),
            units => {
                wrong.extend(units.err().into_iter().flatten());
                Err(wrong.into())
            }
        }
    }

    /// Generates into `OUT_DIR`, from inside a `build.rs`, and tells cargo what the file was made from and what is odd.
    ///
    /// # Errors
    /// Everything that is wrong, which cargo has been told then.
    pub fn compile(&self) -> Result<(), Error> {
        println!("cargo::rerun-if-changed={}", self.schemas.display());
        // Whether it has what generated code needs is said below, and is another matter once it is changed.
        println!("cargo::rerun-if-changed=Cargo.toml");
        let written = self.read().and_then(|(input, units)| {
            for warning in &input.warnings {
                println!("cargo::warning={}", in_one_line(warning));
            }
            let text = rust::file(&input, &units, &self.settings)?;
            for diagnostic in needs::missing(&text)? {
                println!("cargo::warning={}", in_one_line(&diagnostic));
            }
            Ok(self.write(&text)?)
        });
        if let Err(error) = &written {
            for diagnostic in error.diagnostics() {
                println!("cargo::error={}", in_one_line(diagnostic));
            }
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

fn in_one_line(diagnostic: &Diagnostic) -> String {
    let help = if diagnostic.help.is_empty() {
        ""
    } else {
        "; help: "
    };
    let said = format!("{diagnostic}{help}{}", diagnostic.help);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
