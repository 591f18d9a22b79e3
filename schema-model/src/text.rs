//! The text forms of values: dates and times of day in the proleptic Gregorian calendar, UUIDs, base64.
//!
//! Years outside 0..=9999 are written with a sign, as RFC 3339's successors do (`+12345-01-01`, `-0001-01-01`).

#[cfg(any(feature = "values", all(feature = "avro", feature = "uuid")))]
mod uuid;

#[cfg(all(feature = "avro", feature = "values"))]
use crate::Timestamp;
#[cfg(all(feature = "avro", any(feature = "uuid", feature = "values")))]
pub(crate) use uuid::parse_uuid;
#[cfg(any(feature = "values", all(feature = "avro", feature = "uuid")))]
pub(crate) use uuid::uuid_text;

#[cfg(feature = "values")]
const DAY_MICROS: i64 = 86_400_000_000;

/// An instant in nanoseconds since 1970, without a zone.
#[cfg(all(feature = "avro", feature = "values"))]
pub(crate) fn nanos(nanos: i64) -> String {
    let text = format!("{:.9}", Timestamp::from_nanos(nanos));
    text.trim_end_matches('Z').to_owned()
}

#[cfg(feature = "values")]
pub(crate) fn time(micros: i64) -> String {
    // A time of day outside the day is a writer's mistake; it is shown as the number it is.
    if !(0..DAY_MICROS).contains(&micros) {
        return micros.to_string();
    }
    format!("{}.{:06}", time_of_day(micros / 1_000_000), micros % 1_000_000)
}

/// The time of a second of the day.
#[cfg(feature = "values")]
pub(crate) fn time_of_day(seconds: i64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The date of a day counted from 1970-01-01.
#[cfg(feature = "values")]
pub(crate) fn date(day: i64) -> String {
    let (year, month, day_of_month) = civil(day);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    format!("{sign}{:04}-{month:02}-{day_of_month:02}", year.unsigned_abs())
}

/// Year, month and day of a day counted from 1970-01-01 (the calendar arithmetic counts years from March).
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    let day = day.saturating_add(719_468);
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(feature = "values")]
pub(crate) fn uuid(bytes: &[u8; 16]) -> String {
    uuid_text(bytes).map(char::from).iter().collect()
}

#[cfg(feature = "values")]
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            if position <= chunk.len() {
                out.push(char::from(ALPHABET[(group >> (18 - 6 * position) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// What [`base64`] gives; nothing else reads.
#[cfg(all(feature = "avro", feature = "values"))]
pub(crate) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut group, mut bits) = (0u32, 0);
    for digit in digits.bytes() {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        group = group << 6 | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits) as u8);
            group &= (1 << bits) - 1;
        }
    }
    // What is left over of the last digit says nothing.
    (group == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let check = |day: i64, wanted: &str| assert_eq!(date(day), wanted, "{day}");
        check(0, "1970-01-01");
        check(-1, "1969-12-31");
        check(11_016, "2000-02-29");
        check(11_017, "2000-03-01");
        check(-719_528, "0000-01-01");
        check(-719_529, "-0001-12-31");
        check(2_932_896, "9999-12-31");
        check(2_932_897, "+10000-01-01");
        let millis = |millis| Timestamp::from_millis(millis).to_string();
        assert_eq!(millis(i64::MIN), "-292275055-05-16T16:47:04.192Z");
        assert_eq!(millis(i64::MAX), "+292278994-08-17T07:12:55.807Z");
        assert_eq!(time(86_400_000_000), "86400000000");
    }

    #[test]
    fn base64_pads() {
        for (bytes, wanted) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), wanted);
        }
    }
}
