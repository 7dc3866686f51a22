//! Validation of signing requests (upstream: `pkg/apis/certificates/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, certificate_request, name};
use x509_parser::pem::Pem;

use super::conditions;
use crate::validation::conditions::STATUSES;
use crate::validation::{list, one_of};

/// The shortest lifetime of a certificate, in seconds.
const EXPIRATION_MIN: i32 = 600;
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
/// The conditions that are true or absent.
const VERDICTS: [&str; 3] = ["Approved", "Denied", "Failed"];
/// A domain, a slash, a label, a dot and a subdomain.
const SIGNER_MAX: usize = name::SUBDOMAIN_MAX + 1 + name::LABEL_MAX + 1 + name::SUBDOMAIN_MAX;
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

pub(super) fn validate(request: &CertificateSigningRequest) -> ErrorList {
    let mut errors = ErrorList::new();
    let (spec, path) = (&request.spec, Path::new("spec"));
    if let Err(why) = check_request(&spec.request.0) {
        let path = path.child("request");
        errors.push(FieldError::invalid(&path, go_bytes(&spec.request.0), why));
    }
    validate_usages(
        list(spec.usages.as_ref()),
        &path.child("usages"),
        &mut errors,
    );
    let signer_path = path.child("signerName");
    if spec.signer_name == LEGACY_SIGNER {
        let detail = "the legacy signerName is not allowed via this API version";
        errors.push(FieldError::invalid(&signer_path, &spec.signer_name, detail));
    } else {
        validate_signer(&spec.signer_name, &signer_path, &mut errors);
    }
    if let Some(seconds) = spec.expiration_seconds.filter(|s| *s < EXPIRATION_MIN) {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        let path = path.child("expirationSeconds");
        errors.push(FieldError::invalid(&path, seconds, detail));
    }
    validate_status(request, &mut errors);
    errors
}

fn go_bytes(bytes: &[u8]) -> BadValue {
    let digits: Vec<_> = bytes.iter().map(|b| format!("{b:#x}")).collect();
    BadValue::go(format!("[]byte{{{}}}", digits.join(", ")))
}

/// A PKCS#10 request in PEM, signed with the key it is for.
fn check_request(pem: &[u8]) -> Result<(), String> {
    certificate_request::read(pem, |request| {
        request
            .verify_signature()
            .map_err(|e| format!("x509: the signature is not the key's: {e}"))
    })
}

fn validate_usages(usages: &[String], path: &Path, errors: &mut ErrorList) {
    if usages.is_empty() {
        errors.push(FieldError::required(path, "usages must be provided"));
    }
    for (i, usage) in usages.iter().enumerate() {
        one_of(usage, &USAGES, &path.index(i), errors);
    }
    let mut seen = BTreeSet::new();
    for (i, usage) in usages.iter().enumerate() {
        if !seen.insert(usage) {
            errors.push(FieldError::duplicate(&path.index(i), usage));
        }
    }
}

/// A domain and a path, such as `example.com/signer`.
pub(in crate::kinds) fn validate_signer(signer: &str, path: &Path, errors: &mut ErrorList) {
    if signer.is_empty() {
        errors.push(FieldError::required(path, "signerName must be provided"));
        return;
    }
    let Some((domain, rest)) = signer
        .split_once('/')
        .filter(|(_, rest)| !rest.contains('/'))
    else {
        let detail =
            "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        errors.push(FieldError::invalid(path, signer, detail));
        return;
    };
    if domain.len() > name::SUBDOMAIN_MAX {
        errors.push(FieldError::too_long(path, name::SUBDOMAIN_MAX));
    }
    let mut labels = |part: &str, check: fn(&str) -> Vec<String>| {
        // only the first invalid label is reported
        let mistakes = |label| (label, check(label));
        let bad = part.split('.').map(mistakes).find(|(_, m)| !m.is_empty());
        let (label, sentences) = bad.unwrap_or_default();
        for sentence in sentences {
            let detail = format!("validating label {}: {sentence}", go_quote(label));
            errors.push(FieldError::invalid(path, part, detail));
        }
    };
    labels(domain, name::dns1123_label);
    labels(rest, name::dns1123_subdomain);
    if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(path, domain, detail));
    }
    if signer.len() > SIGNER_MAX {
        errors.push(FieldError::too_long(path, SIGNER_MAX));
    }
}

