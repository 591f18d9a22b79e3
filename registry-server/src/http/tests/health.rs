//! A log in trouble is seen from outside.

use std::sync::{Arc, Mutex};

use annals_broker::{Cuts, Damage, DamagedPartition, LogState};
use serde_json::{Value, json};

use super::App;
use crate::http::Ready;

fn full() -> LogState {
    LogState {
        refusing: Some("writing t/1/0: no space".to_owned()),
        ..LogState::default()
    }
}

fn stopped() -> LogState {
    LogState {
        stopped: Some("syncing t/1/0: input/output error".to_owned()),
        ..full()
    }
}

fn damaged() -> LogState {
    let damage = Damage {
        file: "t/1/0/00.log".to_owned(),
        position: 61,
        bytes: 70,
        offset: 1,
        end_offset: 2,
        reason: "a checksum".to_owned(),
    };
    LogState {
        damaged: vec![DamagedPartition {
            topic: "orders".to_owned(),
            partition: 2,
            takes_records: false,
            damage: vec![damage],
        }],
        cuts: Cuts { count: 1, bytes: 40 },
        ..LogState::default()
    }
}

#[tokio::test]
async fn a_log_that_takes_no_records_is_not_ready() {
    let log = Arc::new(Mutex::new(LogState::default()));
    let asked = Arc::clone(&log);
    let ready = Ready::with_log(move || asked.lock().unwrap().clone());
    let app = App::with(ready.clone()).await;
    let check = async |state: &LogState, started: bool, status: u16, body: Value, metrics: &[&str]| {
        *log.lock().unwrap() = state.clone();
        ready.set(started);
        for path in ["/readyz", "/_health"] {
            let answered = app.get(path).await;
            assert_eq!(
                (answered.status.as_u16(), answered.json()),
                (status, body.clone()),
                "{state:?}"
            );
        }
        let answered = app.get("/metrics").await;
        let text = String::from_utf8(answered.body.to_vec()).unwrap();
        for line in metrics {
            assert!(text.lines().any(|found| found == *line), "{line} in\n{text}");
        }
        assert_eq!(app.get("/healthz").await.status.as_u16(), 200);
    };
    check(
        &LogState::default(),
        false,
        503,
        json!({"status": "starting"}),
        &["annals_log_stopped 0"],
    )
    .await;
    check(
        &LogState::default(),
        true,
        200,
        json!({"status": "ok"}),
        &["annals_log_refusing 0"],
    )
    .await;
    let body = json!({"status": "full", "reason": "writing t/1/0: no space"});
    check(
        &full(),
        true,
        503,
        body,
        &["annals_log_refusing 1", "annals_log_stopped 0"],
    )
    .await;
    let body = json!({"status": "stopped", "reason": "syncing t/1/0: input/output error"});
    check(&stopped(), true, 503, body, &["annals_log_stopped 1"]).await;
    let body = json!({"status": "ok", "damaged": ["orders/2"]});
    let lines = [
        "annals_log_damaged_partitions 1",
        "annals_log_cuts_total 1",
        "annals_log_cut_bytes_total 40",
    ];
    check(&damaged(), true, 200, body, &lines).await;
}
