//! The harness itself: it must say no.

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_event_store::testing::{Given, golden, keeps_laws};
use annals_event_store::{At, Fold, Halt};
use annals_schema_model::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::account::{Account, AccountEvent, AccountFold, Deposit, Open, Rejected, schemas};
use crate::support::cause;

fn opened() -> AccountEvent {
    AccountEvent::Opened {
        owner: "Ada".to_owned(),
    }
}

fn deposited(cents: i64) -> AccountEvent {
    AccountEvent::Deposited { cents }
}

/// What a test of a user would say.
fn says(test: impl FnOnce()) -> String {
    let said = catch_unwind(AssertUnwindSafe(test)).expect_err("it is to fail");
    let text = said.downcast_ref::<String>().cloned();
    text.or_else(|| said.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap()
}

#[test]
fn what_holds_passes_and_what_does_not_is_told() {
    let given = || Given::<AccountFold>::events([opened()]);
    let deposit = Deposit { cents: 5 };
    given()
        .by(cause("1"))
        .when(&deposit)
        .then([deposited(5)])
        .then_state(json!({"owner": "Ada", "balance": 5, "last_actor": "ada"}))
        .and([deposited(1)])
        .when(&deposit)
        .then_done()
        .then_state(json!({"last_actor": "ada", "owner": "Ada", "balance": 11}));
    Given::<AccountFold>::nothing()
        .when(&deposit)
        .then_rejected(&Rejected::Missing);
    given().then_halts(opened(), "open already");

    let other = says(|| drop(given().when(&deposit).then([deposited(6)])));
    assert!(
        other.contains("what happens is not") && other.contains("cents: 5") && other.contains("cents: 6")
    );
    let more = says(|| drop(given().when(&deposit).then([deposited(5), deposited(5)])));
    assert!(more.contains("what happens is not"), "{more}");
    let rejected = says(|| {
        drop(
            Given::<AccountFold>::nothing()
                .when(&deposit)
                .then([deposited(5)]),
        )
    });
    assert!(rejected.contains("is rejected: Missing"), "{rejected}");
    let done = says(|| given().when(&deposit).then_rejected(&Rejected::Missing));
    assert!(done.contains("is carried out"), "{done}");
    let reason = says(|| {
        let owner = "Bob".to_owned();
        given().when(&Open { owner }).then_rejected(&Rejected::Missing);
    });
    assert!(
        reason.contains("the rejection is not") && reason.contains("Open"),
        "{reason}"
    );
    let state = says(|| drop(given().then_state(json!({}))));
    assert!(state.contains("the state is not"), "{state}");
    let halts = says(|| given().then_halts(deposited(1), "any"));
    assert!(halts.contains("accepts the event"), "{halts}");
    let given = says(|| drop(Given::<AccountFold>::events([deposited(1)])));
    assert!(given.contains("does not accept event 0"), "{given}");
}

/// The same fold under other revisions, and with a bonus.
struct Changed<const REV: u32, const BONUS: i64>;

impl<const REV: u32, const BONUS: i64> Fold for Changed<REV, BONUS> {
    const NAME: &'static str = "account";
    const REV: u32 = REV;
    type State = Account;
    type Event = AccountEvent;

    fn begin(event: AccountEvent, at: &At<'_>) -> Result<Account, Halt> {
        let mut account = AccountFold::begin(event, at)?;
        account.balance = BONUS;
        Ok(account)
    }

    fn evolve(account: &mut Account, event: AccountEvent, at: &At<'_>) -> Result<(), Halt> {
        AccountFold::evolve(account, event, at)
    }
}

#[test]
fn a_golden_file_is_only_rewritten_with_a_revision() {
    fn check<F: Fold<Event = AccountEvent>>(
        path: &std::path::Path,
        update: bool,
        names: &[&str],
        says: &str,
    ) {
        let histories = names
            .iter()
            .map(|name| (*name, vec![opened(), deposited(name.len() as i64)]));
        let said = golden::<F, _>(path, update, histories);
        let said = said.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        assert!(said.contains(says), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("account.json");
    check::<Changed<2, 0>>(path, false, &["a", "bb"], "is not there");
    check::<Changed<2, 0>>(path, true, &["a", "bb"], "ok");
    check::<Changed<2, 0>>(path, false, &["a", "bb"], "ok");
    let written = std::fs::read(path).unwrap();
    for update in [false, true] {
        // The output changed and the revision did not.
        check::<Changed<2, 7>>(path, update, &["a", "bb"], "than revision 2 of it did, for a, bb");
        check::<Changed<1, 0>>(path, update, &["a", "bb"], "revisions only rise");
    }
    assert_eq!(std::fs::read(path).unwrap(), written);
    check::<Changed<3, 7>>(path, false, &["a", "bb"], "is of revision 2, and the fold has 3");
    check::<Changed<3, 7>>(path, true, &["a", "bb"], "ok");
    check::<Changed<3, 7>>(path, false, &["a", "bb", "ccc"], "has other histories");
    check::<Changed<3, 0>>(path, true, &["a", "bb", "ccc"], "for a, bb");
    check::<Changed<3, 7>>(path, true, &["a", "bb", "ccc"], "ok");
    std::fs::write(path, "{").unwrap();
    check::<Changed<3, 7>>(path, true, &["a"], "account.json: ");
}

/// A fold that looks at what is not in the log.
struct Counting;

static FOLDED: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);

impl Fold for Counting {
    const NAME: &'static str = "counting";
    const REV: u32 = 1;
    type State = i64;
    type Event = AccountEvent;

    fn begin(_: AccountEvent, _: &At<'_>) -> Result<i64, Halt> {
        Ok(FOLDED.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    fn evolve(_: &mut i64, _: AccountEvent, _: &At<'_>) -> Result<(), Halt> {
        Ok(())
    }
}

#[test]
fn a_fold_that_is_no_function_of_its_events_is_found_out() {
    let said = says(|| keeps_laws::<Counting, _>(&[opened()], &schemas()));
    assert!(said.contains("folded again, the events up to 0"), "{said}");
}

proptest! {
    #[test]
    fn an_account_keeps_the_laws(cents in proptest::collection::vec(-9..9_i64, 0..12)) {
        let mut history = vec![opened()];
        history.extend(cents.into_iter().map(deposited));
        keeps_laws::<AccountFold, _>(&history, &schemas());
    }
}

#[test]
fn the_present_is_what_the_cause_says() {
    let now = Timestamp::from_millis(5);
    let given = Given::<AccountFold>::nothing().by(annals_event_store::Cause::new("x", now).actor("bob"));
    let state = given.and([opened()]).view();
    assert_eq!(state["last_actor"], "bob");
}
