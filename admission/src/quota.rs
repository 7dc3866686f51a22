//! How objects count against quotas, for the plugin that charges them and the controller that
//! recalculates usage.
//!
//! Upstream: `pkg/quota/v1/evaluator/core/`, and `k8s.io/apiserver/pkg/quota/v1/resources.go`.

mod meter;
mod pods;
pub(crate) mod scopes;
mod uncovered;
mod usage;

pub use meter::{Meter, is_measured};
pub(crate) use uncovered::Uncovered;
pub(crate) use usage::{Kind, constraints};
