//! Migration rules that are refused when a fold is loaded, that halt it at an event, and what of them is pinned.

use annals_event_store::AnyFold as _;
use annals_event_store::declarative::{self, Pins};
use annals_schema_model::{MigrationRule, SchemaType};
use serde_json::json;

use crate::migrations::{AMOUNT, FILE, V1, V2, folded, rule, rules, v1};
use crate::support::Table;

/// Version 2 with these rules keeps a fold from being loaded, which says so.
fn refused(rules: &[MigrationRule], says: &[&str]) {
    let mut table = Table::default();
    table.register(SchemaType::Avro, "joins", V1);
    table.register_with(SchemaType::Avro, "joins", V2, rules);
    let Err(wrong) = declarative::load(FILE, &table) else {
        panic!("{rules:?} loads");
    };
    assert_eq!((wrong.line, wrong.column), (6, 3), "{wrong}");
    for says in says {
        assert!(wrong.message.contains(says), "{says}: {}", wrong.message);
    }
}

const NAMED: &str = "migration rule split of version 2 of joins-s.Joined: ";

#[test]
fn a_rule_that_cannot_be_run_is_told_when_the_fold_is_loaded() {
    let jsonata = MigrationRule {
        language: "JSONATA".into(),
        ..rule("split", "$")
    };
    refused(&[jsonata], &[NAMED, "JSONATA", "only CEL", "disabled"]);
    let check = |expr: &str, says: &[&str]| {
        let rules = [rule("split", expr), rule("amount", AMOUNT)];
        refused(&rules, &[&[NAMED], says].concat());
    };
    let has = "it has id, full_name, cents";
    check(
        "{'first': message.name}",
        &["message has no field `name`", has, "in `{'first'"],
    );
    check("{'first': event.full_name}", &["event"]);
    check(
        "{'first': message.full_name, 'lost': 1}",
        &["the event has no field `lost`", "first, last"],
    );
    check(
        "{'first': message.cents}",
        &["it gives an integer as `first`, which is text"],
    );
    check("{'first': null}", &["it gives null as `first`"]);
    check("{'first': ", &["is no CEL expression"]);
    check(
        "message.full_name",
        &["it gives text, and not fields of the event"],
    );
    check(
        "message.cents ; {'first': 'x'}",
        &["a condition must be true or false"],
    );
    check(
        "{'first': message.full_name.split(' ')}",
        &["it gives a list as `first`"],
    );
    check(
        &format!("{}message{}", "(".repeat(2_000), ")".repeat(2_000)),
        &["it nests deeper than"],
    );
    let condition = MigrationRule {
        transforms: false,
        ..rule("split", "message.cents + 1")
    };
    refused(&[condition], &[NAMED, "a condition must be true or false"]);
}

#[test]
fn what_rules_do_not_always_give_must_be_resolved() {
    let check = |rules: &[MigrationRule]| {
        let missing = "what they do not always give cannot be resolved from version 1 to version 2";
        refused(
            rules,
            &[
                "version 2 of joins-s.Joined has migration rules",
                missing,
                "first",
            ],
        );
    };
    let amount = || rule("amount", AMOUNT);
    check(&[amount()]);
    let guarded = "message.cents > 1 ; {'first': 'x', 'last': null}";
    check(&[rule("split", guarded), amount()]);
    let at_times = "message.cents > 1 ? {'first': 'x', 'last': null} : {'last': null}";
    check(&[rule("split", at_times), amount()]);
}

