//! Who may talk to whom: network policies, judged.
//!
//! A [`Cluster`] indexes pods, namespaces and policies of `networking.k8s.io/v1`; [`judge()`] decides about
//! a connection between two [`End`]s and says why, once for the egress of its source and once for the
//! ingress of its destination. There is no I/O here, and nothing is decided anywhere else: [`ports`],
//! [`remedy`] and everything above ask [`judge()`].
//!
//! What the API leaves open is decided as most network plugins decide it:
//! - what is judged is a connection as it arrives, after a Service's address became a pod's;
//! - a pod of the host network is its node: no policy isolates it, no pod selector finds it, and its
//!   address is like any other to an `ipBlock`;
//! - a pod that has ended talks to nobody, and a pod always to itself and to its own node.

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
