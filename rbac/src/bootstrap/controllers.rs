//! Roles for the controllers of kube-controller-manager, each bound to the service account of the
//! same name in `kube-system`.

use super::table::{CORE, EVENTS, READ, Row, on};

const APPS: &str = "apps,extensions";
const BATCH: &str = "batch";
const CERTIFICATES: &str = "certificates.k8s.io";
const DISCOVERY: &str = "discovery.k8s.io";
const POLICIES: &str = "admissionregistration.k8s.io";
const STORAGE: &str = "storage.k8s.io";
/// Permissions of controllers that manage pods.
const PODS: Row = on("create delete list patch watch", CORE, "pods");

/// The name of a controller's role.
pub(super) fn role_name(account: &str) -> String {
    format!("system:controller:{account}")
}

/// Service account and rules.
pub(super) const ROLES: &[(&str, &[Row])] = &[
    (
        "attachdetach-controller",
        &[
            on(
                "list watch",
                CORE,
                "persistentvolumeclaims persistentvolumes",
            ),
            on(READ, CORE, "nodes"),
            on("patch update", CORE, "nodes/status"),
            on("list watch", CORE, "pods"),
            EVENTS,
            on("create delete get list watch", STORAGE, "volumeattachments"),
            on(READ, STORAGE, "csidrivers"),
            on(READ, STORAGE, "csinodes"),
        ],
    ),
    (
        "clusterrole-aggregation-controller",
        &[on(
            "escalate get list patch update watch",
            "rbac.authorization.k8s.io",
            "clusterroles",
        )],
    ),
    (
        "cronjob-controller",
        &[
            on("get list update watch", BATCH, "cronjobs"),
            on("create delete get list patch update watch", BATCH, "jobs"),
            on("update", BATCH, "cronjobs/status"),
            on("update", BATCH, "cronjobs/finalizers"),
            on("delete list", CORE, "pods"),
            EVENTS,
        ],
    ),
    (
        "daemon-set-controller",
        &[
            on(READ, APPS, "daemonsets"),
            on("update", APPS, "daemonsets/status"),
            on("update", APPS, "daemonsets/finalizers"),
            on("list watch", CORE, "nodes"),
            PODS,
            on("create", CORE, "pods/binding"),
            on(
                "create delete get list patch update watch",
                "apps",
                "controllerrevisions",
            ),
            EVENTS,
        ],
    ),
    (
        "deployment-controller",
        &[
            on("get list update watch", APPS, "deployments"),
            on("update", APPS, "deployments/status"),
            on("update", APPS, "deployments/finalizers"),
            on(
                "create delete get list patch update watch",
                APPS,
                "replicasets",
            ),
            on("get list update watch", CORE, "pods"),
            EVENTS,
        ],
    ),
    (
        "disruption-controller",
        &[
            on(READ, APPS, "deployments"),
            on(READ, APPS, "replicasets"),
            on(READ, CORE, "replicationcontrollers"),
            on(READ, "policy", "poddisruptionbudgets"),
            on(READ, "apps", "statefulsets"),
            on("update", "policy", "poddisruptionbudgets/status"),
            on("get", "*", "*/scale"),
            EVENTS,
        ],
    ),
    (
        "endpoint-controller",
        &[
            on(READ, CORE, "pods services"),
            on("create delete get list update", CORE, "endpoints"),
            on("create", CORE, "endpoints/restricted"),
            EVENTS,
        ],
    ),
    (
        "endpointslice-controller",
        &[
            on(READ, CORE, "nodes pods services"),
            on("update", CORE, "services/finalizers"),
            on("create delete get list update", DISCOVERY, "endpointslices"),
            EVENTS,
        ],
    ),
    (
        "endpointslicemirroring-controller",
        &[
            on(READ, CORE, "endpoints services"),
            on("update", CORE, "services/finalizers"),
            on("update", CORE, "endpoints/finalizers"),
            on("create delete get list update", DISCOVERY, "endpointslices"),
            EVENTS,
        ],
    ),
    (
        "expand-controller",
        &[
            on("get list patch update watch", CORE, "persistentvolumes"),
            on("patch update", CORE, "persistentvolumeclaims/status"),
            on(READ, CORE, "persistentvolumeclaims"),
            on(READ, STORAGE, "storageclasses"),
            on("get", CORE, "endpoints services"),
            on("get", CORE, "secrets"),
            EVENTS,
        ],
    ),
    (
        "ephemeral-volume-controller",
        &[
            on(READ, CORE, "pods"),
            on("update", CORE, "pods/finalizers"),
            on("create get list watch", CORE, "persistentvolumeclaims"),
            EVENTS,
        ],
    ),
    (
        "generic-garbage-collector",
        &[on("delete get list patch update watch", "*", "*"), EVENTS],
    ),
    (
        "horizontal-pod-autoscaler",
        &[
            on(READ, "autoscaling", "horizontalpodautoscalers"),
            on("update", "autoscaling", "horizontalpodautoscalers/status"),
            on("get update", "*", "*/scale"),
            on("list", CORE, "pods"),
            on("get", CORE, "services/proxy").named("http:heapster: https:heapster:"),
            on("list", "metrics.k8s.io", "pods"),
            on("get list", "custom.metrics.k8s.io", "*"),
            on("get list", "external.metrics.k8s.io", "*"),
            EVENTS,
        ],
    ),
    (
        "job-controller",
        &[
            on("get list patch update watch", BATCH, "jobs"),
            on("update", BATCH, "jobs/status"),
            on("update", BATCH, "jobs/finalizers"),
            PODS,
            EVENTS,
        ],
    ),
    (
        "namespace-controller",
        &[
            on("delete get list watch", CORE, "namespaces"),
            on("update", CORE, "namespaces/finalize namespaces/status"),
            on("delete deletecollection get list", "*", "*"),
        ],
    ),
    (
        "node-controller",
        &[
            on("delete get list patch update", CORE, "nodes"),
            on("patch update", CORE, "nodes/status"),
            on("update", CORE, "pods/status"),
            on("delete list", CORE, "pods"),
            EVENTS,
        ],
    ),
    (
        "persistent-volume-binder",
        &[
            on(
                "create delete get list update watch",
                CORE,
                "persistentvolumes",
            ),
            on("update", CORE, "persistentvolumes/status"),
            on("get list update watch", CORE, "persistentvolumeclaims"),
            on("update", CORE, "persistentvolumeclaims/status"),
            on("create delete get list watch", CORE, "pods"),
            on(READ, STORAGE, "storageclasses"),
            on("create delete get update", CORE, "endpoints"),
            on("create delete get", CORE, "services"),
            on("get", CORE, "secrets"),
            on("get list", CORE, "nodes"),
            on("watch", CORE, "events"),
            EVENTS,
        ],
    ),
    (
        "pod-garbage-collector",
        &[
            on("delete list watch", CORE, "pods"),
            on("get list", CORE, "nodes"),
        ],
    ),
    (
        "replicaset-controller",
        &[
            on("get list update watch", APPS, "replicasets"),
            on("update", APPS, "replicasets/status"),
            on("update", APPS, "replicasets/finalizers"),
            PODS,
            EVENTS,
        ],
    ),
    (
        "replication-controller",
        &[
            on("get list update watch", CORE, "replicationcontrollers"),
            on("update", CORE, "replicationcontrollers/status"),
            on("update", CORE, "replicationcontrollers/finalizers"),
            PODS,
            EVENTS,
        ],
    ),
    (
        "resourcequota-controller",
        &[
            on("list watch", "*", "*"),
            on("update", CORE, "resourcequotas/status"),
            EVENTS,
        ],
    ),
    (
        "route-controller",
        &[
            on("list watch", CORE, "nodes"),
            on("patch", CORE, "nodes/status"),
            EVENTS,
        ],
    ),
    (
        "service-account-controller",
        &[on("create", CORE, "serviceaccounts"), EVENTS],
    ),
    (
        "service-controller",
        &[
            on(READ, CORE, "services"),
            on("patch update", CORE, "services/status"),
            on("list watch", CORE, "nodes"),
            EVENTS,
        ],
    ),
    (
        "statefulset-controller",
        &[
            on("list watch", CORE, "pods"),
            on(READ, "apps", "statefulsets"),
            on("update", "apps", "statefulsets/status"),
            on("update", "apps", "statefulsets/finalizers"),
            on("create delete get patch update", CORE, "pods"),
            on(
                "create delete get list patch update watch",
                "apps",
                "controllerrevisions",
            ),
            on("create get", CORE, "persistentvolumeclaims"),
            EVENTS,
        ],
    ),
    (
        "ttl-controller",
        &[on("list patch update watch", CORE, "nodes"), EVENTS],
    ),
    (
        "certificate-controller",
        &[
            on(
                "delete get list watch",
                CERTIFICATES,
                "certificatesigningrequests",
            ),
            on(
                "update",
                CERTIFICATES,
                "certificatesigningrequests/approval certificatesigningrequests/status",
            ),
            on("approve", CERTIFICATES, "signers")
                .named("kubernetes.io/kube-apiserver-client-kubelet"),
            on("sign", CERTIFICATES, "signers").named(
                "kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet \
                 kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
            ),
            on("create", "authorization.k8s.io", "subjectaccessreviews"),
            EVENTS,
        ],
    ),
    (
        "pvc-protection-controller",
        &[
            on("get list update watch", CORE, "persistentvolumeclaims"),
            on(READ, CORE, "pods"),
            EVENTS,
        ],
    ),
    (
        "pv-protection-controller",
        &[
            on("get list update watch", CORE, "persistentvolumes"),
            EVENTS,
        ],
    ),
    (
        "ttl-after-finished-controller",
        &[on("delete get list watch", BATCH, "jobs"), EVENTS],
    ),
    (
        "root-ca-cert-publisher",
        &[on("create update", CORE, "configmaps"), EVENTS],
    ),
    (
        "validatingadmissionpolicy-status-controller",
        &[
            on(READ, POLICIES, "validatingadmissionpolicies"),
            on(
                "get patch update",
                POLICIES,
                "validatingadmissionpolicies/status",
            ),
            EVENTS,
        ],
    ),
];