#[test]
fn an_event_that_a_rule_has_no_answer_for_halts_the_fold_where_it_stands() {
    let check = |first: MigrationRule, says: &[&str]| {
        let mut table = Table::default();
        let old = table.register(SchemaType::Avro, "joins", V1);
        table.register_with(SchemaType::Avro, "joins", V2, &[first, rule("amount", AMOUNT)]);
        let fold = declarative::load(FILE, &table).unwrap();
        let events = [(old, v1("Ada Lovelace", 1)), (old, v1("Ada", i64::MAX))];
        let (state, _, halted) = folded(table, fold, "joins", &events);
        let halted = halted.unwrap();
        for says in [&["1: ", "of version 2 of joins-s.Joined: "], says].concat() {
            assert!(halted.contains(says), "{halted}");
        }
        assert_eq!(state["amount"], "0.01");
    };
    let split = |last: &str| {
        rule(
            "split",
            &format!("{{'first': message.full_name, 'last': {last}}}"),
        )
    };
    check(
        split("message.full_name.split(' ')[1]"),
        &["migration rule split"],
    );
    check(
        split("string(message.cents + 1)"),
        &["migration rule split", "too many digits"],
    );
    check(
        rule(
            "split",
            "{'last': null, 'first': message.full_name == 'Ada' ? null : 'x'}",
        ),
        &["migration rule split", "first"],
    );
    check(
        rule(
            "split",
            "{'last': null, 'first': message.full_name == 'Ada' ? dyn(message.cents) : 'x'}",
        ),
        &["migration rule split", "first", "holds text"],
    );
    let all = (0..40).map(|_| "[0,0,0,0,0,0,0,0,0,0]");
    let many = format!("({}).filter(a, true)", all.collect::<Vec<_>>().join("+"));
    let nested = format!("size({many}.map(a, {many}.map(b, {many}.map(c, {many}.exists(d, d == 1))))) == 1");
    check(
        split(&format!("message.full_name == 'Ada' && {nested} ? 'a' : 'b'")),
        &["migration rule split", "too much work"],
    );
}

#[test]
fn an_event_that_a_condition_does_not_let_through_halts_the_fold() {
    let condition = MigrationRule {
        transforms: false,
        ..rule("named", "message.full_name != 'Ada'")
    };
    let mut table = Table::default();
    let old = table.register(SchemaType::Avro, "joins", V1);
    table.register_with(
        SchemaType::Avro,
        "joins",
        V2,
        &[vec![condition], rules()].concat(),
    );
    let fold = declarative::load(FILE, &table).unwrap();
    let events = [(old, v1("Ada Lovelace", 1)), (old, v1("Ada", 2))];
    let (state, _, halted) = folded(table, fold, "joins", &events);
    let wanted = "1: migration rule named of version 2 of joins-s.Joined: its condition does not hold";
    assert_eq!(
        (&state["amount"], halted.as_deref()),
        (&json!("0.01"), Some(wanted))
    );
}

#[test]
fn a_fold_pins_the_rules_it_reads_through() {
    let with = |rules: &[MigrationRule]| {
        let mut table = Table::default();
        table.register(SchemaType::Avro, "joins", V1);
        table.register_with(SchemaType::Avro, "joins", V2, rules);
        table
    };
    let table = with(&rules());
    let fold = declarative::load(FILE, &table).unwrap();
    let lock = fold.pins().to_text().unwrap();
    assert!(lock.contains("migrations:\n    2: "), "{lock}");
    let pins = Pins::parse(&lock).unwrap();
    assert_eq!(
        declarative::load_pinned(FILE, &pins, &table).unwrap().id(),
        fold.id()
    );
    let refused = |pins: &Pins, table: &Table| {
        let Err(wrong) = declarative::load_pinned(FILE, pins, table) else {
            panic!("it loads");
        };
        for says in [
            "version 2 of joins-s.Joined",
            "annals fold update member",
            "`rev`",
        ] {
            assert!(wrong.message.contains(says), "{wrong}");
        }
    };
    let other = with(&[
        rule("split", "{'first': message.full_name, 'last': null}"),
        rule("amount", AMOUNT),
    ]);
    refused(&pins, &other);
    refused(&pins, &with(&[]));
    let updated = declarative::load(FILE, &other).unwrap();
    assert_ne!(updated.id(), fold.id());
    assert!(!updated.pins().read_as(fold.pins()));
    // A lock that is older than the rules.
    let (_, migrations) = lock.split_once("  migrations:").unwrap();
    let without = lock.replace(&format!("  migrations:{migrations}"), "");
    refused(&Pins::parse(&without).unwrap(), &table);
}
