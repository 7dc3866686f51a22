//! Roles for a cluster's components: kubelets, the scheduler, the controller manager, and add-ons
//! that an administrator may bind.

use super::table::{
    BindingSpec, CORE, EVENTS, READ, RoleSpec, Row, SubjectSpec, bind, on, on_urls, role,
};

const CERTIFICATES: &str = "certificates.k8s.io";
const COORDINATION: &str = "coordination.k8s.io";
const STORAGE: &str = "storage.k8s.io";

/// Reviews of authentication and authorization, which change nothing.
const TOKEN_REVIEW: Row = on("create", "authentication.k8s.io", "tokenreviews");
const ACCESS_REVIEW: Row = on("create", "authorization.k8s.io", "subjectaccessreviews");

pub(super) const ROLES: &[RoleSpec] = &[
    role(
        "system:heapster",
        &[
            on(READ, CORE, "events namespaces nodes pods"),
            on(READ, "extensions", "deployments"),
        ],
    ),
    role("system:node", NODE),
    role(
        "system:node-problem-detector",
        &[
            on("get", CORE, "nodes"),
            on("patch", CORE, "nodes/status"),
            EVENTS,
        ],
    ),
    role(
        "system:kubelet-api-admin",
        &[
            on(READ, CORE, "nodes"),
            on("proxy", CORE, "nodes"),
            on(
                "*",
                CORE,
                "nodes/log nodes/metrics nodes/proxy nodes/spec nodes/stats",
            ),
        ],
    ),
    role(
        "system:node-bootstrapper",
        &[on(
            "create get list watch",
            CERTIFICATES,
            "certificatesigningrequests",
        )],
    ),
    role("system:auth-delegator", &[TOKEN_REVIEW, ACCESS_REVIEW]),
    role(
        "system:kube-aggregator",
        &[on(READ, CORE, "endpoints services")],
    ),
    role("system:kube-controller-manager", CONTROLLER_MANAGER),
    role(
        "system:kube-dns",
        &[on("list watch", CORE, "endpoints services")],
    ),
    role(
        "system:persistent-volume-provisioner",
        &[
            on("create delete get list watch", CORE, "persistentvolumes"),
            on("get list update watch", CORE, "persistentvolumeclaims"),
            on(READ, STORAGE, "storageclasses"),
            on("watch", CORE, "events"),
            EVENTS,
        ],
    ),
    role(
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        &[on(
            "create",
            CERTIFICATES,
            "certificatesigningrequests/nodeclient",
        )],
    ),
    role(
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        &[on(
            "create",
            CERTIFICATES,
            "certificatesigningrequests/selfnodeclient",
        )],
    ),
    role(
        "system:volume-scheduler",
        &[
            on("get list patch update watch", CORE, "persistentvolumes"),
            on(READ, STORAGE, "storageclasses"),
            on(
                "get list patch update watch",
                CORE,
                "persistentvolumeclaims",
            ),
        ],
    ),
    role(
        "system:certificates.k8s.io:legacy-unknown-approver",
        &[approve("kubernetes.io/legacy-unknown")],
    ),
    role(
        "system:certificates.k8s.io:kubelet-serving-approver",
        &[approve("kubernetes.io/kubelet-serving")],
    ),
    role(
        "system:certificates.k8s.io:kube-apiserver-client-approver",
        &[approve("kubernetes.io/kube-apiserver-client")],
    ),
    role(
        "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
        &[approve("kubernetes.io/kube-apiserver-client-kubelet")],
    ),
    role(
        "system:service-account-issuer-discovery",
        &[on_urls(
            "get",
            "/.well-known/openid-configuration /openid/v1/jwks",
        )],
    ),
    role(
        "system:node-proxier",
        &[
            on("list watch", CORE, "endpoints services"),
            on(READ, CORE, "nodes"),
            EVENTS,
            on("list watch", "discovery.k8s.io", "endpointslices"),
        ],
    ),
    role("system:kube-scheduler", SCHEDULER),
];

const fn approve(signer: &'static str) -> Row {
    on("approve", CERTIFICATES, "signers").named(signer)
}

