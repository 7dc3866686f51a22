//! The clients of kubelets, pods and services: their certificate, and the authorities they accept.

use super::certificates::{Certificates, pki_dir};
use super::error::StartError;
use crate::config::Serve;
use crate::files::Watched;
use crate::outbound::backends;
use crate::outbound::https::{HttpsError, StreamClient, trusting};
use crate::outbound::identity::ClientIdentity;
use crate::outbound::kubelet::Kubelets;
use crate::pki::{self, NewFile, PkiError};

/// The user and the group in the default certificate (kubeadm's names).
const USER: &str = "kube-apiserver-kubelet-client";
const GROUP: &str = "system:masters";
const CERTIFICATE: &str = "--kubelet-client-certificate";
const KEY: &str = "--kubelet-client-key";
const AUTHORITY: &str = "--kubelet-certificate-authority";

/// The clients for requests on behalf of users.
pub struct Clients {
    /// The client of kubelets.
    pub kubelets: Kubelets,
    /// The client of pods and services.
    pub others: StreamClient,
    /// The new files, to be written once the start can no longer fail.
    pub new_files: Vec<NewFile>,
    /// The files to read again when they change.
    pub reload: Option<Watched>,
}

impl Clients {
    /// Reads the files that options name, and makes a certificate if they name none.
    ///
    /// # Errors
    /// Names the option or the file at fault.
    pub fn find_or_make(options: &Serve, certificates: &Certificates) -> Result<Self, StartError> {
        let at = |option| move |error: HttpsError| StartError::option(option, error);
        let authority = options.kubelets.kubelet_certificate_authority.as_deref();
        let authority = authority.map(pki::read).transpose();
        let authority = authority.map_err(|error| StartError::option(AUTHORITY, error))?;
        if let Some(authority) = &authority {
            trusting(authority.as_bytes(), None).map_err(at(AUTHORITY))?;
        }
        let (identity, new_files) = identity(options, certificates)?;
        let reload = identity.reload();
        let kubelets = Kubelets::new(&options.kubelets, authority, identity);
        Ok(Self {
            kubelets: kubelets.map_err(at(CERTIFICATE))?,
            others: backends::of_others().map_err(at(CERTIFICATE))?,
            new_files,
            reload,
        })
    }
}

/// The client certificate for kubelets, and its new files.
fn identity(
    options: &Serve,
    certificates: &Certificates,
) -> Result<(ClientIdentity, Vec<NewFile>), StartError> {
    let at = |option| move |error: PkiError| StartError::option(option, error);
    let files = &options.kubelets;
    let named = (&files.kubelet_client_certificate, &files.kubelet_client_key);
    if let (Some(certificate), Some(key)) = named {
        let identity = ClientIdentity::files(certificate, key).map_err(|error| {
            let of_key = error.path() == key && key != certificate;
            StartError::option(if of_key { KEY } else { CERTIFICATE }, error)
        })?;
        return Ok((identity, Vec::new()));
    }
    let dir = pki_dir(&options.data_dir);
    // new at every start, as the server's
    let identity = certificates.authority.client(USER, Some(GROUP));
    let identity = identity.map_err(at("--data-dir"))?;
    let file = |end: &str| dir.join(format!("apiserver-kubelet-client.{end}"));
    let new_files = vec![
        NewFile::new(file("key"), identity.key.clone(), 0o600),
        NewFile::new(file("crt"), identity.certificate.clone(), 0o644),
    ];
    Ok((ClientIdentity::fixed(identity), new_files))
}
