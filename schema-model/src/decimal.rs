//! Exact decimal numbers: an unscaled 128-bit integer and a scale. Never a float.
//!
//! Equality and order go by value (`1.0 == 1.00`), display keeps the scale. Invariant: the scale is at most 38, as
//! many digits as always fit 128 bits. Multiplication and division are left out: money is added up.

use std::{cmp::Ordering, fmt, hash, str::FromStr};

use thiserror::Error;

/// More fraction digits than this do not fit 128 bits with certainty.
const SCALE_MAX: u32 = 38;

/// A decimal number: `unscaled` × 10^-`scale`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal {
    /// The digits.
    pub unscaled: i128,
    /// How many of them stand after the point.
    pub scale: u32,
}

/// Why a decimal cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// The digits do not fit 128 bits.
    #[error("the decimal does not fit 128 bits")]
    Overflow,
    /// More than 38 fraction digits.
    #[error("the decimal has more than 38 fraction digits")]
    Scale,
    /// Not a decimal number.
    #[error("not a decimal number; write it like -12.50")]
    Syntax,
    /// No bytes at all.
    #[error("a decimal needs at least one byte")]
    Empty,
}

impl Decimal {
    /// A decimal from its digits and scale.
    ///
    /// ```
    /// use annals_schema_model::Decimal;
    /// assert_eq!(Decimal::new(52_496, 2).to_string(), "524.96");
    /// ```
    #[must_use]
    pub const fn new(unscaled: i128, scale: u32) -> Decimal {
        Decimal { unscaled, scale }
    }

    /// The same value at another scale, or `None` when digits would be lost or do not fit.
    #[must_use]
    pub fn at_scale(self, scale: u32) -> Option<Decimal> {
        let unscaled = match scale.checked_sub(self.scale) {
            Some(more) => self.unscaled.checked_mul(10i128.checked_pow(more)?)?,
            None => {
                // A power beyond 128 bits divides nothing but zero.
                let divisor = 10i128.checked_pow(self.scale - scale);
                match divisor {
                    Some(divisor) if self.unscaled % divisor == 0 => self.unscaled / divisor,
                    None if self.unscaled == 0 => 0,
                    _ => return None,
                }
            }
        };
        Some(Decimal { unscaled, scale })
    }

