//! Client certificates (`--client-ca-file`).

mod pre_v3;
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
pub use pre_v3::PreV3Key;

/// How long a verified certificate is cached. All requests of a connection have the same one, and
/// verifying a signature costs more than most requests.
const CACHE_TTL: Duration = Duration::from_secs(60);

/// The maximum number of cached certificates; the least used ones are evicted.
const CACHE_SIZE: usize = 1024;

/// Identifies users by certificates that a CA of a bundle has signed: the common name is the user
/// name, organizations are groups.
///
/// A certificate without a common name identifies no user (upstream:
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
    /// [`FileError`], if it is not a bundle of valid certificates.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Ok(Self {
            cas: Reloading::load(path, parse)?,
        })
    }

    /// Parses `contents`; `path` is used for messages and reloading only.
    ///
    /// # Errors
    /// [`FileError`], if it is not a bundle of valid certificates.
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
        let cached = self
            .verified
            .lock()
            .get(chain)
            .filter(|cached| now < cached.until)
            .cloned();
        if let Some(cached) = cached {
            return Ok(cached.outcome);
        }
        let verified = self.verify(chain, now)?;
        self.verified
            .lock()
            .insert(chain.to_vec(), verified.clone());
        Ok(verified.outcome)
    }

    fn verify(&self, chain: &[CertificateDer<'static>], now: UnixTime) -> Result<Verified, Error> {
        let Some((own, intermediates)) = chain.split_first() else {
            return Err(untrusted("unknown", "no certificate"));
        };
        let (_, certificate) =
            X509Certificate::from_der(own).map_err(|_| untrusted("unknown", "malformed"))?;
        let serial = certificate.raw_serial_as_string();
        if pre_v3::is_pre_v3(&certificate) {
            pre_v3::verify(&certificate, &self.authorities, now)
                .map_err(|why| untrusted(&serial, why))?;
        } else {
            self.verifier
                .verify_client_cert(own, intermediates, now)
                .map(drop)
                .or_else(|error| {
                    let accepted = purpose::is_purpose_error(&error)
                        && purpose::verify_any_purpose(own, intermediates, &self.roots, now);
                    if accepted { Ok(()) } else { Err(error) }
                })
                .map_err(|error| untrusted(&serial, error))?;
        }
        let expires = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        let until = expires.min(now.as_secs().saturating_add(CACHE_TTL.as_secs()));
        Ok(Verified {
            until: UnixTime::since_unix_epoch(Duration::from_secs(until)),
            outcome: user_of(&certificate).map_or(Outcome::NotMine, Outcome::Identified),
        })
    }
}

impl fmt::Debug for ClientCas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCas").finish_non_exhaustive()
    }
}

/// The user of a certificate. Of several common names the last is used, as in Go's `pkix.Name`.
fn user_of(certificate: &X509Certificate<'_>) -> Option<UserInfo> {
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
    let file_error = |problem| FileError::Whole {
        path: path.to_owned(),
        problem,
    };
    let mut roots = RootCertStore::empty();
    let mut authorities = Vec::new();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(contents)) {
        let certificate = certificate.map_err(|e| file_error(Problem::NotPem(e.to_string())))?;
        authorities.push(certificate.clone());
        roots.add(certificate).map_err(|error| {
            file_error(Problem::Certificate {
                number,
                reason: error.to_string(),
            })
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
        .build()
        .map_err(|_| file_error(Problem::NoCertificate))?;
    Ok(ClientCas {
        verifier,
        authorities,
        roots,
        verified: Mutex::new(Cache::new(CACHE_SIZE)),
    })
}

#[cfg(test)]
pub(crate) mod tests;
