//! The judgement against a naive evaluator, and Kubernetes' own scenarios.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, with its place"
)]

mod golden;
mod kernel;
mod naive;
mod property;
mod random;
mod scenarios;
mod world;
