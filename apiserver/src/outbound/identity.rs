//! What this server presents to others as a client, read again when its files change.
//!
//! Upstream: `dynamic_serving_content.go` for the front proxy, `client-go/transport/cert_rotation.go`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_authn::{FileError, Reloading};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::https::{ClientCertificate, trusting_anyone};
use crate::files::{Watched, unusable};
use crate::pki::Identity;

/// A client certificate and its key.
#[derive(Clone, Debug)]
pub enum ClientIdentity {
    /// The same for as long as the server runs.
    Fixed(Arc<Identity>),
    /// What two files say.
    Files(Arc<Reloading<Identity>>),
}

impl ClientIdentity {
    /// The same for as long as the server runs.
    pub fn fixed(identity: Identity) -> Self {
        Self::Fixed(Arc::new(identity))
    }

    /// What these files hold; both are read again when one of them changes.
    ///
    /// # Errors
    /// [`FileError`], which names the one at fault.
    pub fn files(certificate: &Path, key: &Path) -> Result<Self, FileError> {
        let paths = vec![certificate.to_owned(), key.to_owned()];
        let named = paths.clone();
        let files = Reloading::together(paths, move |contents| identity(&named, contents))?;
        Ok(Self::Files(Arc::new(files)))
    }

    /// The files to read again when they change, if there are any.
    pub fn reload(&self) -> Option<Watched> {
        match self {
            Self::Fixed(_) => None,
            Self::Files(files) => Some(files.clone()),
        }
    }

    /// What new connections present: the same pointer until it changes.
    pub fn current(&self) -> Arc<Identity> {
        match self {
            Self::Fixed(identity) => identity.clone(),
            Self::Files(files) => files.current(),
        }
    }
}

fn identity(paths: &[PathBuf], contents: &[Vec<u8>]) -> Result<Identity, FileError> {
    let ([certificate, key], [chain_pem, key_pem]) = (paths, contents) else {
        let none = PathBuf::new();
        return Err(unusable(&none, &"a certificate and a key are two files"));
    };
    if !matches!(
        CertificateDer::pem_slice_iter(chain_pem).next(),
        Some(Ok(_))
    ) {
        return Err(unusable(certificate, &"no certificate in it"));
    }
    if PrivateKeyDer::from_pem_slice(key_pem).is_err() {
        return Err(unusable(key, &"no private key in it"));
    }
    let presented = ClientCertificate {
        certificate: chain_pem,
        key: key_pem,
    };
    trusting_anyone(Some(&presented)).map_err(|why| unusable(key, &why))?;
    let text = |path: &Path, pem: &[u8]| {
        let text = std::str::from_utf8(pem).map(str::to_owned);
        text.map_err(|why| unusable(path, &why))
    };
    Ok(Identity {
        certificate: text(certificate, chain_pem)?,
        key: text(key, key_pem)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis_authn::Reload;

    use super::*;
    use crate::pki::Authority;

    #[test]
    fn the_file_at_fault_is_named_and_the_old_pair_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("c.crt"), dir.path().join("k.key"));
        let authority = Authority::in_dir(dir.path()).unwrap();
        let [one, two] = ["one", "two"].map(|name| authority.client(name, None).unwrap());
        let put = |pair: (&str, &str)| {
            fs::write(&certificate, pair.0).unwrap();
            fs::write(&key, pair.1).unwrap();
        };
        put((&one.certificate, &one.key));
        let ClientIdentity::Files(files) = ClientIdentity::files(&certificate, &key).unwrap()
        else {
            panic!("not of files");
        };
        let first = files.current();
        assert!(!files.reload().unwrap() && Arc::ptr_eq(&first, &files.current()));
        for (pair, at_fault) in [
            ((&*two.certificate, &*one.key), "k.key: "),
            (("", &*one.key), "c.crt: no certificate in it"),
            ((&*one.certificate, ""), "k.key: no private key in it"),
        ] {
            put(pair);
            let error = files.reload().unwrap_err().to_string();
            assert!(error.contains(at_fault), "{error}");
            assert!(Arc::ptr_eq(&first, &files.current()));
        }
        put((&two.certificate, &two.key));
        assert!(files.reload().unwrap());
        assert_eq!(files.current().certificate, two.certificate);
    }
}
