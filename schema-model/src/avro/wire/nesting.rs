//! What lies inside what: levels, the blocks of arrays and maps, and how much of both there may be.

use super::{LEVELS_MAX, NOTHINGS_PER_BYTE, RECURSION_MAX, Reader, Result, ZERO_BYTE_ITEMS_MAX};

/// How much of a thread's stack reading may take. Threads have 2 MiB when nobody says otherwise.
const STACK_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of memory that are reserved for items before they are read, for each byte of the payload.
pub(super) const ROOM_PER_BYTE: usize = 16;

/// Bytes of names and symbols that are copied into values without a type, whatever the payload's length.
pub(super) const NAMES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Those that are copied beside, for each byte of the payload.
pub(super) const NAMES_PER_BYTE: usize = 64;

impl<'a> Reader<'a> {
    /// Into a record, an array or a map, where whoever reads goes down a level with each. The count comes first: what takes
    /// more of the stack than others must not refuse what they pass.
    ///
    /// # Errors
    /// When [`LEVELS_MAX`] are open already, or the stack is used up.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<()> {
        if self.levels >= LEVELS_MAX {
            return self.too_many_levels();
        }
        self.levels += 1;
        self.check_stack()
    }

    /// Back out of it.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.levels -= 1;
    }

    /// Into an array or a map of a generated type: they count inside of records that can hold themselves. What is outside of
    /// such is as deep as the type, whatever the payload.
    ///
    /// # Errors
    /// When [`LEVELS_MAX`] are open already.
    #[inline]
    pub(super) fn enter_items(&mut self) -> Result<()> {
        if self.depth == 0 {
            return Ok(());
        }
        if self.levels >= LEVELS_MAX {
            return self.too_many_levels();
        }
        self.levels += 1;
        Ok(())
    }

    /// Back out of it.
    #[inline]
    pub(super) fn leave_items(&mut self) {
        if self.depth > 0 {
            self.levels -= 1;
        }
    }

    #[inline]
    fn check_stack(&mut self) -> Result<()> {
        // The address of a local tells how far the stack has come.
        let here = 0u8;
        let stack = std::ptr::from_ref(&here).addr();
        if self.stack == 0 {
            self.stack = stack;
        }
        if stack.abs_diff(self.stack) > STACK_BYTES_MAX {
            return self.too_deep();
        }
        Ok(())
    }

    #[cold]
    fn too_many_levels(&self) -> Result<()> {
        self.fault(
            self.rest,
            format!("the payload nests deeper than {LEVELS_MAX} records, arrays and maps"),
        )
    }

    #[cold]
    fn too_deep(&self) -> Result<()> {
        let message = match self.depth {
            RECURSION_MAX => format!("the payload nests deeper than {RECURSION_MAX} levels"),
            _ => format!(
                "the payload nests too deep: reading it takes more than {STACK_BYTES_MAX} bytes of the stack"
            ),
        };
        self.fault(self.rest, message)
    }

    /// Into a record of a schema, of whose fields some take no bytes: they are counted like items. Where it can hold itself,
    /// recursion ends with an error and not with the stack.
    ///
    /// # Errors
    /// When it is one too many, [`RECURSION_MAX`] that hold themselves are open already, or the levels or the stack are used
    /// up.
    #[inline]
    pub(crate) fn open(&mut self, holds_itself: bool, nothings: usize) -> Result<()> {
        if nothings > 0 {
            self.count_nothings(nothings)?;
        }
        if holds_itself && self.depth >= RECURSION_MAX {
            return self.too_deep();
        }
        self.enter()?;
        self.depth += usize::from(holds_itself);
        Ok(())
    }

    /// Back out of it.
    #[inline]
    pub(crate) fn close(&mut self, holds_itself: bool) {
        self.leave();
        self.depth -= usize::from(holds_itself);
    }

    /// The blocks of an array or map: `item` is called for each item.
    pub(crate) fn items(&mut self, mut item: impl FnMut(&mut Reader<'a>) -> Result<()>) -> Result<()> {
        self.enter()?;
        while let Some((count, end)) = self.block()? {
            for _ in 0..count {
                let before = self.remaining();
                item(self)?;
                self.count_item(before)?;
            }
            self.end_block(end)?;
        }
        self.leave();
        Ok(())
    }

    /// A block's item count and, when it tells its size, the position it must end at; `None` after the last one.
    pub(crate) fn block(&mut self) -> Result<Option<(u64, Option<usize>)>> {
        let count = self.varint("a block count")?;
        if count >= 0 {
            return Ok((count > 0).then_some((count.unsigned_abs(), None)));
        }
        let start = self.rest;
        let size = self.varint("a block size")?;
        match usize::try_from(size) {
            Ok(size) if size <= self.remaining() => {
                Ok(Some((count.unsigned_abs(), Some(self.position() + size))))
            }
            _ => self.fault(
                start,
                format!(
                    "a block of {size} bytes: the payload has {} bytes left",
                    self.remaining()
                ),
            ),
        }
    }

    pub(crate) fn end_block(&self, end: Option<usize>) -> Result<()> {
        match end {
            Some(end) if end != self.position() => self.fault(
                self.rest,
                format!(
                    "a block tells it ends at byte {end}, but its items end at {}",
                    self.position()
                ),
            ),
            _ => Ok(()),
        }
    }

    /// Counts an item that took no bytes.
    #[inline]
    pub(crate) fn count_item(&mut self, remaining_before: usize) -> Result<()> {
        if self.remaining() < remaining_before {
            return Ok(());
        }
        self.count_nothings(1)
    }

    fn count_nothings(&mut self, count: usize) -> Result<()> {
        match self.zero_byte_items.checked_sub(count) {
            Some(left) => {
                self.zero_byte_items = left;
                Ok(())
            }
            None => self.fault(
                self.rest,
                format!(
                    "more than {ZERO_BYTE_ITEMS_MAX} items that take no bytes, and {NOTHINGS_PER_BYTE} for each of the payload's"
                ),
            ),
        }
    }

    /// A name of the schema, for a value of its own: a byte of the payload, or none, may stand for a long one.
    #[cfg(feature = "values")]
    pub(crate) fn named(&mut self, name: &str) -> Result<String> {
        self.charge_name(name.len())?;
        Ok(name.to_owned())
    }

    /// Counts a name of so many bytes, as [`Reader::named`] does that copies it.
    pub(crate) fn charge_name(&mut self, length: usize) -> Result<()> {
        match self.names.checked_sub(length) {
            Some(left) => {
                self.names = left;
                Ok(())
            }
            None => self.fault(
                self.rest,
                format!(
                    "the names of fields and symbols take more than {NAMES_BYTES_MAX} bytes, and {NAMES_PER_BYTE} for each of the payload's"
                ),
            ),
        }
    }

    /// How many items of a block to make room for before they are read. All blocks of a payload, which may lie inside each
    /// other, get no more than its bytes justify; what is beyond that grows with the items that are there.
    #[inline]
    pub(crate) fn room_for<T>(&mut self, count: u64) -> usize {
        let justified = self.room / size_of::<T>().max(1);
        let items = usize::try_from(count).unwrap_or(usize::MAX).min(justified);
        self.room -= items * size_of::<T>();
        items
    }
}
