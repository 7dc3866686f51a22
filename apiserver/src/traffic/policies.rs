//! Policies that are tried without being applied.

use std::path::{Path, PathBuf};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use portcullis_api::{GroupKind, Status};
use portcullis_kinds::kinds::network_policy::NetworkPolicyStrategy;
use portcullis_kinds::strategy::Strategy as _;
use portcullis_netpol::Policy;
use serde_json::Value;

use super::TrafficError;
use crate::explain::manifest;

/// Reads policies as the server would, with its defaults and its errors.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Vec<Policy>, TrafficError> {
    let mut policies = Vec::new();
    for path in paths {
        let found = read_all(path, namespace);
        policies.extend(found.map_err(|why| TrafficError::Policy {
            path: path.clone(),
            why,
        })?);
    }
    Ok(policies)
}

fn read_all(path: &Path, namespace: &str) -> Result<Vec<Policy>, String> {
    let objects = manifest::read(path)?.into_iter();
    objects.map(|value| policy(value, namespace)).collect()
}

fn policy(value: Value, namespace: &str) -> Result<Policy, String> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    if (text("apiVersion"), text("kind")) != ("networking.k8s.io/v1", "NetworkPolicy") {
        return Err("it is not a NetworkPolicy of networking.k8s.io/v1".to_owned());
    }
    let policy: Result<NetworkPolicy, _> = serde_json::from_value(value);
    let mut policy = policy.map_err(|error| error.to_string())?;
    policy
        .metadata
        .namespace
        .get_or_insert_with(|| namespace.to_owned());
    NetworkPolicyStrategy.default(&mut policy);
    let errors = NetworkPolicyStrategy.validate(&policy);
    if !errors.is_empty() {
        let kind = GroupKind {
            group: "networking.k8s.io",
            kind: "NetworkPolicy",
        };
        let name = policy.metadata.name.as_deref().unwrap_or_default();
        return Err(Status::invalid(kind, name, &errors).message);
    }
    Ok(Policy::of(&policy))
}
