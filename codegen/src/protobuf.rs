//! Protobuf files with their comments, which documentation is made of.
//!
//! `schema-model` has judged the text already; its descriptors carry no comments, so the file is compiled once more.

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use crate::diagnostic::Diagnostic;
use crate::manifest::VersionText;

/// The file and what it imports, dependencies first.
pub(crate) fn with_comments(text: &VersionText) -> Result<prost_types::FileDescriptorSet, Diagnostic> {
    let fail = |error: protox::Error| Diagnostic::file(&text.path, error.to_string());
    let mut resolver = ChainFileResolver::new();
    resolver.add(GoogleFileResolver::new());
    resolver.add(OneFile {
        name: text.label.clone(),
        text: text.text.clone(),
    });
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file(&text.label).map_err(fail)?;
    Ok(compiler.file_descriptor_set())
}

/// Finds the one file that is being compiled, from memory.
struct OneFile {
    name: String,
    text: String,
}

impl FileResolver for OneFile {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == self.name {
            File::from_source(name, &self.text)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}
