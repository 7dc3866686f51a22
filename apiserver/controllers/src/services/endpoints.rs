//! The endpoints of a service: one object for all addresses, a thousand at most
//! (upstream: `pkg/controller/endpoint`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service,
    ServicePort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector as Labels, ObjectMeta};
use portcullis_api::selector::LabelSelector;
use portcullis_api::{Object, Status, UserInfo};

use super::member::{Member, protocol};
use super::{each, get, is_headless, is_selecting, list};
use crate::namespace::is_terminating;
use portcullis_kinds::table;
use portcullis_registry::current::Current;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::update::Change;
use portcullis_registry::{Registry, Scope};

/// The most addresses.
const MAX: usize = 1000;
const HEADLESS: &str = "service.kubernetes.io/headless";
/// The annotation that there are more.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "endpoint-controller");
    let service_of = |endpoints: &Endpoints| endpoints.metadata.name.clone();
    each(&registry, &user, table::ENDPOINTS, service_of, |key| {
        let (registry, user) = (&registry, &user);
        async move { attempt(registry, user, &key).await.map(|()| true) }
    })
    .await;
}

async fn attempt(registry: &Registry, user: &UserInfo, key: &str) -> Result<(), Status> {
    let (namespace, name) = key.split_once('/').unwrap_or_default();
    let scope = |resource| Scope::all(resource, user).named(namespace, name);
    let service: Option<Service> = get(registry, &scope(table::SERVICES)).await?;
    let endpoints = scope(table::ENDPOINTS);
    let Some(service) = service else {
        let deleted = registry.delete(&endpoints, &DeleteOptions::default()).await;
        return match deleted {
            Err(status) if status.code != 404 => Err(status),
            _ => Ok(()),
        };
    };
    if !is_selecting(&service) {
        return Ok(());
    }
    let pods = Scope::all(table::PODS, user).named(namespace, "");
    let pods: Vec<Pod> = list(registry, &pods, selector(&service)).await?;
    let members: Vec<_> = pods.iter().map(Member::of).collect();
    let wanted = Wanted {
        subsets: subsets(&service, &members),
        service: &service,
    };
    match registry.update(&endpoints, &wanted).await {
        Err(status) if is_terminating(&status) => Ok(()),
        written => written.map(drop),
    }
}

/// The selector of a service's pods.
pub(super) fn selector(service: &Service) -> LabelSelector {
    let spec = service.spec.as_ref();
    LabelSelector::of(Some(&Labels {
        match_labels: spec.and_then(|spec| spec.selector.clone()),
        match_expressions: None,
    }))
}

/// The desired endpoints.
struct Wanted<'s> {
    service: &'s Service,
    subsets: Vec<EndpointSubset>,
}

#[async_trait]
impl Change for Wanted<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let of = &self.service.metadata;
        let found = current.and_then(|current| current.object.as_kind::<Endpoints>());
        let mut endpoints = found.cloned().unwrap_or_else(|| Endpoints {
            metadata: ObjectMeta {
                name: of.name.clone(),
                namespace: of.namespace.clone(),
                ..ObjectMeta::default()
            },
            subsets: None,
        });
        let mut labels = of.labels.clone().unwrap_or_default();
        if is_headless(self.service) {
            labels.insert(HEADLESS.to_owned(), String::new());
        } else {
            labels.remove(HEADLESS);
        }
        endpoints.metadata.labels = Some(labels).filter(|labels| !labels.is_empty());
        let mut subsets = self.subsets.clone();
        let mut annotations = endpoints.metadata.annotations.take().unwrap_or_default();
        if truncate(&mut subsets) {
            annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
        } else {
            annotations.remove(OVER_CAPACITY);
        }
        endpoints.metadata.annotations = Some(annotations).filter(|all| !all.is_empty());
        endpoints.subsets = Some(subsets).filter(|subsets| !subsets.is_empty());
        let mut object: Box<dyn Object> = Box::new(endpoints);
        table::ENDPOINTS.strategy.default(object.as_mut());
        Ok(object)
    }

    fn creates(&self) -> bool {
        true
    }

    fn ends_unchanged(&self) -> bool {
        true
    }
}

/// Ports, by the fields that distinguish them.
type Ports = Vec<(i32, String, Option<String>, Option<String>)>;

