//! Client certificates (`--client-ca-file`).

mod old;
mod purpose;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use portcullis_api::UserInfo;
use quick_cache::unsync::Cache;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::reload::{FileError, Problem, Reload, Reloading};
use crate::{Authenticator, Credentials, Error, Outcome};
pub use old::OldKey;

/// How long a verified certificate is believed without verifying it again. A connection's requests
/// all come with the same one, and a signature costs more than most requests.
const BELIEVED: Duration = Duration::from_secs(60);

/// How many verified certificates are remembered; with more, those that are used least are forgotten.
const REMEMBERED: usize = 1024;

/// Identifies the holder of a certificate signed by a CA of a bundle: the common name is the
/// user's, organizations are groups.
///
/// A certificate without a common name identifies nobody (upstream:
/// `pkg/authentication/request/x509`, `CommonNameUserConversion`).
#[derive(Debug)]
pub struct ClientCertificates {
    cas: Reloading<ClientCas>,
}

struct ClientCas {
    verifier: Arc<dyn ClientCertVerifier>,
    authorities: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
    verified: Mutex<Cache<Vec<CertificateDer<'static>>, Verified>>,
}

#[derive(Clone)]
struct Verified {
    until: UnixTime,
    outcome: Outcome,
}

impl ClientCertificates {
    /// Reads the PEM bundle of CA certificates at `path`.
    ///
    /// # Errors
    /// [`FileError`], if it is no bundle of usable certificates.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Ok(Self {
            cas: Reloading::load(path, parse)?,
        })
    }

    /// A bundle with these contents, whose path is only for messages and reloading.
    ///
    /// # Errors
    /// [`FileError`], if it is no bundle of usable certificates.
    pub fn of(path: &Path, contents: &[u8]) -> Result<Self, FileError> {
        Ok(Self {
            cas: Reloading::of(path, contents, parse)?,
        })
    }
}

#[async_trait]
impl Authenticator for ClientCertificates {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        self.cas
            .current()
            .identify(credentials.peer_certificates, UnixTime::now())
    }
}

impl Reload for ClientCertificates {
    fn path(&self) -> &Path {
        self.cas.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        self.cas.reload()
    }
}

impl ClientCas {
    fn identify(&self, chain: &[CertificateDer<'static>], now: UnixTime) -> Result<Outcome, Error> {
        if chain.is_empty() {
            return Ok(Outcome::NotMine);
        }
        let known = self
            .verified
            .lock()
            .get(chain)
            .filter(|known| now < known.until)
            .cloned();
        if let Some(known) = known {
            return Ok(known.outcome);
        }
        let verified = self.verify(chain, now)?;
        self.verified
            .lock()
            .insert(chain.to_vec(), verified.clone());
        Ok(verified.outcome)
    }

    fn verify(&self, chain: &[CertificateDer<'static>], now: UnixTime) -> Result<Verified, Error> {
        let Some((own, intermediates)) = chain.split_first() else {
            return Err(untrusted("none", "there is none"));
        };
        let (_, certificate) =
            X509Certificate::from_der(own).map_err(|_| untrusted("unknown", "it is malformed"))?;
        let serial = certificate.raw_serial_as_string();
        if old::is_old(&certificate) {
            old::verify(&certificate, &self.authorities, now)
                .map_err(|why| untrusted(&serial, why))?;
        } else {
            self.verifier
                .verify_client_cert(own, intermediates, now)
                .map(drop)
                .or_else(|error| {
                    let by_any = purpose::is_at_fault(&error)
                        && purpose::any_will_do(own, intermediates, &self.roots, now);
                    if by_any { Ok(()) } else { Err(error) }
                })
                .map_err(|error| untrusted(&serial, error))?;
        }
        let expires = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        let until = expires.min(now.as_secs().saturating_add(BELIEVED.as_secs()));
        Ok(Verified {
            until: UnixTime::since_unix_epoch(Duration::from_secs(until)),
            outcome: holder(&certificate).map_or(Outcome::NotMine, Outcome::Identified),
        })
    }
}

impl fmt::Debug for ClientCas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCas").finish_non_exhaustive()
    }
}

/// Of several common names the last counts, as in Go's `pkix.Name`.
fn holder(certificate: &X509Certificate<'_>) -> Option<UserInfo> {
    let subject = certificate.subject();
    let name = subject.iter_common_name().last()?.as_str().ok()?;
    let groups = subject
        .iter_organization()
        .filter_map(|o| o.as_str().ok().map(str::to_owned));
    (!name.is_empty()).then(|| UserInfo {
        name: name.to_owned(),
        groups: groups.collect(),
        ..UserInfo::default()
    })
}

fn untrusted(serial: &str, reason: impl fmt::Display) -> Error {
    Error::UntrustedCertificate(format!("serial number {serial}: {reason}"))
}

fn parse(path: &Path, contents: &[u8]) -> Result<ClientCas, FileError> {
    let wrong = |problem| FileError::Whole {
        path: path.to_owned(),
        problem,
    };
    let mut roots = RootCertStore::empty();
    let mut authorities = Vec::new();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(contents)) {
        let certificate = certificate.map_err(|e| wrong(Problem::NotPem(e.to_string())))?;
        authorities.push(certificate.clone());
        roots.add(certificate).map_err(|error| {
            wrong(Problem::Certificate {
                number,
                reason: error.to_string(),
            })
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
        .build()
        .map_err(|_| wrong(Problem::NoCertificate))?;
    Ok(ClientCas {
        verifier,
        authorities,
        roots,
        verified: Mutex::new(Cache::new(REMEMBERED)),
    })
}

#[cfg(test)]
pub(crate) mod tests;
