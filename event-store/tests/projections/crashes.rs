//! Programs that end without a word while they project, and several that do it at once.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicU32;

use annals_event_store::projection::Database;

use crate::support::{Accounts, Balances, NOW_MS, check, check_at_head, deposited, on_each};

const PARTITIONS: u32 = 3;
const EVENTS: i64 = 5;

/// What a program is told: the database, the folder of the log, and at which event it is to end.
const DIES: &str = "ANNALS_TEST_DIES";

#[tokio::test]
async fn a_program_that_may_die() {
    let Ok(told) = std::env::var(DIES) else {
        return;
    };
    let mut told = told.split('\n');
    let database = Database::connect(told.next().unwrap()).await.unwrap();
    let accounts = Accounts::open(Path::new(told.next().unwrap()), PARTITIONS);
    let balances = Balances::<1> {
        dies_at: Some(AtomicU32::new(told.next().unwrap().parse().unwrap())),
        ..Balances::default()
    };
    accounts.projector(balances, &database).catch_up().await.unwrap();
    accounts.close();
}

#[tokio::test]
async fn a_program_that_dies_anywhere_neither_loses_nor_doubles_an_event() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, PARTITIONS);
        for partition in 0..PARTITIONS as usize {
            let events: Vec<_> = (0..EVENTS).map(deposited).collect();
            accounts.append(partition, &format!("a-{partition}"), NOW_MS, &events);
        }
        accounts.close();
        // At the first event, at the last of a transaction, at the first of the next: each goes on where the one before ended.
        let (mut died, mut done) = (0, 0);
        for dies_at in [1, 3, 5, 6, 8, 2, 1_000] {
            let told = format!("{}\n{}\n{dies_at}", fresh.url, place.display());
            let out = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "crashes::a_program_that_may_die"])
                .env(DIES, told)
                .output()
                .unwrap();
            match out.status.success() {
                true => done += 1,
                false => died += 1,
            }
            let accounts = Accounts::open(place, PARTITIONS);
            let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
            check(&accounts, &projector, &fresh.database).await;
            drop(projector);
            accounts.close();
        }
        assert_eq!((died, done), (6, 1));
        let accounts = Accounts::open(place, PARTITIONS);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        check_at_head(&accounts, &projector, &fresh.database).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_do_the_same_do_it_once() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, PARTITIONS);
        for number in 0..60 {
            let key = format!("a-{}", number % 4);
            // Its key decides where an account is.
            accounts.append(number % 2, &key, NOW_MS, &[deposited(1), deposited(2)]);
        }
        let one = accounts.projector(Balances::<1>::default(), &fresh.database);
        let other = accounts.projector(Balances::<1>::default(), &fresh.database);
        let (one_done, other_done) = tokio::join!(one.catch_up(), other.catch_up());
        one_done.unwrap();
        other_done.unwrap();
        check_at_head(&accounts, &one, &fresh.database).await;
    })
    .await;
}
