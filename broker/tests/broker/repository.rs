//! The event store's repository over the protocol: two processes that write the same aggregates.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_event_store::remote::Remote;
use annals_event_store::{AsOf, EventLog as _, NewEvent, Repository, UnappendedError, parse_at};

use self::account::{AccountFold, Deposit, Open, schemas};
use crate::harness::{NOW_MS, blocking, start};

/// More of it is used elsewhere.
#[allow(dead_code)]
mod account {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../event-store/tests/deciding/account.in"
    ));
}

fn cause(command: &str) -> annals_event_store::Cause {
    let now = annals_schema_model::Timestamp::from_millis(NOW_MS);
    annals_event_store::Cause::new(command, now).actor("ada")
}

fn accounts(addr: &str) -> Repository<AccountFold, Remote> {
    let log = Remote::connect(addr, "accounts").unwrap();
    Repository::new(log, Arc::new(schemas()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_lose_nothing_and_do_nothing_twice() {
    const EACH: i64 = 12;
    let running = start().await;
    let settings = BTreeMap::new();
    running
        .client()
        .await
        .create_topic("accounts", 3, &settings)
        .await
        .unwrap();
    let addr = running.addr.clone();
    let writers = (0..2).map(|writer| {
        let addr = addr.clone();
        blocking(move || {
            let accounts = accounts(&addr);
            let owner = "Ada".to_owned();
            accounts.handle("a", &Open { owner }, &cause("open")).unwrap();
            for number in 0..EACH {
                // Every second command is sent by both.
                let name = match number % 2 {
                    0 => format!("both-{number}"),
                    _ => format!("{writer}-{number}"),
                };
                accounts
                    .handle("a", &Deposit { cents: 1 }, &cause(&name))
                    .unwrap();
            }
        })
    });
    let [one, other] = writers.collect::<Vec<_>>().try_into().ok().unwrap();
    tokio::join!(one, other);

    let addr = running.addr.clone();
    blocking(move || {
        let accounts = accounts(&addr);
        let loaded = accounts.load("a", &AsOf::Head).unwrap();
        let deposits = EACH / 2 + EACH;
        assert_eq!(loaded.place.events.cast_signed(), 1 + deposits);
        assert_eq!(loaded.state.unwrap().balance, deposits);
        let cut = loaded.place.cut.to_string();
        let same = accounts.load("a", &parse_at(&cut, 0).unwrap()).unwrap();
        assert_eq!(same.state.unwrap().balance, deposits);
        let first = accounts.load("a", &AsOf::Revision(3)).unwrap();
        assert_eq!((first.state.unwrap().balance, first.place.events), (3, 4));
        let before = accounts.load("a", &AsOf::Time(NOW_MS - 1)).unwrap();
        assert!(before.state.is_none());
        let error = accounts.load("a", &AsOf::Revision(99)).unwrap_err().to_string();
        assert!(error.contains("has no revision 99"), "{error}");
        let nobody = accounts.load("b", &AsOf::Head).unwrap();
        assert_eq!((nobody.revision(), nobody.state), (None, None));
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_behind_what_is_not_the_end_is_a_conflict() {
    let running = start().await;
    let settings = BTreeMap::new();
    running
        .client()
        .await
        .create_topic("accounts", 1, &settings)
        .await
        .unwrap();
    let addr = running.addr.clone();
    blocking(move || {
        let log = Remote::connect(&addr, "accounts").unwrap();
        let now = annals_schema_model::Timestamp::from_millis(NOW_MS);
        let event = || NewEvent {
            value: vec![7],
            headers: Default::default(),
        };
        let nothing = log.read(b"a", &AsOf::Head, &mut |_| {}).unwrap();
        let two = [event(), event()];
        assert_eq!(log.append(b"a", &nothing, &two, now).unwrap(), 0);
        let refused = log.append(b"a", &nothing, &two, now).unwrap_err();
        assert!(matches!(refused, UnappendedError::Conflict), "{refused}");
        let place = log.read(b"a", &AsOf::Head, &mut |_| {}).unwrap();
        assert_eq!(place.events, 2);
        assert_eq!(log.append(b"a", &place, &two, now).unwrap(), 2);
        let error = Remote::connect(&addr, "nothing").err().unwrap().to_string();
        assert!(error.contains("no topic nothing"), "{error}");
        let error = Remote::connect("127.0.0.1:1", "accounts")
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("127.0.0.1:1"), "{error}");
    })
    .await;
    running.stop().await;
}
