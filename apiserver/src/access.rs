//! Who makes a request, as whom, and whether they may: the decisions, without HTTP's machinery.
//!
//! The layers ask these for every request; `explain` asks them for a hypothetical one.

pub mod authentication;
pub mod authorization;
pub mod claims;
pub mod counted;
pub mod impersonation;
pub mod metrics;
pub mod webhook;

pub use self::authorization::Authorized;
