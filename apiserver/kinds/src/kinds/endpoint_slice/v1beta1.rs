//! `discovery.k8s.io/v1beta1`, whose endpoints have one map where `v1` has fields (upstream:
//! `k8s.io/api/discovery/v1beta1`, `pkg/apis/discovery/v1beta1/conversion.go`).

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1 as stored;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
#[cfg(feature = "schemas")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::version::{Version, kind};

/// The map's key for the zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// A part of the addresses behind a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.discovery.v1beta1.EndpointSlice")
)]
pub struct EndpointSlice {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What the addresses are: IPv4, IPv6 or FQDN.
    pub address_type: String,
    /// Who is behind the service.
    pub endpoints: Vec<Endpoint>,
    /// The ports of each of them.
    pub ports: Option<Vec<stored::EndpointPort>>,
}

kind!(
    EndpointSlice,
    "discovery.k8s.io",
    "v1beta1",
    "endpointslices",
    NamespaceResourceScope
);

/// One that is behind a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.discovery.v1beta1.Endpoint")
)]
pub struct Endpoint {
    /// Its addresses, which are all the same to a client.
    pub addresses: Vec<String>,
    /// Whether it is ready.
    pub conditions: Option<stored::EndpointConditions>,
    /// Its name in DNS.
    pub hostname: Option<String>,
    /// The object that it is, such as a pod.
    pub target_ref: Option<ObjectReference>,
    /// Where it is: kubernetes.io/hostname, topology.kubernetes.io/zone and topology.kubernetes.io/region.
    pub topology: Option<BTreeMap<String, String>>,
    /// The node that it is on.
    pub node_name: Option<String>,
    /// How clients may be spread.
    pub hints: Option<stored::EndpointHints>,
}

/// The version with a map.
pub struct V1Beta1;

impl Version for V1Beta1 {
    type Stored = stored::EndpointSlice;
    type Served = EndpointSlice;

    fn to_stored(served: &EndpointSlice) -> stored::EndpointSlice {
        stored::EndpointSlice {
            metadata: served.metadata.clone(),
            address_type: served.address_type.clone(),
            endpoints: Some(served.endpoints.iter().map(to_stored).collect()),
            ports: served.ports.clone(),
        }
    }

    fn to_served(stored: &stored::EndpointSlice) -> EndpointSlice {
        let endpoints = stored.endpoints.iter().flatten();
        EndpointSlice {
            metadata: stored.metadata.clone(),
            address_type: stored.address_type.clone(),
            endpoints: endpoints.map(to_served).collect(),
            ports: stored.ports.clone(),
        }
    }
}

fn to_stored(served: &Endpoint) -> stored::Endpoint {
    let mut topology = served.topology.clone();
    let zone = topology.as_mut().and_then(|topology| topology.remove(ZONE));
    stored::Endpoint {
        addresses: served.addresses.clone(),
        conditions: served.conditions.clone(),
        deprecated_topology: topology.filter(|topology| !topology.is_empty()),
        hints: served.hints.clone(),
        hostname: served.hostname.clone(),
        node_name: served.node_name.clone(),
        target_ref: served.target_ref.clone(),
        zone,
    }
}

fn to_served(stored: &stored::Endpoint) -> Endpoint {
    let mut topology = stored.deprecated_topology.clone().unwrap_or_default();
    topology.extend(stored.zone.clone().map(|zone| (ZONE.to_owned(), zone)));
    Endpoint {
        addresses: stored.addresses.clone(),
        conditions: stored.conditions.clone(),
        hostname: stored.hostname.clone(),
        target_ref: stored.target_ref.clone(),
        topology: Some(topology).filter(|topology| !topology.is_empty()),
        node_name: stored.node_name.clone(),
        hints: stored.hints.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_zone_round_trips_through_the_map() {
        let topology = json!({"kubernetes.io/hostname": "n", ZONE: "z"});
        let served: EndpointSlice = serde_json::from_value(json!({
            "metadata": {"name": "s"}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "topology": topology, "nodeName": "n"},
                {"addresses": ["10.0.0.2"], "topology": {ZONE: "y"}}],
        }))
        .unwrap();
        let stored = V1Beta1::to_stored(&served);
        let endpoints = stored.endpoints.clone().unwrap();
        assert_eq!(endpoints[0].zone.as_deref(), Some("z"));
        let others = endpoints[0].deprecated_topology.clone().unwrap();
        assert_eq!(
            others,
            [("kubernetes.io/hostname".to_owned(), "n".to_owned())].into()
        );
        assert_eq!(endpoints[1].deprecated_topology, None);
        assert_eq!(V1Beta1::to_served(&stored), served);
    }
}
