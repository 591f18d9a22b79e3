//! A uuid's usual text, eight digits at a time: one by one they took a tenth of what it takes to read an event.

/// The lower-case form of 36 characters.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> [u8; 36] {
    let (quarters, _) = bytes.as_chunks::<4>();
    let digits = |quarter: usize| letters(nibbles(u32::from_be_bytes(quarters[quarter]))).to_be_bytes();
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&digits(0));
    text[9..13].copy_from_slice(&digits(1)[..4]);
    text[14..18].copy_from_slice(&digits(1)[4..]);
    text[19..23].copy_from_slice(&digits(2)[..4]);
    text[24..28].copy_from_slice(&digits(2)[4..]);
    text[28..].copy_from_slice(&digits(3));
    text
}

/// Only the lower-case 36-character form, so that [`uuid_text`] gives back the text that was parsed.
#[cfg(feature = "avro")]
pub(crate) fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let four = |at: usize| [text[at], text[at + 1], text[at + 2], text[at + 3]];
    let number = |high, low| number(four(high), four(low)).map(u128::from);
    let number = number(0, 4)? << 96 | number(9, 14)? << 64 | number(19, 24)? << 32 | number(28, 32)?;
    Some(number.to_be_bytes())
}

/// A byte in each of eight.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Half a byte in each of eight.
fn nibbles(number: u32) -> u64 {
    let mut digits = u64::from(number);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    (digits | digits << 4) & each(15)
}

/// The characters of numbers below sixteen.
fn letters(digits: u64) -> u64 {
    let beyond_nine = ((digits + each(6)) >> 4) & each(1);
    digits + each(b'0') + beyond_nine * u64::from(b'a' - b'9' - 1)
}

/// The number that eight digits are.
#[cfg(feature = "avro")]
fn number(high: [u8; 4], low: [u8; 4]) -> Option<u32> {
    let text = u64::from(u32::from_be_bytes(high)) << 32 | u64::from(u32::from_be_bytes(low));
    let is_letter = (text >> 6) & each(1);
    let digits = (text & each(15)) + is_letter * 9;
    if digits & each(0xf0) != 0 || letters(digits) != text {
        return None;
    }
    let mut number = (digits | digits >> 4) & 0x00ff_00ff_00ff_00ff;
    number = (number | number >> 8) & 0x0000_ffff_0000_ffff;
    Some((number | number >> 16) as u32)
}

#[cfg(all(test, feature = "avro"))]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_place() {
        let text = *b"01234567-89ab-cdef-0123-456789abcdef";
        let bytes = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdefu128.to_be_bytes();
        assert_eq!((parse_uuid(&text), uuid_text(&bytes)), (Some(bytes), text));
        for place in 0..36 {
            for byte in 0..=255 {
                let mut changed = text;
                changed[place] = byte;
                let is_hyphen = text[place] == b'-';
                let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let parsed = parse_uuid(&changed);
                assert_eq!(parsed.is_some(), if is_hyphen { byte == b'-' } else { is_digit });
                assert_eq!(parsed.map_or(changed, |bytes| uuid_text(&bytes)), changed);
            }
        }
        assert_eq!((parse_uuid(&text[1..]), parse_uuid(b"")), (None, None));
    }
}
