//! How old versions become newer ones: what generated code leaves to its user.

use annals_schema_model::Exact;

use crate::sets::generated::bids::{Raised, v1, v2};

/// A number of cents, and -1 for what was no number.
impl From<v1::Raised> for v2::Raised {
    fn from(old: v1::Raised) -> v2::Raised {
        v2::Raised {
            amount: old
                .amount
                .parse()
                .map_or(-1, |whole: i64| whole.saturating_mul(100)),
            bidder: old.bidder,
        }
    }
}

impl From<v2::Raised> for Raised {
    fn from(old: v2::Raised) -> Raised {
        Raised {
            amount: Exact::from_unscaled(old.amount.into()).unwrap_or_default(),
            step: 1,
            bidder: old.bidder,
        }
    }
}
