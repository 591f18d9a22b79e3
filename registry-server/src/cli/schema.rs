//! `annals schema list | get | register | check`.

use std::path::{Path, PathBuf};

use annals_schema_model::SchemaType;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::api::Api;
use super::check::Check;
use super::exit::{Exit, Failure};
use super::output::{self, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// The newest version of every subject
    #[command(after_help = "Example:\n  annals schema list --prefix orders-")]
    List {
        /// Only subjects that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// Every version, not only the newest
        #[arg(long)]
        all: bool,
    },
    /// One version's text
    #[command(after_help = "Example:\n  annals schema get packages-value --version 1")]
    Get {
        subject: String,
        /// A number, or `latest`
        #[arg(long, default_value = "latest")]
        version: String,
    },
    /// Register a schema under a subject
    #[command(
        after_help = "Example:\n  annals schema register orders-value order.avsc --ref shop.Money=money-value:1"
    )]
    Register {
        #[command(flatten)]
        file: SchemaFile,
    },
    /// Is a schema compatible with what the subject has? Exit code 3 when it is not
    Check(Check),
}

/// A schema on disk, bound for a subject.
#[derive(Debug, Args)]
pub(crate) struct SchemaFile {
    pub(crate) subject: String,
    /// An .avsc, .proto or .json file
    pub(crate) file: PathBuf,
    /// AVRO, PROTOBUF or JSON; told by the file's extension when absent
    #[arg(long = "type", value_name = "TYPE")]
    schema_type: Option<String>,
    /// A reference: the name used in the schema, and the subject and version it stands for
    #[arg(long = "ref", value_name = "NAME=SUBJECT:VERSION", value_parser = reference)]
    references: Vec<Reference>,
    /// Compare in normalised form
    #[arg(long)]
    normalize: bool,
}

#[derive(Debug, Clone)]
struct Reference {
    name: String,
    subject: String,
    version: i32,
}

fn reference(text: &str) -> Result<Reference, String> {
    let form = || "expected NAME=SUBJECT:VERSION, such as shop.Money=money-value:1".to_owned();
    let (name, target) = text.split_once('=').ok_or_else(form)?;
    let (subject, version) = target.rsplit_once(':').ok_or_else(form)?;
    let version = version.parse().map_err(|_| form())?;
    Ok(Reference {
        name: name.to_owned(),
        subject: subject.to_owned(),
        version,
    })
}

impl SchemaFile {
    pub(crate) fn text(&self) -> Result<String, Failure> {
        std::fs::read_to_string(&self.file)
            .map_err(|e| Failure::new(Exit::Failed, format!("{}: {e}", self.file.display())))
    }

    pub(crate) fn schema_type(&self) -> Result<String, Failure> {
        if let Some(given) = &self.schema_type {
            let known: Result<SchemaType, _> = given.to_ascii_uppercase().parse();
            let known = known.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
            return Ok(known.name().to_owned());
        }
        match self.file.extension().and_then(|e| e.to_str()) {
            Some("avsc") => Ok("AVRO".to_owned()),
            Some("proto") => Ok("PROTOBUF".to_owned()),
            Some("json") => Ok("JSON".to_owned()),
            _ => Err(Failure::new(
                Exit::Usage,
                format!("cannot tell the schema type of {}", self.file.display()),
            )
            .help("give it with --type AVRO, --type PROTOBUF or --type JSON")),
        }
    }

    /// The body of a register, lookup or compatibility request.
    pub(crate) fn request(&self) -> Result<Value, Failure> {
        let references: Vec<Value> = self
            .references
            .iter()
            .map(|r| json!({"name": r.name, "subject": r.subject, "version": r.version}))
            .collect();
        Ok(json!({"schema": self.text()?, "schemaType": self.schema_type()?, "references": references}))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    pub(crate) fn normalize(&self) -> &'static str {
        if self.normalize { "true" } else { "false" }
    }
}

impl Schema {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let api = Api::new(&global.server);
        match self {
            Self::List { prefix, all } => list(&api, global, &prefix, all),
            Self::Get { subject, version } => get(&api, global, &subject, &version),
            Self::Register { file } => register(&api, global, &file),
            Self::Check(check) => check.run(&api, global),
        }
    }
}

fn list(api: &Api, global: &Global, prefix: &str, all: bool) -> Result<Exit, Failure> {
    let latest_only = if all { "false" } else { "true" };
    let mut schemas = Vec::new();
    // The server answers at most 1,000 a page.
    loop {
        let offset = schemas.len().to_string();
        let query = [
            ("subjectPrefix", prefix),
            ("latestOnly", latest_only),
            ("offset", &offset),
        ];
        let page = api.get(&["schemas"], &query)?;
        let page = page.as_array().cloned().unwrap_or_default();
        if page.is_empty() {
            break;
        }
        schemas.extend(page);
    }
    if global.output == Format::Json {
        output::json(&Value::Array(schemas))?;
    } else {
        let rows = schemas.iter().map(|s| {
            ["subject", "version", "id", "schemaType"]
                .map(|key| output::cell(&s[key]))
                .to_vec()
        });
        output::table(&["SUBJECT", "VERSION", "ID", "TYPE"], rows)?;
    }
    Ok(Exit::Done)
}

fn get(api: &Api, global: &Global, subject: &str, version: &str) -> Result<Exit, Failure> {
    let answer = api.get(&["subjects", subject, "versions", version], &[])?;
    match global.output {
        Format::Json => output::json(&answer)?,
        Format::Table => output::line(&output::cell(&answer["schema"]))?,
    }
    Ok(Exit::Done)
}

fn register(api: &Api, global: &Global, file: &SchemaFile) -> Result<Exit, Failure> {
    let query = [("normalize", file.normalize())];
    let answer = api.post(&["subjects", &file.subject, "versions"], &query, &file.request()?)?;
    if global.output == Format::Json {
        output::json(&answer)?;
    } else {
        // A server with the older shape of answers does not say the version.
        let version = answer["version"].as_u64();
        let version = version.map_or_else(String::new, |version| format!(" v{version}"));
        output::line(&format!(
            "registered {}{version} (id {})",
            file.subject, answer["id"]
        ))?;
    }
    Ok(Exit::Done)
}
