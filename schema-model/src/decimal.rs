//! Exact decimal numbers: an unscaled integer and a scale. Never a float.
//!
//! Equality and order go by value (`1.0 == 1.00`), display keeps the scale. What fits 128 bits is kept and computed in 128
//! bits; only what does not is a big integer. Bounded by [`Decimal::SCALE_MAX`] and [`Decimal::BITS_MAX`], so that no
//! payload of a few bytes becomes a text of millions. Division is left out: its result need not be a decimal.

mod exact;
mod others;
mod text;

use std::{cmp::Ordering, hash, sync::Arc};

use num_bigint::{BigInt, Sign};
use thiserror::Error;

pub use exact::Exact;
pub use others::Number;

/// A decimal number: an integer × 10^-scale.
///
/// ```
/// use annals_schema_model::Decimal;
///
/// let wide: Decimal = "12345678901234567890.0123456789012345678901234567890123456789".parse()?;
/// assert_eq!(wide.scale(), 40);
/// assert_eq!(Decimal::from_be_bytes(&wide.to_be_bytes(), 40)?, wide);
/// # Ok::<(), annals_schema_model::DecimalError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decimal {
    unscaled: Unscaled,
    scale: u32,
}

/// The integer. Invariant: `Wide` holds only what does not fit 128 bits.
#[derive(Clone, Debug)]
enum Unscaled {
    /// In halves, which need no alignment of their own.
    Short {
        high: i64,
        low: u64,
    },
    Wide(Arc<BigInt>),
}

/// Why a decimal cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Too many digits.
    #[error("the decimal has more than {0} bits")]
    Overflow(u64),
    /// Too many digits for a schema's precision.
    #[error("the decimal has more than {0} digits")]
    Precision(u32),
    /// Too many fraction digits.
    #[error("the decimal has more than {0} fraction digits")]
    Scale(u32),
    /// Not a decimal number.
    #[error("not a decimal number; write it like -12.50")]
    Syntax,
}

impl Decimal {
    /// The most fraction digits.
    pub const SCALE_MAX: u32 = 1_000;

    /// The most bits of the unscaled integer, about 1,233 digits.
    pub const BITS_MAX: u64 = 4_096;

    /// A decimal from its digits and scale.
    ///
    /// ```
    /// use annals_schema_model::Decimal;
    /// assert_eq!(Decimal::new(52_496, 2).to_string(), "524.96");
    /// ```
    ///
    /// # Panics
    /// When the scale is above [`Decimal::SCALE_MAX`].
    #[must_use]
    pub const fn new(unscaled: i128, scale: u32) -> Decimal {
        assert!(scale <= Decimal::SCALE_MAX);
        Decimal::short(unscaled, scale)
    }

    const fn short(unscaled: i128, scale: u32) -> Decimal {
        let (high, low) = ((unscaled >> 64) as i64, unscaled as u64);
        Decimal {
            unscaled: Unscaled::Short { high, low },
            scale,
        }
    }

    fn of(unscaled: BigInt, scale: u32) -> Result<Decimal, DecimalError> {
        if scale > Decimal::SCALE_MAX {
            return Err(DecimalError::Scale(Decimal::SCALE_MAX));
        }
        match i128::try_from(&unscaled) {
            Ok(short) => Ok(Decimal::short(short, scale)),
            Err(_) if unscaled.bits() > Decimal::BITS_MAX => Err(DecimalError::Overflow(Decimal::BITS_MAX)),
            Err(_) => Ok(Decimal {
                unscaled: Unscaled::Wide(Arc::new(unscaled)),
                scale,
            }),
        }
    }

    /// The integer, when it fits 128 bits.
    #[must_use]
    pub const fn unscaled(&self) -> Option<i128> {
        match &self.unscaled {
            Unscaled::Short { high, low } => Some(((*high as i128) << 64) | *low as i128),
            Unscaled::Wide(_) => None,
        }
    }

    fn wide(&self) -> BigInt {
        match (&self.unscaled, self.unscaled()) {
            (Unscaled::Wide(wide), _) => BigInt::clone(wide),
            (_, short) => short.unwrap_or_default().into(),
        }
    }

    /// How many digits stand after the point.
    #[must_use]
    pub const fn scale(&self) -> u32 {
        self.scale
    }

