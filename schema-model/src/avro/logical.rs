//! Which logical type a node has, by Avro Java's checks: what does not fit is no logical type at all.

use super::{
    json::Json,
    node::{Kind, Logical},
};

/// The logical type that properties give a type.
pub(super) fn of(kind: &Kind, props: &[(String, Json)]) -> Option<Logical> {
    let prop = |key: &str| props.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let fixed_size = match kind {
        Kind::Fixed(fixed) => Some(fixed.size),
        _ => None,
    };
    let is_long = matches!(kind, Kind::Long);
    let is_int = matches!(kind, Kind::Int);
    let (logical, fits) = match prop("logicalType")?.as_str()? {
        "decimal" => return decimal(kind, prop("precision")?, prop("scale")),
        "big-decimal" => (Logical::BigDecimal, matches!(kind, Kind::Bytes)),
        "uuid" => (
            Logical::Uuid,
            matches!(kind, Kind::String) || fixed_size == Some(16),
        ),
        "duration" => (Logical::Duration, fixed_size == Some(12)),
        "date" => (Logical::Date, is_int),
        "time-millis" => (Logical::TimeMillis, is_int),
        "time-micros" => (Logical::TimeMicros, is_long),
        "timestamp-millis" => (Logical::TimestampMillis, is_long),
        "timestamp-micros" => (Logical::TimestampMicros, is_long),
        "timestamp-nanos" => (Logical::TimestampNanos, is_long),
        "local-timestamp-millis" => (Logical::LocalTimestampMillis, is_long),
        "local-timestamp-micros" => (Logical::LocalTimestampMicros, is_long),
        "local-timestamp-nanos" => (Logical::LocalTimestampNanos, is_long),
        _ => return None,
    };
    fits.then_some(logical)
}

fn decimal(kind: &Kind, precision: &Json, scale: Option<&Json>) -> Option<Logical> {
    let precision = integer(precision)?;
    let scale = scale.map_or(Some(0), integer)?;
    let precision_max = match kind {
        Kind::Bytes => u32::MAX,
        // As many digits as 8 * size - 1 bits hold: log10(2) of them a bit.
        Kind::Fixed(fixed) => {
            let bits = (8 * fixed.size).saturating_sub(1);
            (std::f64::consts::LOG10_2 * bits as f64).floor() as u32
        }
        _ => return None,
    };
    (precision > 0 && precision <= precision_max && scale <= precision)
        .then_some(Logical::Decimal { precision, scale })
}

/// A non-negative 32-bit integer.
fn integer(json: &Json) -> Option<u32> {
    i32::try_from(json.as_i64()?)
        .ok()
        .and_then(|value| u32::try_from(value).ok())
}
