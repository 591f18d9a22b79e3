//! The printed forms that an earlier version of this program did not keep.
//!
//! Until then a Protobuf or JSON schema was known by its text to the letter, so two layouts of one are two ids in its
//! databases. A start works out what each prints as; ids, guids and texts stay (what two ids with one form come to is said
//! in `content.rs`). What cannot be read has no other form than its text.

use super::{change::Change, references, stored::Stored, view::View};

/// The changes that add the forms that are missing. Nothing that is parsed on the way is kept.
#[must_use]
pub fn missing(view: &View) -> Vec<Change> {
    let all = view.all_contexts().flat_map(|(_, context)| context.contents());
    let missing = all.filter(|(stored, _)| stored.lacks_form());
    missing
        .map(|(stored, retired)| stored.with_form(form(view, stored)).to_change(retired))
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

fn form(view: &View, stored: &Stored) -> uuid::Uuid {
    match references::parse(view, &stored.context, &stored.content) {
        Ok(Ok(parsed)) => stored.content.hash_with(&parsed.printed()),
        Ok(Err(_)) | Err(_) => stored.guid,
    }
}
