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

    /// The decimal of a text like `-12.50`, for [`dec!`](crate::dec) and other constants.
    ///
    /// ```
    /// use annals_schema_model::Exact;
    /// const PRICE: Exact<9, 2> = Exact::literal("12.5");
    /// assert_eq!(PRICE.to_string(), "12.50");
    /// ```
    ///
    /// # Panics
    /// When it is no such text, has digits beyond the scale, more of them than the precision, or more than 38.
    #[must_use]
    pub const fn literal(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut unscaled, mut negative, mut fraction, mut is_number) = (0u128, false, None, false);
        let mut place = 0;
        while place < bytes.len() {
            match (bytes[place], fraction) {
                (b'_', _) => {}
                // Between two digits it would hide a point that was forgotten.
                (b' ', None) if negative && !is_number => {}
                (b'-', None) if !is_number && !negative => negative = true,
                (b'.', None) if is_number => fraction = Some(0),
                (b'0', Some(digits)) if digits >= SCALE => {}
                (b'0'..=b'9', Some(digits)) if digits >= SCALE => {
                    panic!("the number has more digits behind the point than the schema's scale")
                }
                (digit @ b'0'..=b'9', digits) => {
                    unscaled = Self::appended(unscaled, digit - b'0');
                    if let Some(digits) = digits {
                        fraction = Some(digits + 1);
                    }
                    is_number = true;
                }
                _ => panic!("write a decimal number like -12.50"),
            }
            place += 1;
        }
        assert!(is_number, "write a decimal number like -12.50");
        let mut digits = match fraction {
            Some(digits) => digits,
            None => 0,
        };
        while digits < SCALE {
            unscaled = Self::appended(unscaled, 0);
            digits += 1;
        }
        if let Some(limit) = Self::LIMIT {
            assert!(
                unscaled < limit,
                "the number has more digits than the schema's precision"
            );
        }
        let unscaled = unscaled as i128;
        Self(Decimal::new(if negative { -unscaled } else { unscaled }, SCALE))
    }

    /// The number with a digit more.
    const fn appended(unscaled: u128, digit: u8) -> u128 {
        match unscaled.checked_mul(10) {
            Some(tens) if tens < i128::MAX as u128 - 9 => tens + digit as u128,
            _ => panic!("the number has more digits than a literal can have: parse it from a text"),
        }
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

/// A decimal of a schema, written as the number it is: `dec!(12.50)`.
///
/// How many digits there may be, and how many of them behind the point, is the field's type. What does not fit it does not
/// compile.
///
/// ```
/// use annals_schema_model::{Exact, dec};
///
/// let price: Exact<9, 2> = dec!(12.5);
/// assert_eq!(price.to_string(), "12.50");
/// assert!(price > dec!(-1_000));
/// ```
///
/// ```compile_fail
/// # use annals_schema_model::{Exact, dec};
/// let price: Exact<9, 2> = dec!(12.345);
/// ```
///
/// ```compile_fail
/// # use annals_schema_model::{Exact, dec};
/// let price: Exact<9, 2> = dec!(12 50);
/// ```
#[macro_export]
macro_rules! dec {
    ($number:literal) => {
        const { $crate::Exact::literal(::core::stringify!($number)) }
    };
}
