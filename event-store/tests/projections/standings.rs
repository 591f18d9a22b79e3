//! What a projection says of itself: lag, progress, and that it wakes up.

use std::sync::{Arc, Mutex};

use annals_event_store::projection::{Lag, Progress};
use annals_schema_model::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::support::{Accounts, Balances, End, NOW_MS, check_at_head, deposited, on_each};

#[tokio::test]
async fn lag_is_what_is_committed_and_not_in_the_tables() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 2);
        let projector = accounts.projector(Balances::<1>::default(), &fresh.database);
        let live = async || projector.status().await.unwrap().live.unwrap();
        let check = async |offsets: u64, since: Option<i64>| {
            let since = since.map(Timestamp::from_millis);
            assert_eq!(live().await.lag, Lag { offsets, since });
        };
        accounts.append(0, "a", NOW_MS, &[deposited(1)]);
        projector.catch_up().await.unwrap();
        check(0, None).await;
        accounts.append(0, "a", NOW_MS - 50, &[deposited(1)]);
        check(1, Some(NOW_MS - 50)).await;
        accounts.append(0, "a", NOW_MS + 90, &[deposited(1), deposited(1)]);
        check(3, Some(NOW_MS - 50)).await;
        // The oldest of all partitions.
        accounts.append(1, "b", NOW_MS - 70, &[deposited(1)]);
        check(4, Some(NOW_MS - 70)).await;
        projector.catch_up().await.unwrap();
        check(0, None).await;
        // What is aborted is passed over, and nobody waits for it; what is open is not there yet.
        accounts.transaction((1, 7), "b", NOW_MS, &[deposited(1)], End::Abort);
        check(2, None).await;
        accounts.transaction((0, 8), "a", NOW_MS, &[deposited(1)], End::Open);
        check(2, None).await;
        check_at_head(&accounts, &projector, &fresh.database).await;
        assert_eq!(live().await.events, 5);
    })
    .await;
}

#[tokio::test]
async fn progress_is_told_after_each_transaction() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 1);
        let many: Vec<_> = (0..2_500).map(|_| deposited(1)).collect();
        accounts.append(0, "a", NOW_MS, &many);
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let projector = accounts
            .projector(Balances::<1>::default(), &fresh.database)
            .observe(move |progress: &Progress| tell.lock().unwrap().push(*progress));
        projector.catch_up().await.unwrap();
        let expected = [1_000, 2_000, 2_500].map(|done| Progress {
            projection: "balances",
            building: true,
            done,
            total: 2_500,
        });
        assert_eq!(*told.lock().unwrap(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_as_events_come_until_it_is_told_to_end() {
    on_each(async |fresh, place| {
        let accounts = Accounts::open(place, 2);
        let (tell, mut told) = mpsc::unbounded_channel();
        let projector = Arc::new(
            accounts
                .projector(Balances::<1>::default(), &fresh.database)
                .observe(move |progress| tell.send(progress.done).unwrap()),
        );
        let (end, ends) = oneshot::channel::<()>();
        let running = tokio::spawn({
            let projector = Arc::clone(&projector);
            async move { projector.run(async { ends.await.unwrap() }).await }
        });
        for number in 0..10_u64 {
            accounts.append(number as usize % 2, "a", NOW_MS, &[deposited(1)]);
            assert_eq!(told.recv().await, Some(number + 1));
        }
        end.send(()).unwrap();
        running.await.unwrap().unwrap();
        let live = projector.status().await.unwrap().live.unwrap();
        assert_eq!((live.events, live.lag.offsets), (10, 0));
    })
    .await;
}
