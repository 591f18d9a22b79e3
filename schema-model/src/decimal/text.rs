//! Decimals as text.

use std::{fmt, str::FromStr};

use num_bigint::BigInt;

use super::{Decimal, DecimalError};

/// More digits than [`Decimal::BITS_MAX`] bits hold.
const DIGITS_MAX: usize = 1_300;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let mut digits = match self.unscaled() {
            Some(short) => short.unsigned_abs().to_string(),
            None => self.wide().magnitude().to_string(),
        };
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        if scale > 0 {
            digits.insert(digits.len() - scale, '.');
        }
        f.pad_integral(!self.is_negative(), "", &digits)
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
        let scale = u32::try_from(fraction.len()).map_err(|_| DecimalError::Scale(Decimal::SCALE_MAX))?;
        if scale > Decimal::SCALE_MAX {
            return Err(DecimalError::Scale(Decimal::SCALE_MAX));
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > DIGITS_MAX {
            return Err(DecimalError::Overflow(Decimal::BITS_MAX));
        }
        let digits = format!("{}0{whole}{fraction}", if negative { "-" } else { "" });
        if let Ok(short) = digits.parse() {
            return Ok(Decimal::short(short, scale));
        }
        let wide = BigInt::parse_bytes(digits.as_bytes(), 10).unwrap_or_default();
        Decimal::of(wide, scale)
    }
}
