//! The webhooks of configurations: compiled when a configuration changes, and found by the resources in their
//! rules.
//!
//! There is no I/O here: the server opens the connections ([`Connect`]).

pub(crate) mod compiled;
mod connect;
pub(crate) mod index;
pub(crate) mod review_version;

pub use self::connect::{CallFailure, Connect, Endpoint};
pub use self::index::{HookIndex, Webhooks};
