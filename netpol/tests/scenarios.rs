//! The scenarios of Kubernetes' own suite, `test/e2e/network/netpol/network_policy.go`, each with its name,
//! pods, policies and truth tables there, on IPv4 and on IPv6.

mod blocks;
mod changes;
mod directions;
mod model;
mod peers;
mod ports;
mod protocols;
