//! Instants of other crates: each becomes a [`Timestamp`], and a [`Timestamp`] one of theirs where they have it.

use super::{Timestamp, TimestampError};
use crate::avro::wire::Moment;

/// `From` one way and `TryFrom` the other.
macro_rules! conversions {
    ($($other:ty),+) => {
        $(impl From<$other> for Timestamp {
            fn from(time: $other) -> Timestamp {
                let (second, nano) = time.to_parts();
                Timestamp { second, nano }
            }
        }

        impl TryFrom<Timestamp> for $other {
            type Error = TimestampError;

            fn try_from(time: Timestamp) -> Result<$other, TimestampError> {
                let other = <$other>::from_parts(time.second, time.nano);
                other.ok_or_else(|| TimestampError::of(&time.to_string()))
            }
        })+
    };
}

#[cfg(feature = "chrono")]
conversions!(chrono::DateTime<chrono::Utc>);
#[cfg(feature = "jiff")]
conversions!(jiff::Timestamp);
#[cfg(feature = "time")]
conversions!(time::OffsetDateTime);

#[cfg(all(test, feature = "chrono", feature = "jiff", feature = "time"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back<T: TryFrom<Timestamp> + Into<Timestamp>>(time: Timestamp) -> Option<Timestamp> {
        T::try_from(time).ok().map(Into::into)
    }

    proptest! {
        #[test]
        fn what_the_other_type_holds_comes_back(second in -400_000_000_000i64..400_000_000_000, nano in 0u32..1_000_000_000) {
            let time = Timestamp::new(second, nano).unwrap();
            // Years -9999 to 9999 begin and end a day earlier or later in some of them.
            let is_near = (-377_000_000_000..253_402_000_000).contains(&second);
            for back in [
                there_and_back::<jiff::Timestamp>(time),
                there_and_back::<time::OffsetDateTime>(time),
                there_and_back::<chrono::DateTime<chrono::Utc>>(time),
            ] {
                prop_assert!(back == Some(time) || (back.is_none() && !is_near));
            }
        }
    }

    #[test]
    fn times_that_the_others_have_not() {
        let forever: Timestamp = "9999-12-31T23:59:59.999Z".parse().unwrap();
        assert_eq!(there_and_back::<jiff::Timestamp>(forever), None);
        assert_eq!(there_and_back::<time::OffsetDateTime>(forever), Some(forever));
        let far = Timestamp::from_micros(i64::MAX);
        assert_eq!(there_and_back::<chrono::DateTime<chrono::Utc>>(far), None);
    }
}
