//! Ranges of sizes and costs, with saturating arithmetic.

/// A range of costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostEstimate {
    /// The minimum.
    pub min: u64,
    /// The maximum.
    pub max: u64,
}

/// A range of sizes.
pub(super) type SizeEstimate = CostEstimate;

impl CostEstimate {
    pub(super) const ZERO: Self = Self { min: 0, max: 0 };
    pub(super) const UNKNOWN: Self = Self {
        min: 0,
        max: u64::MAX,
    };
    /// The neutral element of unions.
    pub(super) const EMPTY: Self = Self {
        min: u64::MAX,
        max: 0,
    };

    pub(super) const fn fixed(cost: u64) -> Self {
        Self {
            min: cost,
            max: cost,
        }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    pub(super) const fn times(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    /// Multiplies by a factor, rounded up.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self {
            min: scaled(self.min, factor),
            max: scaled(self.max, factor),
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Multiplies a size by a factor, rounded up.
pub(super) fn scaled(size: u64, factor: f64) -> u64 {
    // the conversion saturates
    (size as f64 * factor).ceil() as u64
}
