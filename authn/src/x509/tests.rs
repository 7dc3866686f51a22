use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use time::{Duration as Span, OffsetDateTime};

use super::*;

/// A certificate authority for tests.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.not_before = OffsetDateTime::now_utc() - Span::hours(1);
    params.not_after = OffsetDateTime::now_utc() + Span::hours(1);
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = ca_params(name);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = ca_params(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn sign(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    fn cas(&self) -> Arc<ClientCas> {
        let bundle = format!("a comment\n{}{}", Self::new("other").pem(), self.pem());
        ClientCertificates::of(Path::new("ca.crt"), bundle.as_bytes())
            .unwrap()
            .cas
            .current()
    }
}

fn user(name: &str, groups: &[&str]) -> Outcome {
    Outcome::Identified(UserInfo {
        name: name.into(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..UserInfo::default()
    })
}

fn rejection(result: Result<Outcome, Error>) -> String {
    match result {
        Err(Error::UntrustedCertificate(reason)) => reason,
        other => panic!("not rejected: {other:?}"),
    }
}

#[test]
fn valid_certificates_identify_users() {
    let ca = Ca::new("ca");
    let cas = ca.cas();
    let mut admin = params("kubernetes-admin");
    admin
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let mut any = params("any");
    any.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let mut several = params("several");
    several.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::Any,
    ];
    let deep = ca.intermediate("between");
    let now = UnixTime::now();
    for (chain, expected) in [
        (
            vec![ca.sign(&admin)],
            user("kubernetes-admin", &["system:masters"]),
        ),
        (vec![ca.sign(&params("élise"))], user("élise", &[])),
        (vec![ca.sign(&any)], user("any", &[])),
        (vec![ca.sign(&several)], user("several", &[])),
        (
            vec![deep.sign(&any), deep.certificate.der().clone()],
            user("any", &[]),
        ),
        (vec![ca.sign(&params(""))], Outcome::NotMine),
        (
            vec![deep.sign(&params("deep")), deep.certificate.der().clone()],
            user("deep", &[]),
        ),
        (vec![], Outcome::NotMine),
    ] {
        // The second time it is cached.
        assert_eq!(cas.identify(&chain, now), Ok(expected.clone()));
        assert_eq!(cas.identify(&chain, now), Ok(expected));
    }
}

#[test]
fn invalid_certificates_are_rejected() {
    let ca = Ca::new("ca");
    let cas = ca.cas();
    let other = Ca::new("ca");
    let mut expired = params("x");
    expired.not_after = OffsetDateTime::now_utc() - Span::minutes(1);
    let mut early = params("x");
    early.not_before = OffsetDateTime::now_utc() + Span::minutes(1);
    let mut server = params("x");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut any = params("x");
    any.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let mut any_expired = any.clone();
    any_expired.not_after = expired.not_after;
    let good = ca.sign(&params("x"));
    let truncated = CertificateDer::from(good[..good.len() - 1].to_vec());
    for (certificate, reason) in [
        (other.sign(&params("x")), "BadSignature"),
        (Ca::new("stranger").sign(&params("x")), "UnknownIssuer"),
        (ca.sign(&expired), "certificate expired"),
        (ca.sign(&early), "certificate not valid yet"),
        (
            other.sign(&any),
            "does not allow extended key usage for client authentication",
        ),
        (ca.sign(&any_expired), "certificate expired"),
        (
            ca.sign(&server),
            "does not allow extended key usage for client authentication",
        ),
        (truncated, "malformed"),
        (CertificateDer::from(Vec::new()), "malformed"),
    ] {
        let message = rejection(cas.identify(&[certificate], UnixTime::now()));
        assert!(message.contains(reason), "{reason}: {message}");
    }
}

#[test]
fn a_cached_certificate_is_rejected_once_it_expires() {
    let ca = Ca::new("ca");
    let cas = ca.cas();
    let mut short = params("x");
    short.not_after = OffsetDateTime::now_utc() + Span::seconds(30);
    let chain = [ca.sign(&short)];
    let now = UnixTime::now();
    assert_eq!(cas.identify(&chain, now), Ok(user("x", &[])));
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs() + 40));
    assert!(
        rejection(cas.identify(&chain, later))
            .to_lowercase()
            .contains("expired")
    );
}

#[test]
fn the_last_common_name_and_all_organizations_are_used() {
    let pem = include_bytes!("testdata/two-names.pem");
    let der = CertificateDer::from_pem_slice(pem).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let user_of = user_of(&certificate).map_or(Outcome::NotMine, Outcome::Identified);
    assert_eq!(user_of, user("last", &["team:a", "téam b"]));
}

#[test]
fn invalid_bundles_are_rejected() {
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    for (bundle, expected) in [
        (String::new(), "ca.crt: no certificate found"),
        ("just text".into(), "ca.crt: no certificate found"),
        (format!("{begin}AAAA\n"), "ca.crt: not PEM: "),
        (format!("{begin}AAAA\n{end}"), "ca.crt: certificate 1: "),
        (
            format!("{}{begin}AAAA\n{end}", Ca::new("x").pem()),
            "ca.crt: certificate 2: ",
        ),
    ] {
        let error = ClientCertificates::of(Path::new("ca.crt"), bundle.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

/// A certificate in use stays cached when many others are evicted.
#[test]
fn certificates_in_use_stay_cached() {
    let ca = Ca::new("ca");
    let cas = ca.cas();
    let now = UnixTime::now();
    let used = [ca.sign(&params("used"))];
    let is_cached = || cas.verified.lock().get(used.as_slice()).is_some();
    cas.identify(&used, now).unwrap();
    for number in 0..2 * CACHE_SIZE {
        assert!(is_cached(), "forgotten after {number} others");
        cas.identify(&used, now).unwrap();
        // what follows a certificate that an authority has signed is not looked at
        let other = CertificateDer::from(number.to_be_bytes().to_vec());
        cas.identify(&[used[0].clone(), other], now).unwrap();
    }
    let size = cas.verified.lock().len();
    assert!(size > CACHE_SIZE / 2 && size <= CACHE_SIZE, "{size}");
}
