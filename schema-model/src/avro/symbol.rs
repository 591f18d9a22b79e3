//! Symbols of enums as generated types have them: texts for as long as the process lives.
//!
//! A generated enum whose schema has no default keeps a symbol that only the writer knows. So that the enum stays a value to
//! be copied, such a symbol is kept once for the process. Invariant: no more than [`SYMBOLS_MAX`] of them are, none longer
//! than [`SYMBOL_BYTES_MAX`]; what is beyond is not read, as by readers that keep none.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

/// How many symbols that only writers know a process keeps.
const SYMBOLS_MAX: usize = 4_096;

/// How long one may be, in bytes.
const SYMBOL_BYTES_MAX: usize = 1_024;

static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// A text that is no symbol of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{symbol:?} is no symbol of {name}")]
pub struct UnknownSymbol {
    /// The enum's full name.
    pub name: &'static str,
    /// The text; of a long one, its beginning.
    pub symbol: String,
}

/// The value with a symbol, among all of an enum's.
///
/// # Errors
/// [`UnknownSymbol`] when none has it.
pub fn symbol<T: Copy>(
    symbol: &str,
    name: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, UnknownSymbol> {
    let found = all.iter().copied().find(|value| as_str(*value) == symbol);
    found.ok_or_else(|| UnknownSymbol {
        name,
        symbol: symbol.chars().take(100).collect(),
    })
}

/// The symbol, kept; nothing when it is too long, or one too many.
pub(super) fn kept(symbol: &str) -> Option<&'static str> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(symbol) = kept.get(symbol) {
        return Some(symbol);
    }
    if kept.len() == SYMBOLS_MAX || symbol.len() > SYMBOL_BYTES_MAX {
        return None;
    }
    let symbol: &'static str = Box::leak(symbol.into());
    kept.insert(symbol);
    Some(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_symbols_are_kept_and_each_once() {
        let first = kept("first").unwrap();
        assert!(std::ptr::eq(kept("first").unwrap(), first));
        assert_eq!(kept(&"x".repeat(SYMBOL_BYTES_MAX + 1)), None);
        let more = (0..SYMBOLS_MAX).filter_map(|number| kept(&format!("s{number}")));
        assert!(more.count() < SYMBOLS_MAX);
        assert_eq!(kept("one more"), None);
        assert!(std::ptr::eq(kept("first").unwrap(), first));
    }
}
