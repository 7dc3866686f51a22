//! The service `kubernetes`, by which pods reach the server.
//!
//! Upstream: `pkg/controlplane/controller/kubernetesservice`. It is created again when it is gone; servers
//! that share a store are listed in it side by side, each as long as its lease holds.

mod endpoints;
mod leases;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::backoff::{Backoff, jittered};
use portcullis_api::{Object, Status};
use portcullis_storage::{Error, ReadAt};
use tokio_util::sync::CancellationToken;

use self::endpoints::{InEndpoints, slice_name, slices};
use self::leases::Leases;
use crate::bootstrap::system;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::current::Current;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::repair::Leaks;
use portcullis_registry::update::Change;
use portcullis_registry::{Registry, Scope};

const NAMESPACE: &str = "default";
const NAME: &str = "kubernetes";
const PORT_NAME: &str = "https";
/// How often everything is checked (upstream: `DefaultEndpointReconcilerInterval`).
const INTERVAL: Duration = Duration::from_secs(10);
/// How many times, and how long at first and at most, to wait for another server that creates the service at
/// the same moment.
const RIVAL_WAITS: usize = 10;
const RIVAL_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));
/// How many of these pass between repairs of the ranges of addresses and ports.
const REPAIR_EVERY: u32 = 18;

/// The advertised address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address for pods; `None` if this machine has only loopback.
    pub ip: Option<IpAddr>,
    /// Its port there.
    pub port: u16,
}

impl Address {
    /// The address to advertise: the given one, else the one listened on, else the source address of this
    /// machine's default route (upstream: `ResolveBindAddress` in
    /// `k8s.io/apimachinery/pkg/util/net/interface.go`).
    pub fn new(advertised: Option<IpAddr>, local: SocketAddr) -> Self {
        let usable = |ip: &IpAddr| !ip.is_loopback() && !ip.is_unspecified();
        let bound = Some(local.ip()).filter(usable);
        Self {
            ip: advertised.or(bound).or_else(outside).filter(usable),
            port: local.port(),
        }
    }
}

/// This machine's source address on its default route. Nothing is sent.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Maintains the service until the server stops; then removes the server from it.
pub async fn run(registry: Arc<Registry>, address: Address, stop: CancellationToken) {
    let leases = address.ip.map(|ip| {
        let own = SocketAddr::new(ip, address.port);
        Leases::new(registry.storage(), &registry.root(), own)
    });
    let mut leaks = Leaks::default();
    let mut round = 0_u32;
    loop {
        if let Err(status) = ensure(&registry, address, leases.as_ref()).await {
            tracing::warn!(
                error = status.message,
                "service kubernetes: cannot be reconciled"
            );
        }
        tokio::select! {
            // with jitter, so that servers do not do it together
            () = tokio::time::sleep(jittered(INTERVAL)) => round += 1,
            () = stop.cancelled() => break,
        }
        if round.is_multiple_of(REPAIR_EVERY)
            && let Err(error) = registry.ranges().repair(&registry, &mut leaks).await
        {
            tracing::warn!(error, "addresses and ports of services were not checked");
        }
    }
    if let Some(leases) = &leases
        && let Err(status) = leave(&registry, leases).await
    {
        tracing::warn!(
            error = status.message,
            "service kubernetes: this server's address was not removed"
        );
    }
}

async fn ensure(
    registry: &Registry,
    address: Address,
    leases: Option<&Leases>,
) -> Result<(), Status> {
    let servers = match leases {
        Some(leases) => {
            leases.renew().await.map_err(|e| unreachable(&e))?;
            holders(leases).await?
        }
        None => BTreeSet::new(),
    };
    let service = Reachable {
        ip: registry.ranges().first_address(),
        port: address.port,
        servers: &servers,
    };
    write(registry, table::SERVICES, NAME, &service).await?;
    announce(registry, &servers).await
}

async fn leave(registry: &Registry, leases: &Leases) -> Result<(), Status> {
    leases.give_up().await.map_err(|e| unreachable(&e))?;
    announce(registry, &holders(leases).await?).await
}

async fn holders(leases: &Leases) -> Result<BTreeSet<SocketAddr>, Status> {
    let holders = leases.holders(Instant::now()).await;
    holders.map_err(|e| unreachable(&e))
}

fn unreachable(error: &Error) -> Status {
    Status::unavailable(format!("leases of servers: {error}"))
}

