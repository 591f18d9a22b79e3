//! What makes one fold differ from another.

use annals_event_store::{AnyFold, declarative, typed};

use crate::till::{FILE, TOPIC, TillFold, table};

#[test]
fn the_digest_follows_the_meaning_and_not_the_layout() {
    let (table, _) = table();
    let digest = |text: &str| declarative::load(text, &table).unwrap().id().digest;
    let same = FILE
        .replace("# ", "#  ")
        .replace("{ notes: event.note }", "{notes:   event.note}");
    assert_eq!(digest(FILE), digest(&same));
    assert_ne!(digest(FILE), digest(&FILE.replace("rev: 1", "rev: 2")));
    assert_ne!(
        digest(FILE),
        digest(&FILE.replace("status: closed", "status: shut"))
    );
    let fold = typed::<TillFold>(TOPIC);
    assert_eq!((fold.id().name.as_str(), fold.id().rev), ("till", 1));
    assert_ne!(fold.id().digest, digest(FILE));
    assert_eq!(fold.id().digest_hex().len(), 64);
}
