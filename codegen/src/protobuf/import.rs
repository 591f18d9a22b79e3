//! The files that a Protobuf schema imports.
//!
//! Invariant: an import is a file below the folder of all schemas, by the path it is imported by, as compilers look for it
//! below the folder they are told; or one that is built in. Nothing outside of that folder is read.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use annals_schema_model::{Resolved, proto};

use crate::diagnostic::Diagnostic;
use crate::manifest::{VersionText, read_schema};

/// Most files one schema may pull in.
const FILES_MAX: usize = 1_000;

/// What a text imports, and what that imports, from below a folder; and what of it is not there.
pub(crate) fn imports(root: &Path, text: &VersionText) -> (Vec<Resolved>, Vec<Diagnostic>) {
    let mut wrong = Vec::new();
    let mut found: BTreeMap<String, Option<Resolved>> = BTreeMap::new();
    // The file, and an import of it with its place.
    let mut open: Vec<(std::path::PathBuf, Import)> = listed(&text.path, &text.text);
    while let Some((importer, import)) = open.pop() {
        if found.contains_key(&import.name) {
            continue;
        }
        let complain = |message: String| Diagnostic::at(&importer, import.line, import.column, message);
        if found.len() >= FILES_MAX {
            wrong.push(complain(format!("the schema needs more than {FILES_MAX} files")));
            break;
        }
        let path = Path::new(&import.name);
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let path = root.join(path);
        let read = match std::fs::exists(&path) {
            _ if !is_inside => Err("it is not below the folder of the schemas".to_owned()),
            Ok(true) => read_schema(&path).map(Some).map_err(|error| error.to_string()),
            Ok(false) if proto::Schema::is_built_in(&import.name) => Ok(None),
            Ok(false) => Err(format!("put the file at {}", path.display())),
            Err(error) => Err(error.to_string()),
        };
        let resolved = match read {
            Ok(Some(text)) => {
                open.extend(listed(&path, &text));
                Some(Resolved {
                    name: import.name.clone(),
                    text,
                })
            }
            Ok(None) => None,
            Err(why) => {
                wrong.push(complain(format!(
                    "import \"{}\" cannot be had: {why}",
                    import.name
                )));
                None
            }
        };
        found.insert(import.name, resolved);
    }
    (found.into_values().flatten().collect(), wrong)
}

/// An import, and where it stands.
struct Import {
    name: String,
    line: u32,
    column: u32,
}

/// The imports of a text; none when it cannot be read, which those who compile it find out.
fn listed(path: &Path, text: &str) -> Vec<(std::path::PathBuf, Import)> {
    let Some(file) = super::parsed("", text) else {
        return Vec::new();
    };
    let locations = file.source_code_info.unwrap_or_default().location;
    let names = file.dependency.into_iter().enumerate();
    let imports = names.map(|(index, name)| {
        let wanted = [super::part::FILE_IMPORT, super::number(index)];
        let span = locations
            .iter()
            .find(|location| location.path == wanted)
            .map(|location| location.span.as_slice());
        let place = |part: usize| {
            let number = span
                .and_then(|span| span.get(part))
                .and_then(|number| u32::try_from(*number).ok());
            number.map_or(0, |number| number.saturating_add(1))
        };
        let (line, column) = (place(0), place(1));
        (path.to_owned(), Import { name, line, column })
    });
    imports.collect()
}
