//! The plugins that call webhooks: which are called for a request, what they are sent, and what their
//! responses do.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook`.

mod annotations;
mod call;
mod denial;
mod matching;
pub(crate) mod mutating;
mod patch;
mod response;
mod review;
mod traced;
pub(crate) mod validating;
