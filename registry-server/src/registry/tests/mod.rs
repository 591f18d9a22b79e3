//! The registry's decisions, on views made by hand: nothing is stored.

mod asked;
mod contexts;
mod deletes;
mod forms;
mod imports;
mod modes;
mod references;
mod register;
mod settings;
mod types;
mod versions;

use annals_schema_model::{Reference, SchemaId};
use serde_json::{Value, json};

use super::{
    Change, Config, Deleted, Mode, Qualified, RegisterRequest, RegistryError, VersionSpec, View, delete,
    lookup, mode,
    register::{Decision, decide},
};

/// A view, and decisions that take effect on it at once.
#[derive(Default)]
struct Desk {
    view: View,
}

impl Desk {
    fn apply(&mut self, changes: &[Change]) {
        changes.iter().for_each(|change| self.view.apply(change));
    }

    /// Registers; answers id and version.
    fn register(&mut self, subject: &str, request: &RegisterRequest) -> Result<(u32, u32), RegistryError> {
        let subject = Qualified::parse(subject);
        match decide(&self.view, &subject, request)? {
            Decision::Existing(version) => Ok((version.id.get(), version.version)),
            Decision::Write(new) => {
                let (changes, version) = new.changes(&self.view, 1).expect("nothing came between");
                self.apply(&changes);
                Ok((version.id.get(), version.version))
            }
        }
    }

    fn delete(&mut self, subject: &str, permanent: bool) -> Result<Vec<u32>, RegistryError> {
        let (changes, versions) = delete::subject(&self.view, &Qualified::parse(subject), permanent)?;
        self.apply(&changes);
        Ok(versions)
    }

    fn delete_version(
        &mut self,
        subject: &str,
        version: &str,
        permanent: bool,
    ) -> Result<u32, RegistryError> {
        let spec = VersionSpec::parse(version)?;
        let (changes, version) = delete::version(&self.view, &Qualified::parse(subject), spec, permanent)?;
        self.apply(&changes);
        Ok(version)
    }

    fn configure(&mut self, of: &str, update: Value) {
        let of = Qualified::parse(of);
        let old = self.view.config(&of).map(|old| Config::clone(old));
        let config = old
            .unwrap_or_default()
            .merged(update.as_object().unwrap())
            .unwrap();
        self.apply(&[Change::Config {
            of,
            config: Some(config.into()),
        }]);
    }

    fn set_mode(&mut self, of: &str, to: Mode, force: bool) -> Result<(), RegistryError> {
        let changes = mode::set(&self.view, &Qualified::parse(of), Some(to), force)?;
        self.apply(&changes);
        Ok(())
    }

    /// The numbers of a subject's versions.
    fn versions(&self, subject: &str, deleted: Deleted) -> Vec<u32> {
        match lookup::subject(&self.view, &Qualified::parse(subject), deleted) {
            Ok(versions) => versions.listed(deleted).map(|version| version.version).collect(),
            Err(_) => Vec::new(),
        }
    }

    fn look_up(&self, subject: &str, request: &RegisterRequest) -> Result<u32, RegistryError> {
        let found = lookup::by_content(&self.view, &Qualified::parse(subject), request, Deleted::Without)?;
        Ok(found.version.version)
    }

    fn is_served(&self, context: &str, id: u32) -> bool {
        self.view.schema_in(context, schema_id(id)).is_some()
    }
}

fn schema_id(id: u32) -> SchemaId {
    SchemaId::new(id).unwrap()
}

/// A record with int fields; a name ending in `?` has a default.
fn record(name: &str, fields: &[&str]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| match field.strip_suffix('?') {
            Some(name) => json!({"name": name, "type": "int", "default": 0}),
            None => json!({"name": field, "type": "int"}),
        })
        .collect();
    json!({"type": "record", "name": name, "fields": fields}).to_string()
}

fn request(schema: &str) -> RegisterRequest {
    RegisterRequest {
        schema: schema.to_owned(),
        ..RegisterRequest::default()
    }
}

/// A schema of a type.
fn typed(schema_type: &str, text: &str) -> RegisterRequest {
    RegisterRequest {
        schema_type: Some(schema_type.to_owned()),
        ..request(text)
    }
}

/// The same with the id an importer brings.
fn imported(schema_type: &str, text: &str, id: i64, version: Option<i64>) -> RegisterRequest {
    RegisterRequest {
        id: Some(id),
        version,
        ..typed(schema_type, text)
    }
}

/// A schema whose content is its own by its name.
fn schema(name: &str) -> RegisterRequest {
    request(&json!({"type": "enum", "name": name, "symbols": ["A"]}).to_string())
}

fn reference(name: &str, subject: &str, version: i32) -> Reference {
    Reference {
        name: name.to_owned(),
        subject: subject.to_owned(),
        version,
    }
}

/// The variant of an error, and a part of what it says.
fn assert_refused<T: std::fmt::Debug>(got: Result<T, RegistryError>, variant: &str, words: &str) {
    let error = got.expect_err(variant);
    let (name, said) = (format!("{error:?}"), error.to_string());
    assert!(name.starts_with(variant), "{name} is not {variant}");
    assert!(said.contains(words), "{said:?} does not say {words:?}");
}
