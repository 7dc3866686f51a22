//! The plugins that call webhooks: the selection of webhooks for a request, their reviews, and the effect of
//! their responses.
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
