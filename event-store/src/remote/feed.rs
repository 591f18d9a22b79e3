//! The feed over the Kafka protocol: what is committed, as any broker gives it.
//!
//! It knows nothing of keys and asks for no index. Who waits keeps the connection's thread for as long; a [`Remote`] that
//! is followed should be there for that alone.

use std::collections::BTreeMap;
use std::time::Duration;

use annals_kafka_client::{Client, ClientError, Isolation, Place as AtPlace};

use super::worker::{Worker, server};
use super::{Ask, Remote, gone};
use crate::cut::Cut;
use crate::feed::{Feed, FeedError, FeedRecord, Portion, is_beyond};

impl Feed for Remote {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn head(&self) -> Result<Cut, FeedError> {
        self.wait(&Cut::default(), Duration::ZERO)
    }

    fn wait(&self, seen: &Cut, at_most: Duration) -> Result<Cut, FeedError> {
        let answered = self.ask(|answer| Ask::Head(seen.clone(), at_most, answer));
        answered.unwrap_or_else(|| Err(gone().into()))
    }

    fn read_on(&self, partition: u32, behind: i64, records_max: usize) -> Result<Portion, FeedError> {
        let answered = self.ask(|answer| Ask::ReadOn(partition, behind, records_max, answer));
        answered.unwrap_or_else(|| Err(gone().into()))
    }
}

impl Worker {
    /// Where everything is decided; waits until that is beyond a cut, not longer than this.
    pub(super) async fn head(&mut self, seen: &Cut, wait: Duration) -> Result<Cut, FeedError> {
        let mut client = self.connected().await.map_err(server)?;
        let numbers: Vec<i32> = (0..).take(self.partitions.len()).collect();
        let mut head = ends(&mut client, &self.topic, &numbers).await.map_err(server)?;
        if !wait.is_zero() && !is_beyond(&head, seen) {
            // What comes is read again when it is asked for: at the head that is little.
            let next = |number: &i32| (*number, head.last(number.unsigned_abs()) + 1);
            let from: BTreeMap<i32, i64> = numbers.iter().map(next).collect();
            let came = client.fetch_all(&self.topic, &from, Isolation::Committed, wait);
            match came.await {
                Err(error) if !error.is_out_of_range() => return Err(server(error).into()),
                _ => head = ends(&mut client, &self.topic, &numbers).await.map_err(server)?,
            }
        }
        self.client = Some(client);
        Ok(head)
    }

    pub(super) async fn read_on(
        &mut self,
        partition: u32,
        behind: i64,
        records_max: usize,
    ) -> Result<Portion, FeedError> {
        let mut client = self.connected().await.map_err(server)?;
        let (number, from) = (i32::try_from(partition).unwrap_or(i32::MAX), behind + 1);
        let asked = BTreeMap::from([(number, from)]);
        let answered = client
            .fetch_all(&self.topic, &asked, Isolation::Committed, Duration::ZERO)
            .await;
        let found = match answered {
            Err(error) if error.is_out_of_range() => {
                let start = start(&mut client, &self.topic, number).await.map_err(server)?;
                self.client = Some(client);
                return Err(match start > from {
                    true => FeedError::Gone {
                        topic: self.topic.clone(),
                        partition,
                        from,
                        start,
                    },
                    false => server(error).into(),
                });
            }
            found => found.map_err(server)?,
        };
        self.client = Some(client);
        let mut portion = Portion::nothing(behind);
        for found in found {
            let next = found.next_offset;
            let mut records = found.records.into_iter().map(FeedRecord::from);
            if records.all(|record| portion.push(record, records_max)) {
                portion.last = portion.last.max(next - 1);
            }
        }
        Ok(portion)
    }
}

/// The last offset of each partition before which everything is decided.
async fn ends(client: &mut Client, topic: &str, numbers: &[i32]) -> Result<Cut, ClientError> {
    let ends = client.offsets_at(topic, numbers, AtPlace::End, Isolation::Committed);
    let last = |(number, end): (i32, Option<i64>)| (number.unsigned_abs(), end.unwrap_or(0) - 1);
    Ok(ends.await?.into_iter().map(last).collect())
}

/// The first offset there is of a partition.
async fn start(client: &mut Client, topic: &str, number: i32) -> Result<i64, ClientError> {
    let numbers = [number];
    let starts = client.offsets_at(topic, &numbers, AtPlace::Start, Isolation::Committed);
    Ok(starts.await?.get(&number).copied().flatten().unwrap_or(0))
}
