//! `ServiceAccount`: assigns a service account to every pod, and mounts its token.
//!
//! Upstream: `plugin/pkg/admission/serviceaccount/admission.go` of 1.24.

mod references;
mod token_volume;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{LocalObjectReference, Pod, PodSpec, ServiceAccount};
use portcullis_api::Status;

use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation, ValidatingPlugin};

const DEFAULT: &str = "default";
const MIRROR: &str = "kubernetes.io/config.mirror";
const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";
/// A controller creates the default account shortly after its namespace.
const ATTEMPTS_FOR_DEFAULT: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) struct ServiceAccounts {
    accounts: Arc<dyn Lookup<ServiceAccount>>,
    generate_name: fn(&str) -> String,
}

impl ServiceAccounts {
    pub(crate) fn new(
        accounts: &Arc<dyn Lookup<ServiceAccount>>,
        generate_name: fn(&str) -> String,
    ) -> Self {
        Self {
            accounts: Arc::clone(accounts),
            generate_name,
        }
    }

    async fn find(
        &self,
        attributes: &Attributes<'_>,
        name: &str,
    ) -> Result<Arc<ServiceAccount>, Status> {
        let namespace = attributes.namespace;
        if let Some(account) = self.accounts.get(namespace, name) {
            return Ok(account);
        }
        let attempts = if name == DEFAULT {
            ATTEMPTS_FOR_DEFAULT
        } else {
            1
        };
        for attempt in 0..attempts {
            if attempt > 0 {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            match self.accounts.get_live(namespace, name).await {
                Ok(Some(account)) => return Ok(account),
                Ok(None) => {}
                Err(status) => return Err(lookup_failed(attributes, name, &status.message)),
            }
        }
        let why = format!("serviceaccount {name:?} not found");
        Err(lookup_failed(attributes, name, &why))
    }
}

fn lookup_failed(attributes: &Attributes<'_>, name: &str, why: &str) -> Status {
    let namespace = attributes.namespace;
    attributes.forbidden(&format!(
        "error looking up service account {namespace}/{name}: {why}"
    ))
}

#[async_trait]
impl MutatingPlugin for ServiceAccounts {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let pod = attributes.pod()?;
        if is_mirror(pod) {
            return references::check_mirror(pod).map_err(|why| attributes.forbidden(why));
        }
        let name = account_of(pod).unwrap_or(DEFAULT).to_owned();
        let account = self.find(attributes, &name).await?;
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        spec.service_account_name = Some(name.clone());
        // the deprecated alias of the field
        spec.service_account = Some(name);
        if automounts(spec, &account) {
            token_volume::mount(spec, self.generate_name);
        }
        inherit_pull_secrets(spec, &account);
        // as upstream, deny before later plugins run
        check_references(attributes, &account)
    }
}

#[async_trait]
impl ValidatingPlugin for ServiceAccounts {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let creates = attributes.operation == Operation::Create && attributes.is_pods();
        let adds_ephemeral =
            attributes.operation == Operation::Update && attributes.is_ephemeral_containers();
        if !creates && !adds_ephemeral {
            return Ok(());
        }
        let pod = attributes.pod()?;
        if creates && is_mirror(pod) {
            return references::check_mirror(pod).map_err(|why| attributes.forbidden(why));
        }
        let Some(name) = account_of(pod) else {
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            let namespace = attributes.namespace;
            let why = format!("no service account specified for pod {namespace}/{pod}");
            return Err(attributes.forbidden(&why));
        };
        let account = self.find(attributes, name).await?;
        if creates {
            return check_references(attributes, &account);
        }
        if !enforces_mountable_secrets(&account) {
            return Ok(());
        }
        references::check_ephemeral_containers(pod, &account)
            .map_err(|why| attributes.forbidden(&why))
    }
}

/// Denies a pod with secrets that its account does not list, if the account enforces that.
fn check_references(attributes: &Attributes<'_>, account: &ServiceAccount) -> Result<(), Status> {
    if !enforces_mountable_secrets(account) {
        return Ok(());
    }
    references::check_pod(attributes.pod()?, account).map_err(|why| attributes.forbidden(&why))
}

fn is_mirror(pod: &Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.is_some_and(|a| a.contains_key(MIRROR))
}

fn account_of(pod: &Pod) -> Option<&str> {
    let name = pod.spec.as_ref()?.service_account_name.as_deref();
    name.filter(|name| !name.is_empty())
}

/// The pod's field takes precedence over the account's; if both are unset, the token is mounted.
fn automounts(spec: &PodSpec, account: &ServiceAccount) -> bool {
    let of_pod = spec.automount_service_account_token;
    of_pod
        .or(account.automount_service_account_token)
        .unwrap_or(true)
}

fn inherit_pull_secrets(spec: &mut PodSpec, account: &ServiceAccount) {
    let own = spec.image_pull_secrets.as_deref().unwrap_or_default();
    let inherited = account.image_pull_secrets.as_deref().unwrap_or_default();
    if own.is_empty() && !inherited.is_empty() {
        let named = |secret: &LocalObjectReference| LocalObjectReference {
            name: secret.name.clone(),
        };
        spec.image_pull_secrets = Some(inherited.iter().map(named).collect());
    }
}

/// Parses the annotation as Go's `strconv.ParseBool` does.
fn enforces_mountable_secrets(account: &ServiceAccount) -> bool {
    let annotations = account.metadata.annotations.as_ref();
    let value = annotations.and_then(|a| a.get(ENFORCE));
    value.is_some_and(|v| matches!(v.as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True"))
}
