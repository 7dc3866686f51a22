//! Evaluates network policies: which connections they allow.
//!
//! A [`Cluster`] indexes pods, namespaces and policies of `networking.k8s.io/v1`; [`judge()`] returns a
//! verdict on a connection between two [`End`]s with its reasons, once for the egress of its source and once
//! for the ingress of its destination. There is no I/O here, and no second implementation: [`ports`],
//! [`remedy`] and everything above call [`judge()`].
//!
//! Where the API leaves something open, this crate does as most network plugins do:
//! - a connection is evaluated as it arrives, after a Service's address was translated to a pod's;
//! - a pod of the host network is its node: no policy isolates it, no pod selector matches it, and its
//!   address is like any other to an `ipBlock`;
//! - an ended pod has no connections, and a pod can always connect to itself and to its own node.

pub mod cluster;
pub mod index;
pub mod judge;
pub mod nft;
pub mod pod;
pub mod policy;
pub mod ports;
pub mod remedy;
pub mod service;
pub mod verdict;

pub use cluster::Cluster;
pub use judge::{Connection, End, judge};
pub use pod::{Name, Pod, Protocol};
pub use policy::{Direction, Policy};
pub use verdict::{Reason, Side, Verdict};