    /// How many digits there are, before and after the point, without leading zeros.
    #[must_use]
    pub fn precision(&self) -> usize {
        match self.unscaled() {
            Some(short) => short
                .unsigned_abs()
                .checked_ilog10()
                .map_or(1, |log| log as usize + 1),
            None => self.wide().magnitude().to_string().len(),
        }
    }

    /// Whether it is less than zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.unscaled {
            Unscaled::Short { high, .. } => *high < 0,
            Unscaled::Wide(wide) => wide.sign() == Sign::Minus,
        }
    }

    /// The same value at another scale, or `None` when digits would be lost or there are too many.
    #[must_use]
    pub fn at_scale(&self, scale: u32) -> Option<Decimal> {
        if scale == self.scale {
            return Some(self.clone());
        }
        if scale > Decimal::SCALE_MAX {
            return None;
        }
        if let Some(short) = self.short_at(scale) {
            return Some(Decimal::short(short, scale));
        }
        if let Some(more) = scale.checked_sub(self.scale) {
            return Decimal::of(self.wide() * power(more), scale).ok();
        }
        let (wide, divisor) = (self.wide(), power(self.scale - scale));
        let whole = &wide / &divisor;
        (&whole * divisor == wide).then(|| Decimal::of(whole, scale).ok())?
    }

    /// The same at a schema's scale, or why not.
    ///
    /// # Errors
    /// [`DecimalError::Scale`] when digits would be lost, [`DecimalError::Overflow`] when there are too many.
    pub(crate) fn to_scale(&self, scale: u32) -> Result<Decimal, DecimalError> {
        self.at_scale(scale).ok_or_else(|| {
            if scale > Decimal::SCALE_MAX {
                DecimalError::Scale(Decimal::SCALE_MAX)
            } else if self.reduced().scale > scale {
                DecimalError::Scale(scale)
            } else {
                DecimalError::Overflow(Decimal::BITS_MAX)
            }
        })
    }

    /// The integer at another scale, when that can be told in 128 bits.
    fn short_at(&self, scale: u32) -> Option<i128> {
        let short = self.unscaled()?;
        match scale.checked_sub(self.scale) {
            Some(more) => short.checked_mul(10i128.checked_pow(more)?),
            None => {
                let divisor = 10i128.checked_pow(self.scale - scale)?;
                (short % divisor == 0).then(|| short / divisor)
            }
        }
    }

    /// A sum or difference at the larger scale.
    fn together(
        &self,
        other: &Decimal,
        short: fn(i128, i128) -> Option<i128>,
        wide: fn(BigInt, BigInt) -> BigInt,
    ) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let both = self.short_at(scale).zip(other.short_at(scale));
        if let Some(sum) = both.and_then(|(left, right)| short(left, right)) {
            return Some(Decimal::short(sum, scale));
        }
        let (left, right) = (self.at_scale(scale)?, other.at_scale(scale)?);
        Decimal::of(wide(left.wide(), right.wide()), scale).ok()
    }

    /// The sum at the larger scale, or `None` when it has too many digits.
    #[must_use]
    pub fn checked_add(&self, other: &Decimal) -> Option<Decimal> {
        self.together(other, i128::checked_add, |left, right| left + right)
    }

    /// The difference at the larger scale, or `None` when it has too many digits.
    #[must_use]
    pub fn checked_sub(&self, other: &Decimal) -> Option<Decimal> {
        self.together(other, i128::checked_sub, |left, right| left - right)
    }

    /// The product, its scale the sum of both, or `None` when it has too many digits.
    #[must_use]
    pub fn checked_mul(&self, other: &Decimal) -> Option<Decimal> {
        let scale = self.scale + other.scale;
        let both = self.unscaled().zip(other.unscaled());
        match both.and_then(|(left, right)| left.checked_mul(right)) {
            Some(product) if scale <= Decimal::SCALE_MAX => Some(Decimal::short(product, scale)),
            _ => Decimal::of(self.wide() * other.wide(), scale).ok(),
        }
    }

    /// The negated value, or `None` when it has too many digits.
    #[must_use]
    pub fn checked_neg(&self) -> Option<Decimal> {
        match self.unscaled().and_then(i128::checked_neg) {
            Some(short) => Some(Decimal::short(short, self.scale)),
            None => Decimal::of(-self.wide(), self.scale).ok(),
        }
    }

    /// The same digits with fewer of them after the point, or zeros appended to them.
    #[cfg(any(feature = "avro", feature = "bigdecimal"))]
    pub(crate) fn times_power_of_ten(&self, exponent: u32) -> Option<Decimal> {
        if let Some(scale) = self.scale.checked_sub(exponent) {
            return Some(Decimal {
                scale,
                ..self.clone()
            });
        }
        let zeros = exponent - self.scale;
        let zeros = (zeros <= Decimal::SCALE_MAX).then_some(zeros)?;
        Decimal::of(self.wide() * power(zeros), 0).ok()
    }

    /// The integer as big-endian two's complement in as few bytes as hold it: Avro's form of a decimal.
    #[must_use]
    pub fn to_be_bytes(&self) -> Vec<u8> {
        match self.unscaled() {
            Some(short) => significant(&short.to_be_bytes()).to_vec(),
            None => self.wide().to_signed_bytes_be(),
        }
    }

    /// Reads big-endian two's complement of any length, as long as the value fits. No bytes are zero: some writers leave
    /// out every byte that says nothing.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] or [`DecimalError::Scale`].
    pub fn from_be_bytes(bytes: &[u8], scale: u32) -> Result<Decimal, DecimalError> {
        if scale > Decimal::SCALE_MAX {
            return Err(DecimalError::Scale(Decimal::SCALE_MAX));
        }
        if let Some(short) = Decimal::few_be_bytes(bytes) {
            return Ok(Decimal::short(i128::from(short), scale));
        }
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let bytes = significant(bytes);
        let sign = if negative { 0xff } else { 0 };
        if let Some(start) = 16usize.checked_sub(bytes.len()) {
            let mut short = [sign; 16];
            short[start..].copy_from_slice(bytes);
            return Ok(Decimal::short(i128::from_be_bytes(short), scale));
        }
        if bytes.len() as u64 * 8 > Decimal::BITS_MAX {
            return Err(DecimalError::Overflow(Decimal::BITS_MAX));
        }
        Decimal::of(BigInt::from_signed_bytes_be(bytes), scale)
    }

    /// Big-endian two's complement of at most eight bytes.
    #[inline]
    pub(crate) fn few_be_bytes(bytes: &[u8]) -> Option<i64> {
        let first = match bytes {
            [] => return Some(0),
            [first, ..] if bytes.len() <= 8 => *first as i8,
            _ => return None,
        };
        let rest = bytes[1..].iter();
        Some(rest.fold(i64::from(first), |value, byte| value << 8 | i64::from(*byte)))
    }

    /// The value without trailing fraction zeros: equal values have equal digits and scale.
    fn reduced(&self) -> Decimal {
        let Some(mut short) = self.unscaled() else {
            let mut reduced = self.clone();
            while reduced.scale > 0 {
                match reduced.at_scale(reduced.scale - 1) {
                    Some(less) if less.unscaled().is_some() => return less.reduced(),
                    Some(less) => reduced = less,
                    None => break,
                }
            }
            return reduced;
        };
        let mut scale = self.scale;
        while scale > 0 && short % 10 == 0 {
            short /= 10;
            scale -= 1;
        }
        Decimal::short(short, scale)
    }
}

fn power(exponent: u32) -> BigInt {
    BigInt::from(10u8).pow(exponent)
}

/// Two's complement without the leading bytes that only repeat the sign.
fn significant(bytes: &[u8]) -> &[u8] {
    let repeats = |pair: &&[u8]| {
        matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xff, next] if next & 0x80 != 0)
    };
    let start = bytes.windows(2).take_while(repeats).count();
    &bytes[start..]
}

impl Default for Decimal {
    fn default() -> Decimal {
        Decimal::short(0, 0)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl hash::Hash for Decimal {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        let reduced = self.reduced();
        reduced.scale.hash(state);
        match reduced.unscaled() {
            Some(short) => short.hash(state),
            None => reduced.wide().hash(state),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.short_at(scale), other.short_at(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => {
                let wide = |decimal: &Decimal| decimal.wide() * power(scale - decimal.scale);
                wide(self).cmp(&wide(other))
            }
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
