//! The kind table: every resource the server serves. Adding a kind starts here.
//!
//! Names, group, version and scope come from the kind's type; a row states what differs from an
//! ordinary resource (upstream: `pkg/registry/<group>/rest/*.go` and each kind's `storage.go`).

use portcullis_api::Verb;

use super::kinds::config_map::ConfigMapStrategy;
use super::kinds::event::EventStrategy;
use super::kinds::namespace::NamespaceStrategy;
use super::kinds::network_policy::NetworkPolicyStrategy;
use super::kinds::pod::PodStrategy;
use super::kinds::pod_security_policy::PodSecurityPolicyStrategy;
use super::kinds::rbac::{
    ClusterRoleBindingStrategy, ClusterRoleStrategy, RoleBindingStrategy, RoleStrategy,
};
use super::kinds::review::{
    LocalSubjectAccessReviewStrategy, SelfSubjectAccessReviewStrategy,
    SelfSubjectRulesReviewStrategy, SubjectAccessReviewStrategy,
};
use super::kinds::secret::SecretStrategy;
use super::kinds::service_account::ServiceAccountStrategy;
use super::resource::{CREATE_ONLY, ONE_BY_ONE, Resource, Subresource, status};

/// All resources, in the order discovery lists their groups, and in a group by name.
pub static RESOURCES: &[Resource] = &[
    Resource::namespaced(&ConfigMapStrategy).short_names(&["cm"]),
    Resource::namespaced(&EventStrategy)
        .short_names(&["ev"])
        .created_by_put(),
    Resource::cluster(&NamespaceStrategy)
        .short_names(&["ns"])
        .verbs(ONE_BY_ONE)
        .subresources(&[
            Subresource {
                name: "finalize",
                kind: "Namespace",
                group_version: None,
                verbs: &[Verb::Update],
            },
            status("Namespace"),
        ]),
    Resource::namespaced(&PodStrategy)
        .short_names(&["po"])
        .categories(&["all"])
        .subresources(&[
            action("binding", "Binding", None),
            Subresource {
                name: "ephemeralcontainers",
                ..status("Pod")
            },
            action("eviction", "Eviction", Some("policy/v1")),
            status("Pod"),
        ]),
    Resource::namespaced(&SecretStrategy),
    Resource::namespaced(&ServiceAccountStrategy).short_names(&["sa"]),
    Resource::namespaced(&LocalSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SelfSubjectRulesReviewStrategy).verbs(CREATE_ONLY),
    Resource::cluster(&SubjectAccessReviewStrategy).verbs(CREATE_ONLY),
    Resource::namespaced(&NetworkPolicyStrategy).short_names(&["netpol"]),
    Resource::cluster(&PodSecurityPolicyStrategy)
        .aliases(&["extensions/v1beta1"])
        .short_names(&["psp"])
        .stored_as("podsecuritypolicy"),
    Resource::cluster(&ClusterRoleBindingStrategy).created_by_put(),
    Resource::cluster(&ClusterRoleStrategy).created_by_put(),
    Resource::namespaced(&RoleBindingStrategy).created_by_put(),
    Resource::namespaced(&RoleStrategy).created_by_put(),
];

/// A subresource that something is posted to.
const fn action(
    name: &'static str,
    kind: &'static str,
    group_version: Option<&'static str>,
) -> Subresource {
    Subresource {
        name,
        kind,
        group_version,
        verbs: &[Verb::Create],
    }
}

#[cfg(test)]
mod tests;
