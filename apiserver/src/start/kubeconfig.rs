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

/// Where the admin's kubeconfig goes.
pub fn kubeconfig_path(options: &Serve) -> PathBuf {
    options
        .write_kubeconfig
        .clone()
        .unwrap_or_else(|| in_data_dir(&options.data_dir))
}

/// Where it is in a data directory, unless an option puts it elsewhere.
pub fn in_data_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.kubeconfig")
}

/// What nodes read that want to join: where the server is, and whom to trust. That is where pods reach it,
/// unless it listens on this machine's own address alone.
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