    /// The sum at the larger scale, or `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let unscaled = self
            .at_scale(scale)?
            .unscaled
            .checked_add(other.at_scale(scale)?.unscaled)?;
        Some(Decimal { unscaled, scale })
    }

    /// The difference at the larger scale, or `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let unscaled = self
            .at_scale(scale)?
            .unscaled
            .checked_sub(other.at_scale(scale)?.unscaled)?;
        Some(Decimal { unscaled, scale })
    }

    /// The negated value, or `None` for the one number that has none.
    #[must_use]
    pub fn checked_neg(self) -> Option<Decimal> {
        Some(Decimal {
            unscaled: self.unscaled.checked_neg()?,
            scale: self.scale,
        })
    }

    /// The digits as big-endian two's complement in as few bytes as hold them: Avro's form of a decimal.
    #[must_use]
    pub fn to_be_bytes(self) -> Vec<u8> {
        let bytes = self.unscaled.to_be_bytes();
        let sign = if self.unscaled < 0 { 0xff } else { 0 };
        let mut start = 0;
        while start < bytes.len() - 1 && bytes[start] == sign && (bytes[start + 1] ^ sign) & 0x80 == 0 {
            start += 1;
        }
        bytes[start..].to_vec()
    }

    /// Reads big-endian two's complement of any length, as long as the value fits.
    ///
    /// # Errors
    /// [`DecimalError::Empty`], [`DecimalError::Overflow`] or [`DecimalError::Scale`].
    pub fn from_be_bytes(bytes: &[u8], scale: u32) -> Result<Decimal, DecimalError> {
        if scale > SCALE_MAX {
            return Err(DecimalError::Scale);
        }
        let sign = match bytes.first() {
            None => return Err(DecimalError::Empty),
            Some(first) if first & 0x80 != 0 => 0xff,
            Some(_) => 0,
        };
        let extra = bytes.len().saturating_sub(16);
        let (head, tail) = bytes.split_at(extra);
        if head.iter().any(|byte| *byte != sign) || (extra > 0 && (tail[0] ^ sign) & 0x80 != 0) {
            return Err(DecimalError::Overflow);
        }
        let mut whole = [sign; 16];
        whole[16 - tail.len()..].copy_from_slice(tail);
        Ok(Decimal {
            unscaled: i128::from_be_bytes(whole),
            scale,
        })
    }

    /// The value without trailing fraction zeros: equal values have equal digits and scale.
    fn reduced(mut self) -> Decimal {
        while self.scale > 0 && self.unscaled % 10 == 0 {
            self.unscaled /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Integer part and fraction, the fraction brought to `SCALE_MAX` digits when it fits.
    fn parts(self) -> (i128, i128) {
        let Decimal { unscaled, scale } = self.reduced();
        let Some(divisor) = 10i128.checked_pow(scale) else {
            // More than 38 digits after the point: the integer part is 0.
            return (0, unscaled);
        };
        (unscaled / divisor, unscaled % divisor)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        let (left, right) = (self.reduced(), other.reduced());
        left.unscaled == right.unscaled && (left.unscaled == 0 || left.scale == right.scale)
    }
}

impl Eq for Decimal {}

impl hash::Hash for Decimal {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        let reduced = self.reduced();
        reduced.unscaled.hash(state);
        if reduced.unscaled != 0 {
            reduced.scale.hash(state);
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let ((left, left_fraction), (right, right_fraction)) = (self.parts(), other.parts());
        left.cmp(&right).then_with(|| {
            // Fractions are smaller than 10^scale; compare them digit by digit from the point on.
            let digits = |fraction: i128, scale: u32| {
                let digits = format!("{:0width$}", fraction.unsigned_abs(), width = scale as usize);
                digits.trim_end_matches('0').to_owned()
            };
            let (left_scale, right_scale) = (self.reduced().scale, other.reduced().scale);
            let magnitude = |fraction, scale| {
                if fraction == 0 {
                    String::new()
                } else {
                    digits(fraction, scale)
                }
            };
            match (left_fraction.signum(), right_fraction.signum()) {
                (1, 1) => magnitude(left_fraction, left_scale).cmp(&magnitude(right_fraction, right_scale)),
                (-1, -1) => magnitude(right_fraction, right_scale).cmp(&magnitude(left_fraction, left_scale)),
                (left, right) => left.cmp(&right),
            }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!(
            "{:0width$}",
            self.unscaled.unsigned_abs(),
            width = scale.saturating_add(1).min(4096)
        );
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale).max(1).min(digits.len()));
        let text = if fraction.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{fraction}")
        };
        f.pad_integral(self.unscaled >= 0, "", &text)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let pointless = digits.contains('.') && fraction.is_empty();
        if whole.is_empty() || pointless || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::Syntax);
        }
        let scale = u32::try_from(fraction.len()).map_err(|_| DecimalError::Scale)?;
        if scale > SCALE_MAX {
            return Err(DecimalError::Scale);
        }
        let mut unscaled = 0i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = i128::from(digit - b'0');
            unscaled = unscaled
                .checked_mul(10)
                .and_then(|unscaled| {
                    if negative {
                        unscaled.checked_sub(digit)
                    } else {
                        unscaled.checked_add(digit)
                    }
                })
                .ok_or(DecimalError::Overflow)?;
        }
        Ok(Decimal { unscaled, scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn text_goes_both_ways() {
        for text in [
            "0",
            "524.96",
            "-0.05",
            "0.00",
            "-12",
            "170141183460469231731687303715884105727",
            "-1.0",
        ] {
            let wanted = if text == "-0.00" { "0.00" } else { text };
            assert_eq!(decimal(text).to_string(), wanted);
        }
        for text in ["", "-", ".5", "5.", "1e3", "1.2.3", "--1", " 1", "1,5"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Syntax), "{text:?}");
        }
        assert_eq!("1".repeat(40).parse::<Decimal>(), Err(DecimalError::Overflow));
        assert_eq!(
            format!("0.{}", "0".repeat(39)).parse::<Decimal>(),
            Err(DecimalError::Scale)
        );
        assert_eq!(format!("{:>8}|", decimal("1.50")), "    1.50|");
    }

    #[test]
    fn order_and_equality_go_by_value() {
        let sorted = [
            "-2", "-1.5", "-1.25", "-0.5", "0.00", "0.05", "0.5", "1", "1.01", "2.0", "10",
        ];
        for pair in sorted.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
        assert_eq!(decimal("1.0"), decimal("1.00"));
        assert_eq!(Decimal::new(0, 3), Decimal::new(0, 0));
        assert_eq!(decimal("1.0").cmp(&decimal("1.00")), Ordering::Equal);
    }

    #[test]
    fn sums() {
        assert_eq!(
            decimal("0.1").checked_add(decimal("0.25")).unwrap().to_string(),
            "0.35"
        );
        assert_eq!(
            decimal("1").checked_sub(decimal("1.50")).unwrap().to_string(),
            "-0.50"
        );
        assert_eq!(Decimal::new(i128::MAX, 0).checked_add(Decimal::new(1, 0)), None);
        assert_eq!(Decimal::new(i128::MIN, 0).checked_neg(), None);
        assert_eq!(decimal("1.50").at_scale(1), Some(Decimal::new(15, 1)));
        assert_eq!(decimal("1.55").at_scale(1), None);
    }

    #[test]
    fn bytes() {
        let check = |unscaled: i128, bytes: &[u8]| {
            assert_eq!(Decimal::new(unscaled, 2).to_be_bytes(), bytes, "{unscaled}");
            assert_eq!(Decimal::from_be_bytes(bytes, 2).unwrap().unscaled, unscaled);
        };
        check(0, &[0]);
        check(-1, &[0xff]);
        check(127, &[0x7f]);
        check(128, &[0, 0x80]);
        check(-128, &[0x80]);
        check(-129, &[0xff, 0x7f]);
        check(i128::MAX, &i128::MAX.to_be_bytes());
        check(i128::MIN, &i128::MIN.to_be_bytes());
        assert_eq!(Decimal::from_be_bytes(&[], 0), Err(DecimalError::Empty));
        assert_eq!(Decimal::from_be_bytes(&[1; 17], 0), Err(DecimalError::Overflow));
        assert_eq!(Decimal::from_be_bytes(&[0; 40], 0).unwrap().unscaled, 0);
        assert_eq!(Decimal::from_be_bytes(&[0], 39), Err(DecimalError::Scale));
    }

    proptest! {
        #[test]
        fn round_trips(unscaled: i128, scale in 0..=38u32) {
            let decimal = Decimal::new(unscaled, scale);
            let text = decimal.to_string().parse::<Decimal>().unwrap();
            prop_assert_eq!((text.unscaled, text.scale), (unscaled, scale));
            let bytes = Decimal::from_be_bytes(&decimal.to_be_bytes(), scale).unwrap();
            prop_assert_eq!((bytes.unscaled, bytes.scale), (unscaled, scale));
        }

        #[test]
        fn order_agrees_with_integers(a: i32, b: i32, more in 0..10u32) {
            let left = Decimal::new(i128::from(a), 4).at_scale(4 + more).unwrap();
            prop_assert_eq!(left.cmp(&Decimal::new(i128::from(b), 4)), a.cmp(&b));
            prop_assert_eq!(left == Decimal::new(i128::from(b), 4), a == b);
        }
    }
}
