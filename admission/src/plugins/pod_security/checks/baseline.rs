//! Level baseline: known privilege escalations (upstream: `policy/check_*.go`).

use k8s_openapi::api::core::v1::{LifecycleHandler, Probe};

use super::{Values, containers, plural, quoted, violation};
use crate::plugins::pod_security::subject::{ContainerLike, PodLike};
use crate::plugins::pod_security::violation::Violation;

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// In the order in which releases allowed them.
const SYSCTLS: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
];

fn bad_capabilities<'c>(container: &ContainerLike<'c>) -> impl Iterator<Item = &'c String> {
    let added = container
        .context
        .capabilities
        .iter()
        .flat_map(|c| c.add.iter().flatten());
    added.filter(|c| !CAPABILITIES.contains(&c.as_str()))
}

pub(crate) fn capabilities(pod: &PodLike<'_>) -> Option<Violation> {
    let bad = pod.names_where(|c| bad_capabilities(c).next().is_some());
    let values: Values = pod
        .containers
        .iter()
        .flat_map(bad_capabilities)
        .cloned()
        .collect();
    let (who, what) = (containers(&bad), quoted(values));
    (!bad.is_empty()).then(|| {
        violation(
            "non-default capabilities",
            format!("{who} must not include {what} in securityContext.capabilities.add"),
        )
    })
}

pub(crate) fn host_namespaces(pod: &PodLike<'_>) -> Option<Violation> {
    let shared: Vec<_> = [
        (pod.spec.host_network, "hostNetwork=true"),
        (pod.spec.host_pid, "hostPID=true"),
        (pod.spec.host_ipc, "hostIPC=true"),
    ]
    .into_iter()
    .filter_map(|(shared, text)| (shared == Some(true)).then_some(text))
    .collect();
    (!shared.is_empty()).then(|| violation("host namespaces", shared.join(", ")))
}

pub(crate) fn host_path_volumes(pod: &PodLike<'_>) -> Option<Violation> {
    let volumes = pod
        .spec
        .volumes
        .iter()
        .flatten()
        .filter(|v| v.host_path.is_some());
    let names: Vec<_> = volumes.map(|v| &v.name).collect();
    let noun = plural("volume", "volumes", names.len());
    (!names.is_empty()).then(|| violation("hostPath volumes", format!("{noun} {}", quoted(names))))
}

fn host_ports_of(container: &ContainerLike<'_>) -> impl Iterator<Item = String> {
    let ports = container.ports.iter().filter_map(|p| p.host_port);
    ports.filter(|port| *port != 0).map(|port| port.to_string())
}

pub(crate) fn host_ports(pod: &PodLike<'_>) -> Option<Violation> {
    let bad = pod.names_where(|c| host_ports_of(c).next().is_some());
    let ports: Values = pod.containers.iter().flat_map(host_ports_of).collect();
    let verb = plural("uses", "use", bad.len());
    let noun = plural("hostPort", "hostPorts", ports.len());
    let ports = ports.into_iter().collect::<Vec<_>>().join(", ");
    let who = containers(&bad);
    (!bad.is_empty()).then(|| violation("hostPort", format!("{who} {verb} {noun} {ports}")))
}

fn hosts_of(container: &ContainerLike<'_>) -> Values {
    let of_probe = |probe: &Probe| {
        let http = probe.http_get.as_ref().and_then(|a| a.host.clone());
        [http, probe.tcp_socket.as_ref().and_then(|a| a.host.clone())]
    };
    let of_handler = |handler: &LifecycleHandler| {
        let http = handler.http_get.as_ref().and_then(|a| a.host.clone());
        [
            http,
            handler.tcp_socket.as_ref().and_then(|a| a.host.clone()),
        ]
    };
    let handlers = container.lifecycle.map(|l| [&l.post_start, &l.pre_stop]);
    let handlers = handlers.into_iter().flatten().flatten();
    let probes = container.probes.into_iter().flatten().flat_map(of_probe);
    let all = probes.chain(handlers.flat_map(of_handler)).flatten();
    all.filter(|host| !host.is_empty()).collect()
}

pub(crate) fn host_of_probes(pod: &PodLike<'_>) -> Option<Violation> {
    let mut bad = pod.names_where(|c| !hosts_of(c).is_empty());
    bad.sort_unstable();
    bad.dedup();
    let hosts: Values = pod.containers.iter().flat_map(hosts_of).collect();
    let verb = plural("uses", "use", bad.len());
    let noun = plural(
        "probe or lifecycle host",
        "probe or lifecycle hosts",
        hosts.len(),
    );
    let (who, hosts) = (containers(&bad), quoted(hosts));
    (!bad.is_empty()).then(|| {
        violation(
            "probe or lifecycle host",
            format!("{who} {verb} {noun} {hosts}"),
        )
    })
}

pub(crate) fn privileged(pod: &PodLike<'_>) -> Option<Violation> {
    let bad = pod.names_where(|c| c.context.privileged == Some(true));
    let who = containers(&bad);
    (!bad.is_empty()).then(|| {
        violation(
            "privileged",
            format!("{who} must not set securityContext.privileged=true"),
        )
    })
}

pub(crate) fn proc_mount(pod: &PodLike<'_>) -> Option<Violation> {
    let other = |c: &ContainerLike<'_>| c.context.proc_mount.clone().filter(|m| m != "Default");
    let bad = pod.names_where(|c| other(c).is_some());
    let values: Values = pod.containers.iter().filter_map(other).collect();
    let (who, what) = (containers(&bad), quoted(values));
    (!bad.is_empty()).then(|| {
        violation(
            "procMount",
            format!("{who} must not set securityContext.procMount to {what}"),
        )
    })
}

pub(crate) fn proc_mount_1_35(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.has_user_namespace() {
        None
    } else {
        proc_mount(pod)
    }
}

fn sysctls_except(pod: &PodLike<'_>, allowed: usize) -> Option<Violation> {
    let names = pod
        .context
        .sysctls
        .iter()
        .flatten()
        .map(|s| s.name.as_str());
    let bad: Vec<_> = names
        .filter(|name| !SYSCTLS.iter().take(allowed).any(|known| known == name))
        .collect();
    (!bad.is_empty()).then(|| violation("forbidden sysctls", bad.join(", ")))
}

pub(crate) fn sysctls(pod: &PodLike<'_>) -> Option<Violation> {
    sysctls_except(pod, 5)
}

pub(crate) fn sysctls_1_27(pod: &PodLike<'_>) -> Option<Violation> {
    sysctls_except(pod, 6)
}

pub(crate) fn sysctls_1_29(pod: &PodLike<'_>) -> Option<Violation> {
    sysctls_except(pod, 10)
}

pub(crate) fn sysctls_1_32(pod: &PodLike<'_>) -> Option<Violation> {
    sysctls_except(pod, 12)
}

pub(crate) fn sysctls_1_37(pod: &PodLike<'_>) -> Option<Violation> {
    sysctls_except(pod, SYSCTLS.len())
}
