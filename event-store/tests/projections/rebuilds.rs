//! Tables that are made anew beside the live ones, and who reads meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_event_store::projection::{Database, ProjectionError};
use tokio::sync::mpsc;

use crate::support::{
    Accounts, Balances, NOW_MS, check, check_at_head, cut_off, deposited, on_each, rows, stops,
};

/// Both tables in one statement: which revision made them, and how many events each has.
const LOOK: &str = "SELECT MIN(a.rev), MAX(a.rev), CAST(SUM(a.events) AS BIGINT), \
                    (SELECT COUNT(*) FROM account_events), (SELECT MIN(rev) FROM account_events), \
                    (SELECT MAX(rev) FROM account_events) FROM accounts a";

/// Reads until there is a later revision: what is read is whole, of one revision, and never less than before.
async fn read_on(database: Database, until: i64, stop: Arc<AtomicBool>) -> i64 {
    let (mut seen, mut rev) = (0, 0);
    while rev < until && !stop.load(Ordering::Relaxed) {
        let rows = database.begin().await.unwrap().query(LOOK).fetch().await.unwrap();
        let number = |column: usize| rows[0].get::<i64>(column).unwrap();
        let (events, revs) = (number(2), [number(0), number(1), number(4), number(5)]);
        assert_eq!(events, number(3), "the tables are of one moment");
        assert_eq!(revs, [number(0); 4], "and of one revision");
        assert!(
            events >= seen && number(0) >= rev,
            "nothing goes away: {events} after {seen}"
        );
        (seen, rev) = (events, number(0));
    }
    rev
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_see_the_old_tables_whole_or_the_new_ones() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 2);
        let append = |count: usize| {
            for number in 0..count {
                let key = format!("a-{}", number % 6);
                accounts.append(number % 2, &key, NOW_MS, &[deposited(1), deposited(2)]);
            }
        };
        append(100);
        let old = accounts.projector(Balances::<1>::default(), &fresh.database);
        old.catch_up().await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| tokio::spawn(read_on(fresh.database.clone(), 2, stop.clone())))
            .collect();
        let new = || accounts.projector(Balances::<2>::default(), &fresh.database);
        // Both programs run, and whenever the new one has come further, events come that the old one has first.
        let (tell, mut told) = mpsc::unbounded_channel();
        let comes = async {
            let new = new().observe(move |_| tell.send(()).unwrap());
            loop {
                match new.catch_up().await {
                    // The readers were quicker each time: it is asked to go on.
                    Err(ProjectionError::InUse { .. }) => {}
                    came => break came,
                }
            }
        };
        let goes_on = async {
            while told.recv().await.is_some() {
                append(2);
                match old.catch_up().await {
                    Ok(()) | Err(ProjectionError::Superseded { .. } | ProjectionError::Older { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let (came, ()) = tokio::join!(comes, goes_on);
        stop.store(came.is_err(), Ordering::Relaxed);
        came.unwrap();
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 2);
        }
        check_at_head(&accounts, &new(), &fresh.database).await;
        stops(&old, "raise the revision to go back").await;
    })
    .await;
}

#[tokio::test]
async fn tables_that_are_made_anew_are_made_beside_the_live_ones() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        // More than a transaction has.
        let many: Vec<_> = (0..1_200).map(|_| deposited(1)).collect();
        accounts.append(0, "a", NOW_MS, &many);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        assert_eq!(projector.status().await.unwrap().live, None);
        check_at_head(&accounts, &projector, &fresh.database).await;
        projector.rebuild().await.unwrap();
        let mut generations = Vec::new();
        // However often it is cut off, readers have all that there was, and a later try goes on with what is there.
        for polls in (0..).map(|times: usize| 3 * times * times * times) {
            let done = cut_off(polls, projector.catch_up()).await;
            let live = rows(&fresh.database, "accounts").await.unwrap();
            assert_eq!(live["a"], (1_200, 1_200, NOW_MS));
            let status = projector.status().await.unwrap();
            generations.push(status.live.unwrap().generation);
            if done.is_some() {
                break;
            }
            if let Some(building) = status.building {
                assert_eq!(building.generation, 2);
            }
        }
        generations.dedup();
        assert_eq!(generations, [1, 2]);
        check_at_head(&accounts, &projector, &fresh.database).await;
        // The old tables are gone.
        assert!(rows(&fresh.database, "accounts__1").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_that_nobody_needs_any_more_leaves_nothing() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        let one = accounts.projector(Balances::<1>::default(), &fresh.database);
        one.catch_up().await.unwrap();
        let two = accounts.projector(Balances::<2>::default(), &fresh.database);
        two.rebuild().await.unwrap();
        // Who is live is not in its way, and cannot be made anew any more.
        check_at_head(&accounts, &one, &fresh.database).await;
        let error = one.rebuild().await.unwrap_err();
        assert!(
            matches!(error, ProjectionError::Older { there: 2, .. }),
            "{error}"
        );
        let three = accounts.projector(Balances::<3>::default(), &fresh.database);
        check_at_head(&accounts, &three, &fresh.database).await;
        stops(&two, "raise the revision").await;
        for gone in ["accounts__1", "accounts__2"] {
            assert!(rows(&fresh.database, gone).await.is_err(), "{gone}");
        }
    })
    .await;
}

