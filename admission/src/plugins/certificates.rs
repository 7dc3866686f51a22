//! `CertificateApproval`, `CertificateSigning` and `CertificateSubjectRestriction`: permissions for
//! a signer, and subjects that may not be requested.
//!
//! Upstream: `plugin/pkg/admission/certificates`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestStatus,
};
use portcullis_api::{GroupResource, Status, certificate_request};

use crate::permissions::{Permission, Permissions};
use crate::{Attributes, ValidatingPlugin};

const REQUESTS: GroupResource<'static> = GroupResource {
    group: "certificates.k8s.io",
    resource: "certificatesigningrequests",
};
/// A virtual resource, which exists only in permissions.
const SIGNERS: GroupResource<'static> = GroupResource {
    group: "certificates.k8s.io",
    resource: "signers",
};
/// The signer whose client certificates this server verifies.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// The group whose members may do everything, regardless of RBAC.
const MASTERS: &str = "system:masters";

/// What a user does on behalf of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignerAction {
    /// Approves or denies a request.
    Approve,
    /// Issues a certificate or reports a failure.
    Sign,
}

/// `CertificateApproval` or `CertificateSigning`: in addition to the permission to write the
/// subresource, the user needs one for the signer.
pub(crate) struct SignerPermission {
    action: SignerAction,
    permissions: Arc<dyn Permissions>,
}

impl SignerAction {
    const fn subresource(self) -> &'static str {
        match self {
            Self::Approve => "approval",
            Self::Sign => "status",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Sign => "sign",
        }
    }
}

impl SignerPermission {
    pub(crate) fn new(action: SignerAction, permissions: &Arc<dyn Permissions>) -> Self {
        Self {
            action,
            permissions: Arc::clone(permissions),
        }
    }

    /// A permission is for one signer or, as `<domain>/*`, for all signers of a domain.
    fn is_permitted(&self, attributes: &Attributes<'_>, signer: &str) -> bool {
        let domain = signer.split('/').next().unwrap_or_default();
        [signer, &format!("{domain}/*")].into_iter().any(|name| {
            let permission = Permission {
                verb: self.action.verb(),
                resource: SIGNERS,
                subresource: "",
                namespace: "",
                name,
            };
            self.permissions
                .allow(attributes.user, &permission)
                .is_some()
        })
    }
}

#[async_trait]
impl ValidatingPlugin for SignerPermission {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != REQUESTS || attributes.subresource != self.action.subresource() {
            return Ok(());
        }
        // the stored signer counts, as an update could name another that the user has permission
        // for
        let old: &CertificateSigningRequest = attributes.typed_old()?;
        if self.action == SignerAction::Sign && !changes_signature(old, attributes.typed()?) {
            return Ok(());
        }
        let signer = &old.spec.signer_name;
        if self.is_permitted(attributes, signer) {
            return Ok(());
        }
        let verb = self.action.verb();
        Err(attributes.forbidden(&format!(
            "user not permitted to {verb} requests with signerName {signer:?}"
        )))
    }
}

/// Whether an update of the status changes the certificate or the conditions, which needs
/// permission for the signer.
fn changes_signature(old: &CertificateSigningRequest, new: &CertificateSigningRequest) -> bool {
    fn conditions(
        status: Option<&CertificateSigningRequestStatus>,
    ) -> &[CertificateSigningRequestCondition] {
        let conditions = status.and_then(|s| s.conditions.as_deref());
        conditions.unwrap_or_default()
    }
    let (old, new) = (old.status.as_ref(), new.status.as_ref());
    let certificate = |status: Option<&CertificateSigningRequestStatus>| {
        status.and_then(|s| s.certificate.clone())
    };
    certificate(old) != certificate(new) || conditions(old) != conditions(new)
}

/// `CertificateSubjectRestriction`: no certificate makes its holder a member of `system:masters`.
#[derive(Debug)]
pub(crate) struct SubjectRestriction;

#[async_trait]
impl ValidatingPlugin for SubjectRestriction {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != REQUESTS || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let spec = &attributes.typed::<CertificateSigningRequest>()?.spec;
        if spec.signer_name != CLIENT_SIGNER {
            return Ok(());
        }
        let requested = requests_masters(&spec.request.0);
        if requested.map_err(|why| attributes.forbidden(&format!("failed to parse CSR: {why}")))? {
            return Err(attributes.forbidden(&format!(
                "use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
            )));
        }
        Ok(())
    }
}

/// Whether an organization of the subject is `system:masters`. An organization in an unsupported
/// encoding is an error, because it might be.
fn requests_masters(pem: &[u8]) -> Result<bool, String> {
    certificate_request::read(pem, |request| {
        let subject = &request.certification_request_info.subject;
        for organization in subject.iter_organization() {
            let organization = organization.as_str();
            let organization = organization.map_err(|e| format!("x509: organization: {e}"))?;
            if organization == MASTERS {
                return Ok(true);
            }
        }
        Ok(false)
    })
}
