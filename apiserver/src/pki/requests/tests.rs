use rcgen::{CertificateParams, DnType, SanType};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn terms(usages: &[&str], end: &str) -> Terms {
    Terms {
        usages: usages.iter().map(|usage| (*usage).to_owned()).collect(),
        not_before: at("2024-01-01T00:00:00Z"),
        not_after: at(end),
    }
}

fn request(names: &[&str]) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, "system:node:n");
    for name in names {
        params
            .subject_alt_names
            .push(SanType::DnsName((*name).try_into().unwrap()));
    }
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn authority(dir: &tempfile::TempDir) -> Authority {
    Authority::in_dir(dir.path()).unwrap()
}

/// Inspects a certificate after verifying its signature by the authority.
fn look(authority: &Authority, pem: &str, look: impl Fn(&X509Certificate<'_>)) {
    let own = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap();
    let (_, own) = X509Certificate::from_der(&own).unwrap();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty());
    certificate
        .verify_signature(Some(own.public_key()))
        .unwrap();
    assert_eq!(certificate.issuer(), own.subject());
    look(&certificate);
}

#[test]
fn a_certificate_is_what_was_requested() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(&dir);
    let asked = request(&["n.example.com", "n"]);
    let usages = ["digital signature", "key encipherment", "server auth"];
    let pem = authority
        .sign(asked.as_bytes(), &terms(&usages, "2025-01-01T00:00:00Z"))
        .unwrap();
    look(&authority, &pem, |certificate| {
        assert_eq!(
            certificate.subject().to_string(),
            "O=system:nodes, CN=system:node:n"
        );
        assert_eq!(
            certificate.validity().not_before.timestamp(),
            at("2024-01-01T00:00:00Z").as_second()
        );
        assert_eq!(
            certificate.validity().not_after.timestamp(),
            at("2025-01-01T00:00:00Z").as_second()
        );
        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(
            usage.critical && usage.value.digital_signature() && usage.value.key_encipherment()
        );
        assert!(!usage.value.key_cert_sign());
        let purposes = certificate.extended_key_usage().unwrap().unwrap();
        assert!(purposes.value.server_auth && !purposes.value.client_auth);
        assert!(!certificate.is_ca());
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names.len(), 2);
    });
    let other = authority
        .sign(asked.as_bytes(), &terms(&usages, "2025-01-01T00:00:00Z"))
        .unwrap();
    assert_ne!(pem, other, "each has a serial number of its own");
}

/// The authority here is valid for ten years.
#[test]
fn no_certificate_outlasts_its_authority() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(&dir);
    let terms = terms(&["client auth"], "2999-01-01T00:00:00Z");
    let pem = authority.sign(request(&[]).as_bytes(), &terms).unwrap();
    look(&authority, &pem, |certificate| {
        let end = certificate.validity().not_after.timestamp();
        assert!(end < at("2999-01-01T00:00:00Z").as_second());
        assert!(certificate.key_usage().unwrap().is_none());
        assert!(certificate.subject_alternative_name().unwrap().is_none());
    });
}

#[test]
fn times_beyond_2049_have_four_digits() {
    for (time, expected) in [
        ("2049-12-31T23:59:59Z", "\u{17}\u{d}491231235959Z"),
        ("2050-01-01T00:00:00Z", "\u{18}\u{f}20500101000000Z"),
    ] {
        let der = yasna::construct_der(|writer| write_time(writer, at(time)));
        assert_eq!(String::from_utf8(der).unwrap(), expected);
    }
}

#[test]
fn errors_have_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(&dir);
    let good = request(&[]);
    let sign = |request: &str, usage| {
        let terms = terms(&[usage], "2025-01-01T00:00:00Z");
        authority.sign(request.as_bytes(), &terms).unwrap_err()
    };
    assert_eq!(
        sign(&good, "cert sign"),
        "unrecognized usage values: [cert sign]"
    );
    assert_eq!(
        sign("x", "client auth"),
        "PEM block type must be CERTIFICATE REQUEST"
    );
    // the last bytes of a request are its signature
    let request = rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(good.as_bytes());
    let mut forged = request.unwrap().to_vec();
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let forged = pem("CERTIFICATE REQUEST", &forged);
    assert_eq!(
        sign(&forged, "client auth"),
        "the signature of the request is not that of its key"
    );
}
