//! User-facing roles: cluster administration, administration of a namespace, editing and viewing.
//!
//! None of them except `cluster-admin` may `use` a `PodSecurityPolicy`; that takes an explicit
//! role.

use super::table::{
    AggregatedRole, BindingSpec, CORE, READ, READ_WRITE, RoleSpec, Row, SubjectSpec, WRITE, bind,
    on, on_urls, role,
};

/// Roles that aggregate the rules of others.
pub(super) const AGGREGATED: &[AggregatedRole] = &[
    AggregatedRole {
        name: "admin",
        aggregate_to: &[],
    },
    AggregatedRole {
        name: "edit",
        aggregate_to: &["admin"],
    },
    AggregatedRole {
        name: "view",
        aggregate_to: &["edit"],
    },
];

pub(super) const ROLES: &[RoleSpec] = &[
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
            // For `kubectl auth whoami`; upstream since 1.28.
            on("create", "authentication.k8s.io", "selfsubjectreviews"),
        ],
    ),
    role(
        "system:public-info-viewer",
        &[on_urls("get", "/healthz /livez /readyz /version /version/")],
    ),
    RoleSpec {
        name: "system:aggregate-to-admin",
        aggregate_to: &["admin"],
        rules: ADMIN,
    },
    RoleSpec {
        name: "system:aggregate-to-edit",
        aggregate_to: &["edit"],
        rules: EDIT,
    },
    RoleSpec {
        name: "system:aggregate-to-view",
        aggregate_to: &["view"],
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
    // Reading these allows impersonation, so `view` does not include them.
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
    // Weaker than deletion, as it respects disruption budgets; upstream since 1.24.
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
    // Through a RoleBinding this allows reading the binding's own namespace.
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

const AUTHENTICATED: SubjectSpec = SubjectSpec::Group("system:authenticated");
const UNAUTHENTICATED: SubjectSpec = SubjectSpec::Group("system:unauthenticated");

pub(super) const BINDINGS: &[BindingSpec] = &[
    bind("cluster-admin", &[SubjectSpec::Group("system:masters")]),
    bind(
        "system:monitoring",
        &[SubjectSpec::Group("system:monitoring")],
    ),
    bind("system:discovery", &[AUTHENTICATED]),
    bind("system:basic-user", &[AUTHENTICATED]),
    bind(
        "system:public-info-viewer",
        &[AUTHENTICATED, UNAUTHENTICATED],
    ),
];
