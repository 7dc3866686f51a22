//! Random objects and packets, the same at every run.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, HostIP, Namespace, Pod, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A generator with a seed (Steele, Lea and Flood's `SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

const NAMESPACES: [&str; 3] = ["n0", "n1", "n2"];
const KEYS: [&str; 3] = ["app", "tier", "team"];
const VALUES: [&str; 3] = ["a", "b", "c"];
const PORTS: [u16; 5] = [79, 80, 81, 443, 65535];
const PORT_NAMES: [&str; 3] = ["http", "dns", "none"];
pub(crate) const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
pub(crate) const NODES: [&str; 2] = ["node0", "node1"];

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn labels(&mut self) -> BTreeMap<String, String> {
        let pairs = self.some(3, |r| (r.of(&KEYS).to_owned(), r.of(&VALUES).to_owned()));
        pairs.into_iter().collect()
    }

    pub(crate) fn namespace(&mut self) -> Namespace {
        Namespace {
            metadata: ObjectMeta {
                name: Some(self.of(&NAMESPACES).to_owned()),
                labels: Some(self.labels()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        }
    }

    pub(crate) fn all_namespaces(&mut self) -> Vec<Namespace> {
        let named = |name: &&str| {
            let mut namespace = self.namespace();
            namespace.metadata.name = Some((*name).to_owned());
            namespace
        };
        NAMESPACES.iter().map(named).collect()
    }

    /// One of a few addresses, of pods or of none.
    pub(crate) fn address(&mut self) -> IpAddr {
        let host = u8::try_from(self.below(16)).unwrap();
        if self.one_in(3) {
            let net = self.of(&[0u16, 1]);
            IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, net, 0, 0, 0, host.into()))
        } else {
            let net = self.of(&[0u8, 1]);
            IpAddr::V4(Ipv4Addr::new(10, 0, net, host))
        }
    }

    fn node_address(node: &str) -> IpAddr {
        let host = if node == NODES[0] { 1 } else { 2 };
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, host))
    }

    /// A possible source or destination of packets: an address of a pod, a node, or neither.
    pub(crate) fn any_address(&mut self) -> IpAddr {
        if self.one_in(4) {
            let node = self.of(&NODES);
            Self::node_address(node)
        } else {
            self.address()
        }
    }

    pub(crate) fn pod(&mut self) -> Pod {
        let node = self.of(&NODES);
        let host_network = self.one_in(6);
        let ips: Vec<_> = if host_network {
            vec![Self::node_address(node)]
        } else {
            self.some(2, Self::address)
        };
        let ports = self.some(3, |r| ContainerPort {
            container_port: r.of(&PORTS).into(),
            name: (!r.one_in(3)).then(|| r.of(&PORT_NAMES[..2]).to_owned()),
            protocol: r.one_in(2).then(|| r.of(&PROTOCOLS).to_owned()),
            ..ContainerPort::default()
        });
        let bound = !self.one_in(5);
        Pod {
            metadata: ObjectMeta {
                name: Some(format!("p{}", self.below(6))),
                namespace: Some(self.of(&NAMESPACES).to_owned()),
                labels: Some(self.labels()),
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec {
                host_network: host_network.then_some(true),
                node_name: bound.then(|| node.to_owned()),
                containers: vec![Container {
                    name: "main".into(),
                    ports: Some(ports),
                    ..Container::default()
                }],
                ..PodSpec::default()
            }),
            status: Some(PodStatus {
                phase: Some(
                    self.of(&["Running", "Running", "Pending", "Succeeded", "Failed"])
                        .into(),
                ),
                pod_ip: ips.first().map(ToString::to_string),
                pod_ips: Some(ips.iter().map(|ip| PodIP { ip: ip.to_string() }).collect()),
                host_ips: bound.then(|| {
                    vec![HostIP {
                        ip: Self::node_address(node).to_string(),
                    }]
                }),
                ..PodStatus::default()
            }),
        }
    }

    fn selector(&mut self) -> LabelSelector {
        let labels = if self.one_in(2) {
            self.labels()
        } else {
            BTreeMap::new()
        };
        let expressions = self.some(2, |r| {
            let operator = r.of(&["In", "NotIn", "Exists", "DoesNotExist"]);
            let values = operator.ends_with("In");
            LabelSelectorRequirement {
                key: r.of(&KEYS).to_owned(),
                operator: operator.to_owned(),
                values: values.then(|| vec![r.of(&VALUES).to_owned(), r.of(&VALUES).to_owned()]),
            }
        });
        LabelSelector {
            match_labels: Some(labels).filter(|labels| !labels.is_empty()),
            match_expressions: self.one_in(2).then_some(expressions),
        }
    }

    fn block(&mut self) -> IPBlock {
        let address = self.any_address();
        let longest: usize = if address.is_ipv4() { 32 } else { 128 };
        let length = longest - self.below(18).min(longest);
        let length = if self.one_in(8) { 0 } else { length };
        let except = self.some(2, |r| {
            let inside = r.address();
            let most = if inside.is_ipv4() { 32 } else { 128 };
            format!("{inside}/{}", most - r.below(4))
        });
        IPBlock {
            cidr: format!("{address}/{length}"),
            except: Some(except).filter(|except| !except.is_empty()),
        }
    }

    fn peer(&mut self) -> NetworkPolicyPeer {
        let kind = self.below(4);
        NetworkPolicyPeer {
            ip_block: (kind == 0).then(|| self.block()),
            namespace_selector: matches!(kind, 1 | 2).then(|| self.selector()),
            pod_selector: matches!(kind, 2 | 3).then(|| self.selector()),
        }
    }

    fn port(&mut self) -> NetworkPolicyPort {
        let first = self.of(&PORTS);
        let (port, end_port) = match self.below(5) {
            0 => (None, None),
            1 => (Some(IntOrString::String(self.of(&PORT_NAMES).into())), None),
            2 => {
                let last = self.of(&PORTS).max(first);
                (Some(IntOrString::Int(first.into())), Some(last.into()))
            }
            _ => (Some(IntOrString::Int(first.into())), None),
        };
        NetworkPolicyPort {
            port,
            end_port,
            protocol: (!self.one_in(3)).then(|| self.of(&PROTOCOLS).into()),
        }
    }

    pub(crate) fn policy(&mut self) -> NetworkPolicy {
        let lists = |r: &mut Self| {
            let peers = r.some(3, Self::peer);
            let ports = r.some(2, Self::port);
            (
                r.one_in(4).then_some(peers.clone()).or(Some(peers)),
                Some(ports),
            )
        };
        let ingress = self.some(2, |r| {
            let (from, ports) = lists(r);
            NetworkPolicyIngressRule { from, ports }
        });
        let egress = self.some(2, |r| {
            let (to, ports) = lists(r);
            NetworkPolicyEgressRule { to, ports }
        });
        let types: [&[&str]; 5] = [&[], &["Ingress"], &["Egress"], &["Ingress", "Egress"], &[]];
        let types = self.of(&types).iter().map(|t| (*t).to_owned()).collect();
        NetworkPolicy {
            metadata: ObjectMeta {
                name: Some(format!("policy{}", self.below(5))),
                namespace: Some(self.of(&NAMESPACES).to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(NetworkPolicySpec {
                pod_selector: (!self.one_in(4)).then(|| self.selector()),
                ingress: (!self.one_in(4)).then_some(ingress),
                egress: (!self.one_in(3)).then_some(egress),
                policy_types: (!self.one_in(4)).then_some(types),
            }),
        }
    }

    pub(crate) fn port_number(&mut self) -> u16 {
        self.of(&PORTS)
    }
}
