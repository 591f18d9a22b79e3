//! Deciding and appending over real logs: many at once, sent again, cut off halfway.

// Tests say what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// What the examples of the documentation are about, too.
mod account {
    include!("account.in");
}
mod harness;
mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use account::{Account, AccountEvent, AccountFold, Deposit, Open, Rejected, SCHEMAS};
use annals_event_store::{
    AsOf, Decide, Decision, EventLog, HandleError, Headers, NewEvent, Place, Repository, Stored,
    UnappendedError, UnreadError, parse_at,
};
use annals_schema_model::{Identify as _, Timestamp, envelope};
use proptest::prelude::*;
use support::{Bank, NOW, cause};

/// Takes money out, and a cent for it when something is left.
struct Withdraw {
    cents: i64,
}

impl Decide<Withdraw> for AccountFold {
    type Reject = Rejected;

    fn decide(command: &Withdraw, account: &mut Decision<'_, AccountFold>) -> Result<(), Rejected> {
        let balance = account.state().ok_or(Rejected::Missing)?.balance;
        account.emit(AccountEvent::Withdrawn { cents: command.cents })?;
        match account.state().map(|state| state.balance) {
            Some(left) if left < 0 => Err(Rejected::Short { balance }),
            Some(0) | None => Ok(()),
            Some(_) => Ok(account.emit(AccountEvent::Withdrawn { cents: 1 })?),
        }
    }
}

/// Opens an account a second time and does not care.
struct OpenAgain;

impl Decide<OpenAgain> for AccountFold {
    type Reject = Rejected;

    fn decide(_: &OpenAgain, account: &mut Decision<'_, AccountFold>) -> Result<(), Rejected> {
        let owner = "Bob".to_owned();
        let _ = account.emit(AccountEvent::Opened { owner });
        assert!(account.state().is_none(), "nothing half changed is seen");
        let _ = account.emit(AccountEvent::Deposited { cents: 1 });
        Ok(())
    }
}

fn open(owner: &str) -> Open {
    Open {
        owner: owner.to_owned(),
    }
}

#[test]
fn what_is_decided_on_is_what_was_emitted_so_far() {
    let bank = Bank::new(1);
    let accounts = bank.accounts();
    accounts.handle("a", &open("Ada"), &cause("1")).unwrap();
    accounts.handle("a", &Deposit { cents: 10 }, &cause("2")).unwrap();
    let done = accounts.handle("a", &Withdraw { cents: 4 }, &cause("3")).unwrap();
    assert_eq!((done.revision, done.events, done.repeated), (Some(3), 2, false));
    let rejected = accounts.handle("a", &Withdraw { cents: 6 }, &cause("4"));
    assert!(matches!(
        rejected,
        Err(HandleError::Rejected(Rejected::Short { balance: 5 }))
    ));
    let rejected = accounts.handle("a", &OpenAgain, &cause("5"));
    assert!(
        matches!(rejected, Err(HandleError::Rejected(Rejected::Halt(_)))),
        "{rejected:?}"
    );
    let missing = accounts.handle("b", &Deposit { cents: 1 }, &cause("6"));
    assert!(matches!(missing, Err(HandleError::Rejected(Rejected::Missing))));

    let loaded = accounts.load("a", &AsOf::Head).unwrap();
    let state = Account {
        owner: "Ada".to_owned(),
        balance: 5,
        last_actor: Some("ada".to_owned()),
    };
    assert_eq!((loaded.revision(), loaded.state), (Some(3), Some(state)));
    for (at, balance) in [
        ("revision:0", 0),
        ("revision:1", 10),
        ("revision:2", 6),
        ("0=3", 5),
    ] {
        let loaded = accounts.load("a", &parse_at(at, 0).unwrap()).unwrap();
        assert_eq!(loaded.state.unwrap().balance, balance, "{at}");
    }
    let before = accounts.load("a", &AsOf::Time(NOW - 1)).unwrap();
    assert_eq!((before.revision(), before.state), (None, None));
}

