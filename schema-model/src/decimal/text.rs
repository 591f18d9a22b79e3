//! Decimals as text.

use std::{fmt, str::FromStr};

use num_bigint::BigInt;

use super::{Decimal, DecimalError};

/// More digits than [`Decimal::BITS_MAX`] bits hold.
const DIGITS_MAX: usize = 1_300;

/// The digits behind the point of a short text: as many as 64 bits have at most.
const FEW_DIGITS_SCALE_MAX: u32 = 20;
/// Those, a zero before the point, the point, and a sign.
const FEW_DIGITS_BYTES: usize = 23;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.few_digits() {
            Some((text, from)) => f.pad_integral(!self.is_negative(), "", shown(&text, from)),
            None => f.pad_integral(!self.is_negative(), "", &self.long()),
        }
    }
}

type FewDigits = [u8; FEW_DIGITS_BYTES];

fn shown(text: &FewDigits, from: usize) -> &str {
    let text = text.get(from..).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

/// Writes digits with so many behind the point, at least one before it, to the end of a text; says where they begin.
fn put(mut digits: u64, scale: u32, text: &mut FewDigits) -> usize {
    let mut at = text.len();
    let mut put = |byte: u8| {
        at = at.saturating_sub(1);
        text[at] = byte;
        at
    };
    if scale > 0 {
        for _ in 0..scale {
            put(b'0' + (digits % 10) as u8);
            digits /= 10;
        }
        put(b'.');
    }
    loop {
        let at = put(b'0' + (digits % 10) as u8);
        digits /= 10;
        if digits == 0 {
            return at;
        }
    }
}

impl Decimal {
    /// The double that is written with these digits; nothing where each double is written otherwise.
    ///
    /// ```
    /// use annals_schema_model::Decimal;
    /// let double = |text: &str| text.parse::<Decimal>().expect("digits").as_double();
    /// assert_eq!((double("0.10"), double("0.10000000000000000001")), (Some(0.1), None));
    /// ```
    #[must_use]
    pub fn as_double(&self) -> Option<f64> {
        let double: f64 = self.to_string().parse().ok()?;
        let digits: Decimal = double.to_string().parse().ok()?;
        (digits == *self).then_some(double)
    }

    /// Hands over its text, which takes no memory of its own unless it is long.
    ///
    /// ```
    /// use annals_schema_model::Decimal;
    /// assert!(Decimal::new(-5, 2).with_text(|text| text == "-0.05"));
    /// ```
    pub fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match self.few_digits() {
            Some((mut text, mut from)) => {
                if self.is_negative() {
                    // There is room for it.
                    from = from.saturating_sub(1);
                    text[from] = b'-';
                }
                take(shown(&text, from))
            }
            None => take(&self.to_string()),
        }
    }

    /// The digits without a sign, where they are few, and where they begin. States are full of amounts, and these take no
    /// memory of their own.
    fn few_digits(&self) -> Option<(FewDigits, usize)> {
        let digits = u64::try_from(self.unscaled()?.unsigned_abs()).ok()?;
        if self.scale > FEW_DIGITS_SCALE_MAX {
            return None;
        }
        let mut text = [b'0'; FEW_DIGITS_BYTES];
        let from = put(digits, self.scale, &mut text);
        Some((text, from))
    }
}

impl Decimal {
    /// The text without its sign, however long.
    pub(super) fn long(&self) -> String {
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
        digits
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
