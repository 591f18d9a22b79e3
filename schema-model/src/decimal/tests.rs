//! Decimals on both sides of 128 bits.

use super::*;
use proptest::prelude::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

const WIDE: &str = "12345678901234567890.0123456789012345678901234567890123456789";

#[test]
fn text_goes_both_ways() {
    for text in [
        "0",
        "524.96",
        "-0.05",
        "0.00",
        "-12",
        "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105729",
        "-1.0",
        WIDE,
        "0.0000000000000000000000000000000000000000000000000000000000001",
    ] {
        assert_eq!(decimal(text).to_string(), text);
    }
    assert_eq!(decimal("-0.00").to_string(), "0.00");
    assert_eq!(decimal("+007.50").to_string(), "7.50");
    for text in ["", "-", ".5", "5.", "1e3", "1.2.3", "--1", " 1", "1,5"] {
        assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Syntax), "{text:?}");
    }
    assert_eq!(
        "1".repeat(1_234).parse::<Decimal>(),
        Err(DecimalError::Overflow(Decimal::BITS_MAX))
    );
    assert_eq!(
        "1".repeat(1_000_000).parse::<Decimal>(),
        Err(DecimalError::Overflow(Decimal::BITS_MAX))
    );
    assert_eq!(decimal(&format!("{}7", "0".repeat(5_000))), Decimal::new(7, 0));
    let tiny = |zeros: usize| format!("0.{}", "0".repeat(zeros)).parse::<Decimal>();
    assert_eq!(tiny(1_000), Ok(Decimal::default()));
    assert_eq!(tiny(1_001), Err(DecimalError::Scale(Decimal::SCALE_MAX)));
    assert_eq!(format!("{:>8}|", decimal("1.50")), "    1.50|");
}

#[test]
fn order_and_equality_go_by_value() {
    let sorted = [
        "-12345678901234567890123456789012345678901234567890",
        "-2",
        "-1.5",
        "-1.25",
        "-0.5",
        "0.00",
        "0.00000000000000000000000000000000000000000000000000001",
        "0.05",
        "0.5",
        "1",
        "1.00000000000000000000000000000000000000000000000000001",
        "1.01",
        "2.0",
        "10",
        "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105727.5",
        "170141183460469231731687303715884105728",
    ];
    for pair in sorted.windows(2) {
        assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        assert!(decimal(pair[1]) > decimal(pair[0]), "{pair:?}");
    }
    let hash = |decimal: &Decimal| {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        BuildHasherDefault::<DefaultHasher>::default().hash_one(decimal)
    };
    let zeros = format!("{WIDE}{}", "0".repeat(300));
    let long_one = format!("1.{}", "0".repeat(900));
    for (left, right) in [("1.0", "1.00"), ("0.000", "0"), (WIDE, &zeros), ("1", &long_one)] {
        let (left, right) = (decimal(left), decimal(right));
        assert_eq!(left, right);
        assert_eq!(left.cmp(&right), Ordering::Equal);
        assert_eq!(hash(&left), hash(&right), "{left} {right}");
    }
}

#[test]
fn sums_and_products() {
    let check = |wanted: &str, result: Option<Decimal>| assert_eq!(result.unwrap().to_string(), wanted);
    check("0.35", decimal("0.1").checked_add(&decimal("0.25")));
    check("-0.50", decimal("1").checked_sub(&decimal("1.50")));
    check("-0.0750", decimal("-0.25").checked_mul(&decimal("0.30")));
    let (most, one) = (Decimal::new(i128::MAX, 0), Decimal::new(1, 0));
    let beyond = most.checked_add(&one).unwrap();
    assert_eq!(
        (beyond.to_string().as_str(), beyond.unscaled()),
        ("170141183460469231731687303715884105728", None)
    );
    // What fits 128 bits again is kept in them again.
    assert_eq!(beyond.checked_sub(&one).unwrap().unscaled(), Some(i128::MAX));
    check(
        "170141183460469231731687303715884105728",
        Decimal::new(i128::MIN, 0).checked_neg(),
    );
    check(&format!("-{WIDE}"), decimal(WIDE).checked_neg());
    check(
        "12345678901234567891.0123456789012345678901234567890123456789",
        decimal(WIDE).checked_add(&one),
    );
    let large = decimal(&"9".repeat(1_233));
    assert_eq!(large.checked_mul(&large), None);
    let small = decimal(&format!("0.{}1", "0".repeat(600)));
    assert_eq!(small.checked_mul(&small), None);
    assert_eq!(decimal("1.50").at_scale(1), Some(Decimal::new(15, 1)));
    assert_eq!(decimal("1.55").at_scale(1), None);
    assert_eq!(decimal("1").at_scale(1_001), None);
    assert_eq!(
        decimal("1").at_scale(60).unwrap().at_scale(0).unwrap().unscaled(),
        Some(1)
    );
    assert_eq!(
        (
            decimal(WIDE).precision(),
            decimal("0.05").precision(),
            decimal("0").precision()
        ),
        (60, 1, 1)
    );
    #[cfg(feature = "avro")]
    {
        check("12300", decimal("1.23").times_power_of_ten(4));
        check("12.3", decimal("1.23").times_power_of_ten(1));
        assert_eq!(decimal("1").times_power_of_ten(u32::MAX), None);
    }
}

