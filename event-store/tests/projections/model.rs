//! Whatever is written, and wherever a program ends: what is in a table is the fold of what its cut says.

use proptest::prelude::*;

use crate::account::AccountEvent;
use crate::support::{Accounts, Balances, End, NOW_MS, check, check_at_head, cut_off, deposited, on_each};

const PARTITIONS: u32 = 3;

#[derive(Clone, Debug)]
enum Op {
    /// Events of an account, at a time that may run backwards.
    Append(usize, u8, i64, Vec<i64>),
    /// The same in a transaction.
    Transaction(usize, u8, i64, Vec<i64>, End),
    /// Catches up, and ends after so many polls.
    CatchUp(usize),
    /// Has the tables made anew.
    Rebuild,
    /// Another program, of the next revision.
    Upgrade,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let cents = || proptest::collection::vec(-3..9_i64, 1..5);
    let end = prop_oneof![Just(End::Commit), Just(End::Abort), Just(End::Open)];
    let op = prop_oneof![
        4 => (0..3_usize, 0..3_u8, -5..5_i64, cents()).prop_map(|(p, k, ms, c)| Op::Append(p, k, ms, c)),
        2 => (0..3_usize, 0..3_u8, -5..5_i64, cents(), end)
            .prop_map(|(p, k, ms, c, end)| Op::Transaction(p, k, ms, c, end)),
        6 => (0..60_usize).prop_map(Op::CatchUp),
        1 => Just(Op::Rebuild),
        1 => Just(Op::Upgrade),
    ];
    proptest::collection::vec(op, 1..24)
}

fn events(cents: &[i64]) -> Vec<AccountEvent> {
    let event = |cents: &i64| match cents {
        0 => AccountEvent::Opened {
            owner: "Ada".to_owned(),
        },
        cents if *cents < 0 => AccountEvent::Withdrawn { cents: -cents },
        cents => deposited(*cents),
    };
    cents.iter().map(event).collect()
}

async fn run(ops: Vec<Op>) {
    on_each(async |fresh, place| {
        let (accounts, database) = (Accounts::open(place, PARTITIONS), fresh.database);
        let (mut producer, mut upgraded) = (0, false);
        let mut open = Vec::new();
        let first = accounts.projector(Balances::<1>::default(), &database);
        let second = accounts.projector(Balances::<2>::default(), &database);
        for op in &ops {
            match op {
                Op::Append(partition, key, ms, cents) => {
                    let key = format!("{partition}-{key}");
                    accounts.append(*partition, &key, NOW_MS + ms, &events(cents));
                }
                Op::Transaction(partition, key, ms, cents, end) => {
                    producer += 1;
                    let key = format!("{partition}-{key}");
                    let events = events(cents);
                    accounts.transaction((*partition, producer), &key, NOW_MS + ms, &events, *end);
                    open.extend((*end == End::Open).then_some((*partition, producer)));
                }
                Op::CatchUp(polls) => {
                    let done = match upgraded {
                        false => cut_off(*polls, first.catch_up()).await,
                        true => cut_off(*polls, second.catch_up()).await,
                    };
                    assert!(!matches!(&done, Some(Err(_))), "{done:?}");
                }
                Op::Rebuild if upgraded => second.rebuild().await.unwrap(),
                Op::Rebuild => first.rebuild().await.unwrap(),
                Op::Upgrade => upgraded = true,
            }
            check(&accounts, &first, &database).await;
        }
        // What is open at the end was never to be seen; half of it is from here on.
        for (number, (partition, producer)) in open.into_iter().enumerate() {
            let end = if number % 2 == 0 { End::Commit } else { End::Abort };
            accounts.end(partition, producer, NOW_MS, end);
        }
        match upgraded {
            false => check_at_head(&accounts, &first, &database).await,
            true => check_at_head(&accounts, &second, &database).await,
        }
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_the_fold_of_its_cut_wherever_a_program_ends(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(run(ops));
    }
}
