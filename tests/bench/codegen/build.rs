//! Generates the order event, and the second corpus: its schemas, our types, and serde's.

use std::path::Path;

#[allow(dead_code)]
#[path = "src/corpus.rs"]
mod corpus;

fn main() {
    annals_codegen::Build::new("schemas/annals.toml")
        .keep("orders-shop.OrderPlaced", 1)
        .run();
    let out = std::env::var("OUT_DIR").expect("cargo says where");
    let out = Path::new(&out);
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let (mut subjects, mut serde) = (Vec::new(), String::new());
    for record in corpus::all() {
        let subject = format!("corpus-corpus.{}", record.name);
        let file = out.join("corpus").join(&subject).join("v1.avsc");
        write(&file, &record.avro());
        record.serde(&mut serde);
        subjects.push(format!("{subject:?}"));
    }
    let subjects = subjects.join(", ");
    let manifest =
        format!("[[topic]]\nname = \"corpus\"\nstrategy = \"topic_record\"\nsubjects = [{subjects}]\n");
    write(&out.join("corpus/annals.toml"), &manifest);
    write(&out.join("corpus_serde.rs"), &serde);
    annals_codegen::Build::new(out.join("corpus/annals.toml"))
        .out("corpus.rs")
        .run();
    println!("cargo::rerun-if-changed=src/corpus.rs");
}
