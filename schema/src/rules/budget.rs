//! The limits of all evaluations for one object.

use portcullis_cel::Outcome;

/// The cost, as upstream counts it.
const OBJECT_COST: u64 = 10_000_000;
/// The work, some seconds. Usual rules reach the cost limit first.
const OBJECT_WORK: u64 = 200_000_000;

/// What is left for the evaluations for an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    cost: u64,
    work: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cost: OBJECT_COST,
            work: OBJECT_WORK,
        }
    }
}

impl Budget {
    /// Whether it allows no further evaluation.
    pub(crate) const fn is_exhausted(self) -> bool {
        self.cost == 0
    }

    /// The one of which less is left.
    pub(crate) fn smaller(self, other: Self) -> Self {
        Self {
            cost: self.cost.min(other.cost),
            work: self.work.min(other.work),
        }
    }

    /// Counts an evaluation. Returns whether the budget sufficed for it.
    pub(super) const fn spend(&mut self, outcome: &Outcome<'_>) -> bool {
        let cost = self.cost.checked_sub(outcome.cost);
        let work = self.work.checked_sub(outcome.work);
        let (Some(cost), Some(work)) = (cost, work) else {
            *self = Self { cost: 0, work: 0 };
            return false;
        };
        *self = Self { cost, work };
        true
    }
}
