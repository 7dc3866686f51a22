//! The common parts of both kinds of policies, and of their bindings.
//!
//! Upstream: `pkg/apis/admissionregistration/validation/validation.go`.

pub(super) mod binding;
pub(super) mod defaults;
pub(crate) mod environment;
pub(super) mod head;
pub(super) mod match_resources;
pub(super) mod params;
pub(super) mod variables;
