//! Dates, times and decimals as the types of other crates: whatever type has them, the bytes are the schema's.

use annals_schema_model::avro::wire::Writer;
use annals_schema_model::{Decimal, avro};

/// Types of chrono and rust_decimal.
#[allow(unreachable_pub)]
mod of_chrono {
    include!("../golden/chrono.rs.txt");
}

/// Types of the time crate and bigdecimal.
#[allow(unreachable_pub)]
mod of_time {
    include!("../golden/time.rs.txt");
}

const DAY: i64 = 86_400;
/// Seconds from 1970 to the year 9999, and back to a year as far from it.
const FAR: i64 = 253_370_764_800;

/// A payload in which every time is so many seconds and nanoseconds after 1970, and every decimal so many units.
fn payload(seconds: i64, nanos: i64, units: i64) -> Vec<u8> {
    let mut to = Writer::new();
    let of_day = seconds.rem_euclid(DAY);
    let micros = nanos / 1_000;
    // Nanoseconds count fewer years.
    let near = seconds % 9_000_000_000;
    to.long(seconds.div_euclid(DAY));
    to.long(of_day * 1_000 + nanos / 1_000_000);
    to.long(of_day * 1_000_000 + micros);
    for _ in 0..2 {
        to.long(seconds * 1_000 + nanos / 1_000_000);
        to.long(seconds * 1_000_000 + micros);
        to.long(near * 1_000_000_000 + nanos);
    }
    let decimal = Decimal::new(units.into(), 0);
    to.decimal(&decimal);
    to.decimal_padded(&decimal, 4);
    to.big_decimal(&Decimal::new(units.into(), 5));
    to.array(&[0, 1], |to, branch| {
        to.branch(*branch);
        if *branch == 1 {
            to.long(seconds.div_euclid(DAY));
        }
    });
    to.map([(&"k".to_owned(), ())], |to, ()| to.decimal(&Decimal::new(7, 0)));
    to.branch(1);
    to.decimal_padded(&decimal, 4);
    to.branch(0);
    to.long(seconds * 1_000);
    to.long(seconds.div_euclid(DAY));
    to.branch(1);
    to.decimal_padded(&decimal, 4);
    to.enum_index(1);
    to.fixed(&[7; 40]);
    to.string("t");
    to.into_bytes()
}

#[test]
fn what_is_read_as_another_crates_type_is_written_as_it_was() {
    for seconds in [
        0,
        1,
        -1,
        DAY,
        -DAY,
        1_582_934_400,
        FAR,
        -FAR,
        FAR + 12_345,
        -FAR - 54_321,
    ] {
        for nanos in [0, 1, 999, 1_000_000, 123_456_789, 999_999_999] {
            for units in [0, 1, -1, 128, -129, 999_999_999, -999_999_999] {
                let payload = payload(seconds, nanos, units);
                let context = format!("{seconds} {nanos} {units}");
                let read =
                    of_chrono::Choices::decode(&payload).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(read.encode().as_ref(), Ok(&payload), "{context}");
                let read =
                    of_time::Choices::decode(&payload).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(read.encode().as_ref(), Ok(&payload), "{context}");
            }
        }
    }
}

#[test]
fn values_are_what_the_other_crates_call_them() {
    let payload = payload(1_582_934_400 + 3_661, 5_000_000, -1_250);
    let read = of_chrono::Choices::decode(&payload).unwrap();
    assert_eq!(read.date.to_string(), "2020-02-29");
    assert_eq!(read.time_millis.to_string(), "01:01:01.005");
    assert_eq!(
        read.timestamp_micros.naive_utc().to_string(),
        "2020-02-29 01:01:01.005"
    );
    assert_eq!(read.local_timestamp_nanos.to_string(), "2020-02-29 01:01:01.005");
    assert_eq!(
        (read.price.to_string(), read.weight.to_string()),
        ("-12.50".into(), "-1.250".into())
    );
    let read = of_time::Choices::decode(&payload).unwrap();
    assert_eq!(read.date.to_string(), "2020-02-29");
    assert_eq!(
        read.timestamp_nanos.to_string(),
        "2020-02-29 1:01:01.005 +00:00:00"
    );
    assert_eq!(
        (read.price.to_string(), read.big.to_string()),
        ("-12.50".into(), "-0.01250".into())
    );

    let begin = of_time::Choices::default();
    assert_eq!(
        (begin.date.to_string(), begin.begin.to_string()),
        ("1970-01-01".into(), "1970-01-02".into())
    );
    assert_eq!(begin.price.to_string(), "2.56");
    assert_eq!(of_chrono::Choices::default().price.to_string(), "2.56");
    assert_eq!(begin.encode(), of_chrono::Choices::default().encode());
}

