//! Certificate signing requests: approved, signed and deleted (upstream: `pkg/controller/certificates`).
//!
//! Requests of nodes, existing or new, are approved by permission; approved requests for this cluster's own
//! signers are signed; old ones are deleted.

pub mod approving;
pub mod cleaning;
mod request;
pub mod signing;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_storage::ReadAt;

use crate::edit::edit_any;
use crate::follow::follow;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

/// How many requests are processed concurrently.
const AT_ONCE: usize = 4;

fn user() -> UserInfo {
    UserInfo::service_account("kube-system", "certificate-controller")
}

/// Attempts every request when it is new or changes, until the server stops. `due` returns the delay; `None`
/// if there is nothing to do.
async fn each<F>(
    registry: &Arc<Registry>,
    due: impl Fn(&CertificateSigningRequest) -> Option<Duration>,
    attempt: impl Fn(CertificateSigningRequest) -> F,
) where
    F: Future<Output = Result<bool, Status>>,
{
    let queue = Queue::default().counted("certificate", registry.work_queues());
    let resource = table::CERTIFICATE_SIGNING_REQUESTS;
    let mut requests = follow::<CertificateSigningRequest>(registry.clone(), user(), resource);
    let watch = async {
        while let Some(seen) = requests.next().await {
            let due = due(&seen.object).filter(|_| !seen.gone);
            if let (Some(due), Some(name)) = (due, seen.object.metadata.name) {
                queue.add(name.into(), due);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |name| {
        let request = current(registry, name);
        let attempt = &attempt;
        async move {
            match request.await? {
                Some(request) => attempt(request).await,
                None => Ok(true),
            }
        }
    });
    tokio::join!(watch, work);
}

/// The current state of a request; `None` if it is gone.
async fn current(
    registry: &Registry,
    name: Arc<str>,
) -> Result<Option<CertificateSigningRequest>, Status> {
    let user = user();
    let scope = Scope::all(table::CERTIFICATE_SIGNING_REQUESTS, &user).named("", &name);
    let entry = match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Err(status) if status.code == 404 => return Ok(None),
        entry => entry?,
    };
    Ok(codec::object(scope.resource, &entry)?
        .as_kind::<CertificateSigningRequest>()
        .cloned())
}

/// Writes a subresource of a request, if the request has not changed since it was read.
async fn write(
    registry: &Registry,
    seen: &CertificateSigningRequest,
    subresource: &'static str,
    change: impl Fn(&mut CertificateSigningRequest) + Send + Sync,
) -> Result<bool, Status> {
    let user = user();
    let name = seen.metadata.name.as_deref().unwrap_or_default();
    let scope = Scope {
        subresource,
        ..Scope::all(table::CERTIFICATE_SIGNING_REQUESTS, &user).named("", name)
    };
    let edit = |object: &mut dyn Object| {
        object
            .metadata_mut()
            .resource_version
            .clone_from(&seen.metadata.resource_version);
        if let Some(request) = object.as_kind_mut::<CertificateSigningRequest>() {
            change(request);
        }
        Ok(())
    };
    edit_any(registry, &scope, edit).await.map(|_| true)
}

fn conditions(
    request: &CertificateSigningRequest,
) -> impl Iterator<Item = &CertificateSigningRequestCondition> {
    let status = request.status.iter();
    status.flat_map(|status| status.conditions.iter().flatten())
}

/// Whether a request is approved, denied or failed.
fn is(request: &CertificateSigningRequest, kind: &str) -> bool {
    conditions(request).any(|condition| condition.type_ == kind && condition.status != "False")
}

/// The issued certificate of a request, as PEM.
fn certificate(request: &CertificateSigningRequest) -> Option<&[u8]> {
    let status = request.status.as_ref()?;
    let certificate = status.certificate.as_ref()?;
    Some(certificate.0.as_slice()).filter(|pem| !pem.is_empty())
}

fn add_condition(request: &mut CertificateSigningRequest, kind: &str, reason: &str, message: &str) {
    let status = request.status.get_or_insert_default();
    let conditions = status.conditions.get_or_insert_default();
    conditions.push(CertificateSigningRequestCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        ..CertificateSigningRequestCondition::default()
    });
}
