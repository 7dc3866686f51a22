//! The indices that decisions are made from, fed by the cache, and the look-ups between crates
//! that do not know each other.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use portcullis_admission::{PolicyAuthorizer, PolicyIndex};
use portcullis_api::UserInfo;
use portcullis_api::psp::PodSecurityPolicy;
use portcullis_rbac::{Attributes, Authorizer, Index, ResourceTarget, Target};
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed};
use crate::registry::table;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Keeps RBAC's index up to date.
pub fn feed_rbac(cache: &Cache, prefix: &str, index: &Arc<Index>) {
    feed::<ClusterRole>(cache, prefix, table::get(RBAC, "clusterroles"), Arc::new(Rbac(index.clone())));
    feed::<Role>(cache, prefix, table::get(RBAC, "roles"), Arc::new(Rbac(index.clone())));
    feed::<ClusterRoleBinding>(cache, prefix, table::get(RBAC, "clusterrolebindings"), Arc::new(Rbac(index.clone())));
    feed::<RoleBinding>(cache, prefix, table::get(RBAC, "rolebindings"), Arc::new(Rbac(index.clone())));
}

struct Rbac(Arc<Index>);

macro_rules! rbac_sink {
    ($kind:ident, $replace:ident, $put:ident, |$index:ident, $namespace:ident, $name:ident| $delete:expr) => {
        impl Sink<$kind> for Rbac {
            fn reset(&self, objects: Vec<Arc<$kind>>) {
                self.0.$replace(objects.iter().map(Arc::as_ref));
            }

            fn put(&self, object: Arc<$kind>) {
                self.0.$put(&object);
            }

            fn delete(&self, $namespace: &str, $name: &str) {
                let $index = &self.0;
                $delete;
            }
        }
    };
}
rbac_sink!(Role, replace_roles, put_role, |index, namespace, name| index.delete_role(namespace, name));
rbac_sink!(RoleBinding, replace_role_bindings, put_role_binding, |index, namespace, name| index
    .delete_role_binding(namespace, name));
rbac_sink!(ClusterRole, replace_cluster_roles, put_cluster_role, |index, _namespace, name| index
    .delete_cluster_role(name));
rbac_sink!(
    ClusterRoleBinding,
    replace_cluster_role_bindings,
    put_cluster_role_binding,
    |index, _namespace, name| index.delete_cluster_role_binding(name)
);

/// Keeps the index of policies up to date.
pub struct Policies(pub Arc<PolicyIndex>);

impl Sink<PodSecurityPolicy> for Policies {
    fn reset(&self, objects: Vec<Arc<PodSecurityPolicy>>) {
        self.0.replace(objects.iter().map(Arc::as_ref));
    }

    fn put(&self, object: Arc<PodSecurityPolicy>) {
        self.0.put(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete(name);
    }
}

/// Answers for admission who may use which policy.
pub struct UseOfPolicies(pub Arc<dyn Authorizer>);

impl PolicyAuthorizer for UseOfPolicies {
    fn may_use(&self, user: &UserInfo, group: &str, policy: &str, namespace: &str) -> bool {
        let target = ResourceTarget {
            group,
            resource: "podsecuritypolicies",
            subresource: "",
            namespace,
            name: policy,
        };
        let attributes = Attributes { user, verb: "use", target: Target::Resource(target) };
        self.0.authorize(&attributes).is_allowed()
    }
}
