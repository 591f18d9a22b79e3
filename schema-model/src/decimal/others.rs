//! Decimals of other crates.
//!
//! A type of another crate stands for Avro's decimals by [`Number`]. Invariant: a conversion keeps the value, and its scale
//! where the other type has it; what the other type cannot hold is nothing.

use super::Decimal;

/// A type of decimal numbers that fields may have.
pub trait Number: Sized {
    /// The same value; nothing when it has too many digits for this type.
    fn from_decimal(value: Decimal) -> Option<Self>;

    /// The same value; nothing when it has too many digits for a [`Decimal`].
    fn to_decimal(&self) -> Option<Decimal>;
}

impl Number for Decimal {
    fn from_decimal(value: Decimal) -> Option<Decimal> {
        Some(value)
    }

    fn to_decimal(&self) -> Option<Decimal> {
        Some(self.clone())
    }
}

#[cfg(feature = "bigdecimal")]
impl Number for bigdecimal::BigDecimal {
    fn from_decimal(value: Decimal) -> Option<bigdecimal::BigDecimal> {
        Some(bigdecimal::BigDecimal::new(
            value.wide(),
            i64::from(value.scale()),
        ))
    }

    fn to_decimal(&self) -> Option<Decimal> {
        let (digits, scale) = self.as_bigint_and_exponent();
        match u32::try_from(scale) {
            Ok(scale) => Decimal::of(digits, scale).ok(),
            Err(_) => {
                let zeros = u32::try_from(scale.checked_neg()?).ok()?;
                Decimal::of(digits, 0).ok()?.times_power_of_ten(zeros)
            }
        }
    }
}

#[cfg(feature = "rust_decimal")]
impl Number for rust_decimal::Decimal {
    fn from_decimal(value: Decimal) -> Option<rust_decimal::Decimal> {
        let of = |value: &Decimal| {
            rust_decimal::Decimal::try_from_i128_with_scale(value.unscaled()?, value.scale()).ok()
        };
        // Zeros behind the point are given up before the value is.
        of(&value).or_else(|| of(&value.reduced()))
    }

    fn to_decimal(&self) -> Option<Decimal> {
        Some(Decimal::new(self.mantissa(), self.scale()))
    }
}

/// `From` one way and `TryFrom` the other.
#[cfg(any(feature = "bigdecimal", feature = "rust_decimal"))]
macro_rules! conversions {
    ($other:ty, $bits:expr) => {
        impl TryFrom<$other> for Decimal {
            type Error = super::DecimalError;

            fn try_from(value: $other) -> Result<Decimal, super::DecimalError> {
                value
                    .to_decimal()
                    .ok_or(super::DecimalError::Overflow(Decimal::BITS_MAX))
            }
        }

        impl TryFrom<Decimal> for $other {
            type Error = super::DecimalError;

            fn try_from(value: Decimal) -> Result<$other, super::DecimalError> {
                <$other>::from_decimal(value).ok_or(super::DecimalError::Overflow($bits))
            }
        }
    };
}

#[cfg(feature = "bigdecimal")]
conversions!(bigdecimal::BigDecimal, Decimal::BITS_MAX);
#[cfg(feature = "rust_decimal")]
conversions!(rust_decimal::Decimal, 96);