#[test]
fn what_does_not_fit_the_schema_is_not_written() {
    let refused = |change: fn(&mut of_chrono::Choices)| {
        let mut choices = of_chrono::Choices::default();
        change(&mut choices);
        choices.encode().unwrap_err().to_string()
    };
    let decimal = |text: &str| text.parse::<avro::rust_decimal::Decimal>().unwrap();
    assert_eq!(decimal("1.5").to_string(), "1.5");
    assert_eq!(
        refused(|choices| choices.price = "0.125".parse().unwrap()),
        "0.125 does not fit decimal(9, 2)"
    );
    assert_eq!(
        refused(|choices| choices.weight = "1234567".parse().unwrap()),
        "1234567 does not fit decimal(9, 3)"
    );
    let far = || {
        chrono::NaiveDate::from_ymd_opt(9999, 1, 1)
            .unwrap()
            .and_time(chrono::NaiveTime::MIN)
    };
    let expected = "9999-01-01 00:00:00 is no time in nanoseconds, which are those of the years 1678 to 2261 and some days more";
    assert_eq!(far().to_string(), "9999-01-01 00:00:00");
    assert_eq!(
        refused(|choices| {
            choices.local_timestamp_nanos = chrono::DateTime::from_timestamp(253_370_764_800, 0)
                .unwrap()
                .naive_utc();
        }),
        expected
    );
}

#[test]
fn what_another_crates_type_has_not_is_an_error_that_names_the_field() {
    let mut to = Writer::new();
    to.int(i32::MAX);
    let error = of_chrono::Choices::decode(&to.into_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "date: day 2147483647 is none of the years -262143 to 262142"
    );
    let mut to = Writer::new();
    to.int(0);
    to.int(86_400_000);
    let error = of_time::Choices::decode(&to.into_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "time_millis: 86400000 is no time of a day, which ends at 86400000"
    );
    let mut to = Writer::new();
    to.int(0);
    to.int(0);
    to.long(0);
    to.long(i64::MAX);
    let error = of_time::Choices::decode(&to.into_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "timestamp_millis: 9223372036854775807 is no time of the years -9999 to 9999"
    );
}

#[test]
fn values_go_through_json_and_come_back() {
    let payload = payload(1_582_934_400 + 3_661, 5_000_001, -1_250);
    let mut read = of_chrono::Choices::decode(&payload).unwrap();
    let json = serde_json::to_value(&read).unwrap();
    assert_eq!(json["kindOf"], "SECOND");
    assert_eq!((&json["type"], &json["price"]), (&"t".into(), &"-12.50".into()));
    assert_eq!(json["date"], "2020-02-29");
    assert_eq!(json["either"]["Decimal"], "-1.250");
    assert_eq!(json["hash"].as_array().unwrap().len(), 40);
    assert_eq!(
        serde_json::from_value::<of_chrono::Choices>(json.clone()).unwrap(),
        read
    );

    // What only its writer knows is shown, and not taken back.
    read.kind_of = of_chrono::Kind::Unknown("THIRD");
    let shown = serde_json::to_value(&read).unwrap();
    assert_eq!(shown["kindOf"], "THIRD");
    let error = serde_json::from_value::<of_chrono::Choices>(shown).unwrap_err();
    assert_eq!(error.to_string(), "\"THIRD\" is no symbol of Kind");
    let mut short = json;
    short["hash"].as_array_mut().unwrap().pop();
    let error = serde_json::from_value::<of_chrono::Choices>(short).unwrap_err();
    assert_eq!(error.to_string(), "invalid length 39, expected Hash");
}

#[test]
fn numbers_and_times_are_texts_to_serde() {
    use annals_schema_model::{Exact, Timestamp};

    let times = [
        "1969-12-31T23:59:59.001Z",
        "2020-02-29T01:01:01.000001Z",
        "9999-12-31T23:59:59.999999999Z",
    ];
    for text in times {
        let time: Timestamp = text.parse().unwrap();
        assert_eq!(serde_json::to_value(time).unwrap(), text);
        assert_eq!(serde_json::from_value::<Timestamp>(text.into()).unwrap(), time);
    }
    assert!(serde_json::to_value(Timestamp::from_micros(i64::MAX)).is_err());
    let price: Exact<9, 2> = avro::dec!(-12.5);
    assert_eq!(serde_json::to_value(&price).unwrap(), "-12.50");
    assert_eq!(serde_json::from_str::<Exact<9, 2>>("\"-12.5\"").unwrap(), price);
    assert!(serde_json::from_str::<Exact<9, 2>>("\"0.125\"").is_err());
    let duration = avro::Duration {
        months: 1,
        days: 2,
        millis: 3,
    };
    assert_eq!(serde_json::to_string(&duration).unwrap(), "[1,2,3]");
    assert_eq!(
        serde_json::from_str::<avro::Duration>("[1,2,3]").unwrap(),
        duration
    );
}

#[test]
fn what_has_no_name_is_to_serde_what_it_is() {
    let day = of_chrono::DaysValueInt::decode(&[2, 4]).unwrap();
    assert_eq!(serde_json::to_value(&day).unwrap(), "1970-01-03");
    assert_eq!(
        serde_json::from_value::<of_chrono::DaysValueInt>("1970-01-03".into()).unwrap(),
        day
    );
    assert_eq!(day.encode(), [2, 4]);
    let price = of_time::DaysValueBytes::decode(&[4, 2, 5]).unwrap();
    assert_eq!(
        (price.value.to_string().as_str(), price.encode().unwrap()),
        ("0.05", vec![4, 2, 5])
    );
}
