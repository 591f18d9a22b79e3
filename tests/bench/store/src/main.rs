//! The event store on a log of ten million events in a million aggregates, and beside it what users would do otherwise.
//!
//! ```text
//! store-bench register HTTP              the schemas, in a fresh registry
//! store-bench corpus DATA EVENTS CODEC   writes the log; CODEC is none or lz4
//! store-bench index DATA                 the key index, built anew, and opened once more
//! store-bench copies DATA                copies in the order of keys, made anew
//! store-bench rows DATA [ROW]            in process
//! store-bench rest DATA HTTP             through a server on that data
//! store-bench postgres DATA URL          the same in PostgreSQL, folded by its client
//! store-bench cqrs DATA URL              the same in cqrs-es on PostgreSQL (the feature `cqrs`)
//! store-bench memory DATA HTTP PID       eight askers, and what the server takes
//! ```

mod corpus;
#[cfg(feature = "cqrs")]
mod cqrs;
mod measure;
mod memory;
mod postgres;
mod registry;
mod rest;
mod rng;
mod rows;
mod shape;
mod story;

use std::path::Path;

use annals_kafka_wire::batch::Compression;

/// Whatever ends a run.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["register", http] => registry::Registry::register(http),
        ["corpus", data, events, codec] => {
            let codec = if codec == "lz4" {
                Compression::Lz4
            } else {
                Compression::None
            };
            corpus::make(Path::new(data), events.parse()?, codec)
        }
        ["index", data] => rows::index(Path::new(data)),
        ["copies", data] => rows::copies(Path::new(data)),
        ["rows", data] => rows::run(Path::new(data), ""),
        ["rows", data, row] => rows::run(Path::new(data), row),
        ["rest", data, http] => rest::latency(Path::new(data), http),
        ["postgres", data, url] => postgres::run(Path::new(data), url),
        #[cfg(feature = "cqrs")]
        ["cqrs", data, url] => cqrs::run(Path::new(data), url),
        ["memory", data, http, pid] => rest::memory(Path::new(data), http, pid),
        _ => Err("see the head of src/main.rs".into()),
    }
}
