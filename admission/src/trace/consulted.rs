//! Which webhooks and policies were considered, and what each said.

use super::Change;

/// A webhook, or a policy with one of its bindings, that was considered for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consulted {
    /// Which it is.
    pub callback: Callback,
    /// What it said, or why it was not asked.
    pub verdict: Verdict,
    /// The change it made to the object, if any.
    pub change: Option<Change>,
}

/// A webhook or a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// A webhook of a configuration.
    Webhook {
        /// The configuration's name.
        configuration: String,
        /// The webhook's name.
        name: String,
    },
    /// A policy.
    Policy {
        /// The policy's name.
        name: String,
        /// The name of the binding; `None` if none was looked at.
        binding: Option<String>,
        /// The object of parameters, as `namespace/name`; empty if there is none.
        params: String,
    },
}

/// What a webhook or a policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is not for it, for this reason.
    Skipped(String),
    /// A webhook that the request would be sent to, and why it was not sent here.
    NotCalled(String),
    /// It allows the request.
    Allowed,
    /// A webhook denies the request, with this message.
    Denied(String),
    /// It could not be asked, or evaluated.
    Failed {
        /// Why not.
        error: String,
        /// Whether its failure policy is to ignore that.
        ignored: bool,
    },
    /// Validations of a policy are false, or fail.
    Violated {
        /// One message for each validation.
        messages: Vec<String>,
        /// What the binding does about it: `Deny`, `Warn`, `Audit`.
        actions: Vec<String>,
    },
}
