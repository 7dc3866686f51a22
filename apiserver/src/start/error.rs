//! Why a server does not start.

use std::fmt::Display;
use std::net::IpAddr;

use thiserror::Error;

/// Why a server did not start, in one line that names the option at fault.
#[derive(Debug, Error)]
pub enum StartError {
    /// An option, or the file it names, cannot be used.
    #[error("{option}: {why}")]
    Option {
        /// Its name, such as `--data-dir`.
        option: &'static str,
        /// Why.
        why: String,
    },
    /// The port is taken, or the address is not one of this machine.
    #[error("--bind-address {address} --secure-port {port}: {source}")]
    Listen {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// The system's error.
        source: std::io::Error,
    },
}

impl StartError {
    /// An error about `option`.
    pub fn option(option: &'static str, why: impl Display) -> Self {
        Self::Option {
            option,
            why: why.to_string(),
        }
    }
}
