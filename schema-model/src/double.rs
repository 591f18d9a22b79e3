//! Doubles as texts, as ECMAScript and RFC 8785 (3.2.2.3) write them.
//!
//! serde_json finds the shortest digits that are read back as the same double, and of those the nearest; where the point
//! stands among them, and when there is an exponent, is said here. Left out: what is no number, and what is not finite.

use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter};

/// Bytes of what serde_json writes of a double, and some more.
const BYTES_MAX: usize = 32;

/// Digits before the point of a number without an exponent.
const WHOLE_DIGITS_MAX: i32 = 21;
/// Where the first digit of such a number stands that is below one: zeros are behind the point before it.
const POINT_MIN: i32 = -5;
const ZEROS: &[u8] = &[b'0'; WHOLE_DIGITS_MAX as usize];

/// Writes a double that is a number and finite as states show it.
///
/// ```
/// let text = |double: f64| {
///     let mut text = Vec::new();
///     annals_schema_model::write_double(double, &mut text)?;
///     Ok::<_, std::io::Error>(String::from_utf8(text).unwrap_or_default())
/// };
/// assert_eq!((text(1.0)?, text(0.00001)?, text(1e21)?), ("1".into(), "0.00001".into(), "1e+21".into()));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where it goes cannot be written to.
pub fn write_double<W: Write + ?Sized>(value: f64, out: &mut W) -> io::Result<()> {
    let mut buffer = [0; BYTES_MAX];
    let mut rest = buffer.as_mut_slice();
    CompactFormatter.write_f64(&mut rest, value)?;
    let length = BYTES_MAX - rest.len();
    let text = buffer.get(..length).unwrap_or_default();
    match (text.strip_suffix(b".0"), text.contains(&b'e')) {
        // Neither is below nothing.
        (Some(b"-0"), _) => out.write_all(b"0"),
        (Some(whole), _) => out.write_all(whole),
        (None, false) => out.write_all(text),
        (None, true) => lay_out(text, out),
    }
}

/// Writes a number that has an exponent, as its text, with the point where it belongs.
fn lay_out<W: Write + ?Sized>(text: &[u8], out: &mut W) -> io::Result<()> {
    let (digits, length, point) = digits(text).ok_or(io::ErrorKind::InvalidData)?;
    let digits = digits.get(..length).unwrap_or_default();
    let split = |at: i32| {
        let at = usize::try_from(at).unwrap_or_default();
        digits.split_at_checked(at).unwrap_or((digits, &[]))
    };
    let zeros = |count: i32| {
        let count = usize::try_from(count).unwrap_or_default();
        ZEROS.get(..count).unwrap_or(ZEROS)
    };
    if text.starts_with(b"-") {
        out.write_all(b"-")?;
    }
    match point {
        1..=WHOLE_DIGITS_MAX => {
            let (whole, behind) = split(point);
            out.write_all(whole)?;
            out.write_all(zeros(point - whole.len() as i32))?;
            write_fraction(behind, out)
        }
        POINT_MIN..=0 => {
            out.write_all(b"0.")?;
            out.write_all(zeros(-point))?;
            out.write_all(digits)
        }
        _ => {
            let (first, behind) = split(1);
            out.write_all(first)?;
            write_fraction(behind, out)?;
            write!(out, "e{:+}", point - 1)
        }
    }
}

fn write_fraction<W: Write + ?Sized>(digits: &[u8], out: &mut W) -> io::Result<()> {
    if !digits.is_empty() {
        out.write_all(b".")?;
        out.write_all(digits)?;
    }
    Ok(())
}

