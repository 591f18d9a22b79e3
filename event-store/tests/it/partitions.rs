//! A key that has records in several partitions: the cut alone says which are meant.

use std::sync::Arc;

use annals_event_store::{AsOf, Cut, EventStore, Page, StoreError, typed};

use crate::support::Logs;
use crate::till::{TOPIC, Till, TillFold, table};

fn opened() -> Till {
    Till::Opened {
        owner: "ada".into(),
        opened_at: 0,
    }
}

#[test]
fn a_key_in_two_partitions() {
    let logs = Logs::new(TOPIC, 3);
    let (table, ids) = table();
    logs.append(1, &[opened().write(&ids, "k", 1)]);
    logs.append(2, &[opened().write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let answer = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    assert_eq!(
        (answer.partition, answer.also_in_partitions.as_slice()),
        (1, &[2][..])
    );
    assert_eq!(answer.cut.to_string(), "0=-1,1=0,2=0");
    let first = store.list("till", &AsOf::Head, 1, None).unwrap();
    let second = store
        .list("till", &AsOf::Head, 1, first.next_cursor.as_deref())
        .unwrap();
    assert_eq!(
        (
            first.items[0].partition,
            second.items[0].partition,
            second.next_cursor
        ),
        (1, 2, None)
    );
}

#[test]
fn the_cut_alone_says_which_partition_is_meant() {
    let logs = Logs::new(TOPIC, 3);
    let (table, ids) = table();
    logs.append(
        1,
        &[opened().write(&ids, "k", 1), Till::Closed.write(&ids, "k", 2)],
    );
    logs.append(2, &[opened().write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let (birth, page) = (AsOf::Cut(Cut::default()), Page::default());
    let ask = |at: &AsOf| {
        (
            store.reconstruct("till", "k", at).unwrap(),
            store.history("till", "k", at, page).unwrap(),
            store.diff("till", "k", &birth, at, page).unwrap(),
        )
    };
    let head = store.reconstruct("till", "k", &AsOf::Head).unwrap();
    let cuts = [
        head.cut.to_string(),
        "1=0".into(),
        "2=0".into(),
        "0=-1,1=-1,2=0".into(),
    ];
    let points = cuts
        .iter()
        .map(|cut| AsOf::Cut(cut.parse().unwrap()))
        .chain([AsOf::Time(1), AsOf::Time(2)]);
    let before: Vec<_> = points.map(|at| (ask(&at), at)).collect();
    let partitions: Vec<u32> = before.iter().map(|(answers, _)| answers.0.partition).collect();
    assert_eq!(partitions, [1, 1, 2, 2, 1, 1]);
    let also: Vec<&[u32]> = before
        .iter()
        .map(|(answers, _)| answers.0.also_in_partitions.as_slice())
        .collect();
    assert_eq!(also, [&[2][..], &[], &[], &[], &[2], &[2]]);

    // The key turns up in a lower partition, and goes on in the others.
    logs.append(0, &[opened().write(&ids, "k", 3)]);
    logs.append(1, &[opened().write(&ids, "k", 3)]);
    logs.append(2, &[Till::Closed.write(&ids, "k", 3)]);
    for (answers, at) in &before {
        assert_eq!(&ask(at), answers, "{at}");
        // Asked for by its cut, it is the same but for what was asked.
        let mut by_cut = ask(&AsOf::Cut(answers.0.cut.clone())).0;
        by_cut.at.clone_from(&answers.0.at);
        assert_eq!(&by_cut, &answers.0, "{at}");
    }
    assert_eq!(store.reconstruct("till", "k", &AsOf::Head).unwrap().partition, 0);
    // Within its own cuts a diff stays in one partition, too.
    let cut = |text: &str| AsOf::Cut(text.parse().unwrap());
    let diff = store
        .diff("till", "k", &cut("2=0"), &cut("1=1,2=0"), page)
        .unwrap();
    assert_eq!(
        (diff.partition, diff.from.revision, diff.to.revision),
        (1, None, Some(1))
    );
    assert!(matches!(
        store.reconstruct("till", "k", &cut("0=-1")),
        Err(StoreError::NotYet { .. })
    ));
}

#[test]
fn an_offset_or_a_revision_is_taken_for_a_cut_that_never_means_anything_else() {
    let logs = Logs::new(TOPIC, 3);
    let (table, ids) = table();
    logs.append(
        1,
        &[opened().write(&ids, "k", 1), Till::Closed.write(&ids, "k", 2)],
    );
    logs.append(2, &[opened().write(&ids, "k", 1)]);
    let store = EventStore::new(Arc::new(table));
    store
        .add_aggregate(Box::new(typed::<TillFold>(TOPIC)), logs.source())
        .unwrap();
    let page = Page::default();
    let ask = |at: &AsOf| {
        (
            store.reconstruct("till", "k", at).unwrap(),
            store.history("till", "k", at, page).unwrap(),
        )
    };
    let diff = |from: &AsOf, to: &AsOf| store.diff("till", "k", from, to, page).unwrap();
    let points = [AsOf::Offset(0), AsOf::Revision(0), AsOf::Revision(1)];
    let before = points.clone().map(|at| ask(&at));
    let cuts = before.each_ref().map(|(state, _)| state.cut.to_string());
    assert_eq!(cuts, ["0=-1,1=0,2=0", "0=-1,1=0,2=0", "0=-1,1=1,2=0"]);
    assert!(before.iter().all(|(state, history)| state.cut == history.cut
        && state.partition == 1
        && state.also_in_partitions == [2]));
    let differs = diff(&AsOf::Offset(0), &AsOf::Revision(1));

    // The key turns up in a lower partition, and goes on in the others.
    logs.append(0, &[opened().write(&ids, "k", 3)]);
    logs.append(1, &[opened().write(&ids, "k", 3)]);
    for (state, history) in before {
        let cut = AsOf::Cut(state.cut.clone());
        let (mut state_now, mut history_now) = ask(&cut);
        state_now.at.clone_from(&state.at);
        history_now.at.clone_from(&history.at);
        assert_eq!((state_now, history_now), (state, history));
    }
    let cut = |side: &annals_event_store::DiffSide| AsOf::Cut(side.cut.clone());
    let mut differs_now = diff(&cut(&differs.from), &cut(&differs.to));
    differs_now.from.at.clone_from(&differs.from.at);
    differs_now.to.at.clone_from(&differs.to.at);
    assert_eq!(differs_now, differs);
    // Asked again by the offset, it is another question.
    assert_eq!(ask(&AsOf::Offset(0)).0.cut.to_string(), "0=0,1=2,2=0");
}
