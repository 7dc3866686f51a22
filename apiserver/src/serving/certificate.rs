//! The server's certificate, read again when its files change.
//!
//! Upstream: `pkg/server/dynamiccertificates/dynamic_serving_content.go`. Open connections keep the
//! certificate of their handshake; new ones get the current one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_authn::{FileError, Reloading};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::files::{Watched, unusable};

/// A certificate with its key.
#[derive(Debug)]
pub struct Shown {
    key: Arc<CertifiedKey>,
    /// The chain, as PEM.
    pub pem: String,
}

/// The certificate of new connections.
#[derive(Clone, Debug)]
pub enum ServingCertificate {
    /// The same for as long as the server runs.
    Fixed(Arc<Shown>),
    /// The contents of two files (`--tls-cert-file`, `--tls-private-key-file`).
    Files(Arc<Reloading<Shown>>),
}

impl ServingCertificate {
    /// A certificate and its key, as PEM.
    ///
    /// # Errors
    /// Why they are unusable, in one line.
    pub fn fixed(certificate: &str, key: &str) -> Result<Self, String> {
        let chain = chain(certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| e.to_string())?;
        let key = certified(chain, key)?;
        let pem = certificate.to_owned();
        Ok(Self::Fixed(Arc::new(Shown { key, pem })))
    }

    /// The contents of these files; both are read again when one of them changes.
    ///
    /// # Errors
    /// [`FileError`], which names the one at fault.
    pub fn files(certificate: &Path, key: &Path) -> Result<Self, FileError> {
        let paths = vec![certificate.to_owned(), key.to_owned()];
        let named = paths.clone();
        let files = Reloading::together(paths, move |contents| shown(&named, contents))?;
        Ok(Self::Files(Arc::new(files)))
    }

    /// The files to read again when they change, if there are any.
    pub fn reload(&self) -> Option<Watched> {
        match self {
            Self::Fixed(_) => None,
            Self::Files(files) => Some(files.clone()),
        }
    }

    /// The certificate for new connections.
    pub fn current(&self) -> Arc<Shown> {
        match self {
            Self::Fixed(shown) => shown.clone(),
            Self::Files(files) => files.current(),
        }
    }
}

impl ResolvesServerCert for ServingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key.clone())
    }
}

fn shown(paths: &[PathBuf], contents: &[Vec<u8>]) -> Result<Shown, FileError> {
    let ([certificate, key], [chain_pem, key_pem]) = (paths, contents) else {
        let none = PathBuf::new();
        return Err(unusable(&none, &"a certificate and a key are two files"));
    };
    let chain = chain(chain_pem).map_err(|why| unusable(certificate, &why))?;
    let pem = String::from_utf8(chain_pem.clone()).map_err(|e| unusable(certificate, &e))?;
    let private = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| unusable(key, &NO_KEY))?;
    let key = certified(chain, private).map_err(|why| unusable(key, &why))?;
    Ok(Shown { key, pem })
}

/// The text for a file without a key; the PEM library's text names its own types.
const NO_KEY: &str = "it contains no private key";

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|e| format!("not PEM: {e}"))?;
    if chain.is_empty() {
        return Err("it contains no certificate".to_owned());
    }
    Ok(chain)
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, String> {
    let provider = rustls::crypto::ring::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "not the key of the certificate".to_owned(),
        other => other.to_string(),
    })?;
    Ok(Arc::new(key))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis_authn::Reload;

    use super::*;
    use crate::pki::{Authority, Identity};

    fn identity(dir: &Path) -> Identity {
        let authority = Authority::in_dir(dir).unwrap();
        authority.server(&["localhost".into()], &[]).unwrap()
    }

    #[test]
    fn errors_name_the_file_and_the_old_pair_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("c.crt"), dir.path().join("k.key"));
        let (one, two) = (
            identity(&dir.path().join("1")),
            identity(&dir.path().join("2")),
        );
        let put = |pair: (&str, &str)| {
            fs::write(&certificate, pair.0).unwrap();
            fs::write(&key, pair.1).unwrap();
        };
        put((&one.certificate, &one.key));
        let ServingCertificate::Files(files) =
            ServingCertificate::files(&certificate, &key).unwrap()
        else {
            panic!("not of files");
        };
        assert!(!files.reload().unwrap(), "nothing has changed");
        for (pair, expected) in [
            (
                (&*two.certificate, &*one.key),
                "k.key: not the key of the certificate",
            ),
            (
                (&*one.certificate, &*two.key),
                "k.key: not the key of the certificate",
            ),
            (("", &*one.key), "c.crt: it contains no certificate"),
            ((&*one.certificate, ""), "k.key: it contains no private key"),
            (
                (&*one.certificate, &*one.certificate),
                "k.key: it contains no private key",
            ),
            ((&*one.key, &*one.key), "c.crt: it contains no certificate"),
        ] {
            put(pair);
            let error = files.reload().unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
            assert_eq!(files.current().pem, one.certificate);
            assert!(ServingCertificate::files(&certificate, &key).is_err());
        }
        put((&two.certificate, &two.key));
        assert!(files.reload().unwrap() && !files.reload().unwrap());
        assert_eq!(files.current().pem, two.certificate);
        fs::remove_file(&key).unwrap();
        assert!(files.reload().is_err());
        assert_eq!(files.current().pem, two.certificate);
    }
}
