//! The printed forms that nobody worked out yet: an earlier version of this program did not keep them, and what was
//! imported before what it refers to has none.
//!
//! Before there were forms a Protobuf or JSON schema was known by its text to the letter, so two layouts of one are two ids in its
//! databases. A start works out what each prints as; ids, guids and texts stay (what two ids with one form come to is said
//! in `content.rs`). What cannot be read has no other form than its text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{change::Change, references, stored::Stored, view::View};

/// The changes that add the forms that are missing. Nothing that is parsed on the way is kept.
#[must_use]
pub fn missing(view: &View) -> Vec<Change> {
    let all = view.all_contexts().flat_map(|(_, context)| context.contents());
    let missing = all.filter(|(stored, _)| stored.lacks_form());
    missing
        .filter_map(|(stored, retired)| Some(stored.with_form(form(view, stored)?).to_change(retired)))
        .collect()
}

/// Whether a view still shows what a change rests on.
#[must_use]
pub fn is_still_missing(view: &View, change: &Change) -> bool {
    let Change::Schema {
        context,
        id,
        guid,
        retired,
        ..
    } = change
    else {
        return false;
    };
    let known = view.context(context).and_then(|context| context.content(*id));
    known.is_some_and(|(known, is_retired)| {
        known.lacks_form() && known.guid == *guid && is_retired == *retired
    })
}

/// `None` as long as a reference leads nowhere.
fn form(view: &View, stored: &Stored) -> Option<uuid::Uuid> {
    // A text that breaks the parser or the printer must not keep the server from starting.
    let form = AssertUnwindSafe(
        || match references::parse(view, &stored.context, &stored.content) {
            Ok(Ok(parsed)) => Some(stored.content.hash_with(&parsed.printed())),
            Ok(Err(_)) => Some(stored.guid),
            Err(_) => None,
        },
    );
    catch_unwind(form).unwrap_or(Some(stored.guid))
}
