//! What this server shows to the servers that API services name, and whom they trust to say who asks.

use super::certificates::pki_dir;
use super::error::StartError;
use crate::config::Serve;
use crate::pki::{self, Authority, Identity, NewFile, PkiError};

/// The name in the certificate that is made by default.
pub use portcullis_controllers::cluster_authentication::FRONT_PROXY_CLIENT;

/// A front proxy.
pub struct FrontProxy {
    /// What it shows.
    pub identity: Identity,
    /// Who signed that, as PEM; empty if only whoever named the files knows.
    pub authority: String,
    /// What of it is new, to be written once the start can no longer be refused.
    pub new_files: Vec<NewFile>,
}

impl FrontProxy {
    /// Reads the certificate that options name, or makes one.
    ///
    /// # Errors
    /// Names the option or the file at fault.
    pub fn find_or_make(options: &Serve) -> Result<Self, StartError> {
        let files = &options.front_proxy;
        if let (Some(certificate), Some(key)) =
            (&files.proxy_client_cert_file, &files.proxy_client_key_file)
        {
            let at = |option| move |error: PkiError| StartError::option(option, error);
            let identity = Identity {
                certificate: pki::read(certificate).map_err(at("--proxy-client-cert-file"))?,
                key: pki::read(key).map_err(at("--proxy-client-key-file"))?,
            };
            return Ok(Self {
                identity,
                authority: String::new(),
                new_files: Vec::new(),
            });
        }
        let dir = pki_dir(&options.data_dir).join("front-proxy");
        let made = || {
            let (authority, mut new_files) = Authority::find_or_make(&dir)?;
            // anew at every start, as that of the server
            let identity = authority.client(FRONT_PROXY_CLIENT, None)?;
            let (key, certificate) = (identity.key.clone(), identity.certificate.clone());
            new_files.push(NewFile::new(dir.join("client.key"), key, 0o600));
            new_files.push(NewFile::new(dir.join("client.crt"), certificate, 0o644));
            Ok(Self {
                identity,
                authority: authority.certificate().to_owned(),
                new_files,
            })
        };
        made().map_err(|error: PkiError| StartError::option("--data-dir", error))
    }
}
