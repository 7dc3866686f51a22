//! Roles for people: everything, a namespace, or a look around.
//!
//! None of them may `use` a `PodSecurityPolicy`, so nobody but a cluster-admin can until told so.

use super::table::{
    Bound, CORE, Gathered, Given, READ, READ_WRITE, Row, WRITE, Whom, bind, on, on_urls, role,
};

/// Roles whose rules are those of their parts.
pub(super) const GATHERED: &[Gathered] = &[
    Gathered {
        name: "admin",
        part_of: &[],
    },
    Gathered {
        name: "edit",
        part_of: &["admin"],
    },
    Gathered {
        name: "view",
        part_of: &["edit"],
    },
];

pub(super) const ROLES: &[Given] = &[
    role("cluster-admin", &[on("*", "*", "*"), on_urls("*", "*")]),
    role(
        "system:discovery",
        &[on_urls(
            "get",
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
        )],
    ),
    role(
        "system:monitoring",
        &[on_urls(
            "get",
            "/healthz /healthz/* /livez /livez/* /metrics /readyz /readyz/*",
        )],
    ),
    role(
        "system:basic-user",
        &[
            on(
                "create",
                "authorization.k8s.io",
                "selfsubjectaccessreviews selfsubjectrulesreviews",
            ),
            // for `kubectl auth whoami`; upstream since 1.28
            on("create", "authentication.k8s.io", "selfsubjectreviews"),
        ],
    ),
    role(
        "system:public-info-viewer",
        &[on_urls("get", "/healthz /livez /readyz /version /version/")],
    ),
    Given {
        name: "system:aggregate-to-admin",
        part_of: &["admin"],
        rules: ADMIN,
    },
    Given {
        name: "system:aggregate-to-edit",
        part_of: &["edit"],
        rules: EDIT,
    },
    Given {
        name: "system:aggregate-to-view",
        part_of: &["view"],
        rules: VIEW,
    },
];

const ADMIN: &[Row] = &[
    on(
        "create",
        "authorization.k8s.io",
        "localsubjectaccessreviews",
    ),
    on(
        READ_WRITE,
        "rbac.authorization.k8s.io",
        "rolebindings roles",
    ),
];

const EDIT: &[Row] = &[
    // Who reads these can act as somebody else.
    on(
        READ,
        CORE,
        "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
    ),
    on("impersonate", CORE, "serviceaccounts"),
    on(
        WRITE,
        CORE,
        "pods pods/attach pods/exec pods/portforward pods/proxy",
    ),
    // Less than to delete them, and it heeds disruption budgets; upstream since 1.24.
    on("create", CORE, "pods/eviction"),
    on(
        WRITE,
        CORE,
        "configmaps events persistentvolumeclaims replicationcontrollers \
         replicationcontrollers/scale secrets serviceaccounts services services/proxy",
    ),
    on("create", CORE, "serviceaccounts/token"),
    on(
        WRITE,
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets \
         replicasets/scale statefulsets statefulsets/scale",
    ),
    on(WRITE, "autoscaling", "horizontalpodautoscalers"),
    on(WRITE, "batch", "cronjobs jobs"),
    on(
        WRITE,
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies \
         replicasets replicasets/scale replicationcontrollers/scale",
    ),
    on(WRITE, "policy", "poddisruptionbudgets"),
    on(WRITE, "networking.k8s.io", "ingresses networkpolicies"),
];

const VIEW: &[Row] = &[
    on(
        READ,
        CORE,
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods \
         replicationcontrollers replicationcontrollers/scale serviceaccounts services \
         services/status",
    ),
    on(
        READ,
        CORE,
        "bindings events limitranges namespaces/status pods/log pods/status \
         replicationcontrollers/status resourcequotas resourcequotas/status",
    ),
    // In a namespace this means that one: how people learn which ones they may look into.
    on(READ, CORE, "namespaces"),
    on(READ, "discovery.k8s.io", "endpointslices"),
    on(
        READ,
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale \
         deployments/status replicasets replicasets/scale replicasets/status statefulsets \
         statefulsets/scale statefulsets/status",
    ),
    on(
        READ,
        "autoscaling",
        "horizontalpodautoscalers horizontalpodautoscalers/status",
    ),
    on(READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    on(
        READ,
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses \
         ingresses/status networkpolicies replicasets replicasets/scale replicasets/status \
         replicationcontrollers/scale",
    ),
    on(
        READ,
        "policy",
        "poddisruptionbudgets poddisruptionbudgets/status",
    ),
    on(
        READ,
        "networking.k8s.io",
        "ingresses ingresses/status networkpolicies",
    ),
];

const AUTHENTICATED: Whom = Whom::Group("system:authenticated");
const UNAUTHENTICATED: Whom = Whom::Group("system:unauthenticated");

pub(super) const BINDINGS: &[Bound] = &[
    bind("cluster-admin", &[Whom::Group("system:masters")]),
    bind("system:monitoring", &[Whom::Group("system:monitoring")]),
    bind("system:discovery", &[AUTHENTICATED]),
    bind("system:basic-user", &[AUTHENTICATED]),
    bind(
        "system:public-info-viewer",
        &[AUTHENTICATED, UNAUTHENTICATED],
    ),
];
