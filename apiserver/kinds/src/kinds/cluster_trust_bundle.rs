//! Cluster trust bundles: authorities that workloads of a cluster are to trust.

use std::collections::BTreeMap;

use k8s_openapi::api::certificates::v1::ClusterTrustBundle;
use portcullis_api::{ErrorList, FieldError, Path, name};
use x509_parser::pem::Pem;

use super::certificate_signing_request::validate::validate_signer;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{IMMUTABLE, text};

/// The most bytes of a bundle.
const SIZE_MAX: usize = 1024 * 1024;
/// What errors say in place of the bundle.
const OMITTED: &str = "<value omitted>";

/// The rules of trust bundles (upstream: `pkg/apis/certificates/validation/validation.go`).
pub struct ClusterTrustBundleStrategy;

impl Strategy for ClusterTrustBundleStrategy {
    type Kind = ClusterTrustBundle;

    /// A signer's bundles begin with its name; see [`Strategy::validate`] for which.
    fn validate_name(&self, value: &str) -> Vec<String> {
        let own = value.rsplit_once(':').map_or(value, |(_, own)| own);
        name::dns1123_subdomain(own)
    }

    fn validate(&self, bundle: &ClusterTrustBundle) -> ErrorList {
        let mut errors = validate_names(bundle);
        validate_bundle(bundle, &mut errors);
        errors
    }

    /// A bundle that stays is not read again.
    fn validate_update(&self, bundle: &ClusterTrustBundle, old: &ClusterTrustBundle) -> ErrorList {
        let mut errors = validate_names(bundle);
        if bundle.spec.trust_bundle != old.spec.trust_bundle {
            validate_bundle(bundle, &mut errors);
        }
        let signer = text(bundle.spec.signer_name.as_ref());
        if signer != text(old.spec.signer_name.as_ref()) {
            let path = Path::new("spec").child("signerName");
            errors.push(FieldError::invalid(&path, signer, IMMUTABLE));
        }
        errors
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.signerName"]
    }

    fn field_values(&self, bundle: &ClusterTrustBundle) -> Vec<String> {
        vec![text(bundle.spec.signer_name.as_ref()).to_owned()]
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 2] = [
            Column::NAME,
            Column::text(
                "SignerName",
                "signerName indicates the associated signer, if any.",
            ),
        ];
        &COLUMNS
    }

    fn cells(&self, bundle: &ClusterTrustBundle) -> Vec<Cell> {
        let signer = bundle.spec.signer_name.clone();
        let signer = signer.filter(|signer| !signer.is_empty());
        vec![
            Cell::name(bundle),
            Cell::text(signer.unwrap_or_else(|| "<none>".to_owned())),
        ]
    }
}

/// A bundle of a signer has its name in front, with colons for slashes; others have no colon.
fn validate_names(bundle: &ClusterTrustBundle) -> ErrorList {
    let mut errors = ErrorList::new();
    let signer = text(bundle.spec.signer_name.as_ref());
    let own_name = text(bundle.metadata.name.as_ref());
    let path = Path::new("metadata").child("name");
    if signer.is_empty() {
        if own_name.contains(':') {
            let detail = "ClusterTrustBundle without signer name must not have \":\" in its name";
            errors.push(FieldError::invalid(&path, own_name, detail));
        }
        return errors;
    }
    let prefix = format!("{}:", signer.replace('/', ":"));
    if !own_name.starts_with(&prefix) {
        let detail = format!(
            "ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
        );
        errors.push(FieldError::invalid(&path, own_name, detail));
    }
    let path = Path::new("spec").child("signerName");
    validate_signer(signer, &path, &mut errors);
    errors
}

/// Certificates of authorities in PEM, at least one, each of them once.
fn validate_bundle(bundle: &ClusterTrustBundle, errors: &mut ErrorList) {
    let path = Path::new("spec").child("trustBundle");
    let text = &bundle.spec.trust_bundle;
    if text.len() > SIZE_MAX {
        errors.push(FieldError::too_long(&path, SIZE_MAX));
        return;
    }
    let mut wrong = |detail: String| errors.push(FieldError::invalid(&path, OMITTED, detail));
    let mut anchors: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    let mut is_fine = true;
    for (i, block) in Pem::iter_from_buffer(text.as_bytes()).enumerate() {
        let Ok(block) = block else {
            break;
        };
        match check_anchor(&block) {
            Ok(()) => anchors.entry(block.contents).or_default().push(i),
            Err(why) => {
                is_fine = false;
                wrong(format!("entry {i} {why}"));
            }
        }
    }
    if !is_fine {
        return;
    }
    if anchors.is_empty() {
        wrong("at least one trust anchor must be provided".into());
    }
    for indices in anchors.values().filter(|indices| indices.len() > 1) {
        let indices: Vec<_> = indices.iter().map(ToString::to_string).collect();
        wrong(format!(
            "duplicate trust anchor (indices [{}])",
            indices.join(" ")
        ));
    }
}

/// Whether a block is the certificate of an authority.
fn check_anchor(block: &Pem) -> Result<(), String> {
    if block.label != "CERTIFICATE" {
        return Err(format!("has bad block type: {}", block.label));
    }
    let certificate = block.parse_x509();
    let certificate = certificate.map_err(|_| "does not parse as X.509".to_owned())?;
    if !certificate.is_ca() {
        return Err("does not have the CA bit set".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::mistakes;

    const RULES: &ClusterTrustBundleStrategy = &ClusterTrustBundleStrategy;

    fn bundle(name: &str, signer: &str, text: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"signerName": signer, "trustBundle": text}})
    }

    #[test]
    fn names_follow_signers() {
        let named = |name: &str, signer: &str| {
            let found = mistakes(RULES, &bundle(name, signer, ""));
            // there is no certificate in any of them
            found
                .into_iter()
                .filter(|m| !m.contains("trustBundle"))
                .collect::<Vec<_>>()
        };
        assert!(named("b", "").is_empty());
        assert!(named("example.com:s:b", "example.com/s").is_empty());
        assert_eq!(named("x:b", "").len(), 1);
        let wrong = named("b", "example.com/s");
        assert!(
            wrong[0].contains("must be named with prefix example.com:s:"),
            "{wrong:?}"
        );
    }

    #[test]
    fn a_bundle_has_authorities() {
        let wrong = |text: &str| mistakes(RULES, &bundle("b", "", text));
        assert_eq!(
            wrong(""),
            [
                "spec.trustBundle: Invalid value: \"<value omitted>\": at least one trust anchor must be provided"
            ]
        );
        let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert!(wrong(&block("KEY"))[0].ends_with("entry 0 has bad block type: KEY"));
        assert!(wrong(&block("CERTIFICATE"))[0].ends_with("entry 0 does not parse as X.509"));
    }
}