#[test]
fn what_a_command_says_of_itself_stands_in_its_events() {
    let bank = Bank::new(1);
    let accounts = bank.accounts();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let told = cause("open-a")
        .correlation("signup-7")
        .business_time("2026-01-05T08:00:00.5Z".parse().unwrap())
        .traceparent(trace);
    accounts.handle("a", &open("Ada"), &told).unwrap();
    let mut seen = Vec::new();
    let log = bank.store.log("account").unwrap();
    let place = log.read(b"a", &AsOf::Head, &mut |stored| {
        let at = stored.at;
        seen.push((
            at.event_id().unwrap().to_owned(),
            at.causation().unwrap().to_owned(),
            at.correlation().unwrap().to_owned(),
            at.actor().unwrap().to_owned(),
            at.business_time().unwrap().as_millis(),
            at.traceparent().unwrap().to_owned(),
            at.recorded_ms,
        ));
    });
    assert_eq!(place.unwrap().events, 1);
    let text = str::to_owned;
    let ids = (text("open-a/0"), text("open-a"), text("signup-7"), text("ada"));
    let expected = (ids.0, ids.1, ids.2, ids.3, 1_767_600_000_500, text(trace), NOW);
    assert_eq!(seen, [expected]);
    let wrong = accounts.handle("b", &open("Bob"), &cause("x").traceparent("00-1"));
    assert!(matches!(wrong, Err(HandleError::Cause(_))));
}

#[test]
fn many_at_once_lose_nothing_and_do_nothing_twice() {
    const THREADS: usize = 4;
    const EACH: usize = 20;
    let bank = Bank::new(1);
    let accounts = bank.accounts().attempts_max(1_000);
    accounts.handle("a", &open("Ada"), &cause("open")).unwrap();
    let revisions = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (accounts, revisions) = (&accounts, &revisions);
            scope.spawn(move || {
                for number in 0..EACH {
                    // Every command is sent by two threads.
                    let name = format!("{}-{number}", thread / 2);
                    let done = accounts
                        .handle("a", &Deposit { cents: 1 }, &cause(&name))
                        .unwrap();
                    revisions.lock().unwrap().push((name, done.revision.unwrap()));
                }
            });
        }
    });
    let commands = (THREADS / 2 * EACH) as u64;
    let loaded = accounts.load("a", &AsOf::Head).unwrap();
    assert_eq!(loaded.place.events, 1 + commands);
    assert_eq!(loaded.state.unwrap().balance, commands.cast_signed());
    let mut revisions = revisions.into_inner().unwrap();
    revisions.sort();
    revisions.dedup();
    assert_eq!(
        revisions.len() as u64,
        commands,
        "both senders are told the same revision"
    );
}

/// A log whose answers get lost.
struct Lossy<L> {
    log: L,
    /// Appends still to be answered with doubt: those of even count are made, the others are not.
    doubts: AtomicU32,
}

impl<L: EventLog> EventLog for Lossy<L> {
    fn topic(&self) -> &str {
        self.log.topic()
    }

