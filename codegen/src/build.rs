//! The builder a user's `build.rs` runs.
//!
//! Invariant: either the whole file is written, or none of it and every reason is printed as `cargo::error`. A file
//! that would not change is not written, so nothing is compiled again for nothing.

use std::path::{Path, PathBuf};

use crate::asyncapi::Document;
use crate::check;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::settings::{Attribute, Settings};
use crate::unit::TopicUnit;
use crate::{asyncapi, manifest, python, rust, typescript};

/// Generates Rust from the schemas of a manifest.
#[derive(Clone, Debug)]
pub struct Build {
    manifest: PathBuf,
    out: String,
    settings: Settings,
}

impl Build {
    /// A build of the manifest at a path relative to the crate, or absolute.
    pub fn new(manifest: impl Into<PathBuf>) -> Build {
        Build {
            manifest: manifest.into(),
            out: "events.rs".to_owned(),
            settings: Settings::default(),
        }
    }

    /// The file's name in `OUT_DIR`; `events.rs` when not said otherwise.
    #[must_use]
    pub fn out(mut self, file: impl Into<String>) -> Build {
        self.out = file.into();
        self
    }

    /// Also generates an old version of an Avro subject, in a module `v<version>`: for those who still write it.
    #[must_use]
    pub fn keep(mut self, subject: impl Into<String>, version: u32) -> Build {
        self.settings.kept.push((subject.into(), version));
        self
    }

    /// As [`Build::keep`]; and what was written with that version becomes the next version that is upcast, and so the newest,
    /// by a `From` that you write: `impl From<v1::OrderPlaced> for OrderPlaced`. The compiler asks for it. The newest version
    /// need not be able to read such a version.
    #[must_use]
    pub fn upcast(mut self, subject: impl Into<String>, version: u32) -> Build {
        let kept = (subject.into(), version);
        self.settings.upcasts.push(kept.clone());
        self.settings.kept.push(kept);
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

    /// The Rust text, or everything that is wrong.
    ///
    /// # Errors
    /// Every [`Diagnostic`] that was found, in the order of the manifest.
    pub fn generate(&self) -> Result<String, Vec<Diagnostic>> {
        let (manifest, topics) = self.read()?;
        rust::file(&manifest, &topics, &self.settings)
    }

    /// The same types in TypeScript: those of the values that clients of Node read and write.
    ///
    /// # Errors
    /// Every [`Diagnostic`] that was found, in the order of the manifest.
    pub fn typescript(&self) -> Result<String, Vec<Diagnostic>> {
        Ok(typescript::file(&self.read()?.1))
    }

    /// The same types in Python: dataclasses of the values that `fastavro` reads and writes.
    ///
    /// # Errors
    /// Every [`Diagnostic`] that was found, in the order of the manifest.
    pub fn python(&self) -> Result<String, Vec<Diagnostic>> {
        Ok(python::file(&self.read()?.1))
    }

    /// The topics as a document of AsyncAPI 3, under a title and a version of its owner's.
    ///
    /// # Errors
    /// Every [`Diagnostic`] that was found, in the order of the manifest.
    pub fn asyncapi(&self, title: &str, version: &str) -> Result<Document, Vec<Diagnostic>> {
        Ok(asyncapi::document(&self.read()?.1, title, version))
    }

    fn read(&self) -> Result<(Manifest, Vec<TopicUnit>), Vec<Diagnostic>> {
        let manifest = manifest::load(&self.manifest)?;
        let unknown = check::unknown_kept(&manifest, &self.settings.kept);
        if !unknown.is_empty() {
            let about_manifest = |message| Diagnostic::file(&self.manifest, message);
            return Err(unknown.into_iter().map(about_manifest).collect());
        }
        let wrong = self.settings.wrong_attributes().into_iter();
        let wrong: Vec<Diagnostic> = wrong
            .map(|message| Diagnostic::file(&self.manifest, message))
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let topics = check::units(&manifest, &self.settings)?;
        Ok((manifest, topics))
    }

    /// Generates into `OUT_DIR`, from inside a `build.rs`. What is wrong is printed for cargo, and the process ends.
    pub fn run(self) {
        for line in self.watched() {
            println!("cargo::rerun-if-changed={line}");
        }
        let wrong = match self.generate() {
            Ok(text) => match self.write(&text) {
                Ok(()) => return,
                Err(diagnostic) => vec![diagnostic],
            },
            Err(wrong) => wrong,
        };
        for diagnostic in wrong {
            println!("cargo::error={}", diagnostic.to_string().replace('\n', " "));
        }
        std::process::exit(1);
    }

    /// What a change of makes a new build necessary: the manifest and every subject's folder.
    fn watched(&self) -> Vec<String> {
        let mut watched = vec![self.manifest.display().to_string()];
        if let Ok(manifest) = manifest::load(&self.manifest) {
            let subjects = manifest.topics.iter().flat_map(|topic| &topic.subjects);
            watched.extend(subjects.map(|subject| subject.folder.display().to_string()));
        } else if let Some(folder) = self.manifest.parent() {
            // Whatever is wrong is somewhere in there.
            watched.push(folder.display().to_string());
        }
        watched
    }

    fn write(&self, text: &str) -> Result<(), Diagnostic> {
        let Some(folder) = std::env::var_os("OUT_DIR") else {
            return Err(Diagnostic::file(
                &self.manifest,
                "OUT_DIR is not set: run this from a build.rs",
            ));
        };
        let path = Path::new(&folder).join(&self.out);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        std::fs::write(&path, text)
            .map_err(|error| Diagnostic::file(&path, format!("cannot be written: {error}")))
    }
}
