//! What etcd's errors mean.

use std::error::Error as _;

use crate::{Error, Revision};

/// Why a call to etcd failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The revision is forgotten.
    Compacted,
    /// The revision is not reached.
    Future,
    /// The answer is larger than we take at once.
    AnswerTooLarge,
    /// The request is larger than etcd takes.
    RequestTooLarge(String),
    /// Nobody took the call, so that nothing has happened.
    Unsent(String),
    /// No answer; what was asked for may have happened.
    Unknown(String),
}

impl From<etcd_client::Error> for Failure {
    fn from(error: etcd_client::Error) -> Self {
        let etcd_client::Error::GRpcStatus(status) = &error else {
            return Self::Unknown(error.to_string());
        };
        // etcd uses one code, OutOfRange, for three of these, so that the words have to tell.
        let message = status.message();
        if message.contains("required revision has been compacted") {
            Self::Compacted
        } else if message.contains("required revision is a future revision") {
            Self::Future
        } else if message.contains("decoded message length too large") {
            Self::AnswerTooLarge
        } else if message.contains("request is too large")
            || message.contains("message larger than max")
        {
            Self::RequestTooLarge(message.into())
        } else if was_refused(status.source()) {
            Self::Unsent(format!("{message}: connection refused"))
        } else {
            Self::Unknown(message.into())
        }
    }
}

/// Whether nobody listened.
fn was_refused(mut source: Option<&(dyn std::error::Error + 'static)>) -> bool {
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        source = error.source();
    }
    false
}

impl Failure {
    /// The seam's word for it; `requested` is the revision that was asked for.
    pub(super) fn into_error(self, requested: Revision) -> Error {
        match self {
            // etcd does not say what it still has.
            Self::Compacted => Error::Compacted {
                requested,
                oldest: requested + 1,
            },
            Self::Future => Error::TooNew {
                requested,
                current: 0,
            },
            Self::AnswerTooLarge => Error::Unavailable("etcd's answer is too large".into()),
            Self::RequestTooLarge(message) => Error::TooLarge(message),
            Self::Unsent(message) | Self::Unknown(message) => Error::Unavailable(message),
        }
    }

    /// Whether another member may do better.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Unsent(_) | Self::Unknown(_))
    }
}
