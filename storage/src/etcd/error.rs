//! What etcd's errors mean.

use std::error::Error as _;
use std::io::ErrorKind;

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
    /// The two sides do not trust each other's certificates, so that nothing has happened.
    Untrusted(String),
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
        } else {
            match io_error(status.source()) {
                Some(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    Self::Unsent(format!("{message}: connection refused"))
                }
                // That is what a failed handshake is to rustls.
                Some(error) if error.kind() == ErrorKind::InvalidData => {
                    Self::Untrusted(format!("{message}: {error}"))
                }
                _ => Self::Unknown(message.into()),
            }
        }
    }
}

/// What the system said, if it said something.
fn io_error<'a>(
    mut source: Option<&'a (dyn std::error::Error + 'static)>,
) -> Option<&'a std::io::Error> {
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = error.source();
    }
    None
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
            Self::Unsent(message) | Self::Untrusted(message) | Self::Unknown(message) => {
                Error::Unavailable(message)
            }
        }
    }

    /// Whether another member may do better.
    pub(super) fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unsent(_) | Self::Untrusted(_) | Self::Unknown(_)
        )
    }

    /// Whether time alone may mend it.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unsent(_) | Self::Unknown(_))
    }
}
