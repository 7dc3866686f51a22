//! What a server says of where it runs and how it is reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What this machine calls itself, in lower case; empty if it does not say.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// Where clients on this machine reach a server. One that listens on every address listens on
/// this machine's own too.
pub fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = if local.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        local.ip()
    };
    SocketAddr::new(ip, local.port())
}
