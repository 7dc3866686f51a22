//! One strategy per kind.

pub mod authentication;
pub mod binding;
pub mod certificate_signing_request;
pub mod config_map;
pub mod cron_job;
pub mod csi_driver;
pub mod csi_node;
pub mod csi_storage_capacity;
pub mod daemon_set;
pub mod deployment;
pub mod endpoints;
pub mod event;
pub mod horizontal_pod_autoscaler;
pub mod ingress;
pub mod ingress_class;
pub mod job;
pub mod lease;
pub mod limit_range;
pub mod namespace;
pub mod network_policy;
pub mod persistent_volume_claim;
pub mod pod;
pub mod pod_disruption_budget;
pub mod pod_security_policy;
pub mod priority_class;
pub mod rbac;
pub mod replica_set;
pub mod resource_quota;
pub mod review;
pub mod runtime_class;
pub mod scale;
pub mod secret;
pub mod service_account;
pub mod stateful_set;
pub mod storage_class;
pub mod volume_attachment;
pub mod webhook_configuration;
mod workload;

#[cfg(test)]
pub(crate) mod testing;
