//! The examples in the description of the language: its folds load, its cases pass, its mistakes are found.

use annals_event_store::AnyFold;
use annals_event_store::declarative::{self, Declarative};
use annals_schema_model::{MigrationRule, SchemaId, SchemaType};
use serde_json::Value;

use crate::support::Table;

const LANGUAGE: &str = include_str!("../../../docs/folds.md");

/// Every version of every subject in `schemas/`, oldest first.
fn company() -> Table {
    let mut table = Table::default();
    let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let mut files: Vec<_> = std::fs::read_dir(schemas)
        .unwrap()
        .filter_map(|subject| std::fs::read_dir(subject.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("avsc") => table.register(SchemaType::Avro, "orders", &text),
            _ => table.register(SchemaType::Protobuf, "packages", &text),
        };
    }
    // The page has the only schemas in JSON.
    for text in blocks("json") {
        if text.contains("$schema") {
            let topic = if text.contains("InvoiceSent") {
                "invoices"
            } else {
                "payments"
            };
            table.register(SchemaType::Json, topic, text);
        }
    }
    let joined: Vec<&str> = blocks("json")
        .into_iter()
        .filter(|text| text.contains("CustomerJoined"))
        .collect();
    table.register(SchemaType::Avro, "customers", joined[0]);
    table.register_with(SchemaType::Avro, "customers", joined[1], &rules("full_name"));
    table
}

/// The rules that the page registers, of which this is in one.
fn rules(with: &str) -> Vec<MigrationRule> {
    let set = blocks("json")
        .into_iter()
        .find(|text| text.contains("migrationRules") && text.contains(with));
    let set: Value = serde_json::from_str(set.unwrap()).unwrap();
    let rules = set["migrationRules"].as_array().unwrap().iter();
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap().to_owned();
    let read = rules.map(|rule| MigrationRule {
        language: text(rule, "type"),
        upgrades: text(rule, "mode") != "DOWNGRADE",
        downgrades: text(rule, "mode") != "UPGRADE",
        ..crate::migrations::rule(&text(rule, "name"), &text(rule, "expr"))
    });
    read.collect()
}

/// What the page shows in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let blocks = LANGUAGE.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

fn examples() -> Vec<&'static str> {
    blocks("yaml")
}

#[test]
fn the_documented_folds_load_and_their_cases_pass() {
    let table = company();
    let mut folds: Vec<Declarative> = Vec::new();
    let mut cases = 0;
    for example in examples() {
        let cases_of = example
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(".test.yaml\n"));
        if let Some((name, _)) = cases_of {
            let fold = folds.iter().find(|fold| fold.id().name == name).unwrap();
            let results = declarative::run_cases(fold, example, &table).unwrap();
            for result in results {
                assert_eq!(result.wrong, [""; 0], "{}", result.name);
                cases += 1;
            }
        } else {
            let fold = declarative::load(example, &table);
            folds.push(fold.unwrap_or_else(|error| panic!("{error}\n{example}")));
        }
    }
    let names: Vec<&str> = folds.iter().map(|fold| fold.id().name.as_str()).collect();
    assert_eq!(
        (names, cases),
        (
            vec![
                "order",
                "delivery",
                "package",
                "payment",
                "settled-order",
                "checked-out-order",
                "delivered-order",
                "customer"
            ],
            7
        )
    );
}

#[test]
fn the_documented_migration_makes_the_state_that_the_page_says() {
    let table = company();
    let text = examples()
        .into_iter()
        .find(|text| text.starts_with("name: customer"));
    let fold = declarative::load(text.unwrap(), &table).unwrap();
    let pin = fold.pins().get("shop.customers.CustomerJoined").unwrap();
    let first = SchemaId::new(pin.versions[&1]).unwrap();
    let shown = |with: &str| {
        let mut spans = LANGUAGE
            .split('`')
            .filter(|span| span.starts_with('{') && span.contains(with));
        serde_json::from_str::<Value>(spans.next_back().unwrap()).unwrap()
    };
    let event = shown("\"full_name\": \"Ada");
    let (state, _, halted) = crate::migrations::folded(table, fold, "customers", &[(first, event)]);
    assert_eq!((state, halted), (shown("\"first\":\"Ada"), None));
}

