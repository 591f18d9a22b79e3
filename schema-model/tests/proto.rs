//! Protobuf schemas and payloads from outside: what parses, what is normal, what walks and how it reads.

#[cfg(test)]
#[path = "proto/compiled.rs"]
mod compiled;
#[cfg(test)]
#[path = "proto/differential.rs"]
mod differential;
#[cfg(test)]
#[path = "proto/generated.rs"]
mod generated;
#[cfg(test)]
#[path = "proto/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "proto/normal.rs"]
mod normal;
#[cfg(test)]
#[path = "proto/parse.rs"]
mod parse;
#[cfg(test)]
#[path = "proto/payload.rs"]
mod payload;
#[cfg(test)]
#[path = "proto/printed.rs"]
mod printed;
#[cfg(test)]
#[path = "proto/rich.rs"]
mod rich;
#[cfg(test)]
#[path = "proto/rules.rs"]
mod rules;
#[cfg(test)]
#[path = "proto/undefined.rs"]
mod undefined;

use annals_schema_model::{Resolved, proto::Schema};

/// Parses a text that must parse.
fn schema(text: &str) -> Schema {
    schema_with(text, &[])
}

fn schema_with(text: &str, references: &[(&str, &str)]) -> Schema {
    Schema::parse(text, &resolved(references)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn resolved(references: &[(&str, &str)]) -> Vec<Resolved> {
    references
        .iter()
        .map(|(name, text)| Resolved {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect()
}
