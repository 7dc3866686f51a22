//! References of a pod's containers to secrets.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, PodSpec};

/// The environment of a container of any of the three lists.
pub(crate) struct Environment<'p> {
    pub(crate) kind: &'static str,
    pub(crate) name: &'p str,
    env: &'p [EnvVar],
    env_from: &'p [EnvFromSource],
}

impl<'p> Environment<'p> {
    /// The secrets it references, as (description of the referencing field, name of the secret).
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (String, &'p str)> + use<'p> {
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

/// The environments of init containers, containers and ephemeral containers.
pub(crate) fn environments(spec: &PodSpec) -> Vec<Environment<'_>> {
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
    all.extend(ephemeral_environments(spec));
    all
}

/// The environments of ephemeral containers.
pub(crate) fn ephemeral_environments(spec: &PodSpec) -> Vec<Environment<'_>> {
    let containers = spec.ephemeral_containers.iter().flatten();
    let environments = containers.map(|c| Environment {
        kind: "ephemeral container",
        name: &c.name,
        env: c.env.as_deref().unwrap_or_default(),
        env_from: c.env_from.as_deref().unwrap_or_default(),
    });
    environments.collect()
}
