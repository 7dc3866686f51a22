//! Auditing: a record of who requested what, and with which result.
//!
//! A [`policy::Policy`] selects the requests that are audited. For each of them an [`Audited`] collects what
//! becomes known of it, and makes [`event::Event`]s, which the backends of an [`Auditor`] write.
//!
//! Upstream: `k8s.io/apiserver/pkg/audit`, `plugin/pkg/audit`.

pub mod audited;
pub mod auditor;
pub mod backend;
pub mod batch;
pub mod budget;
pub mod event;
mod facts;
mod followed;
pub mod latency;
pub mod log;
pub mod losses;
pub mod metrics;
pub mod noted;
mod objects;
pub mod output;
pub mod policy;
mod sources;
#[cfg(test)]
pub mod testing;
pub mod throttle;
pub mod webhook;

pub use self::audited::Audited;
pub use self::auditor::Auditor;
