//! The names and addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The name of this machine, in lower case; empty without one.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// The address at which clients on this machine reach a server. One that listens on every address listens on
/// loopback too.
pub fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = if local.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        local.ip()
    };
    SocketAddr::new(ip, local.port())
}
