//! The blocks of arrays and maps, read from a source. Whoever calls counts the level.

use super::{Blank, Reader, Result, Source, blank::push_blank};

/// The items of an array, read into places that have one.
#[inline]
pub(crate) fn items_into<'a, S: Source<'a>, T: Blank>(
    source: &mut S,
    into: &mut Vec<T>,
    mut read: impl FnMut(&mut S, &mut T) -> Result<()>,
) -> Result<()> {
    let item = source.begin_items()?;
    into.clear();
    while let Some((count, end)) = source.reader().block()? {
        into.reserve(source.reader().room_for::<T>(count));
        for _ in 0..count {
            source.item(item);
            let before = source.reader().remaining();
            push_blank(into);
            if let Some(place) = into.last_mut() {
                read(source, place)?;
            }
            source.reader().count_item(before)?;
        }
        source.reader().end_block(end)?;
    }
    Ok(())
}

/// The entries of a map, read into places that have one.
#[inline]
pub(crate) fn entries_into<'a, S: Source<'a>, K: Blank, T: Blank>(
    source: &mut S,
    into: &mut Vec<(K, T)>,
    mut read_key: impl FnMut(&mut Reader<'a>, &mut K) -> Result<()>,
    mut read: impl FnMut(&mut S, &mut T) -> Result<()>,
) -> Result<()> {
    let item = source.begin_items()?;
    into.clear();
    while let Some((count, end)) = source.reader().block()? {
        into.reserve(source.reader().room_for::<(K, T)>(count));
        for _ in 0..count {
            push_blank(into);
            if let Some((key, value)) = into.last_mut() {
                read_key(source.reader(), key)?;
                source.item(item);
                read(source, value)?;
            }
        }
        source.reader().end_block(end)?;
    }
    Ok(())
}
