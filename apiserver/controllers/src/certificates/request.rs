//! The contents of a signing request, and whether a signer may sign it
//! (upstream: `pkg/apis/certificates/helpers.go`, as in 1.37).

use std::collections::BTreeSet;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use portcullis_api::certificate_request;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::x509::AttributeTypeAndValue;

/// For client certificates of kubelets.
pub(super) const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// For serving certificates of kubelets.
pub(super) const KUBELET_SERVING: &str = "kubernetes.io/kubelet-serving";
/// For client certificates of any user.
pub(super) const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

const DIGITAL_SIGNATURE: &str = "digital signature";
const KEY_ENCIPHERMENT: &str = "key encipherment";
const CLIENT_AUTH: &str = "client auth";
const SERVER_AUTH: &str = "server auth";

/// The contents of a signing request.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) common_name: String,
    organizations: Vec<String>,
    names: usize,
    addresses: usize,
    emails: usize,
    uris: usize,
    usages: BTreeSet<String>,
}

impl Facts {
    /// Reads a request.
    ///
    /// # Errors
    /// A sentence, if it is malformed.
    pub(super) fn of(request: &CertificateSigningRequest) -> Result<Self, String> {
        let spec = &request.spec;
        let mut facts = certificate_request::read(&spec.request.0, Self::read)?;
        facts.usages = spec.usages.iter().flatten().cloned().collect();
        Ok(facts)
    }

    fn read(request: &X509CertificationRequest<'_>) -> Result<Self, String> {
        let subject = &request.certification_request_info.subject;
        let text = |attribute: &AttributeTypeAndValue<'_>| {
            let text = attribute.as_str().map(str::to_owned);
            text.map_err(|_| "a name in the subject is not readable".to_owned())
        };
        let mut facts = Self {
            organizations: subject
                .iter_organization()
                .map(text)
                .collect::<Result<_, _>>()?,
            ..Self::default()
        };
        if let Some(name) = subject.iter_common_name().last() {
            facts.common_name = text(name)?;
        }
        for extension in request.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                names
                    .general_names
                    .iter()
                    .for_each(|name| facts.count(name));
            }
        }
        Ok(facts)
    }

    fn count(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(_) => self.names += 1,
            GeneralName::IPAddress(_) => self.addresses += 1,
            GeneralName::RFC822Name(_) => self.emails += 1,
            GeneralName::URI(_) => self.uris += 1,
            _ => {}
        }
    }

    /// Why a signer must not sign the request; `None` for a signer that is not one of this cluster's own.
    pub(super) fn check(&self, signer: &str) -> Option<Result<(), String>> {
        Some(match signer {
            KUBELET_CLIENT => self.check_kubelet_client(),
            KUBELET_SERVING => self.check_kubelet_serving(),
            CLIENT => self.check_client(),
            _ => return None,
        })
    }

    fn check_kubelet_client(&self) -> Result<(), String> {
        self.check_organization()?;
        refuse(self.names > 0, "DNS subjectAltNames are not allowed")?;
        refuse(self.emails > 0, "Email subjectAltNames are not allowed")?;
        refuse(self.addresses > 0, "IP subjectAltNames are not allowed")?;
        refuse(self.uris > 0, "URI subjectAltNames are not allowed")?;
        self.check_common_name()?;
        self.check_usages(CLIENT_AUTH)
    }

    fn check_kubelet_serving(&self) -> Result<(), String> {
        self.check_organization()?;
        let nameless = self.names == 0 && self.addresses == 0;
        refuse(nameless, "DNS or IP subjectAltName is required")?;
        refuse(self.emails > 0, "Email subjectAltNames are not allowed")?;
        refuse(self.uris > 0, "URI subjectAltNames are not allowed")?;
        self.check_usages(SERVER_AUTH)?;
        self.check_common_name()
    }

    fn check_client(&self) -> Result<(), String> {
        let known = [DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, CLIENT_AUTH];
        let unknown = self
            .usages
            .iter()
            .find(|usage| !known.contains(&usage.as_str()));
        if let Some(usage) = unknown {
            return Err(format!("invalid usage for client certificate: {usage}"));
        }
        let missing = "missing required usage for client certificate: client auth";
        refuse(!self.usages.contains(CLIENT_AUTH), missing)
    }

    fn check_organization(&self) -> Result<(), String> {
        let others = self.organizations != ["system:nodes"];
        refuse(others, "subject organization is not system:nodes")
    }

    fn check_common_name(&self) -> Result<(), String> {
        let other = !self.common_name.starts_with("system:node:");
        refuse(
            other,
            "subject common name does not begin with system:node:",
        )
    }

    /// Keys other than RSA need not have the usage `key encipherment`.
    fn check_usages(&self, purpose: &str) -> Result<(), String> {
        let mut required = vec![purpose, DIGITAL_SIGNATURE, KEY_ENCIPHERMENT];
        required.sort_unstable();
        let is = |required: &[&str]| self.usages.iter().eq(required);
        let without: Vec<_> = required
            .iter()
            .copied()
            .filter(|usage| *usage != KEY_ENCIPHERMENT)
            .collect();
        let others = !is(&required) && !is(&without);
        refuse(
            others,
            &format!("usages did not match [{}]", required.join(" ")),
        )
    }
}

fn refuse(is_wrong: bool, why: &str) -> Result<(), String> {
    match is_wrong {
        true => Err(why.to_owned()),
        false => Ok(()),
    }
}