    fn read(&self, key: &[u8], at: &AsOf, each: &mut dyn FnMut(&Stored<'_>)) -> Result<Place, UnreadError> {
        self.log.read(key, at, each)
    }

    fn append(
        &self,
        key: &[u8],
        behind: &Place,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, UnappendedError> {
        let doubts = self.doubts.load(Ordering::Relaxed);
        if doubts == 0 {
            return self.log.append(key, behind, events, now);
        }
        self.doubts.store(doubts - 1, Ordering::Relaxed);
        if doubts.is_multiple_of(2) {
            self.log.append(key, behind, events, now)?;
        }
        Err(UnappendedError::Unknown("the answer got lost".to_owned()))
    }
}

#[test]
fn a_lost_answer_is_found_out() {
    let bank = Bank::new(1);
    for (doubts, repeated) in [(1, false), (2, true)] {
        let log = Lossy {
            log: bank.store.log("account").unwrap(),
            doubts: AtomicU32::new(doubts),
        };
        let accounts: Repository<AccountFold, _> = Repository::new(log, bank.schemas.clone());
        let id = format!("a-{doubts}");
        let done = accounts.handle(&id, &open("Ada"), &cause("open")).unwrap();
        assert_eq!(
            (done.repeated, done.revision, done.events),
            (repeated, Some(0), 1)
        );
        assert_eq!(accounts.load(&id, &AsOf::Head).unwrap().place.events, 1);
    }
    let log = Lossy {
        log: bank.store.log("account").unwrap(),
        doubts: AtomicU32::new(1),
    };
    let accounts: Repository<AccountFold, _> = Repository::new(log, bank.schemas.clone()).attempts_max(1);
    let error = accounts.handle("b", &open("Bob"), &cause("open")).unwrap_err();
    assert!(matches!(error, HandleError::Unknown(_)) && error.to_string().contains("same id"));
}

#[test]
fn after_a_restart_what_was_done_is_known() {
    let bank = Bank::new(1);
    bank.accounts().handle("a", &open("Ada"), &cause("1")).unwrap();
    let deposit = Deposit { cents: 3 };
    let first = bank.accounts().handle("a", &deposit, &cause("2")).unwrap();
    let bank = bank.restarted();
    let again = bank.accounts().handle("a", &deposit, &cause("2")).unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.revision, again.offset), (first.revision, first.offset));
    // What would be rejected now was done then.
    let again = bank.accounts().handle("a", &open("Ada"), &cause("1")).unwrap();
    assert!(again.repeated && again.revision == Some(0));
    assert_eq!(
        bank.accounts()
            .load("a", &AsOf::Head)
            .unwrap()
            .state
            .unwrap()
            .balance,
        3
    );
}

/// A log to which somebody else writes just before.
struct Overtaken<L> {
    log: L,
    others: Mutex<Vec<Vec<u8>>>,
}

impl<L: EventLog> EventLog for Overtaken<L> {
    fn topic(&self) -> &str {
        self.log.topic()
    }

