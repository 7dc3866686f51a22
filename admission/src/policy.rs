//! The plugins that evaluate policies: expressions that decide about requests.
//!
//! A policy defines the checks, a binding its scope and its parameters. Upstream:
//! `k8s.io/apiserver/pkg/admission/plugin/policy`.

mod change;
mod effort;
mod evaluate;
mod findings;
mod invocations;
pub(crate) mod mutating;
mod outcome;
mod params;
mod request;
mod traced;
pub(crate) mod validating;