#[tokio::test]
async fn readers_that_hold_the_old_tables_are_waited_for() {
    on_each(async |fresh, place| {
        let Database::Postgres(pool) = &fresh.database else {
            // SQLite's readers hold nothing that a writer needs.
            return;
        };
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        let one = accounts.projector(Balances::<1>::default(), &fresh.database);
        one.catch_up().await.unwrap();
        let mut reader = pool.begin().await.unwrap();
        let count = "SELECT COUNT(*) FROM accounts";
        let read: i64 = sqlx::query_scalar(count).fetch_one(&mut *reader).await.unwrap();
        let two = accounts.projector(Balances::<2>::default(), &fresh.database);
        let error = stops(&two, "readers do not let go").await;
        assert!(matches!(error, ProjectionError::InUse { .. }));
        // What is ready stays so, and the live ones go on meanwhile.
        assert_eq!(two.status().await.unwrap().building.unwrap().lag.offsets, 0);
        accounts.append(0, "b", NOW_MS, &[deposited(1)]);
        one.catch_up().await.unwrap();
        let again: i64 = sqlx::query_scalar(count).fetch_one(&mut *reader).await.unwrap();
        assert_eq!((read, again), (1, 2));
        reader.commit().await.unwrap();
        check_at_head(&accounts, &two, &fresh.database).await;
    })
    .await;
}

#[tokio::test]
async fn two_projections_keep_apart() {
    use crate::account::AccountEvent;
    use annals_event_store::projection::{EventAt, Projection, Refusal, Sql, Table};

    struct Named<const WHICH: usize>;
    const fn named(name: &'static str) -> [Table; 1] {
        let columns = "id TEXT";
        [Table {
            name,
            columns,
            indexes: &[],
        }]
    }
    /// As long as a name may be, and longer.
    const LONGEST: &str = "a_name_of_forty_bytes_is_taken_and_works";
    const TABLES: [[Table; 1]; 6] = [
        named("accounts"),
        named(LONGEST),
        named("a_name_of_forty_one_bytes_is_not_taken_at"),
        named("a__b"),
        named("annals_projections"),
        named("accounts; DROP TABLE x"),
    ];
    impl<const WHICH: usize> Projection for Named<WHICH> {
        const NAME: &'static str = "named";
        const REV: u32 = 1;
        const TABLES: &'static [Table] = &TABLES[WHICH];
        type Event = AccountEvent;
        async fn project(
            &self,
            _: &AccountEvent,
            at: &EventAt<'_>,
            sql: &mut Sql<'_>,
        ) -> Result<(), Refusal> {
            let insert = "INSERT INTO {a_name_of_forty_bytes_is_taken_and_works} (id) VALUES ($1)";
            sql.query(insert).bind(at.id()).execute().await?;
            Ok(())
        }
    }
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        let balances = accounts.projector(Balances::<1>::default(), &fresh.database);
        balances.catch_up().await.unwrap();
        let database = &fresh.database;
        stops(
            &accounts.projector(Named::<0>, database),
            "projection balances has a table of this name",
        )
        .await;
        stops(&accounts.projector(Named::<2>, database), "more than 40 bytes").await;
        stops(&accounts.projector(Named::<3>, database), "`__`").await;
        stops(&accounts.projector(Named::<4>, database), "own").await;
        stops(&accounts.projector(Named::<5>, database), "lower-case letters").await;
        assert_eq!(LONGEST.len(), 40);
        accounts.projector(Named::<1>, database).catch_up().await.unwrap();
        check(&accounts, &balances, database).await;
    })
    .await;
}
