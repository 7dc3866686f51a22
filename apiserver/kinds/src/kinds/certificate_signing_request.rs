//! Certificate signing requests: one user requests a certificate, others approve and sign it.

pub(super) mod validate;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestStatus,
};
use portcullis_api::{ErrorList, UserInfo, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::time::now;
use crate::validation::{list, text};

/// The conditions of a decision.
const DECISIONS: [&str; 2] = ["Approved", "Denied"];

/// The rules of signing requests (upstream: `pkg/registry/certificates/certificates/strategy.go`).
pub struct CertificateSigningRequestStrategy;

impl Strategy for CertificateSigningRequestStrategy {
    type Kind = CertificateSigningRequest;

    fn default(&self, request: &mut CertificateSigningRequest) {
        request.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, request: &mut CertificateSigningRequest) {
        request.status = Some(Default::default());
    }

    /// Overwrites the client's values.
    fn set_requester(&self, request: &mut CertificateSigningRequest, user: &UserInfo) {
        let spec = &mut request.spec;
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        spec.username = some(&user.name);
        spec.uid = some(&user.uid);
        spec.groups = Some(user.groups.clone()).filter(|g| !g.is_empty());
        spec.extra = Some(user.extra.clone()).filter(|e| !e.is_empty());
    }

    fn prepare_for_update(
        &self,
        request: &mut CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) {
        request.spec.clone_from(&old.spec);
        request.status.clone_from(&old.status);
    }

    fn validate(&self, request: &CertificateSigningRequest) -> ErrorList {
        validate::validate(request)
    }

    fn validate_update(
        &self,
        request: &CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) -> ErrorList {
        validate::validate_update(request, old, false)
    }

    /// A signer's update does not decide.
    fn prepare_status_update(
        &self,
        request: &mut CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) {
        request.spec.clone_from(&old.spec);
        let decided = |request: &CertificateSigningRequest| {
            let decided = conditions(request).iter();
            let decided = decided.filter(|c| DECISIONS.contains(&c.type_.as_str()));
            decided.cloned().collect::<Vec<_>>()
        };
        let (new, was) = (decided(request), decided(old));
        let types = |conditions: &[CertificateSigningRequestCondition]| {
            conditions
                .iter()
                .map(|c| c.type_.clone())
                .collect::<Vec<_>>()
        };
        let status = request.status.get_or_insert_default();
        if types(&new) == types(&was) {
            let mut was = was.into_iter();
            for condition in status.conditions.iter_mut().flatten() {
                if DECISIONS.contains(&condition.type_.as_str())
                    && let Some(old) = was.next()
                {
                    *condition = old;
                }
            }
        } else {
            status.conditions = Some(conditions(old).to_vec()).filter(|c| !c.is_empty());
        }
        set_times(status, old);
    }

    fn validate_status_update(
        &self,
        request: &CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) -> ErrorList {
        validate::validate_update(request, old, false)
    }

    /// An approver's update only decides.
    fn prepare_subresource(
        &self,
        _: &str,
        request: &mut CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) {
        request.spec.clone_from(&old.spec);
        let status = request.status.get_or_insert_default();
        set_times(status, old);
        let certificate = old.status.as_ref().and_then(|s| s.certificate.clone());
        status.certificate = certificate;
    }

    fn validate_subresource(
        &self,
        _: &str,
        request: &CertificateSigningRequest,
        old: &CertificateSigningRequest,
    ) -> ErrorList {
        validate::validate_update(request, old, true)
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.signerName"]
    }

    fn field_values(&self, request: &CertificateSigningRequest) -> Vec<String> {
        vec![request.spec.signer_name.clone()]
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, request: &CertificateSigningRequest) -> Vec<Cell> {
        let spec = &request.spec;
        let epoch = Timestamp::UNIX_EPOCH;
        let duration = |seconds: i32| {
            let end = epoch.checked_add(SignedDuration::from_secs(seconds.into()));
            Cell::Between(epoch, end.unwrap_or(epoch))
        };
        vec![
            Cell::name(request),
            Cell::age(request),
            Cell::text(match spec.signer_name.as_str() {
                "" => "<none>",
                signer => signer,
            }),
            Cell::text(text(spec.username.as_ref())),
            spec.expiration_seconds
                .map_or_else(|| Cell::text("<none>"), duration),
            Cell::text(state(request)),
        ]
    }
}

fn conditions(request: &CertificateSigningRequest) -> &[CertificateSigningRequestCondition] {
    list(request.status.as_ref().and_then(|s| s.conditions.as_ref()))
}

/// A condition without times gets the current time; an unchanged status keeps its time.
fn set_times(status: &mut CertificateSigningRequestStatus, old: &CertificateSigningRequest) {
    for condition in status.conditions.iter_mut().flatten() {
        condition.last_update_time.get_or_insert_with(now);
        let same = |old: &&CertificateSigningRequestCondition| {
            old.type_ == condition.type_ && old.status == condition.status
        };
        let before = conditions(old).iter().filter(same);
        let began = before
            .filter_map(|old| old.last_transition_time.clone())
            .next();
        let began = || began.unwrap_or_else(now);
        condition.last_transition_time.get_or_insert_with(began);
    }
}

/// Upstream: `extractCSRStatus` in `pkg/printers/internalversion/printers.go`.
fn state(request: &CertificateSigningRequest) -> String {
    let is = |kind: &str| conditions(request).iter().any(|c| c.type_ == kind);
    let decision = match (is("Denied"), is("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    };
    let failed = if is("Failed") { ",Failed" } else { "" };
    let certificate = request.status.as_ref().and_then(|s| s.certificate.as_ref());
    let issued = certificate.is_some_and(|c| !c.0.is_empty());
    let issued = if issued { ",Issued" } else { "" };
    format!("{decision}{failed}{issued}")
}

static COLUMNS: [Column; 6] = [
    Column::NAME,
    Column::AGE,
    Column::text("SignerName", "Who is asked to sign."),
    Column::text("Requestor", "Who asks."),
    Column::text(
        "RequestedDuration",
        "How long the certificate is to be valid.",
    ),
    Column::text(
        "Condition",
        "Conditions applied to the request, such as approval or denial.",
    ),
];

#[cfg(test)]
mod tests;