    fn read(&self, key: &[u8], at: &AsOf, each: &mut dyn FnMut(&Stored<'_>)) -> Result<Place, UnreadError> {
        self.log.read(key, at, each)
    }

    fn append(
        &self,
        key: &[u8],
        behind: &Place,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, UnappendedError> {
        if let Some(value) = self.others.lock().unwrap().pop() {
            let headers = Headers::default();
            self.log
                .append(key, behind, &[NewEvent { value, headers }], now)?;
        }
        self.log.append(key, behind, events, now)
    }
}

#[test]
fn who_was_overtaken_decides_again() {
    use annals_schema_model::EventSet as _;
    let bank = Bank::new(1);
    bank.accounts().handle("a", &open("Ada"), &cause("1")).unwrap();
    bank.accounts()
        .handle("a", &Deposit { cents: 5 }, &cause("2"))
        .unwrap();
    let taken = AccountEvent::Withdrawn { cents: 3 }
        .to_record(&*bank.schemas)
        .unwrap();
    let overtaken = || Overtaken {
        log: bank.store.log("account").unwrap(),
        others: Mutex::new(vec![taken.clone()]),
    };
    let accounts: Repository<AccountFold, _> = Repository::new(overtaken(), bank.schemas.clone());
    let error = accounts
        .handle("a", &Withdraw { cents: 4 }, &cause("3"))
        .unwrap_err();
    assert!(
        matches!(error, HandleError::Rejected(Rejected::Short { balance: 2 })),
        "{error}"
    );
    let accounts = accounts.attempts_max(1);
    accounts.handle("a", &Deposit { cents: 9 }, &cause("4")).unwrap();
    let accounts: Repository<AccountFold, _> =
        Repository::new(overtaken(), bank.schemas.clone()).attempts_max(1);
    let error = accounts
        .handle("a", &Deposit { cents: 1 }, &cause("5"))
        .unwrap_err();
    assert!(matches!(error, HandleError::Contended { attempts: 1 }), "{error}");
}

#[test]
fn a_revision_that_is_expected_is_the_one_decided_on() {
    let bank = Bank::new(1);
    let accounts = bank.accounts();
    let done = accounts
        .handle("a", &open("Ada"), &cause("1").expecting(None))
        .unwrap();
    assert_eq!(done.revision, Some(0));
    let deposit = Deposit { cents: 1 };
    accounts
        .handle("a", &deposit, &cause("2").expecting(Some(0)))
        .unwrap();
    let error = accounts
        .handle("a", &deposit, &cause("3").expecting(Some(0)))
        .unwrap_err();
    let says = "expected to have revision 0 and has revision 1";
    assert!(error.to_string().contains(says), "{error}");
    let again = accounts
        .handle("a", &deposit, &cause("2").expecting(Some(0)))
        .unwrap();
    assert!(again.repeated, "what was done is no conflict");
}

#[test]
fn what_the_fold_has_not_heard_of_is_not_decided_on() {
    let bank = Bank::new(1);
    let accounts = bank.accounts();
    accounts.handle("a", &open("Ada"), &cause("1")).unwrap();
    let log = bank.store.log("account").unwrap();
    let write = |value: Vec<u8>| {
        let place = log.read(b"a", &AsOf::Head, &mut |_| {}).unwrap();
        let headers = Headers::default();
        let event = NewEvent { value, headers };
        log.append(b"a", &place, &[event], Timestamp::from_millis(NOW))
            .unwrap();
    };
    let mut frozen = Vec::new();
    envelope::write(bank.schemas.id(&SCHEMAS[3]).unwrap(), &mut frozen);
    write(frozen);
    let loaded = accounts.load("a", &AsOf::Head).unwrap();
    assert_eq!(
        (loaded.unknown_events, loaded.unknown[0].event.as_str()),
        (1, "Frozen")
    );
    let error = accounts
        .handle("a", &Deposit { cents: 1 }, &cause("2"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            HandleError::UnheardOf {
                events: 1,
                offset: 1,
                ..
            }
        ),
        "{error}"
    );
    write(b"no envelope".to_vec());
    let error = accounts.load("a", &AsOf::Head).unwrap_err().to_string();
    assert!(
        error.contains("account `a` stops at offset 2 of partition 0"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    /// Whatever is sent, however often and with restarts in between: the state is that of a model in which each command
    /// happens once.
    #[test]
    fn commands_happen_once(
        sent in proptest::collection::vec((0..3_usize, 0..4_u8, 1..6_i64, 1..3_usize, any::<bool>()), 1..24),
    ) {
        let mut bank = Bank::quick(3);
        let mut model: [Option<i64>; 3] = [None; 3];
        for (number, (account, kind, cents, times, restart)) in sent.into_iter().enumerate() {
            let (id, cause) = (format!("a-{account}"), cause(&number.to_string()));
            let expected = match (kind, model[account]) {
                (0, None) => Some(0),
                (1 | 2, Some(balance)) => Some(balance + cents),
                (3, Some(balance)) if balance > cents => Some(balance - cents - 1),
                (3, Some(balance)) if balance == cents => Some(0),
                _ => None,
            };
            for time in 0..times {
                let accounts = bank.accounts();
                let done = match kind {
                    0 => accounts.handle(&id, &open("Ada"), &cause),
                    1 | 2 => accounts.handle(&id, &Deposit { cents }, &cause),
                    _ => accounts.handle(&id, &Withdraw { cents }, &cause),
                };
                prop_assert_eq!(done.as_ref().ok().map(|done| done.repeated), expected.map(|_| time > 0));
            }
            if expected.is_some() {
                model[account] = expected;
            }
            let state = bank.accounts().load(&id, &AsOf::Head).unwrap().state;
            prop_assert_eq!(state.map(|state| state.balance), model[account]);
            if restart && number % 4 == 0 {
                bank = bank.restarted();
            }
        }
        for (account, balance) in model.into_iter().enumerate() {
            let answer = bank.store.reconstruct("account", &format!("a-{account}"), &AsOf::Head);
            let shown = answer.ok().and_then(|answer| answer.state["balance"].as_i64());
            prop_assert_eq!(shown, balance);
        }
    }
}
