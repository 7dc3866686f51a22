//! The certificates that are needed before the port opens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::StartError;
use super::host::host_name;
use crate::config::Serve;
use crate::pki::{Authority, NewFile, PkiError};
use crate::serving::certificate::ServingCertificate;
use portcullis_controllers::own_service::Address;
use portcullis_registry::ranges::first_address;

const TLS_CERTIFICATE: &str = "--tls-cert-file";
const TLS_KEY: &str = "--tls-private-key-file";
const CERT_DIR: &str = "--cert-dir";

/// The certificates of a server.
pub struct Certificates {
    /// The data directory's authority, which signs client certificates too.
    pub authority: Arc<Authority>,
    /// The server's certificate and key.
    pub serving: ServingCertificate,
    /// The address the server listens on.
    pub local: SocketAddr,
    /// The authority that clients should trust, as PEM.
    pub trusted: String,
    /// The new files, to be written once the start can no longer fail.
    pub new_files: Vec<NewFile>,
}

/// The directory of certificates in a data directory.
pub fn pki_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("pki")
}

/// Reads the certificates that options name, and makes the others, without writing files.
///
/// # Errors
/// Names the option or the file at fault.
pub fn certificates(options: &Serve, local: SocketAddr) -> Result<Certificates, StartError> {
    let dir = pki_dir(&options.data_dir);
    let data_dir = |error: PkiError| StartError::option("--data-dir", error);
    let (authority, mut new_files) = Authority::find_or_make(&dir).map_err(data_dir)?;
    let (serving, trusted) = match Pair::given(options) {
        Some(pair) => {
            let serving = pair.read()?;
            let trusted = serving.current().pem.clone();
            (serving, trusted)
        }
        None => {
            let (names, addresses) = names(options, local);
            // New at every start, so that it contains the current addresses.
            let identity = authority.server(&names, &addresses).map_err(data_dir)?;
            let serving = ServingCertificate::fixed(&identity.certificate, &identity.key)
                .map_err(|why| StartError::option("--data-dir", why))?;
            let pair = Pair::below(options.cert_dir.as_deref().unwrap_or(&dir), "--data-dir");
            let files = [
                NewFile::new(pair.key, identity.key, 0o600),
                NewFile::new(pair.certificate, identity.certificate, 0o644),
            ];
            new_files.extend(files);
            (serving, authority.certificate().to_owned())
        }
    };
    Ok(Certificates {
        authority: Arc::new(authority),
        serving,
        local,
        trusted,
        new_files,
    })
}

/// The files of a serving certificate, and the options that name them.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    options: [&'static str; 2],
}

impl Pair {
    /// The files in the options, or in the directory they name (upstream: `MaybeDefaultWithSelfSignedCerts`).
    fn given(options: &Serve) -> Option<Self> {
        if let (Some(certificate), Some(key)) =
            (&options.tls_cert_file, &options.tls_private_key_file)
        {
            return Some(Self {
                certificate: certificate.clone(),
                key: key.clone(),
                options: [TLS_CERTIFICATE, TLS_KEY],
            });
        }
        let pair = Self::below(options.cert_dir.as_deref()?, CERT_DIR);
        (pair.certificate.exists() && pair.key.exists()).then_some(pair)
    }

    fn below(dir: &Path, option: &'static str) -> Self {
        Self {
            certificate: dir.join("apiserver.crt"),
            key: dir.join("apiserver.key"),
            options: [option; 2],
        }
    }

    fn read(&self) -> Result<ServingCertificate, StartError> {
        ServingCertificate::files(&self.certificate, &self.key).map_err(|error| {
            let of_key = error.path() == self.key && self.key != self.certificate;
            StartError::option(self.options[usize::from(of_key)], error)
        })
    }
}

/// Writes the files that were made, once the start can no longer fail.
///
/// # Errors
/// Names the data directory and the file.
pub fn write_new_files<'a>(files: impl IntoIterator<Item = &'a NewFile>) -> Result<(), StartError> {
    let mut files = files.into_iter();
    files
        .try_for_each(NewFile::write)
        .map_err(|error| StartError::option("--data-dir", error))
}

/// The names and addresses by which clients on this machine and in pods reach it: among others the address of
/// the service `kubernetes`, and the advertised one.
fn names(options: &Serve, local: SocketAddr) -> (Vec<String>, Vec<IpAddr>) {
    let mut names = vec![
        "localhost".to_owned(),
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
    ];
    names.extend([
        "kubernetes.default.svc".to_owned(),
        "kubernetes.default.svc.cluster.local".to_owned(),
    ]);
    let host = host_name();
    if portcullis_api::name::dns1123_subdomain(&host).is_empty() && !names.contains(&host) {
        names.push(host);
    }
    let mut addresses = vec![
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let services = &options.services;
    let announced = Address::new(services.advertise_address, local).ip;
    let service = first_address(services.service_cluster_ip_range);
    let bound = Some(local.ip()).filter(|ip| !ip.is_unspecified());
    for address in [bound, announced, service].into_iter().flatten() {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    (names, addresses)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    /// Pods find the server by the service's address, which is the first of the range, and by its name.
    #[test]
    fn the_certificate_has_every_name_of_the_server() {
        let words = [
            "portcullis",
            "serve",
            "--advertise-address=192.0.2.7",
            "--service-cluster-ip-range=10.9.0.0/16",
        ];
        let Ok(Cli {
            command: Command::Serve(options),
            ..
        }) = Cli::try_parse_from(words)
        else {
            panic!("not the options of a server");
        };
        for (bound, more) in [
            ("127.0.0.1:6443", None),
            ("198.51.100.3:6443", Some("198.51.100.3")),
        ] {
            let (names, addresses) = names(&options, bound.parse().unwrap());
            for name in ["kubernetes", "kubernetes.default.svc", "localhost"] {
                assert!(names.iter().any(|known| known == name), "{name}");
            }
            let expected = ["127.0.0.1", "::1", "192.0.2.7", "10.9.0.1"];
            for address in expected.into_iter().chain(more) {
                assert!(addresses.contains(&address.parse().unwrap()), "{address}");
            }
        }
    }
}
