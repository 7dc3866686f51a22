//! Actual and estimated costs, as `cel-go` and `apiserver/pkg/cel/library/cost.go` compute them.

mod actual;
mod argument;
mod declared;
mod estimate;
mod estimator;
mod functions;
mod size;
mod sizes;
#[cfg(test)]
mod tests;

pub(crate) use self::actual::actual;
pub(crate) use self::estimate::estimate;
pub use self::size::CostEstimate;
