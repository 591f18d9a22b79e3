//! What was acknowledged outlives what may happen to a server and its disk: it is killed, the power goes, a sync fails,
//! there is no room. Real clients put it under load (`clients/python/{cuts,broken}.py` say what must hold).

use std::process::Command;

use crate::server::{binary, clients, given};

/// As often as property tests have cases: so many times more than in a run of 256.
fn longer() -> u64 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(256_u64);
    (cases / 256).max(1)
}

/// Runs a script with the server's binary and a folder of its own. What this machine cannot do is said, and fails nothing.
fn run(what: &str, script: &str, how: &str, args: &[String]) {
    let Some(program) = given(what, "ANNALS_PYTHON") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let out = Command::new(program)
        .arg(clients().join("python").join(script))
        .arg(how)
        .args([binary().as_path(), place.path()])
        .args(args)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&out.stdout);
    let stderr = String::from_utf8_lossy(&out.stderr);
    if out.status.code() == Some(3) {
        println!("not checked: {what}: {}", stdout.trim_end());
        return;
    }
    let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
    assert!(
        out.status.success(),
        "{what}:\n{stdout}\n{stderr}\nthe server said:\n{log}"
    );
    println!("{what}: {}", stdout.trim_end());
}

/// Ten deaths, or as many as there are in forty seconds; two hundred in a soak, however long they take.
fn deaths() -> [String; 2] {
    match longer() {
        1 => ["10".to_owned(), "40".to_owned()],
        times => [(10 * times).to_string(), "inf".to_owned()],
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed() {
    run("a killed server", "cuts.py", "killed", &deaths());
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes() {
    run("power cuts", "cuts.py", "power", &deaths());
}

#[test]
fn without_syncs_the_same_power_cut_loses_records() {
    run("the control of power cuts", "cuts.py", "unsynced", &[]);
}

#[test]
fn a_failed_sync_is_never_taken_back() {
    run("a failed sync", "broken.py", "sync", &[]);
}

#[test]
fn a_full_disk_refuses_and_goes_on() {
    run("a full disk", "broken.py", "full", &[]);
}
