//! Which secrets a pod may refer to: mirror pods none, others those of their account where that says
//! so.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, Pod, PodSpec, ServiceAccount, Volume};

/// A mirror pod shows what a kubelet runs on its own: it can have no account and no secrets.
pub(super) fn of_mirror(pod: &Pod) -> Result<(), &'static str> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    if !account.is_empty() {
        return Err("a mirror pod may not reference service accounts");
    }
    let pull_secrets = spec.image_pull_secrets.as_deref().unwrap_or_default();
    let in_environment = containers(spec)
        .iter()
        .any(|c| c.secrets().next().is_some());
    let mut volumes = spec.volumes.iter().flatten();
    if !pull_secrets.is_empty() || in_environment || volumes.any(names_secret) {
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
    for container in containers(spec) {
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

/// The environment of a container of any of the three lists.
struct Environment<'p> {
    kind: &'static str,
    name: &'p str,
    env: &'p [EnvVar],
    env_from: &'p [EnvFromSource],
}

impl<'p> Environment<'p> {
    /// The secrets it refers to, each with where it does.
    fn secrets(&self) -> impl Iterator<Item = (String, &'p str)> + use<'p> {
        let variables = self.env.iter().filter_map(|variable| {
            let source = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
            Some((format!("envVar {}", variable.name), source.name.as_str()))
        });
        let whole = self.env_from.iter().filter_map(|source| {
            let source = source.secret_ref.as_ref()?;
            Some(("envFrom".to_owned(), source.name.as_str()))
        });
        variables.chain(whole)
    }
}

fn containers(spec: &PodSpec) -> Vec<Environment<'_>> {
    let mut all = Vec::new();
    macro_rules! add {
        ($kind:literal, $containers:expr) => {
            all.extend($containers.map(|c| Environment {
                kind: $kind,
                name: &c.name,
                env: c.env.as_deref().unwrap_or_default(),
                env_from: c.env_from.as_deref().unwrap_or_default(),
            }));
        };
    }
    add!("init container", spec.init_containers.iter().flatten());
    add!("container", spec.containers.iter());
    add!(
        "ephemeral container",
        spec.ephemeral_containers.iter().flatten()
    );
    all
}

/// Upstream: the volumes of `VisitPodSecretNames` in `pkg/api/pod/util.go`.
fn names_secret(volume: &Volume) -> bool {
    let projected = volume
        .projected
        .iter()
        .flat_map(|p| p.sources.iter().flatten());
    volume.secret.is_some()
        || volume.azure_file.is_some()
        || volume.scale_io.is_some()
        || projected.into_iter().any(|source| source.secret.is_some())
        || volume
            .cephfs
            .as_ref()
            .is_some_and(|v| v.secret_ref.is_some())
        || volume
            .cinder
            .as_ref()
            .is_some_and(|v| v.secret_ref.is_some())
        || volume
            .flex_volume
            .as_ref()
            .is_some_and(|v| v.secret_ref.is_some())
        || volume.rbd.as_ref().is_some_and(|v| v.secret_ref.is_some())
        || volume
            .iscsi
            .as_ref()
            .is_some_and(|v| v.secret_ref.is_some())
        || volume
            .storageos
            .as_ref()
            .is_some_and(|v| v.secret_ref.is_some())
        || volume
            .csi
            .as_ref()
            .is_some_and(|v| v.node_publish_secret_ref.is_some())
}

fn projects_token(volume: &Volume) -> bool {
    let mut sources = volume
        .projected
        .iter()
        .flat_map(|p| p.sources.iter().flatten());
    sources.any(|source| source.service_account_token.is_some())
}
