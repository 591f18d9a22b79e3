//! Does a record fit its topic? The registry's answer to the broker's question.
//!
//! A record's value (and key) must carry the id of a registered schema; that schema must be registered under one of
//! the topic's subjects; and the payload must read with it. How much of that is asked is the topic's [`Level`].
//! Answers come from the registry's view in memory, so a schema registered a moment ago is known to the next record; the
//! database is asked only before an id is called unknown, because another node may have given it out.
//! An empty value is a tombstone, and welcome unless the topic says otherwise. Payloads are never echoed in a refusal.

mod level;
mod rules;
mod settings;
mod verdict;

use annals_broker::{Caller, CannotJudge, Guard, GuardSetting, Record, Refusal, SENTENCES_MAX, Topic};

pub use level::{Level, Side};
use settings::Asked;
use verdict::{Judge, Verdicts};

use crate::service::Registry;

/// The broker's guard over a registry.
pub struct SchemaGuard {
    registry: Registry,
    verdicts: Verdicts,
}

impl SchemaGuard {
    /// A guard that judges by what `registry` holds at the time of each record.
    #[must_use]
    pub fn new(registry: Registry) -> SchemaGuard {
        SchemaGuard {
            registry,
            verdicts: Verdicts::default(),
        }
    }

    /// How strictly one side of a topic's records is checked right now.
    #[must_use]
    pub fn level(&self, topic: &Topic, side: Side) -> Level {
        self.level_of(topic, side, settings::asked(&topic.config, side))
    }

    fn level_of(&self, topic: &Topic, side: Side, asked: Asked) -> Level {
        asked.level.unwrap_or_else(|| {
            match self
                .verdicts
                .at(&self.registry.view())
                .has_subject(&topic.name, side, asked.strategies)
            {
                true => Level::Full,
                false => Level::Off,
            }
        })
    }
}

impl Guard for SchemaGuard {
    fn admits(&self, topic: &Topic) -> bool {
        [Side::Key, Side::Value].into_iter().any(|side| {
            let asked = settings::asked(&topic.config, side);
            asked.refuses_nulls || self.level_of(topic, side, asked) != Level::Off
        })
    }

    fn judge(
        &self,
        topic: &Topic,
        _: &Caller,
        records: &mut dyn Iterator<Item = Record>,
    ) -> Result<Vec<Refusal>, CannotJudge> {
        let sides = [Side::Key, Side::Value].map(|side| {
            let asked = settings::asked(&topic.config, side);
            (side, self.level_of(topic, side, asked), asked)
        });
        let mut refusals = Vec::new();
        // A schema may have been registered at another node a moment ago: before an id is called unknown, once a batch,
        // the view is brought up to date, and judging goes on with the record at hand.
        let (mut at_hand, mut is_current) = (None, false);
        loop {
            let verdicts = self.verdicts.at(&self.registry.view());
            let mut judges =
                sides.map(|(side, level, asked)| verdicts.judge(&topic.name, side, level, asked));
            for record in at_hand.take().into_iter().chain(&mut *records) {
                let before = refusals.len();
                if !judge_one(&mut judges, &record, is_current, &mut refusals) {
                    refusals.truncate(before);
                    at_hand = Some(record);
                    break;
                }
            }
            if at_hand.is_none() {
                return Ok(refusals);
            }
            is_current = true;
            if !self.registry.catch_up() {
                return Err(CannotJudge(format!(
                    "a schema of this batch for topic {} is unknown here, and the schema store cannot be asked now whether another node knows it: send it again",
                    topic.name
                )));
            }
        }
    }

    fn settings(&self) -> &'static [GuardSetting] {
        settings::ROWS
    }
}

/// Judges both sides of a record; `false` when a newer view may think otherwise.
fn judge_one(
    judges: &mut [Judge<'_>],
    record: &Record,
    is_current: bool,
    refusals: &mut Vec<Refusal>,
) -> bool {
    for judge in judges {
        let Err(refused) = judge.check(record) else {
            continue;
        };
        if refused.newer_may_admit && !is_current {
            return false;
        }
        // The topic asks for a value by a setting of its own, which knows no warnings.
        let is_warning = judge.only_warns() && refused.code != verdict::code::NO_VALUE;
        let is_told = refusals.len() < SENTENCES_MAX;
        refusals.push(Refusal {
            index: record.index,
            code: refused.code,
            sentence: if is_told { refused.sentence } else { String::new() },
            schema_id: refused.schema_id,
            is_warning,
        });
        if !is_warning {
            break;
        }
    }
    true
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod nodes {
    use std::collections::BTreeMap;

    use annals_schema_model::{SchemaId, envelope};
    use uuid::Uuid;

    use super::*;
    use crate::{
        registry::{Qualified, RegisterRequest},
        service::tests::deaf,
        store::Database,
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn an_id_that_another_node_gave_out_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("registry.db"));
        let one = Registry::open(&database, || 0, 1).await.unwrap();
        let register = async |text: &str| {
            let request = RegisterRequest {
                schema: text.to_owned(),
                ..RegisterRequest::default()
            };
            one.register(&Qualified::parse("t-value"), request)
                .await
                .unwrap()
                .id()
        };
        let first = register("\"int\"").await;
        let other = deaf(&database).await;
        let second = register("\"long\"").await;
        let guard = SchemaGuard::new(other);
        let topic = Topic::new("t", Uuid::nil(), Vec::new(), BTreeMap::new());
        let record = |index: i32, id: SchemaId| {
            let mut value = Vec::new();
            envelope::write(id, &mut value);
            value.push(2);
            Record {
                offset: i64::from(index),
                index,
                timestamp_ms: 0,
                key: None,
                value: Some(value.into()),
                headers: Default::default(),
            }
        };
        let caller = Caller {
            client_id: None,
            peer: ([127, 0, 0, 1], 9).into(),
        };
        let nobodys = SchemaId::new(77).unwrap();
        let judged = |ids: &[SchemaId]| -> Vec<(i32, &str)> {
            let records = (0..).zip(ids).map(|(index, id)| record(index, *id));
            let refusals = guard.judge(&topic, &caller, &mut records.into_iter()).unwrap();
            refusals
                .iter()
                .map(|refusal| (refusal.index, refusal.code))
                .collect()
        };
        let unknown = "UNKNOWN_SCHEMA_ID";
        assert_eq!(
            judged(&[first, second, nobodys, first, nobodys]),
            [(2, unknown), (4, unknown)]
        );
        assert_eq!(judged(&[nobodys]), [(0, unknown)]);
        // Whom it cannot ask it does not know to be nobody.
        guard.registry.close().await.unwrap();
        let judged = guard.judge(
            &topic,
            &caller,
            &mut [record(0, first), record(1, nobodys)].into_iter(),
        );
        assert!(judged.unwrap_err().0.contains("send it again"));
    }
}
