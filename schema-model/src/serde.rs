//! Values of generated types as serde has them: numbers and times as the texts they are shown as, so that none is rounded on
//! its way through JSON.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::{Decimal, Exact, Timestamp};

/// The years that RFC 3339 has.
const YEARS_SECONDS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
    text.parse().map_err(de::Error::custom)
}

/// `"12.50"`
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
        text(from)
    }
}

/// `"12.50"`
impl<const PRECISION: u32, const SCALE: u32> Serialize for Exact<PRECISION, SCALE> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, const PRECISION: u32, const SCALE: u32> Deserialize<'de> for Exact<PRECISION, SCALE> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from)
    }
}

/// RFC 3339, with as many fraction digits as there are, three of them or more; the years 0 to 9999.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !YEARS_SECONDS.contains(&self.as_seconds()) {
            return Err(ser::Error::custom(format!(
                "{self} is no time of RFC 3339, which has the years 0 to 9999"
            )));
        }
        match self.subsec_nanos() {
            nanos if nanos % 1_000_000 == 0 => to.collect_str(self),
            nanos if nanos % 1_000 == 0 => to.collect_str(&format_args!("{self:.6}")),
            _ => to.collect_str(&format_args!("{self:.9}")),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        text(from)
    }
}

/// Months, days and milliseconds.
#[cfg(feature = "avro")]
impl Serialize for crate::avro::Duration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.months, self.days, self.millis).serialize(to)
    }
}

#[cfg(feature = "avro")]
impl<'de> Deserialize<'de> for crate::avro::Duration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (months, days, millis) = Deserialize::deserialize(from)?;
        Ok(Self { months, days, millis })
    }
}