#[test]
fn bytes() {
    let check = |unscaled: i128, bytes: &[u8]| {
        assert_eq!(Decimal::new(unscaled, 2).to_be_bytes(), bytes, "{unscaled}");
        assert_eq!(
            Decimal::from_be_bytes(bytes, 2).unwrap().unscaled(),
            Some(unscaled)
        );
    };
    check(0, &[0]);
    check(-1, &[0xff]);
    check(127, &[0x7f]);
    check(128, &[0, 0x80]);
    check(-128, &[0x80]);
    check(-129, &[0xff, 0x7f]);
    check(i128::MAX, &i128::MAX.to_be_bytes());
    check(i128::MIN, &i128::MIN.to_be_bytes());
    let wide = Decimal::from_be_bytes(&[1; 17], 0).unwrap();
    assert_eq!(wide.to_string(), "341616807575530379006368233343265341697");
    assert_eq!(wide.to_be_bytes(), [1; 17]);
    assert_eq!(
        Decimal::from_be_bytes(&[0xff; 40], 0).unwrap().unscaled(),
        Some(-1)
    );
    assert_eq!(
        Decimal::from_be_bytes(&[0; 4_000], 0).unwrap().unscaled(),
        Some(0)
    );
    assert_eq!(
        Decimal::from_be_bytes(&[], 2),
        Ok(Decimal::new(0, 2)),
        "no bytes are zero"
    );
    assert!(Decimal::from_be_bytes(&[0x7f; 512], 0).is_ok());
    assert_eq!(
        Decimal::from_be_bytes(&[0x7f; 513], 0),
        Err(DecimalError::Overflow(Decimal::BITS_MAX))
    );
    assert_eq!(
        Decimal::from_be_bytes(&[0], 1_001),
        Err(DecimalError::Scale(Decimal::SCALE_MAX))
    );
}

proptest! {
    #[test]
    fn round_trips(bytes in proptest::collection::vec(any::<u8>(), 1..40), scale in 0..=80u32) {
        let decimal = Decimal::from_be_bytes(&bytes, scale).unwrap();
        let text = decimal.to_string().parse::<Decimal>().unwrap();
        prop_assert_eq!((text.wide(), text.scale()), (decimal.wide(), scale));
        let again = Decimal::from_be_bytes(&decimal.to_be_bytes(), scale).unwrap();
        prop_assert_eq!((again.wide(), again.scale()), (decimal.wide(), scale));
        prop_assert_eq!(decimal.precision(), decimal.wide().magnitude().to_string().len());
    }

    #[test]
    fn few_digits_are_written_as_many_are(digits: i64, small: i8, more in 0..3i128, scale in 0..=22u32) {
        for digits in [i128::from(digits), i128::from(small), i128::from(u64::MAX) - 1 + more] {
            let decimal = Decimal::new(digits, scale);
            let sign = if digits < 0 { "-" } else { "" };
            prop_assert_eq!(decimal.to_string(), format!("{sign}{}", decimal.long()));
        }
    }

    #[test]
    fn order_agrees_with_integers(a: i32, b: i32, more in 0..60u32) {
        let left = Decimal::new(i128::from(a), 4).at_scale(4 + more).unwrap();
        prop_assert_eq!(left.cmp(&Decimal::new(i128::from(b), 4)), a.cmp(&b));
        prop_assert_eq!(left == Decimal::new(i128::from(b), 4), a == b);
    }

    #[test]
    fn what_is_added_can_be_taken_away(a: i128, b: i128, scales in (0..50u32, 0..50u32)) {
        let (a, b) = (Decimal::new(a, scales.0), Decimal::new(b, scales.1));
        let sum = a.checked_add(&b).unwrap();
        prop_assert_eq!(sum.checked_sub(&b).unwrap(), a.clone());
        prop_assert_eq!(sum.checked_sub(&a).unwrap(), b.clone());
        prop_assert_eq!(a.checked_mul(&b).unwrap().wide(), a.wide() * b.wide());
    }
}

#[test]
fn a_literal_has_blanks_behind_its_sign_alone() {
    assert_eq!(Exact::<9, 2>::literal("- 12.5").to_string(), "-12.50");
    assert_eq!(crate::dec!(-1_2.5), Exact::<9, 2>::literal("-12.50"));
    for text in ["12 50", "1 2.5", "12. 5", "12 .5", " 12", "12 ", "--1", "- - 1"] {
        let read = std::panic::catch_unwind(|| Exact::<9, 2>::literal(text));
        assert!(read.is_err(), "{text}");
    }
}
