//! A node and its pods: this process' network namespace, and others, connected to it.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::json;

use super::agent::{Agent, Open, PATIENCE, Way};
use crate::random::Random;

pub(super) const NODE: &str = "node0";
pub(super) const PODS: usize = 5;
/// The ports on which pods listen, and the ports of services, which are translated to the first.
pub(super) const TCP_PORTS: [u16; 3] = [80, 81, 443];
pub(super) const UDP_PORTS: [u16; 2] = [80, 443];
pub(super) const SERVICE_PORT: u16 = 8080;
/// The possible names of ports.
const NAMES: [&str; 2] = ["http", "dns"];

/// How pods are connected to their node.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Interfaces {
    Routed,
    Bridged,
}

pub(super) struct Lab {
    interfaces: Interfaces,
    agents: Vec<Agent>,
}

pub(super) const fn namespace(at: usize) -> &'static str {
    ["n0", "n1", "n2"][at % 3]
}

pub(super) fn name(at: usize) -> String {
    format!("p{at}")
}

fn host(at: usize) -> u8 {
    u8::try_from(at + 2).unwrap()
}

impl Lab {
    pub(super) fn new(interfaces: Interfaces) -> Self {
        let mut script = String::from(
            "set -e\n\
             w() { echo \"$2\" > \"/proc/sys/net/$1\"; }\n\
             w ipv4/ip_forward 1; w ipv6/conf/all/forwarding 1; w ipv6/conf/default/accept_dad 0\n\
             w ipv4/icmp_ratelimit 0; w ipv6/icmp/ratelimit 0; w ipv4/icmp_msgs_per_sec 1000000 2>/dev/null || true\n\
             ip link add ext type veth peer name extp; ip link set extp up; ip addr add 192.0.2.1/24 dev ext; ip link set ext up\n\
             ip -6 addr add 2001:db8::1/64 dev ext nodad\n\
             ip route add 10.99.0.0/24 via 192.0.2.2; ip -6 route add fd99::/64 via 2001:db8::2\n",
        );
        if interfaces == Interfaces::Bridged {
            script.push_str(
                "w bridge/bridge-nf-call-iptables 1; w bridge/bridge-nf-call-ip6tables 1\n\
                 ip link add br0 type bridge; ip addr add 10.244.0.1/24 dev br0\n\
                 ip -6 addr add fd00::1/64 dev br0 nodad; ip link set br0 up\n",
            );
        }
        for at in 0..PODS {
            script.push_str(&joined(at, interfaces));
        }
        run("sh", &["-c", &script], "");
        run("nft", &["-f", "-"], &translation());
        let agents = (0..PODS).map(|at| Agent::start(&name(at), &TCP_PORTS, &UDP_PORTS));
        Self {
            interfaces,
            agents: agents.collect(),
        }
    }

    /// Makes several attempts from a pod. ICMP errors do not cross a bridge, so there the result is taken
    /// after some time.
    pub(super) fn tried(&self, from: usize, ways: Vec<Way>) -> Vec<bool> {
        let patience = match self.interfaces {
            Interfaces::Routed => None,
            Interfaces::Bridged => Some(Duration::from_secs(3)),
        };
        self.agents[from].tried(ways, patience)
    }

    pub(super) fn opened(&self, from: usize, at: SocketAddr) -> Open {
        self.agents[from].opened(at)
    }

    /// Has the server of a connection to a pod send something, and waits for the end of the connection.
    pub(super) fn push(&self, at: usize, open: &Open) -> Option<ErrorKind> {
        self.agents[at].push(open)
    }
}

/// A set, a map or a chain on one line, its elements in order.
fn in_order(part: &str) -> String {
    let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((head, elements)) = line.split_once("elements = { ") else {
        return line;
    };
    let elements = elements.trim_end_matches(['}', ' ']);
    let mut elements: Vec<_> = elements.split(", ").collect();
    elements.sort_unstable();
    format!("{head}elements = {}", elements.join(", "))
}

pub(super) fn addresses(at: usize) -> [IpAddr; 2] {
    let host = host(at);
    [
        IpAddr::from([10, 244, 0, host]),
        IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)]),
    ]
}

pub(super) fn block(at: usize, v4: bool) -> String {
    let [first, second] = addresses(at);
    if v4 {
        format!("{first}/32")
    } else {
        format!("{second}/128")
    }
}

/// The addresses of a pod's service.
pub(super) fn service(at: usize) -> [IpAddr; 2] {
    let host = host(at);
    [
        IpAddr::from([10, 99, 0, host]),
        IpAddr::from([0xfd99, 0, 0, 0, 0, 0, 0, u16::from(host)]),
    ]
}

pub(super) fn node_reaches(at: SocketAddr) -> bool {
    TcpStream::connect_timeout(&at, PATIENCE).is_ok()
}

pub(super) fn nft(script: &str) {
    run("nft", &["-f", "-"], script);
}

/// The kernel's table, in an order that does not depend on its history.
pub(super) fn listed() -> String {
    let text = run(
        "nft",
        &["-s", "list", "table", "inet", "portcullis_netpol"],
        "",
    );
    let body = text.split_once('{').unwrap().1;
    let body = body.rsplit_once('}').unwrap().0;
    let mut parts: Vec<_> = body.split("\n\n").map(in_order).collect();
    parts.sort_unstable();
    parts.join("\n")
}

