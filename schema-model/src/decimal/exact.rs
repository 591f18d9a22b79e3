//! Decimals that fit the schema they are written with.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use super::{Decimal, DecimalError};

/// A decimal of at most `PRECISION` digits, `SCALE` of them after the point: what a schema's `decimal` can hold.
///
/// ```
/// use annals_schema_model::Exact;
///
/// let price: Exact<9, 2> = "12.5".parse()?;
/// assert_eq!(price.to_string(), "12.50");
/// assert_eq!(price, Exact::from_unscaled(1250).unwrap());
/// let why = |text: &str| text.parse::<Exact<9, 2>>().unwrap_err().to_string();
/// assert_eq!(why("0.001"), "the decimal has more than 2 fraction digits");
/// assert_eq!(why("123456789012"), "the decimal has more than 9 digits");
/// # Ok::<(), annals_schema_model::DecimalError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact<const PRECISION: u32, const SCALE: u32>(Decimal);

impl<const PRECISION: u32, const SCALE: u32> Exact<PRECISION, SCALE> {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::new(0, SCALE));

    /// What the integer is less than, where that has 128 bits.
    const LIMIT: Option<u128> = 10u128.checked_pow(PRECISION);

    /// The same value at this scale; nothing when digits would be lost or there are too many.
    #[must_use]
    pub fn new(value: Decimal) -> Option<Self> {
        Self::fitting(value.at_scale(SCALE)?)
    }

    /// So many of the smallest unit: cents, at the scale 2. Nothing when there are too many digits.
    #[must_use]
    pub fn from_unscaled(unscaled: i128) -> Option<Self> {
        Self::fitting(Decimal::new(unscaled, SCALE))
    }

    #[inline]
    fn fitting(value: Decimal) -> Option<Self> {
        let fits = match (value.unscaled(), Self::LIMIT) {
            (Some(short), Some(limit)) => short.unsigned_abs() < limit,
            _ => value.precision() <= PRECISION as usize,
        };
        fits.then_some(Self(value))
    }

    /// What the integer is less than, where that has 64 bits; no integer of 64 bits is too long for the others.
    #[cfg(feature = "avro")]
    pub(crate) const SHORT_LIMIT: u64 = match 10u64.checked_pow(PRECISION) {
        _ if SCALE > Decimal::SCALE_MAX => 0,
        Some(limit) => limit,
        None => u64::MAX,
    };

    /// From digits that are less than [`Exact::SHORT_LIMIT`].
    #[cfg(feature = "avro")]
    #[inline]
    pub(crate) fn from_few_digits(short: i64) -> Self {
        Self(Decimal::short(short as i128, SCALE))
    }

    /// Reads big-endian two's complement.
    #[cfg(feature = "avro")]
    #[inline]
    pub(crate) fn from_be_bytes(bytes: &[u8]) -> Result<Self, String> {
        let value = Decimal::from_be_bytes(bytes, SCALE).map_err(|error| error.to_string())?;
        Self::fitting(value).ok_or_else(|| Self::too_long(bytes))
    }

    #[cfg(feature = "avro")]
    #[cold]
    fn too_long(bytes: &[u8]) -> String {
        let value = Decimal::from_be_bytes(bytes, SCALE).unwrap_or_default();
        format!("{value} has more digits than decimal({PRECISION}, {SCALE}) allows")
    }

    /// The decimal.
    #[must_use]
    pub fn get(self) -> Decimal {
        self.0
    }
}

impl<const PRECISION: u32, const SCALE: u32> Deref for Exact<PRECISION, SCALE> {
    type Target = Decimal;

    fn deref(&self) -> &Decimal {
        &self.0
    }
}

impl<const PRECISION: u32, const SCALE: u32> Default for Exact<PRECISION, SCALE> {
    fn default() -> Self {
        Self::ZERO
    }
}

impl<const PRECISION: u32, const SCALE: u32> fmt::Display for Exact<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const PRECISION: u32, const SCALE: u32> TryFrom<Decimal> for Exact<PRECISION, SCALE> {
    type Error = DecimalError;

    fn try_from(value: Decimal) -> Result<Self, DecimalError> {
        Self::fitting(value.to_scale(SCALE)?).ok_or(DecimalError::Precision(PRECISION))
    }
}

impl<const PRECISION: u32, const SCALE: u32> FromStr for Exact<PRECISION, SCALE> {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        text.parse::<Decimal>()?.try_into()
    }
}
