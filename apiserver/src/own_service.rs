//! The service `kubernetes`: the server as pods find it.
//!
//! Upstream: `pkg/controlplane/controller/kubernetesservice`. It is brought back when it is gone;
//! servers that share a store stand in it side by side.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointPort as SlicePort, EndpointSlice,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::{Object, Status};
use tokio_util::sync::CancellationToken;

use crate::bootstrap::system;
use crate::registry::ranges::repair::Leaks;
use crate::registry::resource::Resource;
use crate::registry::update::{Change, Current};
use crate::registry::{Registry, Scope, table};

const NAMESPACE: &str = "default";
const NAME: &str = "kubernetes";
const PORT_NAME: &str = "https";
/// How often to see whether all is still there.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long to wait, and how often, for another server that makes the service at the same moment.
const RIVAL_WAIT: Duration = Duration::from_millis(100);
const RIVAL_WAITS: usize = 10;
/// How many of these pass between looks for addresses and ports that are nobody's.
const REPAIR_EVERY: u32 = 18;

/// Where a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where pods reach it; none if this machine has no address but loopback's.
    pub ip: Option<IpAddr>,
    /// Its port there.
    pub port: u16,
}

impl Address {
    /// The address to announce: the one given, else the one listened on, else that of this
    /// machine's way to the outside (upstream: `ResolveBindAddress` in
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

/// This machine's address on the way to the outside. Nothing is sent there.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Keeps the service in being, until the server stops; then the server leaves it to the others.
pub async fn run(registry: Arc<Registry>, address: Address, stop: CancellationToken) {
    let mut leaks = Leaks::default();
    let mut round = 0_u32;
    loop {
        if let Err(status) = ensure(&registry, address).await {
            tracing::warn!(
                error = status.message,
                "service kubernetes: not as it should be"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => round += 1,
            () = stop.cancelled() => break,
        }
        if round.is_multiple_of(REPAIR_EVERY)
            && let Err(error) = registry.ranges().repair(&registry, &mut leaks).await
        {
            tracing::warn!(error, "addresses and ports of services were not checked");
        }
    }
    if let Err(status) = announce(&registry, address, false).await {
        tracing::warn!(
            error = status.message,
            "service kubernetes: still names this server"
        );
    }
}

async fn ensure(registry: &Registry, address: Address) -> Result<(), Status> {
    let service = Reachable {
        ip: registry.ranges().first_address(),
        port: address.port,
    };
    write(registry, table::SERVICES, &service).await?;
    announce(registry, address, true).await
}

/// Writes this server into the endpoints, or out of them.
async fn announce(registry: &Registry, address: Address, here: bool) -> Result<(), Status> {
    let Some(ip) = address.ip else {
        return Ok(());
    };
    let port = address.port;
    let standing = Standing { ip, port, here };
    write(registry, table::ENDPOINTS, &InEndpoints(standing)).await?;
    write(registry, table::ENDPOINT_SLICES, &InSlice(standing)).await
}

async fn write(
    registry: &Registry,
    resource: &'static Resource,
    change: &dyn Change,
) -> Result<(), Status> {
    let user = system();
    let scope = Scope::all(resource, &user).named(NAMESPACE, NAME);
    let mut written = registry.update(&scope, change).await;
    for _ in 0..RIVAL_WAITS {
        match &written {
            // another server on the same store has the address, and is about to write the service
            Err(status) if status.code == 422 => {}
            _ => break,
        }
        tokio::time::sleep(RIVAL_WAIT).await;
        written = registry.update(&scope, change).await;
    }
    match written {
        // another server on the same store did it
        Err(status) if status.code == 409 => Ok(()),
        written => written.map(drop),
    }
}

/// The object as it is, or one of that name.
fn existing<K: Object + Default + Clone>(current: Option<&Current>) -> K {
    let found = current.and_then(|c| c.object.as_kind::<K>()).cloned();
    found.unwrap_or_else(|| {
        let mut object = K::default();
        *object.metadata_mut() = ObjectMeta {
            name: Some(NAME.into()),
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

/// The service.
struct Reachable {
    ip: Option<IpAddr>,
    port: u16,
}

impl Change for Reachable {
    fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut service: Service = existing(current);
        label(&mut service.metadata, "component", "apiserver");
        label(&mut service.metadata, "provider", NAME);
        let ip = self.ip.map(|ip| ip.to_string());
        let spec = service.spec.get_or_insert_with(|| ServiceSpec {
            cluster_ip: ip,
            ip_family_policy: Some("SingleStack".into()),
            ..ServiceSpec::default()
        });
        spec.type_ = Some("ClusterIP".into());
        spec.ports = Some(vec![ServicePort {
            name: Some(PORT_NAME.into()),
            port: 443,
            target_port: Some(IntOrString::Int(self.port.into())),
            ..ServicePort::default()
        }]);
        Ok(defaulted(table::SERVICES, service))
    }

    fn creates(&self) -> bool {
        true
    }
}

/// A server that is there, or goes.
#[derive(Clone, Copy)]
struct Standing {
    ip: IpAddr,
    port: u16,
    here: bool,
}

impl Standing {
    /// The addresses of all servers on this one's port. Whoever goes last stays: nobody is better
    /// served by none.
    fn addresses(&self, mut known: Vec<String>) -> Vec<String> {
        let own = self.ip.to_string();
        if !self.here && known.iter().any(|ip| *ip != own) {
            known.retain(|ip| *ip != own);
        } else if !known.contains(&own) {
            known.push(own);
        }
        known.sort_unstable();
        known
    }
}

struct InEndpoints(Standing);

impl Change for InEndpoints {
    fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut endpoints: Endpoints = existing(current);
        // the slice below is this server's own work
        let skip = "endpointslice.kubernetes.io/skip-mirror";
        label(&mut endpoints.metadata, skip, "true");
        let ports = vec![EndpointPort {
            name: Some(PORT_NAME.into()),
            port: self.0.port.into(),
            protocol: Some("TCP".into()),
            ..EndpointPort::default()
        }];
        let subsets = endpoints.subsets.take().unwrap_or_default();
        let same = subsets
            .into_iter()
            .filter(|s| s.ports.as_ref() == Some(&ports));
        let known = same
            .flat_map(|s| s.addresses.unwrap_or_default())
            .map(|a| a.ip);
        let addresses = self.0.addresses(known.collect()).into_iter();
        endpoints.subsets = Some(vec![EndpointSubset {
            addresses: Some(
                addresses
                    .map(|ip| EndpointAddress {
                        ip,
                        ..EndpointAddress::default()
                    })
                    .collect(),
            ),
            ports: Some(ports),
            ..EndpointSubset::default()
        }]);
        Ok(defaulted(table::ENDPOINTS, endpoints))
    }

    fn creates(&self) -> bool {
        true
    }
}

struct InSlice(Standing);

impl Change for InSlice {
    fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut slice: EndpointSlice = existing(current);
        label(&mut slice.metadata, "kubernetes.io/service-name", NAME);
        let family = if self.0.ip.is_ipv6() { "IPv6" } else { "IPv4" };
        family.clone_into(&mut slice.address_type);
        let ports = vec![SlicePort {
            name: Some(PORT_NAME.into()),
            port: Some(self.0.port.into()),
            protocol: Some("TCP".into()),
            ..SlicePort::default()
        }];
        let same = slice.ports.as_ref() == Some(&ports);
        let before = slice.endpoints.take().filter(|_| same).unwrap_or_default();
        let known = before.into_iter().flat_map(|e| e.addresses);
        let addresses = self.0.addresses(known.collect()).into_iter();
        slice.endpoints = Some(
            addresses
                .map(|ip| Endpoint {
                    addresses: vec![ip],
                    conditions: Some(EndpointConditions {
                        ready: Some(true),
                        ..EndpointConditions::default()
                    }),
                    ..Endpoint::default()
                })
                .collect(),
        );
        slice.ports = Some(ports);
        Ok(defaulted(table::ENDPOINT_SLICES, slice))
    }

    fn creates(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use portcullis_admission::{Lookups, Selection};
    use portcullis_rbac::AlwaysAllow;
    use portcullis_storage::Storage;
    use portcullis_storage::embedded::EmbeddedStorage;

    use super::*;
    use crate::permissions::AuthorizersPermissions;
    use crate::registry::delete::DeleteOptions;
    use crate::registry::ranges::ServiceRanges;
    use crate::registry::{Guard, metadata};

    struct Nobody;

    impl Guard for Nobody {
        fn check(
            &self,
            _: &Scope<'_>,
            _: &dyn Object,
            _: Option<&dyn Object>,
        ) -> Result<(), Status> {
            Ok(())
        }
    }

    fn registry(storage: Arc<dyn Storage>) -> Registry {
        let nobody = Arc::new(AuthorizersPermissions(Arc::new(AlwaysAllow)));
        let by_default = Selection::from_flags::<&str>(&[], &[]).unwrap();
        let nothing = Selection::from_flags(&[], &by_default.names()).unwrap();
        let admission = nothing.build(&Lookups::nothing(nobody, metadata::generate_name));
        let network = "10.0.0.0/24".parse().unwrap();
        let ports = "30000-32767".parse().unwrap();
        let ranges = ServiceRanges::new(&storage, "/registry", network, ports).unwrap();
        Registry::new(storage, "/registry", admission, Box::new(Nobody), ranges)
    }

    /// A server that has taken the address and not yet written the service, or gives it up, is
    /// waited for.
    #[tokio::test]
    async fn an_address_somebody_is_about_to_give_back_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap());
        let (here, there) = (registry(store.clone()), registry(store));
        let user = system();
        let rival = Scope::all(table::SERVICES, &user).named(NAMESPACE, "rival");
        let mut service: Service = existing(None);
        service.metadata.name = Some("rival".into());
        service.spec = Some(ServiceSpec {
            cluster_ip: Some("10.0.0.1".into()),
            ports: Some(vec![ServicePort {
                port: 443,
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        });
        let service = defaulted(table::SERVICES, service);
        there.create(&rival, service).await.unwrap();

        let own = Reachable {
            ip: here.ranges().first_address(),
            port: 6443,
        };
        let scope = Scope::all(table::SERVICES, &user).named(NAMESPACE, NAME);
        let refused = here.update(&scope, &own).await.err().unwrap();
        assert_eq!(refused.code, 422, "{}", refused.message);
        let give_back = async {
            tokio::time::sleep(RIVAL_WAIT).await;
            let options = DeleteOptions::default();
            there.delete(&rival, &options).await.map(drop)
        };
        let written = write(&here, table::SERVICES, &own);
        let (written, given_back) = tokio::join!(written, give_back);
        given_back.unwrap();
        written.unwrap();
    }

    #[test]
    fn servers_stand_side_by_side() {
        let standing = |here| Standing {
            ip: "10.0.0.2".parse().unwrap(),
            port: 6443,
            here,
        };
        let known = |ips: &[&str]| ips.iter().map(|ip| (*ip).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            standing(true).addresses(known(&["10.0.0.3", "10.0.0.1"])),
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        );
        assert_eq!(
            standing(false).addresses(known(&["10.0.0.1", "10.0.0.2"])),
            ["10.0.0.1"]
        );
        assert_eq!(
            standing(false).addresses(known(&["10.0.0.2"])),
            ["10.0.0.2"]
        );
    }

    #[test]
    fn what_is_advertised_is_reachable_from_elsewhere() {
        let local = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = Some("9.9.9.9".parse().unwrap());
        for (advertised, bound, ip) in [
            (given, "127.0.0.1:1", given),
            (None, "192.168.1.2:1", Some("192.168.1.2".parse().unwrap())),
        ] {
            let address = Address::new(advertised, local(bound));
            assert_eq!(address, Address { ip, port: 1 });
        }
        let found = Address::new(None, local("0.0.0.0:1")).ip;
        assert!(found.is_none_or(|ip| !ip.is_loopback() && !ip.is_unspecified()));
    }
}