/// Addresses with the same ports, in one subset (upstream: `RepackSubsets`).
pub(super) fn subsets(service: &Service, members: &[Member]) -> Vec<EndpointSubset> {
    let spec = service.spec.clone().unwrap_or_default();
    let publishes_all = spec.publish_not_ready_addresses.unwrap_or_default();
    let ipv6 = is_ipv6(service);
    let service_ports = spec.ports.unwrap_or_default();
    let mut by_ports = BTreeMap::<Ports, [Vec<EndpointAddress>; 2]>::new();
    for member in members.iter().filter(|member| member.counts(publishes_all)) {
        let Some(address) = member.address(ipv6) else {
            continue;
        };
        let mut ports: Ports = service_ports
            .iter()
            .filter_map(|port| described(port, member))
            .collect();
        ports.sort();
        if ports.is_empty() && !(service_ports.is_empty() && is_headless(service)) {
            continue;
        }
        let is_ready = publishes_all || member.is_ready;
        let [ready, others] = by_ports.entry(ports).or_default();
        let list = if is_ready { ready } else { others };
        list.push(endpoint(service, member, address));
    }
    by_ports.into_iter().map(subset).collect()
}

fn described(
    port: &ServicePort,
    member: &Member,
) -> Option<(i32, String, Option<String>, Option<String>)> {
    let number = member.port(port)?;
    let name = port.name.clone().filter(|name| !name.is_empty());
    Some((
        number,
        protocol(port).to_owned(),
        name,
        port.app_protocol.clone(),
    ))
}

fn endpoint(service: &Service, member: &Member, address: IpAddr) -> EndpointAddress {
    EndpointAddress {
        hostname: member.hostname(service),
        ip: address.to_string(),
        node_name: member.node.clone(),
        target_ref: Some(reference(member)),
    }
}

/// The pod behind an address.
pub(super) fn reference(member: &Member) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: Some(member.namespace.clone()),
        name: Some(member.name.clone()),
        uid: Some(member.uid.clone()),
        ..ObjectReference::default()
    }
}

fn subset((ports, lists): (Ports, [Vec<EndpointAddress>; 2])) -> EndpointSubset {
    let [ready, others] = lists.map(|mut addresses| {
        addresses.sort_by(|a, b| a.ip.cmp(&b.ip));
        Some(addresses).filter(|addresses| !addresses.is_empty())
    });
    let ports = ports
        .into_iter()
        .map(|(port, protocol, name, app_protocol)| EndpointPort {
            port,
            protocol: Some(protocol),
            name,
            app_protocol,
        });
    EndpointSubset {
        addresses: ready,
        not_ready_addresses: others,
        ports: Some(ports.collect()).filter(|ports: &Vec<_>| !ports.is_empty()),
    }
}

/// The one family of endpoints' addresses: the service's first.
fn is_ipv6(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let families = spec.and_then(|spec| spec.ip_families.as_ref());
    if let Some(family) = families.and_then(|families| families.first()) {
        return family == "IPv6";
    }
    let address = spec.and_then(|spec| spec.cluster_ip.as_deref());
    address.is_some_and(|address| address.contains(':'))
}

/// Reduces the addresses to the limit, ready ones first, each subset by its share; returns whether there were
/// more (upstream: `truncateEndpoints`).
pub(super) fn truncate(subsets: &mut [EndpointSubset]) -> bool {
    let length = |list: &Option<Vec<EndpointAddress>>| list.as_ref().map_or(0, Vec::len);
    let ready: usize = subsets.iter().map(|subset| length(&subset.addresses)).sum();
    let others: usize = subsets
        .iter()
        .map(|subset| length(&subset.not_ready_addresses))
        .sum();
    if ready + others <= MAX {
        return false;
    }
    let only_ready = ready > MAX;
    let (room, total) = match only_ready {
        true => (MAX, ready),
        false => (MAX - ready, others),
    };
    let mut left = room;
    for subset in subsets {
        if only_ready {
            subset.not_ready_addresses = None;
        }
        let list = match only_ready {
            true => &mut subset.addresses,
            false => &mut subset.not_ready_addresses,
        };
        let share = (length(list) * room).div_ceil(total).min(left);
        left -= share;
        if let Some(addresses) = list {
            addresses.truncate(share);
        }
        if share == 0 {
            *list = None;
        }
    }
    true
}