/// Up and down, whichever version the fold reads.
#[test]
fn the_documented_rules_in_json_make_what_the_page_says() {
    let wallet = |amount: &str, kind: &str| {
        format!(
            r#"{{"title": "Charged", "type": "object", "required": ["{amount}", "by"],
            "properties": {{"{amount}": {{"type": "{kind}"}}, "by": {{"type": "string"}}}}}}"#
        )
    };
    let file = |field: &str| {
        format!(
            "name: w\nrev: 1\ntopic: wallets\nevents: {{ Charged: {{ begin: [{{ set: {{ all: dyn(event), is: event.{field} }} }}] }} }}\n"
        )
    };
    let spans: Vec<Value> = LANGUAGE
        .split('`')
        .filter(|span| span.starts_with('{') && span.contains("1250"))
        .map(|span| serde_json::from_str(span).unwrap())
        .collect();
    let [new, old] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    let (first, second) = (wallet("cents", "integer"), wallet("amount", "number"));
    let registered = || {
        let mut table = Table::default();
        let old = table.register(SchemaType::Json, "wallets", &first);
        let fold = declarative::load(&file("cents"), &table).unwrap();
        let new = table.register_with(SchemaType::Json, "wallets", &second, &rules("message.cents"));
        (table, old, new, fold)
    };
    let (table, id, _, _) = registered();
    let fold = declarative::load(&file("amount"), &table).unwrap();
    let (state, _, halted) = crate::migrations::folded(table, fold, "wallets", &[(id, old.clone())]);
    assert_eq!((&state["is"], halted), (&Value::from("12.50"), None));
    for (field, value) in new.as_object().unwrap() {
        let shown = if field == "amount" {
            &Value::from("12.50")
        } else {
            value
        };
        assert_eq!(&state["all"][field], shown);
    }
    let (table, _, id, fold) = registered();
    let event = serde_json::json!({"amount": 12.5, "by": "ada"});
    let (state, _, halted) = crate::migrations::folded(table, fold, "wallets", &[(id, event)]);
    assert_eq!((&state["is"], halted), (&Value::from(1250), None));
}

#[test]
fn the_documented_mistake_is_found_where_the_page_draws_it() {
    let wrong = examples()[0].replacen("order_id: event.order_id", "order_id: event.order_idd", 1);
    let Err(errors) = declarative::load_checked(&wrong, &declarative::Pins::default(), &company()) else {
        panic!("it loaded");
    };
    let [error] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    let (title, help) = error.message.split_once("; ").unwrap();
    let place = format!("  --> order.yaml:{}:{}", error.line, error.column);
    for drawn in [format!("error: {title}"), place, format!("   = help: {help}")] {
        assert!(
            LANGUAGE.lines().any(|line| line == drawn),
            "the page lacks: {drawn}"
        );
    }
}

#[test]
fn a_case_that_could_not_fail_is_refused() {
    let table = company();
    let fold = declarative::load(examples()[0], &table).unwrap();
    let check = |then: &str, says: &str| {
        let cases = format!("cases:\n  - name: nothing\n    then: {then}\n");
        let error = declarative::run_cases(&fold, &cases, &table).unwrap_err();
        assert!(error.message.contains(says), "{}", error.message);
    };
    check("{}", "says nothing");
    check("{ halts: anything }", "without an event");
}

#[test]
fn a_message_that_is_not_there_hides_no_other_mistake() {
    let package = examples()[1..]
        .iter()
        .find(|text| text.contains("name: package"))
        .copied();
    let package = package.unwrap().replacen("name: package", "name: a/b", 1);
    let wrong = package.replacen(
        "message: shop.packages.PackageEvent",
        "message: shop.packages.Gone",
        1,
    );
    assert_ne!(wrong, package);
    let Err(errors) = declarative::load_checked(&wrong, &declarative::Pins::default(), &company()) else {
        panic!("it loaded");
    };
    let lines: Vec<u32> = errors.iter().map(|error| error.line).collect();
    assert!(lines.len() == 2 && lines.is_sorted(), "{errors:?}");
}
