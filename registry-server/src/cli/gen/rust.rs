//! `annals gen rust`: what a `build.rs` makes, told by flags what a `build.rs` is told by methods.

use std::io;
use std::path::{Component, Path, PathBuf};

use annals_codegen::{Build, DateTimes, Decimals, Diagnostic, Incompatible, needs};
use clap::{Args, ValueEnum};

use super::super::exit::{Exit, Failure};
use super::super::output::Format;
use super::{Target, build, failed, load, tell};

/// What a build makes, and how.
#[derive(Debug, Args)]
pub(crate) struct Rust {
    #[command(flatten)]
    target: Target,
    /// Whose types dates and times are
    #[arg(long, value_enum, default_value_t = Times::Jiff)]
    date_times: Times,
    /// Whose types decimals are
    #[arg(long, value_enum, default_value_t = Numbers::Own)]
    decimals: Numbers,
    /// Make Avro types serde's
    #[arg(long)]
    serde: bool,
    /// An attribute of types: of all (`.`), of a namespace (`.shop.orders`), of those of a name (`OrderPlaced`)
    #[arg(long, value_name = "PATH=ATTRIBUTE", value_parser = attribute)]
    type_attribute: Vec<(String, String)>,
    /// An attribute of fields: of one (`OrderPlaced.order_id`), or of all of a type
    #[arg(long, value_name = "PATH=ATTRIBUTE", value_parser = attribute)]
    field_attribute: Vec<(String, String)>,
    /// Types that also have a form which borrows texts and bytes from its payload, by such a path
    #[arg(long, value_name = "PATH")]
    borrowed: Vec<String>,
    /// What is done about a schema that is not compatible with the versions before it
    #[arg(long, value_enum, default_value_t = Done::Refuse)]
    incompatible: Done,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Done {
    /// Nothing is written
    Refuse,
    /// It is told, and all is written
    Warn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Times {
    /// The jiff crate's
    Jiff,
    /// The chrono crate's
    Chrono,
    /// The time crate's
    Time,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Numbers {
    /// Those of annals-schema-model
    Own,
    /// The bigdecimal crate's
    Bigdecimal,
    /// The rust_decimal crate's
    RustDecimal,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let parts = text
        .split_once('=')
        .map(|(path, attribute)| (path.to_owned(), attribute.to_owned()));
    parts.ok_or_else(|| "expected PATH=ATTRIBUTE, such as .=#[derive(serde::Serialize)]".to_owned())
}

impl Rust {
    pub(crate) fn run(self, format: Format) -> Result<Exit, Failure> {
        let file = self.target.file("rs");
        let package = package(&file)?;
        // Told by paths from here, which is where whoever reads them is.
        let loaded = load(&self.build(&self.target.schemas), format)?;
        let text = self.as_in_crate(&package)?;
        let lacking = needs::missing(&package, &text);
        // The file is one thing, the crate around it another, which may be put right behind it.
        let lacking: Vec<Diagnostic> = lacking.into_iter().map(Diagnostic::warning).collect();
        tell(&lacking);
        let warnings = [loaded.warnings(), &lacking].concat();
        self.target.finish(&file, &text, &warnings, format)
    }

    fn build(&self, schemas: &Path) -> Build {
        let mut build = build(schemas)
            .date_times(match self.date_times {
                Times::Jiff => DateTimes::Jiff,
                Times::Chrono => DateTimes::Chrono,
                Times::Time => DateTimes::Time,
            })
            .decimals(match self.decimals {
                Numbers::Own => Decimals::Own,
                Numbers::Bigdecimal => Decimals::BigDecimal,
                Numbers::RustDecimal => Decimals::RustDecimal,
            })
            .incompatible(match self.incompatible {
                Done::Refuse => Incompatible::Refuse,
                Done::Warn => Incompatible::Warn,
            });
        for path in &self.borrowed {
            build = build.borrowed(path);
        }
        if self.serde {
            build = build.serde();
        }
        for (path, attribute) in &self.type_attribute {
            build = build.type_attribute(path, attribute);
        }
        for (path, attribute) in &self.field_attribute {
            build = build.field_attribute(path, attribute);
        }
        build
    }

    /// What a `build.rs` of the crate would generate. It runs in the crate's folder, and code names the
    /// texts of its schemas from there; so this does the same.
    fn as_in_crate(&self, package: &Path) -> Result<String, Failure> {
        let schemas = &self.target.schemas;
        let schemas = seen_from(package, schemas).map_err(|error| failed(schemas, &error))?;
        let here = std::env::current_dir()?;
        std::env::set_current_dir(package).map_err(|error| failed(package, &error))?;
        let generated = self.build(&schemas).generate();
        std::env::set_current_dir(here)?;
        generated.map_err(|wrong| Failure::new(Exit::Failed, format!("{wrong:?}")))
    }
}

/// The folder of the crate a file belongs to.
fn package(file: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(file).map_err(|error| failed(file, &error))?;
    let mut folders = absolute.ancestors().skip(1);
    match folders.find(|folder| folder.join("Cargo.toml").is_file()) {
        Some(folder) => Ok(folder.to_owned()),
        None => Err(Failure::new(
            Exit::Failed,
            format!(
                "{} is in no crate: no folder above it has a Cargo.toml",
                file.display()
            ),
        )
        .help("code names the texts of its schemas from the folder of its crate; give --out a place in one")),
    }
}

/// The relative path that leads from a folder to a file; both exist.
fn seen_from(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    let (folder, file) = (folder.canonicalize()?, file.canonicalize()?);
    let both = folder.components().zip(file.components());
    let shared = both.take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    Ok(up.chain(file.components().skip(shared)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_named_as_a_folder_sees_them() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("schemas/a/v1.avsc");
        fs::create_dir_all(root.path().join("crates/events")).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        let check = |folder: &str, expected: &str| {
            let seen = seen_from(&root.path().join(folder), &file).unwrap();
            assert_eq!(seen, Path::new(expected), "{folder}");
        };
        check(".", "schemas/a/v1.avsc");
        check("schemas", "a/v1.avsc");
        check("crates/events", "../../schemas/a/v1.avsc");
        check("crates/../schemas/a", "v1.avsc");
    }
}
