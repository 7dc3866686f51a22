//! Certificates of version 1, which the libraries of this workspace cannot make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::pki::Identity;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

const SEQUENCE: u8 = 0x30;
const BITS: u8 = 0x03;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// The same certificate without its version and its extensions, signed with the authority's key.
pub fn of_version_1(identity: &Identity, authority_key: &str) -> Identity {
    let der = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let parts = elements(contents(&der));
    let signed = elements(contents(parts[0])).into_iter();
    let kept = signed.filter(|element| ![VERSION, EXTENSIONS].contains(&element[0]));
    let to_sign = element(SEQUENCE, &kept.collect::<Vec<_>>().concat());
    let PrivateKeyDer::Pkcs8(key) =
        PrivateKeyDer::from_pem_slice(authority_key.as_bytes()).unwrap()
    else {
        panic!("not PKCS#8");
    };
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
    let key = EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der(), &random).unwrap();
    let signature = key.sign(&random, &to_sign).unwrap();
    let bits = element(BITS, &[&[0], signature.as_ref()].concat());
    let der = element(SEQUENCE, &[&to_sign, parts[1], &bits].concat());
    Identity {
        certificate: pem(&der),
        key: identity.key.clone(),
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    format!("{begin}\n{}\n{end}\n", lines.join("\n"))
}

/// The consecutive elements in `der`.
fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (element, rest) = der.split_at(head(der) + contents(der).len());
        found.push(element);
        der = rest;
    }
    found
}

fn contents(der: &[u8]) -> &[u8] {
    let length = match der[1] {
        short @ 0..0x80 => usize::from(short),
        long => {
            let digits = &der[2..2 + usize::from(long & 0x7f)];
            digits
                .iter()
                .fold(0, |n, digit| n << 8 | usize::from(*digit))
        }
    };
    &der[head(der)..][..length]
}

const fn head(der: &[u8]) -> usize {
    match der[1] {
        0..0x80 => 2,
        long => 2 + (long & 0x7f) as usize,
    }
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], contents].concat()
}
