//! Addresses for servers that tests start as processes of their own (feature `test-util`).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// Below Linux's ephemeral ports (`net.ipv4.ip_local_port_range` begins at 32768), so that no
/// outgoing connection, and no listener on port 0, takes one before its server listens or while it
/// restarts.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A loopback address with a free TCP port that no other test of this machine is given.
///
/// The UDP port of the same number is held as the lock: it excludes other processes as well, and
/// ends with this one.
pub struct ReservedAddress {
    address: SocketAddr,
    _lock: UdpSocket,
}

impl ReservedAddress {
    /// Reserves an address until the value is dropped.
    ///
    /// # Panics
    /// If no port is free.
    pub fn new() -> Self {
        let count = PORTS.end - PORTS.start;
        // below `count`, which is a u16
        let first = (RandomState::new().hash_one(()) % u64::from(count)) as u16;
        let ports = (0..count).map(|n| PORTS.start + (first + n) % count);
        ports
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .find_map(Self::reserve)
            .expect("a free port")
    }

    fn reserve(address: SocketAddr) -> Option<Self> {
        let lock = UdpSocket::bind(address).ok()?;
        TcpListener::bind(address).ok()?;
        Some(Self {
            address,
            _lock: lock,
        })
    }

    /// The address.
    pub fn get(&self) -> SocketAddr {
        self.address
    }
}

impl Default for ReservedAddress {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_once() {
        let reserved = ReservedAddress::new();
        let address = reserved.get();
        assert!(ReservedAddress::reserve(address).is_none());
        drop(reserved);
        let _listener = TcpListener::bind(address).unwrap();
        assert!(
            ReservedAddress::reserve(address).is_none(),
            "another server listens there"
        );
    }

    #[test]
    fn the_system_gives_none_of_these_ports_away() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let first: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
        assert!(PORTS.end <= first);
    }
}
