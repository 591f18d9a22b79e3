//! Generates the order event, and the second corpus: its schemas, our types, and serde's.

use std::path::Path;

#[allow(dead_code)]
#[path = "src/corpus.rs"]
mod corpus;

fn main() -> Result<(), annals_codegen::Error> {
    annals_codegen::configure().borrowed("OrderPlaced").compile()?;
    let out = std::env::var("OUT_DIR").expect("cargo says where");
    let out = Path::new(&out);
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let mut serde = String::new();
    for record in corpus::all() {
        let subject = format!("corpus-corpus.{}", record.name);
        let file = out.join("corpus").join(&subject).join("v1.avsc");
        write(&file, &record.avro());
        record.serde(&mut serde);
    }
    write(&out.join("corpus_serde.rs"), &serde);
    println!("cargo::rerun-if-changed=src/corpus.rs");
    annals_codegen::configure()
        .schemas(out.join("corpus"))
        .out("corpus.rs")
        .compile()
}
