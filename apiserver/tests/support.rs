//! Shared helpers of the tests of the server.

pub mod client;
pub mod https_server;
pub mod issuer;
pub mod kubelet;
pub mod log;
pub mod old_certificate;
pub mod process;
pub mod server;
pub mod webhook;

use std::time::Duration;

/// How long to wait for what has to happen, however slow and busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);
