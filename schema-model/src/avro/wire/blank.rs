//! Values to read into.

use std::collections::BTreeMap;

use super::Duration;
use crate::{Decimal, Exact, Timestamp, avro::Datum};

/// What a place holds before it is read: nothing that takes memory of its own, and nothing of a schema's defaults.
pub trait Blank {
    /// The value.
    #[must_use]
    fn blank() -> Self;
}

impl<T: Datum> Blank for T {
    #[inline]
    fn blank() -> T {
        Datum::blank()
    }
}

/// Types whose blank is Rust's default.
macro_rules! by_default {
    ($($({$($name:ident),+})? $kind:ty),+ $(,)?) => {
        $(impl$(<$($name),+>)? Blank for $kind {
            #[inline]
            fn blank() -> Self {
                Self::default()
            }
        })+
    };
}

by_default!((), bool, i32, i64, f32, f64, String, Decimal, Duration, Timestamp);
by_default!({T} Vec<T>, {T} Option<T>, {K, V} BTreeMap<K, V>);
#[cfg(feature = "values")]
by_default!(crate::Value);
#[cfg(feature = "uuid")]
by_default!(uuid::Uuid);
#[cfg(feature = "jiff")]
by_default!(jiff::civil::Time);

impl<const PRECISION: u32, const SCALE: u32> Blank for Exact<PRECISION, SCALE> {
    #[inline]
    fn blank() -> Self {
        Self::ZERO
    }
}

/// 1970, where Rust's default is the year 0.
#[cfg(feature = "jiff")]
impl Blank for jiff::civil::Date {
    #[inline]
    fn blank() -> Self {
        Self::constant(1970, 1, 1)
    }
}

/// 1970, where Rust's default is the year 0.
#[cfg(feature = "jiff")]
impl Blank for jiff::civil::DateTime {
    #[inline]
    fn blank() -> Self {
        Self::constant(1970, 1, 1, 0, 0, 0, 0)
    }
}