/// The digits of a number that has an exponent, how many there are, and where among them the point stands: behind so many, or
/// so many zeros before them.
fn digits(text: &[u8]) -> Option<([u8; BYTES_MAX], usize, i32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = text.trim_start_matches('-').split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = [0; BYTES_MAX];
    let all = whole.bytes().chain(fraction.bytes());
    digits
        .iter_mut()
        .zip(all)
        .for_each(|(place, digit)| *place = digit);
    let point = exponent.checked_add(i32::try_from(whole.len()).ok()?)?;
    Some((digits, whole.len() + fraction.len(), point))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write_double(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// ECMAScript's Number::toString, word for word, over the digits that the standard library finds.
    fn by_the_words(value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        if value < 0.0 {
            return format!("-{}", by_the_words(-value));
        }
        let shortest = format!("{value:e}");
        let (mantissa, exponent) = shortest.split_once('e').unwrap();
        let mut digits = mantissa.replace('.', "");
        // Of two that are as near the even one is meant, and the library takes the upper.
        let exact = format!("{value:.800e}");
        let exact = exact.split_once('e').unwrap().0.replace('.', "");
        if let Some(lower) = exact.trim_end_matches('0').strip_suffix('5')
            && lower.len() == digits.len()
            && lower.ends_with(['0', '2', '4', '6', '8'])
            && format!("{}.{}e{exponent}", &lower[..1], &lower[1..]).parse() == Ok(value)
        {
            digits = lower.to_owned();
        }
        let (n, k) = (exponent.parse::<i32>().unwrap() + 1, digits.len() as i32);
        let zeros = |count: i32| "0".repeat(count as usize);
        if k <= n && n <= 21 {
            return digits + &zeros(n - k);
        }
        if 0 < n && n <= 21 {
            return format!("{}.{}", &digits[..n as usize], &digits[n as usize..]);
        }
        if -6 < n && n <= 0 {
            return format!("0.{}{digits}", zeros(-n));
        }
        let sign = if n > 0 { '+' } else { '-' };
        let power = (n - 1).abs();
        if k == 1 {
            return format!("{digits}e{sign}{power}");
        }
        format!("{}.{}e{sign}{power}", &digits[..1], &digits[1..])
    }

    #[test]
    fn numbers_are_as_ecmascript_writes_them() {
        let check = |value: f64, wanted: &str| {
            assert_eq!(text(value), wanted);
            if value != 0.0 {
                assert_eq!(text(-value), format!("-{wanted}"));
            }
        };
        check(0.0, "0");
        check(-0.0, "0");
        check(1.0, "1");
        check(100.0, "100");
        check(1.5, "1.5");
        check(0.1, "0.1");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1.0 / 3.0, "0.3333333333333333");
        // As near to the one as to the other.
        check(1_623_003_676_481_289.0 + 0.25, "1623003676481289.2");
        check(1_623_003_676_481_289.0 + 0.75, "1623003676481289.8");
        check(4.35, "4.35");
        // Where small ones get an exponent, and the doubles on both sides of it.
        check(1e-5, "0.00001");
        check(1.5e-5, "0.000015");
        check(1e-6, "0.000001");
        check(1.25e-6, "0.00000125");
        check(1e-6f64.next_up(), "0.0000010000000000000002");
        check(1e-6f64.next_down(), "9.999999999999997e-7");
        check(1e-7, "1e-7");
        check(1.25e-7, "1.25e-7");
        check(1e-10, "1e-10");
        // Where large ones do.
        check(9_007_199_254_740_991.0, "9007199254740991");
        check(9_007_199_254_740_992.0, "9007199254740992");
        check(9_007_199_254_740_994.0, "9007199254740994");
        check(1e15, "1000000000000000");
        check(1e16, "10000000000000000");
        check(1e17, "100000000000000000");
        check(9_223_372_036_854_775_808.0, "9223372036854776000");
        check(18_446_744_073_709_551_616.0, "18446744073709552000");
        check(1e20, "100000000000000000000");
        check(1.5e20, "150000000000000000000");
        check(1e21f64.next_down(), "999999999999999900000");
        check(1e21, "1e+21");
        check(1e21f64.next_up(), "1.0000000000000001e+21");
        check(1e22, "1e+22");
        check(1e23, "1e+23");
        check(1e100, "1e+100");
        // At the ends.
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::MIN_POSITIVE, "2.2250738585072014e-308");
        check(f64::MIN_POSITIVE.next_down(), "2.225073858507201e-308");
        check(f64::from_bits(1), "5e-324");
        check(f64::from_bits(2), "1e-323");
        check(f64::from(f32::MAX), "3.4028234663852886e+38");
        check(f64::from(0.1f32), "0.10000000149011612");
    }

    fn doubles() -> impl Strategy<Value = f64> {
        let finite = |value: &f64| value.is_finite();
        prop_oneof![
            any::<u64>()
                .prop_map(f64::from_bits)
                .prop_filter("a number", finite),
            any::<i64>().prop_map(|whole| whole as f64),
            (-100_000i32..100_000, 0i32..30)
                .prop_map(|(digits, scale)| f64::from(digits) / 10f64.powi(scale)),
            (any::<i32>(), 0i32..30).prop_map(|(digits, scale)| f64::from(digits) * 10f64.powi(scale)),
        ]
    }

    proptest! {
        #[test]
        fn a_double_is_written_by_the_words_and_read_back_as_it_was(value in doubles()) {
            let text = text(value);
            prop_assert_eq!(&text, &by_the_words(value));
            prop_assert_eq!(text.parse::<f64>().unwrap(), value);
        }
    }
}
