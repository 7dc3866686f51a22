//! Deletes signing requests that are no longer needed
//! (upstream: `pkg/controller/certificates/cleaner`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use portcullis_api::Status;
use x509_parser::pem::parse_x509_pem;

use super::{certificate, conditions, each, is, user};
use portcullis_kinds::table;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Registry, Scope};

/// How long a request stays after its decision.
const DECIDED: SignedDuration = SignedDuration::from_hours(1);
/// How long it waits for a decision.
const PENDING: SignedDuration = SignedDuration::from_hours(24);

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let left = |request: &CertificateSigningRequest| left(request, Timestamp::now());
    each(&registry, left, |request| {
        let registry = &registry;
        async move { attempt(registry, &request).await }
    })
    .await;
}

async fn attempt(registry: &Registry, request: &CertificateSigningRequest) -> Result<bool, Status> {
    // one that changed meanwhile has been seen again, with its new time
    if left(request, Timestamp::now()) != Some(Duration::ZERO) {
        return Ok(true);
    }
    let user = user();
    let name = request.metadata.name.as_deref().unwrap_or_default();
    let scope = Scope::all(table::CERTIFICATE_SIGNING_REQUESTS, &user).named("", name);
    let options = DeleteOptions {
        resource_version: request.metadata.resource_version.clone(),
        ..DeleteOptions::default()
    };
    match registry.delete(&scope, &options).await {
        Err(status) if !matches!(status.code, 404 | 409) => Err(status),
        _ => Ok(true),
    }
}

/// The remaining time of a request; `None` for ever.
pub(super) fn left(request: &CertificateSigningRequest, now: Timestamp) -> Option<Duration> {
    let issued = certificate(request);
    let decided = conditions(request)
        .filter(|condition| match condition.type_.as_str() {
            "Approved" => issued.is_some(),
            kind => matches!(kind, "Denied" | "Failed"),
        })
        .filter_map(|condition| condition.last_update_time.as_ref())
        .filter_map(|time| time.0.checked_add(DECIDED).ok());
    let pending = conditions(request).next().is_none();
    let created = request.metadata.creation_timestamp.as_ref();
    let pending = created.filter(|_| pending);
    let pending = pending.and_then(|created| created.0.checked_add(PENDING).ok());
    let expired = issued.filter(|_| is(request, "Approved")).and_then(end_of);
    let end = decided.chain(pending).chain(expired).min()?;
    Some(end.duration_since(now).try_into().unwrap_or_default())
}

/// When a certificate expires.
fn end_of(pem: &[u8]) -> Option<Timestamp> {
    let (_, block) = parse_x509_pem(pem).ok()?;
    let certificate = block.parse_x509().ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
