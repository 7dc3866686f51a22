//! Certificate signing requests: PKCS#10 in PEM.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

/// Parses a request and passes it to `look`. Its signature is not verified.
///
/// # Errors
/// The reason why the request is malformed (upstream: `ParseCSR` in
/// `pkg/apis/certificates/helpers.go`), or the error of `look`.
pub fn read<T>(
    pem: &[u8],
    look: impl FnOnce(&X509CertificationRequest<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let wrong_block = || "PEM block type must be CERTIFICATE REQUEST".to_owned();
    let (_, block) = parse_x509_pem(pem).map_err(|_| wrong_block())?;
    if block.label != "CERTIFICATE REQUEST" {
        return Err(wrong_block());
    }
    let (rest, request) = X509CertificationRequest::from_der(&block.contents)
        .map_err(|e| format!("x509: malformed certificate request: {e}"))?;
    if !rest.is_empty() {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    look(&request)
}
