//! Folds written in YAML with CEL expressions: what the server can run without being compiled, and an auditor can read.
//!
//! # The language
//!
//! ```yaml
//! name: order            # the aggregate
//! rev: 1                 # raise it when the same events shall give another state
//! topic: orders
//! ignore:                # events knowingly passed over; any other is reported as unknown
//!   - shop.orders.PaymentReminderSent
//! events:
//!   shop.orders.OrderPlaced:           # the full name of an Avro record
//!     begin:                           # the first event of an aggregate
//!       - set:
//!           order_id: event.order_id
//!           total: event.total
//!           refunded: decimal('0.00')  # an exact decimal; YAML's own 0.00 would be a float and is refused
//!           picked: []
//!           paid_at: null
//!           reminders: 0
//!       - status: placed               # sets `status` to this very word
//!   shop.orders.ItemPicked:
//!     on:                              # any later event
//!       - append: { picked: event.item_id }
//!   shop.orders.OrderRefunded:
//!     on:
//!       - add: { refunded: event.amount }
//!       - status: refunded
//!         if: state.refunded == state.total
//! ```
//!
//! An event may have both blocks. One without `begin` that comes first halts the fold, and so does one without `on`
//! that comes later. Operations run in order; each sees the state the one before it left. A halted event changes nothing.
//!
//! | operation | what it does |
//! |---|---|
//! | `set: { field: VALUE }` | the field has this value |
//! | `status: WORD` | `set` of the field `status` to the word itself |
//! | `add: { field: VALUE }`, `sub: …` | exact sum or difference, of integers and decimals |
//! | `inc: field`, `inc: { field: VALUE }` | adds 1, or a whole number |
//! | `append: { field: VALUE }` | puts the value at the end of a list |
//! | `remove-where: { field: CONDITION }` | takes out every element `it` of a list for which the condition holds |
//! | `upsert-by: { field: { key: NAME, value: { NAME: …, … } } }` | in the list's element with the same `NAME`, sets what `value` gives and keeps the rest; appends `value` when there is none |
//! | `if: CONDITION` beside any of them | does it only when the condition holds |
//!
//! Fields are those of the top level of the state; a field nobody has set is not in it.
//!
//! A `VALUE` is a YAML number, boolean or `null`, a list or mapping of values, or a text, which is a CEL expression over
//!
//! - `event`: the payload, in the shape of the newest registered schema of that event,
//! - `state`: the state so far,
//! - `at`: `offset`, `revision`, `partition`, `recorded` (timestamp), `recorded_ms`, `schema_id`, `key`, `actor`,
//!   `business_time` (timestamp or null), and `headers`, e.g. `at.headers.trace` or `at.headers['business-time']`,
//! - `it`: the element, in `remove-where`.
//!
//! So a text constant is quoted twice: `"'eur'"`. Integers are `int` in CEL, whatever their width. Decimals, timestamps,
//! dates and uuids can be compared with their like, stored and passed on, exactly; only `add` and `sub` compute with decimals.
//!
//! # Protobuf
//!
//! A topic of one message with a oneof names the message, and its events are the members of the message's first oneof.
//! `event` is the whole message:
//!
//! ```yaml
//! name: package
//! rev: 1
//! topic: packages
//! message: shop.packages.PackageEvent
//! events:
//!   created:
//!     begin:
//!       - set: { package_id: event.package_id, weight_grams: event.created.weight_grams }
//!   delivered:
//!     on:
//!       - set: { received_by: event.delivered.received_by, delivered_at: event.at }
//! ```
//!
//! # What is checked when it is loaded
//!
//! Every event and every field against the registered schemas, every operation against the types of its fields. An
//! error names the line. Invariant: a fold that loaded never meets a missing field at run time, except in values made
//! by an expression too free to be typed.
//!
//! Paths, comparisons, `&&`, `||`, `!`, `?:`, `size`, lists and mappings run on an operation tree of our own; only what
//! is beyond that goes to the CEL interpreter, and then with no more of the event than the expression names.
//! Left out: loops over several lists, nested targets, the CEL timestamp functions, floats as constants.
