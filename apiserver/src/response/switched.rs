//! Responses after which a connection speaks another protocol.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Where the bytes of a connection go once a 101 has been sent on it; an extension of that response.
#[derive(Clone)]
pub struct Switched(Arc<Mutex<Option<Box<dyn Duplex>>>>);

impl Switched {
    /// They go to the other end, and come from it.
    pub fn to(other: impl Duplex + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(other)))))
    }

    /// The other end of a response that has one.
    pub fn take<B>(response: &mut http::Response<B>) -> Option<Box<dyn Duplex>> {
        let switched = response.extensions_mut().remove::<Self>()?;
        switched.0.lock().take()
    }
}
