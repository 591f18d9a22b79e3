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

impl<K: Blank, T: Blank> Blank for (K, T) {
    #[inline]
    fn blank() -> (K, T) {
        (K::blank(), T::blank())
    }
}

/// Values of so many bytes are made apart from what reads into them, whose stack would keep them for as long as it reads.
const APART_BYTES: usize = 256;

/// A value in a box.
#[inline(never)]
pub(crate) fn boxed<T: Blank>() -> Box<T> {
    Box::new(T::blank())
}

/// One more item.
#[inline]
pub(super) fn push_blank<T: Blank>(items: &mut Vec<T>) {
    if size_of::<T>() < APART_BYTES {
        items.push(T::blank());
    } else {
        push_apart(items);
    }
}

#[inline(never)]
fn push_apart<T: Blank>(items: &mut Vec<T>) {
    items.push(T::blank());
}

/// The value of an option.
#[inline]
pub(super) fn insert_blank<T: Blank>(option: &mut Option<T>) -> &mut T {
    if size_of::<T>() < APART_BYTES {
        option.insert(T::blank())
    } else {
        insert_apart(option)
    }
}

#[inline(never)]
fn insert_apart<T: Blank>(option: &mut Option<T>) -> &mut T {
    option.insert(T::blank())
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
by_default!(&str, &[u8]);
by_default!({T} Vec<T>, {T} Option<T>, {K, V} BTreeMap<K, V>);
#[cfg(feature = "values")]
by_default!(crate::Value);
#[cfg(feature = "uuid")]
by_default!(uuid::Uuid);
#[cfg(feature = "jiff")]
by_default!(jiff::civil::Time, jiff::Timestamp);
#[cfg(feature = "chrono")]
by_default!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::NaiveDateTime,
    chrono::DateTime<chrono::Utc>
);
#[cfg(feature = "bigdecimal")]
by_default!(bigdecimal::BigDecimal);
#[cfg(feature = "rust_decimal")]
by_default!(rust_decimal::Decimal);

/// 1970; there is no default.
#[cfg(feature = "time")]
mod of_time {
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

    use super::Blank;

    impl Blank for Date {
        fn blank() -> Date {
            OffsetDateTime::UNIX_EPOCH.date()
        }
    }

    impl Blank for Time {
        fn blank() -> Time {
            Time::MIDNIGHT
        }
    }

    impl Blank for OffsetDateTime {
        fn blank() -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH
        }
    }

    impl Blank for PrimitiveDateTime {
        fn blank() -> PrimitiveDateTime {
            PrimitiveDateTime::new(Blank::blank(), Time::MIDNIGHT)
        }
    }
}

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
