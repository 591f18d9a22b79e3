//! What stops a projection, and that it goes on afterwards where it stood.

use annals_event_store::projection::{ProjectionError, Projector};
use annals_event_store::{Cut, Feed as _, FeedError};
use annals_schema_model::{Identify as _, envelope};

use crate::account::SCHEMAS;
use crate::support::{
    Accounts, Balances, End, NOW_MS, check, check_at_head, deposited, on_each, rows, stops,
};

#[tokio::test]
async fn an_event_that_is_not_accepted_stops_it_there() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        let refusing = || {
            let refuses = Some(500);
            accounts.projector(
                Balances::<1> {
                    refuses,
                    ..Balances::default()
                },
                &fresh.database,
            )
        };
        refusing().catch_up().await.unwrap();
        accounts.append(0, "a", NOW_MS, &[deposited(2), deposited(500), deposited(3)]);
        for _ in 0..2 {
            let error = stops(&refusing(), "stops at offset 2 of partition 0: not so much").await;
            assert!(matches!(error, ProjectionError::Stopped { offset: 2, .. }));
            assert_eq!(
                rows(&fresh.database, "accounts").await.unwrap()["a"],
                (3, 2, NOW_MS)
            );
            let lag = refusing().status().await.unwrap().live.unwrap().lag;
            assert_eq!(lag.offsets, 2);
            check(&accounts, &refusing(), &fresh.database).await;
        }
        // Put right without another revision, it goes on.
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        check_at_head(&accounts, &projector, &fresh.database).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_stops_it_there() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        projector.catch_up().await.unwrap();
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        accounts.append_raw(0, &[(NOW_MS, "a", b"no envelope")]);
        stops(&projector, "stops at offset 2 of partition 0").await;
        assert_eq!(rows(&fresh.database, "accounts").await.unwrap()["a"].1, 2);
    })
    .await;
}

#[tokio::test]
async fn kinds_it_has_not_heard_of_are_counted_and_named() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        let mut frozen = Vec::new();
        envelope::write(accounts.schemas.id(&SCHEMAS[3]).unwrap(), &mut frozen);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        accounts.append_raw(0, &[(NOW_MS, "a", &frozen), (NOW_MS, "a", &frozen)]);
        for times in 1..3 {
            let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
            check_at_head(&accounts, &projector, &fresh.database).await;
            let live = projector.status().await.unwrap().live.unwrap();
            assert_eq!((live.events, live.unknown_events), (1, 2 * times));
            let first = live.unknown_first.as_deref();
            assert_eq!(first, Some("Frozen at offset 1 of partition 0"));
            accounts.append_raw(0, &[(NOW_MS, "a", &frozen), (NOW_MS, "a", &frozen)]);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_is_told_and_may_be_done_without() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 2);
        for cents in 1..4 {
            accounts.append(0, "a", NOW_MS, &[deposited(cents)]);
        }
        accounts.append(1, "b", NOW_MS, &[deposited(9)]);
        accounts.source.partitions[0].delete_before(2).unwrap();
        let new = || accounts.projector(Balances::<1>::default(), &fresh.database);
        let error = stops(
            &new(),
            "from offset 0 on are gone: those there are begin at offset 2",
        )
        .await;
        assert!(matches!(
            error,
            ProjectionError::Feed(FeedError::Gone { start: 2, .. })
        ));
        // What was begun without saying so is begun anew.
        let behind: Cut = "0=1".parse().unwrap();
        new().behind(behind.clone()).rebuild().await.unwrap();
        let projector: Projector<_> = new().behind(behind);
        projector.catch_up().await.unwrap();
        let found = rows(&fresh.database, "accounts").await.unwrap();
        assert_eq!((found["a"], found["b"]), ((3, 1, NOW_MS), (9, 1, NOW_MS)));
    })
    .await;
}

#[tokio::test]
async fn another_log_is_not_taken_for_the_one_it_was_made_from() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1), deposited(2)]);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        projector.catch_up().await.unwrap();
        let other = Accounts::open(&place.with_extension("other"), 1);
        other.append(0, "a", NOW_MS, &[deposited(1)]);
        let projector = other.projector(Balances::<1>::default(), &fresh.database);
        stops(&projector, "up to offset 1, and the log ends at 0").await;
    })
    .await;
}

#[tokio::test]
async fn what_was_aborted_is_never_seen() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        accounts.transaction((0, 7), "a", NOW_MS, &[deposited(100)], End::Abort);
        accounts.transaction((0, 8), "a", NOW_MS, &[deposited(1)], End::Commit);
        accounts.transaction((0, 9), "a", NOW_MS, &[deposited(1_000)], End::Open);
        accounts.append(0, "a", NOW_MS, &[deposited(10)]);
        check_at_head(&accounts, &projector, &fresh.database).await;
        assert_eq!(rows(&fresh.database, "accounts").await.unwrap()["a"].0, 1);
        let head = accounts.feed().head().unwrap();
        assert_eq!(head.last(0), 3, "nothing behind what is open is decided");
        accounts.end(0, 9, NOW_MS, End::Abort);
        check_at_head(&accounts, &projector, &fresh.database).await;
        assert_eq!(rows(&fresh.database, "accounts").await.unwrap()["a"].0, 11);
    })
    .await;
}
