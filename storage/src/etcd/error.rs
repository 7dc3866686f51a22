//! Classification of etcd's errors.

use std::error::Error as _;
use std::io::ErrorKind;

use crate::{Error, Revision};

/// Why a call to etcd failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The revision has been compacted.
    Compacted,
    /// The revision has not been reached.
    Future,
    /// The response exceeds this client's size limit.
    ResponseTooLarge,
    /// The request exceeds etcd's size limit.
    RequestTooLarge(String),
    /// The call was not sent, so it has had no effect.
    Unsent(String),
    /// The TLS handshake failed, so the call has had no effect.
    Untrusted(String),
    /// No response; the call may have taken effect.
    Unknown(String),
}

impl From<etcd_client::Error> for Failure {
    fn from(error: etcd_client::Error) -> Self {
        let etcd_client::Error::GRpcStatus(status) = &error else {
            return Self::Unknown(error.to_string());
        };
        // etcd uses one code, OutOfRange, for three of these, so they are distinguished by the
        // message.
        let message = status.message();
        if message.contains("required revision has been compacted") {
            Self::Compacted
        } else if message.contains("required revision is a future revision") {
            Self::Future
        } else if message.contains("decoded message length too large") {
            Self::ResponseTooLarge
        } else if message.contains("request is too large")
            || message.contains("message larger than max")
        {
            Self::RequestTooLarge(message.into())
        } else {
            match io_error(status.source()) {
                Some(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    Self::Unsent(format!("{message}: connection refused"))
                }
                // rustls reports failed handshakes this way.
                Some(error) if error.kind() == ErrorKind::InvalidData => {
                    Self::Untrusted(format!("{message}: {error}"))
                }
                _ => Self::Unknown(message.into()),
            }
        }
    }
}

/// The I/O error in the chain of sources, if there is one.
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
    /// Converts to a storage error; `requested` is the revision of the read.
    pub(super) fn into_error(self, requested: Revision) -> Error {
        match self {
            // etcd does not report the oldest revision it has.
            Self::Compacted => Error::Compacted {
                requested,
                oldest: requested + 1,
            },
            Self::Future => Error::TooNew {
                requested,
                current: 0,
            },
            Self::ResponseTooLarge => Error::Unavailable("etcd's response is too large".into()),
            Self::RequestTooLarge(message) => Error::TooLarge(message),
            Self::Unsent(message) | Self::Untrusted(message) | Self::Unknown(message) => {
                Error::Unavailable(message)
            }
        }
    }

    /// Whether another member may succeed.
    pub(super) fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unsent(_) | Self::Untrusted(_) | Self::Unknown(_)
        )
    }

    /// Whether a later attempt may succeed.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unsent(_) | Self::Unknown(_))
    }
}
