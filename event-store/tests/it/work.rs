//! A question ends when nobody waits for its answer any more, and when it has cost what it may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use annals_event_store::http::{self, Problem};
use annals_event_store::{
    AsOf, At, EventStore, Fold, Halt, Page, Question, StoreError, Work, declarative, typed,
};
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;

use crate::support::{Logs, Write};
use crate::till::{TOPIC, Till, TillEvent, TillFold, table};

/// Events of the aggregate each question is about.
const EVENTS: usize = 100;

/// A till of so many events, each with so many headers.
fn logs(headers: usize) -> (Logs, EventStore) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let write = |event: &Till| Write {
        headers: vec![("", String::new()); headers],
        ..event.write(&ids, "k", 1)
    };
    let mut writes = vec![write(&opened)];
    writes.resize(EVENTS, write(&Till::Closed));
    logs.append(0, &writes);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<Parked>(TOPIC)), logs.source())
        .unwrap();
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    (logs, store)
}

/// Lets nobody by until it is opened.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    arrived: bool,
    open: bool,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| !until(state)).unwrap());
    }
}

static GATE: Gate = Gate {
    state: Mutex::new(GateState {
        arrived: false,
        open: false,
    }),
    changed: Condvar::new(),
};
static STEPS: AtomicUsize = AtomicUsize::new(0);

/// Waits at the gate with each event after the first.
struct Parked;

impl Fold for Parked {
    const NAME: &'static str = "parked";
    const REV: u32 = 1;
    type State = ();
    type Event = TillEvent;

    fn begin(_: TillEvent, _: &At<'_>) -> Result<(), Halt> {
        Ok(())
    }

    fn evolve(_: &mut (), _: TillEvent, _: &At<'_>) -> Result<(), Halt> {
        STEPS.fetch_add(1, Ordering::SeqCst);
        GATE.change(|gate| gate.arrived = true);
        GATE.wait(|gate| gate.open);
        Ok(())
    }
}

#[test]
fn work_for_a_client_that_left_is_given_up() {
    let (_logs, store) = logs(1);
    let routes = http::routes(Arc::new(|| 10_000), http::Answers::default());
    let router = routes.split_for_parts().0.with_state(Arc::new(store));
    for path in [
        "/k",
        "/k/history?limit=1",
        "/k/diff",
        "/k/diff?from=revision:98",
        "",
    ] {
        GATE.change(|gate| *gate = GateState::default());
        STEPS.store(0, Ordering::SeqCst);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let url = format!("/v1/aggregates/parked{path}");
        let request = Request::get(url).body(Body::empty()).unwrap();
        let asked = runtime.spawn(router.clone().oneshot(request));
        GATE.wait(|gate| gate.arrived);
        // What a connection does whose client goes away, and a server that stops.
        asked.abort();
        assert!(runtime.block_on(asked).unwrap_err().is_cancelled());
        GATE.change(|gate| gate.open = true);
        // Comes back when nothing is worked on any more.
        drop(runtime);
        assert_eq!(STEPS.load(Ordering::SeqCst), 1, "{path}");
    }
}

#[test]
fn work_is_bounded() {
    let page = Page::default();
    let birth = AsOf::Offset(-1);
    let check = |headers: usize, pieces: u64, fits: bool| {
        let (_logs, store) = logs(headers);
        let ask = |question: &dyn Fn(&EventStore) -> Result<(), StoreError>| {
            let answer = question(&store.at_work(&Work::up_to(pieces)));
            match (answer, fits) {
                (Ok(()), true) => {}
                (Err(StoreError::TooMuchWork { max }), false) => assert_eq!(max, pieces),
                (other, _) => panic!("{headers} headers, {pieces} pieces: {other:?}"),
            }
        };
        ask(&|store| store.reconstruct("till", "k", &AsOf::Head).map(drop));
        ask(&|store| store.history("till", "k", &AsOf::Head, page).map(drop));
        ask(&|store| store.diff("till", "k", &birth, &AsOf::Head, page).map(drop));
        ask(&|store| store.list("till", &AsOf::Head, 9, None).map(drop));
        assert!(store.reconstruct("till", "k", &AsOf::Head).is_ok());
    };
    check(0, 1_000, true);
    check(0, 90, false);
    check(100, 1_000, false);
    check(100, 100_000, true);
    let refused = StoreError::TooMuchWork { max: 7 };
    assert!(refused.to_string().contains("more than 7 records"), "{refused}");
    let problem = Problem::from(refused);
    assert_eq!(
        (problem.status, problem.kind.as_str()),
        (400, "urn:annals:problem:too-much-work")
    );
}

/// What a fold's expressions and a condition do is work of the question: each step of a few hundred of them a piece.
#[test]
fn the_work_of_expressions_is_bounded() {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 1);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let writes: Vec<Write> = (0..EVENTS)
        .map(|key| opened.write(&ids, &format!("k{key}"), 1))
        .collect();
    logs.append(0, &writes);
    let table = Arc::new(table);
    let store = EventStore::new(table.clone());
    let hundreds =
        "[1,2,3,4,5,6,7,8].map(a, [1,2,3,4,5,6,7,8].map(b, [1,2,3,4,5,6,7,8].map(c, a * b * c))).size()";
    let fold = |name: &str, what: &str| {
        let events = "events: { t.Opened: { begin: [set: { n: WHAT }] } }";
        let text = format!(
            "name: {name}\nrev: 1\ntopic: {TOPIC}\n{}",
            events.replace("WHAT", what)
        );
        declarative::load(&text, &*table).unwrap()
    };
    for (name, what) in [("light", "1"), ("heavy", &format!("\"{hundreds}\"")[..])] {
        store
            .add_aggregate(Box::new(fold(name, what)), logs.source())
            .unwrap();
    }
    let check = |name: &str, condition: Option<&str>, fits: bool| {
        let question = Question {
            condition: condition.map(str::to_owned),
            // A page ends early where that is enough; what is in an order takes all.
            order: Some("n".to_owned()),
            ..Question::default()
        };
        let answer = store
            .at_work(&Work::up_to(1_500))
            .ask(name, &AsOf::Head, &question, 1_000, None);
        match (answer, fits) {
            (Ok(_), true) | (Err(StoreError::TooMuchWork { .. }), false) => {}
            (other, _) => panic!("{name} where {condition:?}: {other:?}"),
        }
    };
    check("light", None, true);
    check("light", Some("state.n == 1"), true);
    check("heavy", None, false);
    check("light", Some(&format!("state.n < {hundreds}")), false);
}
