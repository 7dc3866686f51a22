//! The certificate for the servers of API services, and the authority that they verify it by.

use super::certificates::pki_dir;
use super::error::StartError;
use crate::config::Serve;
use crate::outbound::identity::ClientIdentity;
use crate::pki::{Authority, NewFile, PkiError};

/// The name in the default certificate.
pub use portcullis_controllers::cluster_authentication::FRONT_PROXY_CLIENT;
use portcullis_controllers::cluster_authentication::ProxyHeaders;

const CERTIFICATE: &str = "--proxy-client-cert-file";
const KEY: &str = "--proxy-client-key-file";

/// A front proxy.
pub struct FrontProxy {
    /// What it shows.
    pub identity: ClientIdentity,
    /// Who signed that, as PEM; empty if only the operator who named the files knows.
    pub authority: String,
    /// What it is called and says, unless only the operator knows.
    pub headers: Option<ProxyHeaders>,
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
            let identity = ClientIdentity::files(certificate, key).map_err(|error| {
                let of_key = error.path() == key && key != certificate;
                let option = if of_key { KEY } else { CERTIFICATE };
                StartError::option(option, error)
            })?;
            return Ok(Self {
                identity,
                authority: String::new(),
                headers: None,
                new_files: Vec::new(),
            });
        }
        let dir = pki_dir(&options.data_dir).join("front-proxy");
        let made = || {
            let (authority, mut new_files) = Authority::find_or_make(&dir)?;
            // new at every start, as the server's
            let identity = authority.client(FRONT_PROXY_CLIENT, None)?;
            let (key, certificate) = (identity.key.clone(), identity.certificate.clone());
            new_files.push(NewFile::new(dir.join("client.key"), key, 0o600));
            new_files.push(NewFile::new(dir.join("client.crt"), certificate, 0o644));
            Ok(Self {
                identity: ClientIdentity::fixed(identity),
                authority: authority.certificate().to_owned(),
                headers: Some(ProxyHeaders::own()),
                new_files,
            })
        };
        made().map_err(|error: PkiError| StartError::option("--data-dir", error))
    }
}
