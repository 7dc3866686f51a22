//! The authorities that the server names in its handshake, by which clients choose their certificates.

use std::fs;
use std::time::Duration;

use portcullis::pki::Authority;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::support::server::{TestServer, directory};

fn name(authority: &Authority) -> Vec<u8> {
    let pem = authority.certificate();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    parsed.subject().as_raw().to_vec()
}

#[tokio::test]
async fn trusted_authorities_are_named_and_those_of_a_changed_file_too() {
    let dir = directory();
    let other = Authority::in_dir(&dir.path().join("other")).unwrap();
    let file = dir.path().join("client-ca.crt");
    fs::write(&file, other.certificate()).unwrap();
    let flag = format!("--client-ca-file={}", file.display());
    let server = TestServer::start_in(dir, &[&flag]).await;
    let client = server.anonymous();
    let own = name(&server.authority());
    // by name; both authorities have the same
    for client in [client.clone(), client.over_tls12()] {
        assert_eq!(client.named_authorities().await, std::slice::from_ref(&own));
    }
    let third = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "a third");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let third = parameters.self_signed(&third).unwrap();
    fs::write(&file, third.pem()).unwrap();
    let named = async {
        loop {
            let names = server.anonymous().named_authorities().await;
            if names.len() == 2 {
                return names;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let names = tokio::time::timeout(Duration::from_secs(60), named)
        .await
        .unwrap();
    assert!(names.contains(&own));
    assert!(
        names
            .iter()
            .any(|name| name.windows(7).any(|w| w == b"a third"))
    );
}

/// A part of the names would mislead clients, and all of them do not fit into a handshake.
#[tokio::test]
async fn too_many_authorities_are_not_named() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificates = (0..40).map(|n| {
        let mut parameters = rcgen::CertificateParams::default();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, format!("{n:01000}"));
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&key).unwrap().pem()
    });
    let certificates: Vec<_> = certificates.collect();
    for (count, named) in [(30, 31), (40, 0)] {
        let dir = directory();
        let file = dir.path().join("client-ca.crt");
        fs::write(&file, certificates[..count].concat()).unwrap();
        let flag = format!("--client-ca-file={}", file.display());
        let server = TestServer::start_in(dir, &[&flag]).await;
        assert_eq!(server.anonymous().named_authorities().await.len(), named);
        assert_eq!(server.admin().get("/api").await.code, 200);
    }
}
