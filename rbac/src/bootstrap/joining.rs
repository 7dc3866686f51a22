//! The roles and bindings that a node needs to join by bootstrap token, as kubeadm creates them.

use super::table::{BindingSpec, CORE, RoleSpec, SubjectSpec, bind, on, role};

const KUBE_PUBLIC: &str = "kube-public";
const BOOTSTRAPPERS: SubjectSpec = SubjectSpec::Group("system:bootstrappers");
const GET_NODES: &str = "kubeadm:get-nodes";
const CLUSTER_INFO: &str = "kubeadm:bootstrap-signer-clusterinfo";

/// Cluster roles.
pub(super) const CLUSTER_ROLES: &[RoleSpec] = &[role(GET_NODES, &[on("get", CORE, "nodes")])];

/// Bindings of cluster roles.
pub(super) const CLUSTER_BINDINGS: &[BindingSpec] = &[
    BindingSpec {
        name: "kubeadm:kubelet-bootstrap",
        role: "system:node-bootstrapper",
        to: &[BOOTSTRAPPERS],
    },
    BindingSpec {
        name: "kubeadm:node-autoapprove-bootstrap",
        role: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        to: &[BOOTSTRAPPERS],
    },
    BindingSpec {
        name: "kubeadm:node-autoapprove-certificate-rotation",
        role: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        to: &[SubjectSpec::Group("system:nodes")],
    },
    bind(GET_NODES, &[BOOTSTRAPPERS]),
];

/// Namespace and role.
pub(super) const ROLES: &[(&str, RoleSpec)] = &[(
    KUBE_PUBLIC,
    role(
        CLUSTER_INFO,
        &[on("get", CORE, "configmaps").named("cluster-info")],
    ),
)];

/// Namespace and binding: clients without credentials may read the server's authority.
pub(super) const BINDINGS: &[(&str, BindingSpec)] = &[(
    KUBE_PUBLIC,
    bind(CLUSTER_INFO, &[SubjectSpec::User("system:anonymous")]),
)];