fn validate_status(request: &CertificateSigningRequest, errors: &mut ErrorList) {
    let path = Path::new("status");
    let mut seen = BTreeSet::new();
    let mut decided = "";
    for (i, condition) in conditions(request).iter().enumerate() {
        let path = path.child("conditions").index(i);
        let (kind, kind_path) = (condition.type_.as_str(), path.child("type"));
        if kind.is_empty() {
            errors.push(FieldError::required(&kind_path, ""));
        }
        validate_condition_status(condition, &path.child("status"), errors);
        if matches!(kind, "Approved" | "Denied") {
            if !decided.is_empty() && decided != kind {
                let detail = "Approved and Denied conditions are mutually exclusive";
                errors.push(FieldError::invalid(&kind_path, kind, detail));
            }
            decided = kind;
        }
        if !seen.insert(kind) {
            errors.push(FieldError::duplicate(&kind_path, kind));
        }
    }
    let certificate = request.status.as_ref().and_then(|s| s.certificate.as_ref());
    if let Some(Err(why)) = certificate
        .filter(|c| !c.0.is_empty())
        .map(|c| check_chain(&c.0))
    {
        let path = path.child("certificate");
        errors.push(FieldError::invalid(
            &path,
            BadValue::go("<certificate data>"),
            why,
        ));
    }
}

fn validate_condition_status(
    condition: &CertificateSigningRequestCondition,
    path: &Path,
    errors: &mut ErrorList,
) {
    match condition.status.as_str() {
        "" => errors.push(FieldError::required(path, "")),
        status if VERDICTS.contains(&condition.type_.as_str()) => {
            one_of(status, &["True"], path, errors);
        }
        status => one_of(status, &STATUSES, path, errors),
    }
}

/// Certificates in PEM, one after the other.
fn check_chain(pem: &[u8]) -> Result<(), String> {
    let mut found = false;
    for block in Pem::iter_from_buffer(pem) {
        let block = block.map_err(|e| e.to_string())?;
        if block.label != "CERTIFICATE" {
            let label = go_quote(&block.label);
            return Err(format!(
                "only CERTIFICATE PEM blocks are allowed, found {label}"
            ));
        }
        block.parse_x509().map_err(|e| e.to_string())?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err("must contain at least one CERTIFICATE PEM block".to_owned())
    }
}

/// Decision and certificate are immutable; `deciding` is whether the change is a decision.
pub(super) fn validate_update(
    request: &CertificateSigningRequest,
    old: &CertificateSigningRequest,
    deciding: bool,
) -> ErrorList {
    let mut errors = validate(request);
    let path = Path::new("status").child("conditions");
    for kind in VERDICTS {
        let of = |request: &CertificateSigningRequest| {
            let found = conditions(request).iter().filter(|c| c.type_ == kind);
            found.cloned().collect::<Vec<_>>()
        };
        let (new, old) = (of(request), of(old));
        let settable = kind == "Failed" || deciding;
        let what = if new.len() < old.len() {
            "remove"
        } else if settable || new == old {
            continue;
        } else if new.len() > old.len() {
            "add"
        } else {
            "modify"
        };
        let detail = format!(
            "updates may not {what} a condition of type {}",
            go_quote(kind)
        );
        errors.push(FieldError::forbidden(&path, detail));
    }
    let certificate = |request: &CertificateSigningRequest| {
        let status = request.status.as_ref();
        status.and_then(|s| s.certificate.clone()).map(|c| c.0)
    };
    let was = certificate(old).unwrap_or_default();
    if !was.is_empty() && certificate(request).unwrap_or_default() != was {
        let path = Path::new("status").child("certificate");
        let detail = "updates may not modify existing certificate content";
        errors.push(FieldError::forbidden(&path, detail));
    }
    errors
}
