//! The client certificate for the servers of API services, and the authority that they verify it by.

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

/// This server as a client of the servers of API services.
pub struct ProxyClient {
    /// The client certificate and key.
    pub identity: ClientIdentity,
    /// The authority that signed it, as PEM; empty if options name the certificate, whose authority is unknown
    /// here.
    pub authority: String,
    /// Its name and the headers that it sends; `None` if options name the certificate.
    pub headers: Option<ProxyHeaders>,
    /// Files that were generated, to be written once all options are accepted.
    pub new_files: Vec<NewFile>,
}

impl ProxyClient {
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
