//! Signs approved requests for the signers of this cluster
//! (upstream: `pkg/controller/certificates/signer`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use portcullis_api::Status;

use super::request::Facts;
use super::{add_condition, certificate, each, is, write};
use portcullis_registry::Registry;

/// The default and the longest lifetime of certificates (upstream:
/// `--cluster-signing-duration`).
const DURATION: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Their shortest lifetime.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
/// How far their start is backdated, since clocks differ.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);
/// Certificates up to this lifetime are not backdated: their end is not moved either.
const SHORT: SignedDuration = SignedDuration::from_hours(8);

/// The usages and the validity of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Terms {
    /// The usages, such as `client auth`.
    pub usages: Vec<String>,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity, unless the authority itself expires earlier.
    pub not_after: Timestamp,
}

/// Signs certificates.
pub trait Authority: Send + Sync {
    /// A certificate, as PEM, for the subject and key of a signing request, which is PEM too.
    ///
    /// # Errors
    /// Why the request is invalid.
    fn sign(&self, request: &[u8], terms: &Terms) -> Result<String, String>;
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, authority: Arc<dyn Authority>) {
    let waits =
        |request: &CertificateSigningRequest| is_approved(request).then_some(Duration::ZERO);
    each(&registry, waits, |request| {
        let (registry, authority) = (&registry, &authority);
        async move { attempt(registry, authority.as_ref(), &request).await }
    })
    .await;
}

/// Whether a request is approved and has no result yet.
fn is_approved(request: &CertificateSigningRequest) -> bool {
    is(request, "Approved")
        && !is(request, "Denied")
        && !is(request, "Failed")
        && certificate(request).is_none()
}

async fn attempt(
    registry: &Registry,
    authority: &dyn Authority,
    request: &CertificateSigningRequest,
) -> Result<bool, Status> {
    if !is_approved(request) {
        return Ok(true);
    }
    match outcome(authority, request, Timestamp::now()) {
        None => Ok(true),
        Some(Ok(certificate)) => {
            let certificate = ByteString(certificate.into_bytes());
            write(registry, request, "status", |request| {
                request.status.get_or_insert_default().certificate = Some(certificate.clone());
            })
            .await
        }
        Some(Err(why)) => {
            write(registry, request, "status", |request| {
                add_condition(request, "Failed", "SignerValidationFailure", &why);
            })
            .await
        }
    }
}

/// The result for an approved request; `None` if it is for another signer.
pub(super) fn outcome(
    authority: &dyn Authority,
    request: &CertificateSigningRequest,
    now: Timestamp,
) -> Option<Result<String, String>> {
    let spec = &request.spec;
    let checked = match Facts::of(request) {
        Ok(facts) => facts.check(&spec.signer_name)?,
        Err(why) => Facts::default()
            .check(&spec.signer_name)
            .map(|_| Err(why))?,
    };
    Some(checked.and_then(|()| authority.sign(&spec.request.0, &terms(request, now))))
}

pub(super) fn terms(request: &CertificateSigningRequest, now: Timestamp) -> Terms {
    let spec = &request.spec;
    let asked = spec.expiration_seconds.map(i64::from);
    let asked = asked.map_or(DURATION, SignedDuration::from_secs);
    let lasts = asked.clamp(SHORTEST, DURATION);
    let not_before = now - BACKDATE;
    Terms {
        usages: spec.usages.clone().unwrap_or_default(),
        not_before,
        // a long lifetime includes the backdating
        not_after: if lasts < SHORT { now } else { not_before } + lasts,
    }
}
