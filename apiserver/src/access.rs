//! Who sends a request, as which user, and whether it is allowed: the decisions, without HTTP.
//!
//! The layers call these for every request, `explain` for a hypothetical one.

pub mod authentication;
pub mod authorization;
pub mod claims;
pub mod counted;
pub mod impersonation;
pub mod metrics;
pub mod replaceable;
pub mod webhook;

pub use self::authorization::Authorized;