/// The authorizer `Node` allows nodes this, and restricts it further; the role with these rules has no
/// subjects.
pub(super) const NODE: &[Row] = &[
    TOKEN_REVIEW,
    on(
        "create",
        "authorization.k8s.io",
        "localsubjectaccessreviews subjectaccessreviews",
    ),
    on(READ, CORE, "services"),
    on("create get list watch", CORE, "nodes"),
    on("patch update", CORE, "nodes/status"),
    on("patch update", CORE, "nodes"),
    on("create patch update", CORE, "events"),
    on(READ, CORE, "pods"),
    on("create delete", CORE, "pods"),
    on("patch update", CORE, "pods/status"),
    on("create", CORE, "pods/eviction"),
    on(READ, CORE, "configmaps secrets"),
    on("get", CORE, "persistentvolumeclaims persistentvolumes"),
    on("get", CORE, "endpoints"),
    on(
        "create get list watch",
        CERTIFICATES,
        "certificatesigningrequests",
    ),
    on("create delete get patch update", COORDINATION, "leases"),
    on("get", STORAGE, "volumeattachments"),
    on("create", CORE, "serviceaccounts/token"),
    on("get patch update", CORE, "persistentvolumeclaims/status"),
    on(READ, STORAGE, "csidrivers"),
    on("create delete get patch update", STORAGE, "csinodes"),
    on(READ, "node.k8s.io", "runtimeclasses"),
];

const CONTROLLER_MANAGER: &[Row] = &[
    EVENTS,
    on("create", COORDINATION, "leases"),
    on("get update", COORDINATION, "leases").named("kube-controller-manager"),
    on("create", CORE, "endpoints"),
    on("get update", CORE, "endpoints").named("kube-controller-manager"),
    on("create", CORE, "secrets serviceaccounts"),
    on("delete", CORE, "secrets"),
    on("get", CORE, "configmaps namespaces secrets serviceaccounts"),
    on("update", CORE, "secrets serviceaccounts"),
    TOKEN_REVIEW,
    ACCESS_REVIEW,
    on("list watch", "*", "*"),
    on("create", CORE, "serviceaccounts/token"),
];

const SCHEDULER: &[Row] = &[
    EVENTS,
    on("create", COORDINATION, "leases"),
    on("get update", COORDINATION, "leases").named("kube-scheduler"),
    on("create", CORE, "endpoints"),
    on("get update", CORE, "endpoints").named("kube-scheduler"),
    on(READ, CORE, "nodes"),
    on("delete get list watch", CORE, "pods"),
    on("create", CORE, "bindings pods/binding"),
    on("patch update", CORE, "pods/status"),
    on(READ, CORE, "replicationcontrollers services"),
    on(READ, "apps,extensions", "replicasets"),
    on(READ, "apps", "statefulsets"),
    on(READ, "policy", "poddisruptionbudgets"),
    on(READ, CORE, "persistentvolumeclaims persistentvolumes"),
    TOKEN_REVIEW,
    ACCESS_REVIEW,
    on(READ, STORAGE, "csinodes"),
    on(READ, CORE, "namespaces"),
    on(READ, STORAGE, "csidrivers"),
    on(READ, STORAGE, "csistoragecapacities"),
];

const SCHEDULER_USER: SubjectSpec = SubjectSpec::User("system:kube-scheduler");

pub(super) const BINDINGS: &[BindingSpec] = &[
    bind(
        "system:node-proxier",
        &[SubjectSpec::User("system:kube-proxy")],
    ),
    bind(
        "system:kube-controller-manager",
        &[SubjectSpec::User("system:kube-controller-manager")],
    ),
    bind("system:kube-dns", &[SubjectSpec::Account("kube-dns")]),
    bind("system:kube-scheduler", &[SCHEDULER_USER]),
    bind("system:volume-scheduler", &[SCHEDULER_USER]),
    // Deliberately without subjects: kubelets are authorized by the Node authorizer.
    bind("system:node", &[]),
    bind(
        "system:service-account-issuer-discovery",
        &[SubjectSpec::Group("system:serviceaccounts")],
    ),
];
