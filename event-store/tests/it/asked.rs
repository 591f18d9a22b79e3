//! Questions that fit nothing are refused with what there is, and a cursor goes on with its own walk alone.

use std::sync::Arc;

use annals_event_store::{AsOf, Cut, EventStore, Page, Question, Sought, StoreError, declarative};

use crate::support::Logs;
use crate::till::{FILE, TOPIC, Till, table};

/// Three tills, each opened and paid to, in two partitions.
fn store() -> (Logs, EventStore) {
    let (table, ids) = table();
    let logs = Logs::new(TOPIC, 2);
    let opened = Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    };
    let paid = Till::Paid {
        cents: 150,
        payer: 1,
        note: None,
    };
    for (key, partition) in [("a", 0), ("b", 1), ("c", 0)] {
        logs.append(
            partition,
            &[opened.write(&ids, key, 1_000), paid.write(&ids, key, 8_000)],
        );
    }
    let table = Arc::new(table);
    let store = EventStore::new(table.clone());
    let fold = declarative::load(FILE, &*table).unwrap();
    store.add_aggregate(Box::new(fold), logs.source()).unwrap();
    (logs, store)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn what_fits_nothing_is_refused_with_what_there_is() {
    let (_logs, store) = store();
    let check = |actor: Option<&str>, kind: Option<&str>, field: Option<&str>, says: &[&str]| {
        let sought = Sought {
            actor: actor.map(str::to_owned),
            kind: kind.map(str::to_owned),
            field: field.map(|field| field.parse().unwrap()),
        };
        let page = store.trail("till", &sought, &AsOf::Cut(Cut::default()), &AsOf::Head, 10, None);
        match page {
            Ok(_) => assert!(says.is_empty(), "{sought:?} is answered"),
            Err(error) => {
                let told = error.to_string();
                assert!(matches!(error, StoreError::Question { .. }), "{told}");
                assert!(
                    !says.is_empty() && says.iter().all(|says| told.contains(says)),
                    "{told}"
                );
            }
        }
    };
    check(Some("nobody"), Some("Paid"), Some("balance"), &[]);
    check(Some(" "), None, None, &["actor", "it is empty"]);
    check(None, Some(""), None, &["kind", "it is empty"]);
    check(
        None,
        Some("Payed"),
        None,
        &["kind `Payed`", "t.Closed, t.Opened, t.Paid, t.Renamed"],
    );
    check(
        None,
        None,
        Some("total"),
        &["field `total`", "nothing sets state.total", "balance"],
    );
    check(None, None, Some("payers[*].amount"), &[]);
    check(None, None, Some("payers[*].sum"), &["no field `sum`", "amount"]);
    check(
        None,
        None,
        Some("balance[*]"),
        &["state.balance is", "nothing in it"],
    );
    check(None, None, Some("*"), &[]);
    check(None, None, Some("/"), &["nothing sets"]);
}

#[test]
fn an_order_is_by_single_values() {
    let (_logs, store) = store();
    for (order, says) in [
        ("names", "has no order"),
        ("-payers", "has no order"),
        ("balance,notes", "has no order"),
        ("", "names nothing"),
    ] {
        let question = Question {
            order: text(order),
            ..Question::default()
        };
        let error = store.ask("till", &AsOf::Head, &question, 10, None).unwrap_err();
        assert!(
            matches!(error, StoreError::Question { part: "order", .. }),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{order}: {error}");
    }
}

type Next = Result<Option<String>, StoreError>;
type Walk<'s> = Box<dyn Fn(&AsOf, Option<&str>) -> Next + 's>;

/// Each way to ask page by page, of which another's cursor is refused.
fn walks(store: &EventStore) -> Vec<(&'static str, Walk<'_>)> {
    let ask = |question: Question| -> Walk<'_> {
        Box::new(move |at, cursor| Ok(store.ask("till", at, &question, 1, cursor)?.next_cursor))
    };
    let of_condition = |condition| Question {
        condition: text(condition),
        ..Question::default()
    };
    let in_order = |order| Question {
        order: text(order),
        ..Question::default()
    };
    let columns = Question {
        select: text("balance"),
        ..Question::default()
    };
    let whole = || AsOf::Cut(Cut::default());
    let trail = |kind: Option<&str>| -> Walk<'_> {
        let sought = Sought {
            kind: kind.map(str::to_owned),
            ..Sought::default()
        };
        Box::new(move |at, cursor| Ok(store.trail("till", &sought, &whole(), at, 1, cursor)?.next_cursor))
    };
    let history = |id: &'static str| -> Walk<'_> {
        Box::new(move |at, cursor| Ok(store.history("till", id, at, page(cursor))?.next_cursor))
    };
    let differences =
        move |at: &AsOf, cursor: Option<&str>| store.differences("till", &whole(), at, 1, cursor);
    let diff = move |at: &AsOf, cursor: Option<&str>| store.diff("till", "a", &whole(), at, page(cursor));
    vec![
        ("all", ask(Question::default())),
        ("some", ask(of_condition("state.payments > 0"))),
        ("others", ask(of_condition("state.payments > -1"))),
        ("columns", ask(columns)),
        ("ordered", ask(in_order("balance"))),
        ("ordered backwards", ask(in_order("-balance"))),
        ("trail", trail(None)),
        ("trail of a kind", trail(Some("Paid"))),
        ("history", history("a")),
        ("history of another", history("b")),
        (
            "differences",
            Box::new(move |at, cursor| Ok(differences(at, cursor)?.next_cursor)),
        ),
        (
            "diff",
            Box::new(move |at, cursor| Ok(diff(at, cursor)?.next_cursor)),
        ),
    ]
}

fn page(cursor: Option<&str>) -> Page<'_> {
    Page {
        limit: 1,
        cursor,
        ..Page::default()
    }
}

#[test]
fn a_cursor_goes_on_with_its_own_walk_alone() {
    let (_logs, store) = store();
    let walks = walks(&store);
    let at = AsOf::Time(9_000);
    for (name, walk) in &walks {
        let cursor = walk(&at, None)
            .unwrap()
            .unwrap_or_else(|| panic!("{name} has two pages"));
        for (other, asked) in &walks {
            let went_on = asked(&at, Some(&cursor));
            match (name == other, went_on) {
                (true, went_on) => drop(went_on.unwrap()),
                (false, Err(StoreError::OtherQuestion | StoreError::Cursor(_))) => {}
                (false, went_on) => panic!("{other} goes on with the cursor of {name}: {went_on:?}"),
            }
        }
        walk(&AsOf::Head, Some(&cursor)).unwrap();
        let moved = walk(&AsOf::Time(8_500), Some(&cursor));
        assert!(matches!(moved, Err(StoreError::OtherPoint)), "{name}: {moved:?}");
        // Whatever else is made of it is none, or has an end.
        let no_such_partition = cursor.replace(";0;", ";7;").replace(";1;", ";7;");
        if no_such_partition != cursor {
            let refused = walk(&at, Some(&no_such_partition));
            assert!(
                matches!(refused, Err(StoreError::Cursor(_))),
                "{name}: {refused:?}"
            );
        }
    }
}
