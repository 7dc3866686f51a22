//! The verdicts compared with a naive evaluator, Kubernetes' own scenarios, and tables.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, with its place"
)]

mod compiling;
mod golden;
mod kernel;
mod naive;
mod property;
mod random;
mod scenarios;
mod world;
