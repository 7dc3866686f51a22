//! What tests of the server share.

pub mod client;
pub mod https_server;
pub mod issuer;
pub mod kubelet;
pub mod log;
pub mod old_certificate;
pub mod process;
pub mod server;
pub mod webhook;
