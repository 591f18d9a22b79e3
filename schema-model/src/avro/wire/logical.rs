//! What logical types make of the values they stand on, and back.
//!
//! Each is one function from the primitive value, which may say no with a sentence, and one to it, which cannot.

#[cfg(feature = "uuid")]
use super::Fault;
use super::{self as wire, Reader, Source as _};
#[cfg(feature = "uuid")]
use crate::text::parse_uuid;
use crate::{Decimal, Exact, Number};

/// A span of calendar time: Avro's `duration`. Its parts do not become each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

impl Duration {
    /// From three little-endian numbers.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 12]) -> Duration {
        let part = |first: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&bytes[first..first + 4]);
            u32::from_le_bytes(four)
        };
        Duration {
            months: part(0),
            days: part(4),
            millis: part(8),
        }
    }

    /// As three little-endian numbers.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let parts = [self.months, self.days, self.millis];
        for (place, part) in bytes.chunks_exact_mut(4).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }
}

/// Bytes that hold the digits as bytes and then the scale as an int.
pub(crate) fn big_decimal(bytes: &[u8]) -> Result<Decimal, String> {
    let mut reader = Reader::new(bytes);
    let parts = reader.slice().and_then(|digits| {
        let scale = reader.int()?;
        reader.finish()?;
        Ok((digits, scale))
    });
    let (digits, scale) = parts.map_err(|fault| format!("in a big-decimal, {fault}"))?;
    let decimal = match u32::try_from(scale) {
        Ok(scale) => Decimal::from_be_bytes(digits, scale).ok(),
        Err(_) => {
            let whole = Decimal::from_be_bytes(digits, 0).ok();
            whole.and_then(|whole| whole.times_power_of_ten(scale.unsigned_abs()))
        }
    };
    decimal.ok_or_else(|| {
        format!(
            "a big-decimal has more than {} bits or {} fraction digits",
            Decimal::BITS_MAX,
            Decimal::SCALE_MAX
        )
    })
}

/// A decimal as a type of another crate.
pub(super) fn held<T: Number>(value: Decimal) -> Result<T, String> {
    let shown = value.clone();
    T::from_decimal(value).ok_or_else(|| format!("{shown} has more digits than the field's type can hold"))
}

impl Reader<'_> {
    /// A decimal that is long, or wrong.
    #[cold]
    pub(super) fn decimal_of_many_digits<const PRECISION: u32, const SCALE: u32>(
        &mut self,
    ) -> wire::Result<Exact<PRECISION, SCALE>> {
        self.as_logical(Reader::slice, Exact::from_be_bytes)
    }
}

#[cfg(feature = "uuid")]
impl Reader<'_> {
    /// A uuid as text. Hardly any is in another form than the usual one, which has a way of its own.
    pub(super) fn uuid(&mut self) -> wire::Result<uuid::Uuid> {
        let start = self.position();
        match parse_uuid(self.prefixed("a string")?) {
            Some(bytes) => Ok(uuid::Uuid::from_bytes(bytes)),
            None => self.uuid_of_any_form(start),
        }
    }

    #[cold]
    fn uuid_of_any_form(&mut self, start: usize) -> wire::Result<uuid::Uuid> {
        self.seek(start);
        let text = self.str()?;
        uuid::Uuid::try_parse(text).map_err(|_| {
            let shown: String = text.chars().take(60).collect();
            Fault::new(start, format!("{shown:?} is no uuid"))
        })
    }
}
