//! The same events for other languages, compared with files in `tests/golden`. Their own compilers read them in the tests
//! of the whole.

use annals_codegen::{Build, configure};

use crate::golden::compare;

/// Every kind of type, and every name that is hard to give.
fn zoo() -> Build {
    configure().schemas("tests/schemas")
}

#[test]
fn printed_typescript_is_the_golden_file() {
    compare("events.ts.txt", &zoo().typescript().unwrap());
}

#[test]
fn printed_python_is_the_golden_file() {
    compare("events.py.txt", &zoo().python().unwrap());
}

#[test]
fn printed_asyncapi_is_the_golden_file() {
    let document = zoo().asyncapi("The zoo", "1.2.0").unwrap();
    compare(
        "events.asyncapi.json",
        &serde_json::to_string_pretty(&document).unwrap(),
    );
}