/// Writes the list of servers. The last ones stay when their leases have expired, as upstream: an empty list
/// would not help any client.
async fn announce(registry: &Registry, servers: &BTreeSet<SocketAddr>) -> Result<(), Status> {
    if servers.is_empty() {
        return Ok(());
    }
    write(registry, table::ENDPOINTS, NAME, &InEndpoints(servers)).await?;
    let slices = slices(servers);
    for slice in &slices {
        write(registry, table::ENDPOINT_SLICES, &slice.name, slice).await?;
    }
    remove_slices_from(registry, slices.len()).await
}

/// Deletes the slices of this service without servers.
async fn remove_slices_from(registry: &Registry, first: usize) -> Result<(), Status> {
    let user = system();
    let slices = Scope::all(table::ENDPOINT_SLICES, &user);
    for number in first.. {
        let name = slice_name(number);
        let scope = slices.named(NAMESPACE, &name);
        match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
            Ok(_) => {}
            Err(status) if status.code == 404 => break,
            Err(status) => return Err(status),
        }
        match registry.delete(&scope, &DeleteOptions::default()).await {
            Err(status) if status.code != 404 => return Err(status),
            _ => {}
        }
    }
    Ok(())
}

async fn write(
    registry: &Registry,
    resource: &'static Resource,
    name: &str,
    change: &dyn Change,
) -> Result<(), Status> {
    let user = system();
    let scope = Scope::all(resource, &user).named(NAMESPACE, name);
    let mut written = registry.update(&scope, change).await;
    let mut backoff = Backoff::new(RIVAL_WAIT.0, RIVAL_WAIT.1);
    for _ in 0..RIVAL_WAITS {
        match &written {
            // another server on the same store has the address, and is about to write the service
            Err(status) if status.code == 422 => {}
            _ => break,
        }
        tokio::time::sleep(backoff.pause()).await;
        written = registry.update(&scope, change).await;
    }
    match written {
        // another server on the same store did it
        Err(status) if status.code == 409 => Ok(()),
        written => written.map(drop),
    }
}

/// The current object, or a new one of that name.
fn existing<K: Object + Default + Clone>(current: Option<&Current>, name: &str) -> K {
    let found = current.and_then(|c| c.object.as_kind::<K>()).cloned();
    found.unwrap_or_else(|| {
        let mut object = K::default();
        *object.metadata_mut() = ObjectMeta {
            name: Some(name.into()),
            namespace: Some(NAMESPACE.into()),
            ..ObjectMeta::default()
        };
        object
    })
}

fn label(meta: &mut ObjectMeta, key: &str, value: &str) {
    let labels = meta.labels.get_or_insert_with(BTreeMap::new);
    labels.insert(key.into(), value.into());
}

fn defaulted(resource: &Resource, object: impl Object) -> Box<dyn Object> {
    let mut object: Box<dyn Object> = Box::new(object);
    resource.strategy.default(object.as_mut());
    object
}

/// The service with its ports.
struct Reachable<'s> {
    ip: Option<IpAddr>,
    port: u16,
    servers: &'s BTreeSet<SocketAddr>,
}

impl Reachable<'_> {
    /// The port in the service, which stays as long as some server has it, so that servers on different ports
    /// do not take turns.
    fn port(&self, spec: &ServiceSpec) -> i32 {
        let known = spec.ports.as_ref().and_then(|ports| ports.first());
        let known = match known.and_then(|port| port.target_port.as_ref()) {
            Some(IntOrString::Int(port)) => Some(*port),
            _ => None,
        };
        let is_served = |port: &i32| self.servers.iter().any(|s| i32::from(s.port()) == *port);
        known.filter(is_served).unwrap_or(self.port.into())
    }
}

#[async_trait]
impl Change for Reachable<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut service: Service = existing(current, NAME);
        label(&mut service.metadata, "component", "apiserver");
        label(&mut service.metadata, "provider", NAME);
        let ip = self.ip.map(|ip| ip.to_string());
        let spec = service.spec.get_or_insert_with(|| ServiceSpec {
            cluster_ip: ip,
            ip_family_policy: Some("SingleStack".into()),
            ..ServiceSpec::default()
        });
        let target = self.port(spec);
        spec.type_ = Some("ClusterIP".into());
        spec.ports = Some(vec![ServicePort {
            name: Some(PORT_NAME.into()),
            port: 443,
            target_port: Some(IntOrString::Int(target)),
            ..ServicePort::default()
        }]);
        Ok(defaulted(table::SERVICES, service))
    }

    fn creates(&self) -> bool {
        true
    }

    fn ends_unchanged(&self) -> bool {
        true
    }
}