/// A pod with random labels and named ports.
pub(super) fn pod(at: usize, random: &mut Random) -> Pod {
    let mut pod = random.pod();
    let ports = TCP_PORTS.iter().map(|port| (port, "TCP"));
    let ports = ports.chain(UDP_PORTS.iter().map(|port| (port, "UDP")));
    let ports: Vec<_> = ports
        .map(|(port, protocol)| {
            let name = random.of(&NAMES);
            json!({"containerPort": port, "protocol": protocol, "name": name})
        })
        .collect();
    let ips: Vec<_> = addresses(at).iter().map(|ip| json!({"ip": ip})).collect();
    let made = json!({
        "spec": {"nodeName": NODE, "containers": [{"name": "c", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": ips, "hostIP": "192.0.2.1"},
    });
    let made: Pod = serde_json::from_value(made).unwrap();
    pod.metadata.name = Some(name(at));
    pod.metadata.namespace = Some(namespace(at).to_owned());
    Pod {
        metadata: pod.metadata,
        ..made
    }
}

/// A random policy; its blocks contain addresses of pods.
pub(super) fn policy(random: &mut Random) -> NetworkPolicy {
    let mut policy = random.policy();
    let spec = policy.spec.as_mut().unwrap();
    let ingress = spec.ingress.iter_mut().flatten().map(|rule| &mut rule.from);
    let egress = spec.egress.iter_mut().flatten().map(|rule| &mut rule.to);
    for peer in ingress.chain(egress).flatten().flatten() {
        if let Some(ip_block) = &mut peer.ip_block {
            let v4 = random.one_in(2);
            let length = if v4 { 32 } else { 128 } - random.below(4);
            let one = |at: usize| addresses(at)[usize::from(!v4)];
            ip_block.cidr = format!("{}/{length}", one(random.below(PODS)));
            if random.one_in(8) {
                ip_block.cidr = if v4 {
                    "0.0.0.0/0".into()
                } else {
                    "::/0".into()
                };
            }
            let except = block(random.below(PODS), v4);
            ip_block.except = random.one_in(2).then(|| vec![except]);
        }
    }
    policy
}

/// Loads a whole table. Denials are answered, so that no attempt has to wait for a timeout.
pub(super) fn load(script: &str) {
    let answers = "flush chain inet portcullis_netpol refuse\n\
         add rule inet portcullis_netpol refuse meta l4proto tcp reject with tcp reset\n\
         add rule inet portcullis_netpol refuse reject with icmpx admin-prohibited\n";
    nft(&format!("{script}{answers}"));
}

/// The commands that connect a pod to its node.
fn joined(at: usize, interfaces: Interfaces) -> String {
    let (pod, host) = (name(at), host(at));
    let common = format!(
        "ip netns add {pod}\n\
         ip netns exec {pod} sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'\n\
         ip link add v{pod} type veth peer name eth0 netns {pod}\n\
         ip netns exec {pod} ip link set lo up; ip netns exec {pod} ip link set eth0 up\n"
    );
    let rest = match interfaces {
        Interfaces::Routed => format!(
            "ip link set v{pod} up; echo 1 > /proc/sys/net/ipv4/conf/v{pod}/proxy_arp\n\
             ip addr add 169.254.1.1/32 dev v{pod}; ip -6 addr add fe80::1/64 dev v{pod} nodad\n\
             ip netns exec {pod} ip addr add 10.244.0.{host}/32 dev eth0\n\
             ip netns exec {pod} ip -6 addr add fd00::{host:x}/128 dev eth0 nodad\n\
             ip netns exec {pod} ip route add 169.254.1.1 dev eth0 scope link\n\
             ip netns exec {pod} ip route add default via 169.254.1.1\n\
             ip netns exec {pod} ip -6 route add default via fe80::1 dev eth0\n\
             ip route add 10.244.0.{host}/32 dev v{pod}; ip -6 route add fd00::{host:x}/128 dev v{pod}\n"
        ),
        Interfaces::Bridged => format!(
            "ip link set v{pod} master br0; ip link set v{pod} type bridge_slave hairpin on; ip link set v{pod} up\n\
             ip netns exec {pod} ip addr add 10.244.0.{host}/24 dev eth0\n\
             ip netns exec {pod} ip -6 addr add fd00::{host:x}/64 dev eth0 nodad\n\
             ip netns exec {pod} ip route add default via 10.244.0.1\n\
             ip netns exec {pod} ip -6 route add default via fd00::1\n"
        ),
    };
    common + &rest
}

/// A service for each pod, translated as a proxy does: in a table of its own.
fn translation() -> String {
    let mut rules = String::new();
    let mut own = String::new();
    let port = TCP_PORTS[0];
    for at in 0..PODS {
        let host = host(at);
        rules.push_str(&format!(
            "ip daddr 10.99.0.{host} tcp dport {SERVICE_PORT} dnat ip to 10.244.0.{host}:{port}\n\
             ip6 daddr fd99::{host:x} tcp dport {SERVICE_PORT} dnat ip6 to [fd00::{host:x}]:{port}\n"
        ));
        own.push_str(&format!(
            "ip saddr 10.244.0.{host} ip daddr 10.244.0.{host} masquerade\n\
             ip6 saddr fd00::{host:x} ip6 daddr fd00::{host:x} masquerade\n"
        ));
    }
    format!(
        "table inet proxy {{\nchain pre {{ type nat hook prerouting priority dstnat; policy accept;\n{rules}}}\n\
         chain post {{ type nat hook postrouting priority srcnat; policy accept;\n{own}}}\n}}\n"
    )
}

/// Runs a program on the node, and returns its output.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {stderr}\n{input}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
