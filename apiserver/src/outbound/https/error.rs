//! Why an HTTPS request has no response.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use thiserror::Error;

use crate::outbound::url::without_credentials;

/// Why there is no response.
#[derive(Debug, Error)]
pub enum HttpsError {
    /// Not a usable URL.
    #[error("{:?} is not an https URL", without_credentials(.0))]
    Url(String),
    /// A URL with credentials; this program's credentials are in headers and certificates.
    #[error("{:?}: credentials in a URL are not supported", without_credentials(.0))]
    Credentials(String),
    /// The certificates of an authority, or of this client, cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// The server cannot be reached, or its certificate does not verify.
    #[error("{0}")]
    Connection(io::Error),
    /// The connection broke.
    #[error("{0}")]
    Http(String),
    /// The response is too large, or broke off.
    #[error("cannot read the answer: {0}")]
    Answer(String),
    /// The deadline has passed.
    #[error("no answer in time")]
    Timeout,
}

/// [`DialError::why`] if connecting timed out.
pub const IO_TIMEOUT: &str = "i/o timeout";

/// Why there is no connection to an address. It is the inner error of an [`io::Error`].
#[derive(Clone, Debug, Error)]
#[error("{why}")]
pub struct DialError {
    /// What was dialled, with its port.
    pub address: String,
    /// Whether no address was found for it.
    pub is_lookup: bool,
    /// The system's error.
    pub why: String,
}

impl From<legacy::Error> for HttpsError {
    fn from(error: legacy::Error) -> Self {
        let why = root_cause(&error);
        if !error.is_connect() {
            return Self::Http(why.to_string());
        }
        let Some(error) = why.downcast_ref::<io::Error>() else {
            return Self::Connection(io::Error::other(why.to_string()));
        };
        let (dial, tls) = (inner::<DialError>(error), inner::<rustls::Error>(error));
        Self::Connection(match (dial, tls) {
            (Some(dial), _) => io::Error::new(error.kind(), dial.clone()),
            (_, Some(tls)) => io::Error::new(error.kind(), tls.clone()),
            (None, None) => io::Error::new(error.kind(), error.to_string()),
        })
    }
}

/// The error that an I/O error wraps; some wrap other I/O errors.
fn inner<T: Error + 'static>(error: &io::Error) -> Option<&T> {
    let made_from = error.get_ref()?;
    let nested = || inner(made_from.downcast_ref()?);
    made_from.downcast_ref().or_else(nested)
}

/// The last of an error's sources: those before it only say where it occurred.
pub(super) fn root_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    error.source().map_or(error, root_cause)
}
