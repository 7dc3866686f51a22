//! `CertificateApproval`, `CertificateSigning` and `CertificateSubjectRestriction`: who may speak for
//! a signer, and what may not be asked of one.
//!
//! Upstream: `plugin/pkg/admission/certificates`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestStatus,
};
use portcullis_api::{GroupResource, Status, certificate_request};

use crate::permissions::{Permission, Permissions};
use crate::{Attributes, Operation, ValidatingPlugin};

const REQUESTS: GroupResource<'static> = GroupResource {
    group: "certificates.k8s.io",
    resource: "certificatesigningrequests",
};
/// Only permissions name it; there is no such object.
const SIGNERS: GroupResource<'static> = GroupResource {
    group: "certificates.k8s.io",
    resource: "signers",
};
/// The signer whose certificates this server believes.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// The group that may do everything, whatever RBAC says.
const MASTERS: &str = "system:masters";

/// What is done in the name of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A request is approved or denied.
    Approve,
    /// A certificate is issued, or its failure told.
    Sign,
}

/// `CertificateApproval` or `CertificateSigning`: the permission to write the subresource is not
/// enough, it takes one for the signer as well.
pub(crate) struct ForSigner {
    act: Act,
    permissions: Arc<dyn Permissions>,
}

impl Act {
    const fn plugin(self) -> &'static str {
        match self {
            Self::Approve => "CertificateApproval",
            Self::Sign => "CertificateSigning",
        }
    }

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

impl ForSigner {
    pub(crate) fn new(act: Act, permissions: &Arc<dyn Permissions>) -> Self {
        Self {
            act,
            permissions: Arc::clone(permissions),
        }
    }

    /// A permission counts for one signer or, as `<domain>/*`, for all of a domain.
    fn is_permitted(&self, attributes: &Attributes<'_>, signer: &str) -> bool {
        let domain = signer.split('/').next().unwrap_or_default();
        [signer, &format!("{domain}/*")].into_iter().any(|name| {
            let permission = Permission {
                verb: self.act.verb(),
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
impl ValidatingPlugin for ForSigner {
    fn name(&self) -> &'static str {
        self.act.plugin()
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Update
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != REQUESTS || attributes.subresource != self.act.subresource() {
            return Ok(());
        }
        // The signer of the request as it was: nobody talks themselves into another one's.
        let old: &CertificateSigningRequest = attributes.typed_old()?;
        if self.act == Act::Sign && !is_signed_anew(old, attributes.typed()?) {
            return Ok(());
        }
        let signer = &old.spec.signer_name;
        if self.is_permitted(attributes, signer) {
            return Ok(());
        }
        let verb = self.act.verb();
        Err(attributes.forbidden(&format!(
            "user not permitted to {verb} requests with signerName {signer:?}"
        )))
    }
}

/// Whether a change of the status is one that only the signer may make.
fn is_signed_anew(old: &CertificateSigningRequest, new: &CertificateSigningRequest) -> bool {
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

/// `CertificateSubjectRestriction`: nobody is signed into the group that may do everything.
#[derive(Debug)]
pub(crate) struct SubjectRestriction;

#[async_trait]
impl ValidatingPlugin for SubjectRestriction {
    fn name(&self) -> &'static str {
        "CertificateSubjectRestriction"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != REQUESTS || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let spec = &attributes.typed::<CertificateSigningRequest>()?.spec;
        if spec.signer_name != CLIENT_SIGNER {
            return Ok(());
        }
        let asked = asks_for_masters(&spec.request.0);
        if asked.map_err(|why| attributes.forbidden(&format!("failed to parse CSR: {why}")))? {
            return Err(attributes.forbidden(&format!(
                "use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
            )));
        }
        Ok(())
    }
}

/// Whether an organization of the subject is the group; one that cannot be read might be.
fn asks_for_masters(pem: &[u8]) -> Result<bool, String> {
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
