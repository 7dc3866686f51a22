//! Requests that are exempt from webhooks and policies.

use crate::Attributes;

const GROUP: &str = "admissionregistration.k8s.io";

/// Policies and their bindings, so that one that denies everything can be removed.
const POLICIES: [&str; 4] = [
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

/// For the same reason.
const WEBHOOKS: [&str; 2] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

/// Groups of reviews, which are not stored: a failure on them would block authentication.
const REVIEWS: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

/// Whether a request is never sent to webhooks.
pub(crate) fn from_webhooks(attributes: &Attributes<'_>) -> bool {
    let kind = attributes.kind;
    from_policies(attributes) || (kind.group == GROUP && WEBHOOKS.contains(&kind.kind))
}

/// Whether no policy is evaluated for a request.
pub(crate) fn from_policies(attributes: &Attributes<'_>) -> bool {
    let kind = attributes.kind;
    let is_policy = kind.group == GROUP && POLICIES.contains(&kind.kind);
    is_policy || REVIEWS.contains(&attributes.resource.group)
}
