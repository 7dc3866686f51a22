//! What objects use of a quota: for the plugin that charges them, and for whoever recounts.
//!
//! Upstream: `pkg/quota/v1/evaluator/core/`, and `k8s.io/apiserver/pkg/quota/v1/resources.go`.

mod meter;
mod pods;
pub(crate) mod scopes;
mod usage;

pub use meter::{Meter, is_measured};
pub(crate) use usage::{Kind, constraints};
