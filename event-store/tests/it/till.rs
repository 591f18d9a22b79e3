//! A small domain in Avro: a till is opened, takes payments, is renamed and closed. Typed events as generated code
//! would have them, a typed fold, and the same fold as a file.

use annals_event_store::{At, Fold, Halt, canonical};
use annals_schema_model::avro::Plan;
use annals_schema_model::avro::wire::{self, Source as _};
use annals_schema_model::{
    Decimal, DecodeError, EncodeError, EventSet, Raw, Resolve, Schema, SchemaId, SchemaType, SchemaVersion,
    Seen, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::support::{Table, Write, enveloped};

pub(crate) const TOPIC: &str = "tills";

pub(crate) const OPENED: &str = r#"{"type":"record","name":"Opened","namespace":"t","fields":[
  {"name":"owner","type":"string"},
  {"name":"opened_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
const PAID_OLD: &str = r#"{"type":"record","name":"Paid","namespace":"t","fields":[
  {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
  {"name":"who","type":"int"}]}"#;
const PAID: &str = r#"{"type":"record","name":"Paid","namespace":"t","fields":[
  {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
  {"name":"payer","aliases":["who"],"type":"long"},
  {"name":"note","type":["null","string"],"default":null}]}"#;
const RENAMED: &str =
    r#"{"type":"record","name":"Renamed","namespace":"t","fields":[{"name":"owner","type":"string"}]}"#;
const CLOSED: &str = r#"{"type":"record","name":"Closed","namespace":"t","fields":[]}"#;
const COUNTED: &str = r#"{"type":"record","name":"Counted","namespace":"t","fields":[]}"#;

/// Ids of the schemas in the table.
pub(crate) struct Ids {
    pub(crate) opened: SchemaId,
    pub(crate) paid_old: SchemaId,
    pub(crate) paid: SchemaId,
    pub(crate) renamed: SchemaId,
    pub(crate) closed: SchemaId,
    /// A record no fold knows.
    pub(crate) counted: SchemaId,
}

pub(crate) fn table() -> (Table, Ids) {
    let mut table = Table::default();
    let mut avro = |text| table.register(SchemaType::Avro, TOPIC, text);
    let ids = Ids {
        opened: avro(OPENED),
        paid_old: avro(PAID_OLD),
        paid: avro(PAID),
        renamed: avro(RENAMED),
        closed: avro(CLOSED),
        counted: avro(COUNTED),
    };
    (table, ids)
}

/// An event as a producer has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Till {
    Opened {
        owner: String,
        opened_at: i64,
    },
    PaidOld {
        cents: i64,
        who: i32,
    },
    Paid {
        cents: i64,
        payer: i64,
        note: Option<String>,
    },
    Renamed {
        owner: String,
    },
    Closed,
    Counted,
}

impl Till {
    pub(crate) fn value(&self, ids: &Ids) -> Vec<u8> {
        let mut out = wire::Writer::new();
        let money = |out: &mut wire::Writer, cents: i64| {
            out.decimal_bytes(Decimal::new(i128::from(cents), 2), 2).unwrap();
        };
        let id = match self {
            Till::Opened { owner, opened_at } => {
                out.string(owner);
                out.long(*opened_at);
                ids.opened
            }
            Till::PaidOld { cents, who } => {
                money(&mut out, *cents);
                out.int(*who);
                ids.paid_old
            }
            Till::Paid { cents, payer, note } => {
                money(&mut out, *cents);
                out.long(*payer);
                out.branch(usize::from(note.is_some()));
                if let Some(note) = note {
                    out.string(note);
                }
                ids.paid
            }
            Till::Renamed { owner } => {
                out.string(owner);
                ids.renamed
            }
            Till::Closed => ids.closed,
            Till::Counted => ids.counted,
        };
        enveloped(id, &out.into_bytes())
    }

    pub(crate) fn write(&self, ids: &Ids, key: &str, ms: i64) -> Write {
        let key = Some(key.as_bytes().to_vec());
        let headers = vec![
            ("actor", "ada".to_owned()),
            ("business-time", canonical::time_text(ms)),
        ];
        Write {
            ms,
            key,
            value: Some(self.value(ids)),
            headers,
        }
    }
}

/// What the fold sees: the reader's types.
pub(crate) enum TillEvent {
    Opened {
        owner: String,
        opened_at: i64,
    },
    Paid {
        amount: Decimal,
        payer: i64,
        note: Option<String>,
    },
    Renamed {
        owner: String,
    },
    Closed,
}

