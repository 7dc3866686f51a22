//! The other end of a connection.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use rustls_pki_types::CertificateDer;

/// What a server knows about a connection's client; an extension of every request on it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// The certificates it presented in the handshake, not verified.
    pub certificates: Arc<[CertificateDer<'static>]>,
    /// The name of the first user with an authorized request on the connection.
    pub user: Arc<OnceLock<Arc<str>>>,
}
