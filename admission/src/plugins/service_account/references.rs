//! The secrets that a pod may reference: none for mirror pods; for others only those that their
//! service account lists, if it enforces that.

use k8s_openapi::api::core::v1::{Pod, PodSpec, ServiceAccount, Volume};

use portcullis_api::references::secrets_of_pod;

use crate::plugins::references::{Environment, environments, ephemeral_environments};

/// A mirror pod represents a static pod of a kubelet, which cannot have a service account or
/// secrets.
pub(super) fn check_mirror(pod: &Pod) -> Result<(), &'static str> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    if !account.is_empty() {
        return Err("a mirror pod may not reference service accounts");
    }
    if secrets_of_pod(spec).next().is_some() {
        return Err("a mirror pod may not reference secrets");
    }
    let mut volumes = spec.volumes.iter().flatten();
    if volumes.any(projects_token) {
        return Err("a mirror pod may not use ServiceAccountToken volume projections");
    }
    Ok(())
}

/// Upstream: `limitSecretReferences`.
pub(super) fn check_pod(pod: &Pod, account: &ServiceAccount) -> Result<(), String> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let account_name = name_of(account);
    for source in spec
        .volumes
        .iter()
        .flatten()
        .filter_map(|v| v.secret.as_ref())
    {
        let name = source.secret_name.as_deref().unwrap_or_default();
        if !lists(account, name) {
            return Err(format!(
                "volume with secret.secretName=\"{name}\" is not allowed because service account {account_name} does not reference that secret"
            ));
        }
    }
    check_environments(&environments(spec), account)?;
    check_pull_secrets(spec, account, account_name)
}

/// Checks ephemeral containers only, as the rest of the pod was checked when it was created
/// (upstream: `limitEphemeralContainerSecretReferences`).
pub(super) fn check_ephemeral_containers(
    pod: &Pod,
    account: &ServiceAccount,
) -> Result<(), String> {
    let spec = pod.spec.as_ref();
    let added = spec.map(ephemeral_environments).unwrap_or_default();
    check_environments(&added, account)
}

fn check_environments(
    environments: &[Environment<'_>],
    account: &ServiceAccount,
) -> Result<(), String> {
    for container in environments {
        let mut secrets = container.secrets();
        if let Some((field, secret)) = secrets.find(|(_, secret)| !lists(account, secret)) {
            let (kind, name) = (container.kind, container.name);
            let account_name = name_of(account);
            return Err(format!(
                "{kind} {name} with {field} referencing secret.secretName=\"{secret}\" is not allowed because service account {account_name} does not reference that secret"
            ));
        }
    }
    Ok(())
}

fn name_of(account: &ServiceAccount) -> &str {
    account.metadata.name.as_deref().unwrap_or_default()
}

fn lists(account: &ServiceAccount, secret: &str) -> bool {
    let mut secrets = account.secrets.iter().flatten();
    secrets.any(|known| known.name.as_deref() == Some(secret))
}

fn check_pull_secrets(
    spec: &PodSpec,
    account: &ServiceAccount,
    account_name: &str,
) -> Result<(), String> {
    let listed = account.image_pull_secrets.as_deref().unwrap_or_default();
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        if !listed.contains(secret) {
            let name = &secret.name;
            return Err(format!(
                "imagePullSecrets[{index}].name=\"{name}\" is not allowed because service account {account_name} does not reference that imagePullSecret"
            ));
        }
    }
    Ok(())
}

fn projects_token(volume: &Volume) -> bool {
    let mut sources = volume
        .projected
        .iter()
        .flat_map(|p| p.sources.iter().flatten());
    sources.any(|source| source.service_account_token.is_some())
}
