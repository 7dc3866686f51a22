//! The endpoint slices of a service: a hundred addresses each, of one family and with the same ports
//! (upstream: `pkg/controller/endpointslice`).

mod plan;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use portcullis_api::selector::LabelSelector;
use portcullis_api::{Status, UserInfo};

pub(super) use self::plan::{Group, Plan};
use super::endpoints::{reference, selector};
use super::member::{Member, protocol};
use super::{each, get, is_headless, is_selecting, list};
use crate::edit::edit_same;
use crate::namespace::is_terminating;
use portcullis_kinds::table;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Registry, Scope};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: (&str, &str) = (
    "endpointslice.kubernetes.io/managed-by",
    "endpointslice-controller.k8s.io",
);
const HEADLESS: &str = "service.kubernetes.io/headless";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "endpointslice-controller");
    each(
        &registry,
        &user,
        table::ENDPOINT_SLICES,
        service_of,
        |key| {
            let (registry, user) = (&registry, &user);
            async move { attempt(registry, user, &key).await.map(|()| true) }
        },
    )
    .await;
}

/// The service of a slice that this controller manages.
fn service_of(slice: &EndpointSlice) -> Option<String> {
    let labels = slice.metadata.labels.as_ref()?;
    let is_ours = labels
        .get(MANAGED_BY.0)
        .is_some_and(|by| by == MANAGED_BY.1);
    labels.get(SERVICE_NAME).filter(|_| is_ours).cloned()
}

async fn attempt(registry: &Registry, user: &UserInfo, key: &str) -> Result<(), Status> {
    let (namespace, name) = key.split_once('/').unwrap_or_default();
    let scope = Scope::all(table::SERVICES, user).named(namespace, name);
    // the slices of a deleted service are its dependents
    let service: Option<Service> = get(registry, &scope).await?;
    let Some(service) = service.filter(is_selecting) else {
        return Ok(());
    };
    let pods = Scope::all(table::PODS, user).named(namespace, "");
    let pods: Vec<Pod> = list(registry, &pods, selector(&service)).await?;
    let members: Vec<_> = pods.iter().map(Member::of).collect();
    let zones = zones(registry, user, &members).await?;
    let slices = Scope::all(table::ENDPOINT_SLICES, user).named(namespace, "");
    let own = format!("{SERVICE_NAME}={name},{}={}", MANAGED_BY.0, MANAGED_BY.1);
    let own = LabelSelector::parse(&own).map_err(|why| Status::internal(why.to_string()))?;
    let existing: Vec<EndpointSlice> = list(registry, &slices, own).await?;
    let plan = Plan::of(groups(&service, &members, &zones), existing);
    match carry_out(registry, user, &service, plan).await {
        Err(status) if is_terminating(&status) => Ok(()),
        done => done,
    }
}

async fn carry_out(
    registry: &Registry,
    user: &UserInfo,
    service: &Service,
    plan: Plan,
) -> Result<(), Status> {
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let scope = Scope::all(table::ENDPOINT_SLICES, user).named(namespace, "");
    let labels = labels(service);
    for (slice, endpoints) in plan.kept {
        let name = slice.metadata.name.unwrap_or_default();
        let uid = slice.metadata.uid.unwrap_or_default();
        let ours = scope.named(namespace, &name);
        edit_same(registry, &ours, &uid, |object| {
            if let Some(slice) = object.as_kind_mut::<EndpointSlice>() {
                slice.endpoints = Some(endpoints.clone());
                slice.metadata.labels = Some(labels.clone());
                table::ENDPOINT_SLICES.strategy.default(slice);
            }
        })
        .await?;
    }
    for (group, endpoints) in plan.made {
        let slice = slice(service, &group, endpoints, &labels);
        registry.create(&scope, Box::new(slice)).await?;
    }
    for slice in plan.gone {
        let name = slice.metadata.name.unwrap_or_default();
        let ours = scope.named(namespace, &name);
        match registry.delete(&ours, &DeleteOptions::default()).await {
            Err(status) if status.code != 404 => return Err(status),
            _ => {}
        }
    }
    Ok(())
}

fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    let name = service.metadata.name.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), name);
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    match is_headless(service) {
        true => labels.insert(HEADLESS.to_owned(), String::new()),
        false => labels.remove(HEADLESS),
    };
    labels
}

fn slice(
    service: &Service,
    group: &Group,
    endpoints: Vec<Endpoint>,
    labels: &BTreeMap<String, String>,
) -> EndpointSlice {
    let of = &service.metadata;
    let name = of.name.clone().unwrap_or_default();
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: of.namespace.clone(),
            labels: Some(labels.clone()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                name,
                uid: of.uid.clone().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        address_type: group.family.clone(),
        endpoints: Some(endpoints),
        ports: Some(group.ports.clone()),
    }
}

/// The zones of the pods' nodes.
async fn zones(
    registry: &Registry,
    user: &UserInfo,
    members: &[Member],
) -> Result<HashMap<String, String>, Status> {
    let mut zones = HashMap::new();
    let mut asked = std::collections::BTreeSet::new();
    for node in members.iter().filter_map(|member| member.node.as_deref()) {
        if !asked.insert(node) {
            continue;
        }
        let scope = Scope::all(table::NODES, user).named("", node);
        let found: Option<Node> = get(registry, &scope).await?;
        let labels = found.and_then(|node| node.metadata.labels);
        if let Some(zone) = labels.and_then(|mut labels| labels.remove(ZONE)) {
            zones.insert(node.to_owned(), zone);
        }
    }
    Ok(zones)
}

/// The families of a service.
fn families(service: &Service) -> Vec<String> {
    let spec = service.spec.as_ref();
    let families = spec
        .and_then(|spec| spec.ip_families.clone())
        .unwrap_or_default();
    if !families.is_empty() {
        return families;
    }
    let address = spec.and_then(|spec| spec.cluster_ip.as_deref());
    let is_ipv6 = address.is_some_and(|address| address.contains(':'));
    vec![if is_ipv6 { "IPv6" } else { "IPv4" }.to_owned()]
}

/// Addresses by family and ports; every family has at least one group.
pub(super) fn groups(
    service: &Service,
    members: &[Member],
    zones: &HashMap<String, String>,
) -> Vec<(Group, Vec<Endpoint>)> {
    let mut all = Vec::new();
    for family in families(service) {
        let mut groups: Vec<(Group, Vec<Endpoint>)> = Vec::new();
        for member in members.iter().filter(|member| member.counts(true)) {
            let Some(address) = member.address(family == "IPv6") else {
                continue;
            };
            let group = Group {
                family: family.clone(),
                ports: ports(service, member),
            };
            let endpoint = endpoint(service, member, address, zones);
            match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => groups.push((group, vec![endpoint])),
            }
        }
        if groups.is_empty() {
            let ports = Vec::new();
            groups.push((Group { family, ports }, Vec::new()));
        }
        all.extend(groups);
    }
    all
}

fn ports(service: &Service, member: &Member) -> Vec<EndpointPort> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    let ports = ports.into_iter().flatten().filter_map(|port| {
        Some(EndpointPort {
            port: Some(member.port(port)?),
            // an empty name is written as such
            name: Some(port.name.clone().unwrap_or_default()),
            protocol: Some(protocol(port).to_owned()),
            app_protocol: port.app_protocol.clone(),
        })
    });
    ports.collect()
}

fn endpoint(
    service: &Service,
    member: &Member,
    address: IpAddr,
    zones: &HashMap<String, String>,
) -> Endpoint {
    let spec = service.spec.as_ref();
    let publishes_all = spec.and_then(|spec| spec.publish_not_ready_addresses);
    let is_ready = member.is_ready && !member.is_terminating;
    Endpoint {
        addresses: vec![address.to_string()],
        conditions: Some(EndpointConditions {
            ready: Some(publishes_all.unwrap_or_default() || is_ready),
            serving: Some(member.is_ready),
            terminating: Some(member.is_terminating),
        }),
        hostname: member.hostname(service),
        node_name: member.node.clone(),
        target_ref: Some(reference(member)),
        zone: member
            .node
            .as_ref()
            .and_then(|node| zones.get(node).cloned()),
        ..Endpoint::default()
    }
}
