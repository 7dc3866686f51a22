//! The kubeconfig of a cluster admin, written at every start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use portcullis_api::UserInfo;
use portcullis_controllers::own_service::Address;

use super::certificates::Certificates;
use super::error::StartError;
use super::host::reachable;
use crate::config::Serve;
use crate::kubeconfig::{self, Kubeconfig};
use crate::pki::{self, PkiError};

/// The user of the kubeconfig.
const ADMIN: &str = "kubernetes-admin";

/// The path of the admin's kubeconfig.
pub fn kubeconfig_path(options: &Serve) -> PathBuf {
    options
        .write_kubeconfig
        .clone()
        .unwrap_or_else(|| in_data_dir(&options.data_dir))
}

/// Its default path in a data directory.
pub fn in_data_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.kubeconfig")
}

/// The `cluster-info` for joining nodes: the server's address and authority. The address is the one for pods,
/// unless the server listens on loopback alone.
pub fn cluster_info(options: &Serve, pki: &Certificates) -> String {
    let local = pki.local;
    let advertised = options.services.advertise_address;
    let ip = match advertised.is_none() && local.ip().is_loopback() {
        true => None,
        false => Address::new(advertised, local).ip,
    };
    let address = ip.map_or(reachable(local), |ip| SocketAddr::new(ip, local.port()));
    kubeconfig::cluster(&format!("https://{address}"), &pki.trusted)
}

/// Writes a kubeconfig for a cluster admin.
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
        .client(ADMIN, Some(UserInfo::SYSTEM_MASTERS))
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
