//! Inputs and results of the estimates of calls.

use crate::cost::declared::Path;
use crate::cost::size::{CostEstimate, SizeEstimate};
use crate::types::Type;

/// A target or an argument of a call.
pub(super) struct Argument {
    pub(super) path: Path,
    pub(super) of: Type,
    pub(super) size: Option<SizeEstimate>,
    /// Its value, if it is an integer literal.
    pub(super) literal: Option<i64>,
}

impl Argument {
    pub(super) fn size(&self) -> SizeEstimate {
        self.size.unwrap_or(SizeEstimate::UNKNOWN)
    }

    pub(super) fn number_or(&self, other: u64) -> u64 {
        self.literal
            .map_or(other, |value| u64::try_from(value).unwrap_or(0))
    }
}

/// The cost of a call, and the size of its result if that is known.
pub(super) struct Estimate {
    pub(super) cost: CostEstimate,
    pub(super) size: Option<SizeEstimate>,
}

impl Estimate {
    pub(super) const fn of(cost: CostEstimate) -> Self {
        Self { cost, size: None }
    }

    pub(super) const fn fixed(cost: u64) -> Self {
        Self::of(CostEstimate::fixed(cost))
    }

    pub(super) const fn sized(cost: CostEstimate, size: SizeEstimate) -> Self {
        Self {
            cost,
            size: Some(size),
        }
    }
}
