//! A pod as a row of a Table (upstream: `printPod` in
//! `pkg/printers/internalversion/printers.go`).

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodCondition, PodStatus,
};

use crate::strategy::{Cell, Column};
use crate::validation::{list, text};

pub(super) static COLUMNS: [Column; 9] = [
    Column::NAME,
    Column::text(
        "Ready",
        "The aggregate readiness state of this pod for accepting traffic.",
    ),
    Column::text(
        "Status",
        "The aggregate status of the containers in this pod.",
    ),
    Column::text(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
    ),
    Column::AGE,
    Column::text(
        "IP",
        "IP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.",
    )
    .wide(),
    Column::text(
        "Node",
        "NodeName is a request to schedule this pod onto a specific node. If it is non-empty, the scheduler simply schedules this pod onto that node, assuming that it fits resource requirements.",
    )
    .wide(),
    Column::text(
        "Nominated Node",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as preemption victims receive their graceful termination periods. This field does not guarantee that the pod will be scheduled on this node. Scheduler may decide to place the pod elsewhere if other nodes become available sooner. Scheduler may also decide to give the resources on this node to a higher priority pod that is created after preemption. As a result, this field may be different than PodSpec.nodeName when the pod is scheduled.",
    )
    .wide(),
    Column::text(
        "Readiness Gates",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its containers are ready AND all conditions specified in the readiness gates have status equal to \"True\" More info: https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
    )
    .wide(),
];

pub(super) fn cells(pod: &Pod) -> Vec<Cell> {
    let status = pod.status.clone().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let summary = Summary::of(pod, &status);
    let containers = spec.map_or(0, |s| s.containers.len());
    let ip = list(status.pod_ips.as_ref()).first().map(|ip| &ip.ip);
    vec![
        Cell::name(pod),
        Cell::text(format!("{}/{containers}", summary.ready)),
        Cell::text(summary.reason),
        match summary.last_restart {
            Some(at) => Cell::CountSince(summary.restarts, at),
            None => Cell::text(summary.restarts.to_string()),
        },
        Cell::age(pod),
        or_none(text(ip)),
        or_none(text(spec.and_then(|s| s.node_name.as_ref()))),
        or_none(text(status.nominated_node_name.as_ref())),
        Cell::text(readiness_gates(pod, list(status.conditions.as_ref()))),
    ]
}

fn or_none(value: &str) -> Cell {
    Cell::text(if value.is_empty() { "<none>" } else { value })
}

/// The summary of the statuses of a pod's containers.
struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Summary {
    fn of(pod: &Pod, status: &PodStatus) -> Self {
        let reason = match text(status.reason.as_ref()) {
            "" => text(status.phase.as_ref()),
            reason => reason,
        };
        let mut summary = Self {
            reason: reason.to_owned(),
            ready: 0,
            restarts: 0,
            last_restart: None,
        };
        if !summary.add_init_containers(pod, status) {
            summary.add_containers(status);
        }
        if pod.metadata.deletion_timestamp.is_some() {
            // the node of such a pod does not respond
            let lost = status.reason.as_deref() == Some("NodeLost");
            summary.reason = if lost { "Unknown" } else { "Terminating" }.to_owned();
        }
        summary
    }

    /// Whether the pod is still initializing, with the reason.
    fn add_init_containers(&mut self, pod: &Pod, status: &PodStatus) -> bool {
        let init = pod.spec.as_ref().and_then(|s| s.init_containers.as_ref());
        for (i, container) in list(status.init_container_statuses.as_ref())
            .iter()
            .enumerate()
        {
            self.add_restarts(container);
            let state = container.state.clone().unwrap_or_default();
            if state.terminated.as_ref().is_some_and(|t| t.exit_code == 0) {
                continue;
            }
            self.reason = match (&state.terminated, waiting_reason(&state)) {
                (Some(terminated), _) => format!("Init:{}", termination_reason(terminated)),
                (None, reason) if !matches!(reason, "" | "PodInitializing") => {
                    format!("Init:{reason}")
                }
                _ => format!("Init:{i}/{}", list(init).len()),
            };
            return true;
        }
        false
    }

    fn add_containers(&mut self, status: &PodStatus) {
        self.restarts = 0;
        let mut running = false;
        for container in list(status.container_statuses.as_ref()).iter().rev() {
            self.add_restarts(container);
            let state = container.state.clone().unwrap_or_default();
            match (waiting_reason(&state), &state.terminated) {
                ("", Some(terminated)) => self.reason = termination_reason(terminated),
                ("", None) => {
                    if container.ready && state.running.is_some() {
                        running = true;
                        self.ready += 1;
                    }
                }
                (reason, _) => reason.clone_into(&mut self.reason),
            }
        }
        if self.reason == "Completed" && running {
            let ready = is_true(list(status.conditions.as_ref()), "Ready");
            self.reason = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }

    fn add_restarts(&mut self, container: &ContainerStatus) {
        self.restarts += i64::from(container.restart_count);
        let last = container.last_state.as_ref();
        let ended = last.and_then(|s| s.terminated.as_ref());
        let at = ended.and_then(|t| t.finished_at.as_ref()).map(|t| t.0);
        self.last_restart = self.last_restart.max(at);
    }
}

fn waiting_reason(state: &ContainerState) -> &str {
    let waiting = state.waiting.as_ref();
    text(waiting.and_then(|w| w.reason.as_ref()))
}

fn termination_reason(terminated: &ContainerStateTerminated) -> String {
    match (text(terminated.reason.as_ref()), terminated.signal) {
        ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        ("", _) => format!("ExitCode:{}", terminated.exit_code),
        (reason, _) => reason.to_owned(),
    }
}

fn is_true(conditions: &[PodCondition], kind: &str) -> bool {
    let condition = conditions.iter().find(|c| c.type_ == kind);
    condition.is_some_and(|c| c.status == "True")
}

fn readiness_gates(pod: &Pod, conditions: &[PodCondition]) -> String {
    let gates = pod.spec.as_ref().and_then(|s| s.readiness_gates.as_ref());
    let gates = list(gates);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let open = gates
        .iter()
        .filter(|g| is_true(conditions, &g.condition_type));
    format!("{}/{}", open.count(), gates.len())
}
