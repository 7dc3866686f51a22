//! Which secrets a pod may refer to: mirror pods none, others those of their account where that says
//! so.

use k8s_openapi::api::core::v1::{Pod, PodSpec, ServiceAccount, Volume};

use crate::plugins::references::{
    Environment, environments, ephemeral_environments, names_secrets,
};

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
    let who = name_of(account);
    for source in spec
        .volumes
        .iter()
        .flatten()
        .filter_map(|v| v.secret.as_ref())
    {
        let name = source.secret_name.as_deref().unwrap_or_default();
        if !lists(account, name) {
            return Err(format!(
                "volume with secret.secretName=\"{name}\" is not allowed because service account {who} does not reference that secret"
            ));
        }
    }
    environments_allowed(&environments(spec), account)?;
    pull_secrets_allowed(spec, account, who)
}

/// The same for what is added to a pod that exists: the rest of it was judged when it was made
/// (upstream: `limitEphemeralContainerSecretReferences`).
pub(super) fn allowed_to_ephemeral(pod: &Pod, account: &ServiceAccount) -> Result<(), String> {
    let spec = pod.spec.as_ref();
    let added = spec.map(ephemeral_environments).unwrap_or_default();
    environments_allowed(&added, account)
}

fn environments_allowed(
    environments: &[Environment<'_>],
    account: &ServiceAccount,
) -> Result<(), String> {
    for container in environments {
        let mut secrets = container.secrets();
        if let Some((place, secret)) = secrets.find(|(_, secret)| !lists(account, secret)) {
            let (kind, name) = (container.kind, container.name);
            let who = name_of(account);
            return Err(format!(
                "{kind} {name} with {place} referencing secret.secretName=\"{secret}\" is not allowed because service account {who} does not reference that secret"
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
