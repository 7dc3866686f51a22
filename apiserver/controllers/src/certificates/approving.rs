//! Approves client certificates of nodes, if the requesting user may create them
//! (upstream: `pkg/controller/certificates/approver`).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, ResourceTarget, Target};

use super::request::{Facts, KUBELET_CLIENT};
use super::{add_condition, certificate, each, is, write};
use portcullis_registry::Registry;

/// For a node that already has a certificate.
const OWN: (&str, &str) = (
    "selfnodeclient",
    "Auto approving self kubelet client certificate after SubjectAccessReview.",
);
/// For users who may add nodes.
const OTHERS: (&str, &str) = (
    "nodeclient",
    "Auto approving kubelet client certificate after SubjectAccessReview.",
);

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, authorizer: Arc<dyn Authorizer>) {
    let undecided =
        |request: &CertificateSigningRequest| is_undecided(request).then_some(Duration::ZERO);
    each(&registry, undecided, |request| {
        let (registry, authorizer) = (&registry, &authorizer);
        async move { attempt(registry, authorizer.as_ref(), &request).await }
    })
    .await;
}

/// Whether the request is a node's and has no decision yet.
pub(super) fn is_undecided(request: &CertificateSigningRequest) -> bool {
    request.spec.signer_name == KUBELET_CLIENT
        && certificate(request).is_none()
        && !is(request, "Approved")
        && !is(request, "Denied")
}

async fn attempt(
    registry: &Registry,
    authorizer: &dyn Authorizer,
    request: &CertificateSigningRequest,
) -> Result<bool, Status> {
    if !is_undecided(request) {
        return Ok(true);
    }
    match judge(request, authorizer).await {
        Verdict::Approved(message) => {
            write(registry, request, "approval", |request| {
                add_condition(request, "Approved", "AutoApproved", message);
            })
            .await
        }
        // a binding may be created later
        Verdict::NotPermitted => Ok(false),
        Verdict::Others => Ok(true),
    }
}

/// The decision about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is approved, with this message.
    Approved(&'static str),
    /// It could be, but the requesting user has no permission.
    NotPermitted,
    /// It is left to others.
    Others,
}

pub(super) async fn judge(
    request: &CertificateSigningRequest,
    authorizer: &dyn Authorizer,
) -> Verdict {
    let spec = &request.spec;
    let facts = match Facts::of(request) {
        Ok(facts) if facts.check(&spec.signer_name) == Some(Ok(())) => facts,
        _ => return Verdict::Others,
    };
    let user = UserInfo {
        name: spec.username.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
        extra: spec.extra.clone().unwrap_or_default(),
    };
    let own = (user.name == facts.common_name).then_some(OWN);
    for (subresource, message) in own.into_iter().chain([OTHERS]) {
        let target = Target::Resource(ResourceTarget {
            group: "certificates.k8s.io",
            resource: "certificatesigningrequests",
            subresource,
            ..ResourceTarget::default()
        });
        let attributes = Attributes {
            user: &user,
            verb: "create",
            target,
        };
        if authorizer.decide(&attributes).await.decision.is_allowed() {
            return Verdict::Approved(message);
        }
    }
    Verdict::NotPermitted
}
