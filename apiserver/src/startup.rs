//! What must be there before the port opens: certificates and kubeconfigs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::app::StartError;
use crate::config::Serve;
use crate::kubeconfig::Kubeconfig;
use crate::own_service::Address;
use crate::registry::ranges::first_address;
use crate::serving::certificate::ServingCertificate;
use crate::serving::pki::{self, Authority, NewFile, PkiError};

/// The cluster admin of the kubeconfig that is written at start.
const ADMIN: &str = "kubernetes-admin";

const TLS_CERTIFICATE: &str = "--tls-cert-file";
const TLS_KEY: &str = "--tls-private-key-file";

/// The certificates of a server.
pub struct Certificates {
    /// The data directory's authority, which signs client certificates too.
    pub authority: Authority,
    /// What the server shows, and how it proves it.
    pub serving: ServingCertificate,
    /// The authority that clients should trust, as PEM.
    pub trusted: String,
    /// What of these is new, to be written once the start can no longer be refused.
    pub new_files: Vec<NewFile>,
}

/// Where a data directory keeps certificates.
pub fn pki_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("pki")
}

/// Reads the certificates that options name, and makes the others, without writing any.
///
/// # Errors
/// Names the option or the file at fault.
pub fn certificates(options: &Serve, local: SocketAddr) -> Result<Certificates, StartError> {
    let dir = pki_dir(&options.data_dir);
    let data_dir = |error: PkiError| StartError::option("--data-dir", error);
    let (authority, mut new_files) = Authority::find_or_make(&dir).map_err(data_dir)?;
    let (serving, trusted) = match (&options.tls_cert_file, &options.tls_private_key_file) {
        (Some(certificate), Some(key)) => {
            let serving = ServingCertificate::files(certificate, key).map_err(|error| {
                let of_key = error.path() == key && key != certificate;
                let option = if of_key { TLS_KEY } else { TLS_CERTIFICATE };
                StartError::option(option, error)
            })?;
            let trusted = serving.current().pem.clone();
            (serving, trusted)
        }
        _ => {
            let (names, addresses) = names(options, local);
            // Anew at every start, so that it names the addresses of this one.
            let identity = authority.server(&names, &addresses).map_err(data_dir)?;
            let serving = ServingCertificate::fixed(&identity.certificate, &identity.key)
                .map_err(|why| StartError::option("--data-dir", why))?;
            let files = [
                NewFile::new(dir.join("apiserver.key"), identity.key, 0o600),
                NewFile::new(dir.join("apiserver.crt"), identity.certificate, 0o644),
            ];
            new_files.extend(files);
            (serving, authority.certificate().to_owned())
        }
    };
    Ok(Certificates {
        authority,
        serving,
        trusted,
        new_files,
    })
}

/// Writes what was made for a start that will succeed.
///
/// # Errors
/// Names the data directory and the file.
pub fn write_new_files<'a>(files: impl IntoIterator<Item = &'a NewFile>) -> Result<(), StartError> {
    let mut files = files.into_iter();
    files
        .try_for_each(NewFile::write)
        .map_err(|error| StartError::option("--data-dir", error))
}

/// What clients on this machine and in pods may call it: among others the address of the service
/// `kubernetes`, and the one that is announced.
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

/// What keys begin with, without a slash at the end: a path below the root, however it is written
/// (upstream: `path.Join("/", prefix)` in `pkg/storage/etcd3/store.go`).
pub fn key_prefix(given: &str) -> String {
    let mut parts = Vec::new();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.iter().map(|part| format!("/{part}")).collect()
}

/// What this machine calls itself, in lower case; empty if it does not say.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// Where the admin's kubeconfig goes.
pub fn kubeconfig_path(options: &Serve) -> PathBuf {
    options
        .write_kubeconfig
        .clone()
        .unwrap_or_else(|| options.data_dir.join("admin.kubeconfig"))
}

/// Writes a kubeconfig that may do everything.
///
/// # Errors
/// Names the option and the file.
pub fn write_kubeconfig(
    options: &Serve,
    pki: &Certificates,
    local: SocketAddr,
) -> Result<(), StartError> {
    let at_fault = |e: PkiError| StartError::option("--write-kubeconfig", e);
    let identity = pki
        .authority
        .client(ADMIN, Some(portcullis_api::UserInfo::SYSTEM_MASTERS))
        .map_err(at_fault)?;
    let server = format!("https://{}", reachable(local));
    let config = Kubeconfig {
        server: &server,
        authority: &pki.trusted,
        user: ADMIN,
        identity: &identity,
    };
    pki::write(
        &kubeconfig_path(options),
        config.to_yaml().as_bytes(),
        0o600,
    )
    .map_err(at_fault)
}

/// Where clients on this machine reach a server. One that listens on every address listens on
/// this machine's own too.
pub fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = if local.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        local.ip()
    };
    SocketAddr::new(ip, local.port())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    /// Pods find the server by the service's address, which is the first of the range, and by its name.
    #[test]
    fn the_certificate_has_every_name_the_server_is_called_by() {
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

    #[test]
    fn a_key_prefix_is_a_path_below_the_root() {
        for (given, prefix) in [
            ("/registry", "/registry"),
            ("registry", "/registry"),
            ("/a//b/./c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("", ""),
            ("/", ""),
        ] {
            assert_eq!(key_prefix(given), prefix, "{given}");
        }
    }
}
