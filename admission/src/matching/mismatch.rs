//! Why a request is not for a webhook or a policy.

/// What of a webhook, a policy or a binding does not match a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// None of its rules is about the request.
    Rules,
    /// It has a rule that excludes the request.
    Excluded,
    /// Its `namespaceSelector` does not select the namespace.
    Namespace,
    /// Its `objectSelector` selects neither object.
    Object,
}
