//! Responses after which a connection switches to another protocol.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The other end of a connection, once a 101 has been sent on it; an extension of that response.
#[derive(Clone)]
pub struct Switched(Arc<Mutex<Option<Box<dyn Duplex>>>>);

impl Switched {
    /// Joins the connection to this end.
    pub fn to(other: impl Duplex + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(other)))))
    }

    /// Takes the other end from a response that has one.
    pub fn take<B>(response: &mut http::Response<B>) -> Option<Box<dyn Duplex>> {
        let switched = response.extensions_mut().remove::<Self>()?;
        switched.0.lock().take()
    }
}
