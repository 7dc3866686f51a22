//! Which secrets a pod may refer to: mirror pods none, others those of their account where that says
//! so.

use k8s_openapi::api::core::v1::{Pod, PodSpec, ServiceAccount, Volume};

use crate::plugins::references::{environments, names_secrets};

/// A mirror pod shows what a kubelet runs on its own: it can have no account and no secrets.
pub(super) fn of_mirror(pod: &Pod) -> Result<(), &'static str> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    if !account.is_empty() {
        return Err("a mirror pod may not reference service accounts");
    }
    if names_secrets(spec) {
        return Err("a mirror pod may not reference secrets");
    }
    let mut volumes = spec.volumes.iter().flatten();
    if volumes.any(projects_token) {
        return Err("a mirror pod may not use ServiceAccountToken volume projections");
    }
    Ok(())
}

/// Upstream: `limitSecretReferences`.
pub(super) fn allowed(pod: &Pod, account: &ServiceAccount) -> Result<(), String> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let who = account.metadata.name.as_deref().unwrap_or_default();
    let refuse = |what: String| {
        Err(format!(
            "{what} is not allowed because service account {who} does not reference that secret"
        ))
    };
    let secrets = || account.secrets.iter().flatten();
    let listed = |name: &str| secrets().any(|s| s.name.as_deref() == Some(name));
    for source in spec
        .volumes
        .iter()
        .flatten()
        .filter_map(|v| v.secret.as_ref())
    {
        let name = source.secret_name.as_deref().unwrap_or_default();
        if !listed(name) {
            return refuse(format!("volume with secret.secretName=\"{name}\""));
        }
    }
    for container in environments(spec) {
        let mut secrets = container.secrets();
        if let Some((place, secret)) = secrets.find(|(_, secret)| !listed(secret)) {
            let (kind, name) = (container.kind, container.name);
            return refuse(format!(
                "{kind} {name} with {place} referencing secret.secretName=\"{secret}\""
            ));
        }
    }
    pull_secrets_allowed(spec, account, who)
}

fn pull_secrets_allowed(spec: &PodSpec, account: &ServiceAccount, who: &str) -> Result<(), String> {
    let listed = account.image_pull_secrets.as_deref().unwrap_or_default();
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        if !listed.contains(secret) {
            let name = &secret.name;
            return Err(format!(
                "imagePullSecrets[{index}].name=\"{name}\" is not allowed because service account {who} does not reference that imagePullSecret"
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
