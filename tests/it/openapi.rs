//! What the server answers is what its description says: schemathesis makes up requests from `/openapi.json`.
//!
//! The requests are the same in every run, and bounded in number. No answer may be a 5xx, nor have a status, a media
//! type or a shape that the description does not name.

use std::path::Path;
use std::process::Command;

use crate::server::Server;

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Made-up requests per operation, beside those that the parameters' own limits give.
const EXAMPLES: &str = "6";

#[test]
fn made_up_requests_are_answered_as_described() {
    let Some(python) = std::env::var_os("ANNALS_PYTHON") else {
        println!(
            "skipped: requests made up from the description: ANNALS_PYTHON is not set (./test.sh sets it)"
        );
        return;
    };
    let server = Server::start(&[]);
    // It leaves files where it runs.
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(Path::new(&python).with_file_name("schemathesis"))
        .args(["run", &format!("{}/openapi.json", server.http)])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES])
        .args([
            "--generation-deterministic",
            "--suppress-health-check",
            "filter_too_much",
        ])
        .args(["--continue-on-failure", "--warnings", "off", "--no-color"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}");
    let count = said
        .lines()
        .find(|line| line.contains(" generated"))
        .unwrap_or("");
    println!("schemathesis and the description: {}", count.trim());
}
