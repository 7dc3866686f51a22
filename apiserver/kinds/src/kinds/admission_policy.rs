//! What policies of both sorts, and their bindings, have in common.
//!
//! Upstream: `pkg/apis/admissionregistration/validation/validation.go`.

pub(super) mod binding;
pub(super) mod defaults;
pub(crate) mod environment;
pub(super) mod head;
pub(super) mod match_resources;
pub(super) mod params;
pub(super) mod variables;
