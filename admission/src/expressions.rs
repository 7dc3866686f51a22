//! Expressions over a request: match conditions of webhooks, and those of policies.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/cel`.

pub(crate) mod budget;
pub(crate) mod conditions;
pub(crate) mod input;