impl EventSet for TillEvent {
    const READER: &'static [(&'static str, [u8; 32])] = &[
        ("t.Opened", [1; 32]),
        ("t.Paid", [2; 32]),
        ("t.Renamed", [3; 32]),
        ("t.Closed", [4; 32]),
    ];

    fn decode(raw: &Raw<'_>, resolve: &dyn Resolve) -> Result<Seen<TillEvent>, DecodeError> {
        let wrong = |error: &dyn std::fmt::Display| DecodeError::Payload(error.to_string());
        let writer = raw.writer(resolve)?;
        let name = writer.schema.record_name().unwrap_or_default();
        let reader = match name.as_str() {
            "t.Opened" => OPENED,
            "t.Paid" => PAID,
            "t.Renamed" => RENAMED,
            "t.Closed" => CLOSED,
            _ => return Ok(Seen::UnknownKind),
        };
        let reader = Schema::parse(SchemaType::Avro, reader, &[]).map_err(|error| wrong(&error))?;
        let (Schema::Avro(from), Schema::Avro(to)) = (&writer.schema, &reader) else {
            return Err(wrong(&"not Avro"));
        };
        let plan = Plan::resolve(from, to).map_err(|_| wrong(&"the schemas do not fit"))?;
        let mut body = Vec::new();
        plan.translate(raw.body, &mut body)
            .map_err(|error| wrong(&error))?;
        read(&name, &body).map(Seen::Known).map_err(|error| wrong(&error))
    }

    fn encode(&self) -> Result<(&'static str, Vec<u8>), EncodeError> {
        unimplemented!("these tests write with `Till`")
    }

    fn schema(&self) -> &'static SchemaVersion {
        unimplemented!("these tests write with `Till`")
    }
}

fn read(name: &str, body: &[u8]) -> Result<TillEvent, annals_schema_model::ReadError> {
    let mut body = wire::Reader::new(body);
    let event = match name {
        "t.Opened" => TillEvent::Opened {
            owner: body.string()?,
            opened_at: body.long()?,
        },
        "t.Paid" => TillEvent::Paid {
            amount: body.decimal::<12, 2>()?.get(),
            payer: body.long()?,
            note: match body.branch(2)? {
                0 => None,
                _ => Some(body.string()?),
            },
        },
        "t.Renamed" => TillEvent::Renamed {
            owner: body.string()?,
        },
        _ => TillEvent::Closed,
    };
    body.finish()?;
    Ok(event)
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Payment {
    payer: i64,
    #[serde(with = "canonical::decimal")]
    amount: Decimal,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TillState {
    owner: String,
    #[serde(with = "canonical::timestamp")]
    opened_at: Timestamp,
    #[serde(with = "canonical::timestamp_option")]
    last_paid: Option<Timestamp>,
    #[serde(with = "canonical::decimal")]
    balance: Decimal,
    payments: u64,
    payers: Vec<Payment>,
    notes: Vec<String>,
    names: Vec<String>,
    actor: Option<String>,
    status: String,
}

pub(crate) struct TillFold;

impl Fold for TillFold {
    const NAME: &'static str = "till";
    const REV: u32 = 1;
    type State = TillState;
    type Event = TillEvent;

    fn begin(event: TillEvent, at: &At<'_>) -> Result<TillState, Halt> {
        let TillEvent::Opened { owner, opened_at } = event else {
            return Err(Halt::new("a till begins by being opened"));
        };
        Ok(TillState {
            names: vec![owner.clone()],
            owner,
            opened_at: Timestamp::from_millis(opened_at),
            last_paid: None,
            balance: Decimal::new(0, 2),
            payments: 0,
            payers: Vec::new(),
            notes: Vec::new(),
            actor: at.actor().map(str::to_owned),
            status: "open".to_owned(),
        })
    }

    fn evolve(state: &mut TillState, event: TillEvent, at: &At<'_>) -> Result<(), Halt> {
        match event {
            TillEvent::Opened { .. } => return Err(Halt::new("it is open already")),
            TillEvent::Paid { amount, payer, note } => {
                state.balance = state
                    .balance
                    .checked_add(&amount)
                    .ok_or_else(|| Halt::new("too much"))?;
                state.payments += 1;
                state.last_paid = Some(at.recorded());
                state.notes.extend(note);
                match state.payers.iter_mut().find(|payment| payment.payer == payer) {
                    Some(payment) => payment.amount = amount,
                    None => state.payers.push(Payment { payer, amount }),
                }
                state
                    .payers
                    .retain(|payment| payment.amount != Decimal::new(0, 0));
            }
            TillEvent::Renamed { owner } => {
                state.owner.clone_from(&owner);
                state.names.push(owner);
            }
            TillEvent::Closed => {
                let overdrawn = state.balance < Decimal::new(0, 0);
                state.status = if overdrawn { "overdrawn" } else { "closed" }.to_owned();
            }
        }
        Ok(())
    }
}

/// The same fold as a file.
pub(crate) const FILE: &str = r#"
name: till
rev: 1
topic: tills
events:
  t.Opened:
    begin:
      - set:
          owner: event.owner
          names: ["event.owner"]
          opened_at: event.opened_at
          last_paid: null
          balance: decimal('0.00')
          payments: 0
          payers: []
          notes: []
          actor: at.actor
      - status: open
  t.Paid:
    on:
      - add: { balance: event.amount }
      - inc: payments
      - set: { last_paid: at.recorded }
      - append: { notes: event.note }
        if: event.note != null
      - upsert-by: { payers: { key: payer, value: { payer: event.payer, amount: event.amount } } }
      - remove-where: { payers: "it.amount == decimal('0')" }
  t.Renamed:
    on:
      - set: { owner: event.owner }
      - append: { names: event.owner }
  t.Closed:
    on:
      - status: closed
        if: state.balance >= 0
      - status: overdrawn
        if: "!(state.balance >= 0)"
"#;
