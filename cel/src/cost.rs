//! Costs, actual and estimated, as `cel-go` and `apiserver/pkg/cel/library/cost.go` count them.

mod actual;
mod estimate;
mod functions;
mod size;
mod sizes;
#[cfg(test)]
mod tests;

pub(crate) use actual::{Price, actual, price};
pub(crate) use estimate::estimate;
pub use size::CostEstimate;

/// Of reading a name or a field.
const SELECT: u64 = 1;
const LIST: u64 = 10;
const MAP: u64 = 30;
const STRUCT: u64 = 40;
/// Of going through a text, for each character.
const TRAVERSAL: f64 = 0.1;
/// Of a regular expression, for each of its characters.
const REGEX: f64 = 0.25;
/// Of a check of what a user may do: an expression affords two.
const CHECK: u64 = 350_000;
