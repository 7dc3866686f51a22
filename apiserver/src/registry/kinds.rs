//! One strategy per kind.

pub mod config_map;
pub mod daemon_set;
pub mod deployment;
pub mod event;
pub mod namespace;
pub mod network_policy;
pub mod pod;
pub mod pod_security_policy;
pub mod rbac;
pub mod replica_set;
pub mod review;
pub mod secret;
pub mod service_account;
pub mod stateful_set;
mod workload;

#[cfg(test)]
pub(crate) mod testing;
