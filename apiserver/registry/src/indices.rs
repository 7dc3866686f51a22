//! The indices that decisions are made from, fed by the cache.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use parking_lot::Mutex;
use portcullis_admission::podsecuritypolicy::PolicyIndex;
use portcullis_api::Object;
use portcullis_api::psp::PodSecurityPolicy;
use portcullis_rbac::Index;
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed, place};
use portcullis_kinds::table;

/// Keeps RBAC's index up to date.
pub fn feed_rbac(cache: &Cache, prefix: &str, index: &Arc<Index>) {
    feed::<ClusterRole>(
        cache,
        prefix,
        table::CLUSTER_ROLES,
        Arc::new(Rbac::of(index)),
    );
    feed::<Role>(cache, prefix, table::ROLES, Arc::new(Rbac::of(index)));
    feed::<ClusterRoleBinding>(
        cache,
        prefix,
        table::CLUSTER_ROLE_BINDINGS,
        Arc::new(Rbac::of(index)),
    );
    feed::<RoleBinding>(
        cache,
        prefix,
        table::ROLE_BINDINGS,
        Arc::new(Rbac::of(index)),
    );
}

/// The part of RBAC's index that is of one kind.
struct Rbac<K> {
    index: Arc<Index>,
    /// What the index has of the kind, by namespace and name.
    known: Mutex<BTreeSet<(String, String)>>,
    kind: PhantomData<fn(K)>,
}

/// How the index takes a kind in, and lets it go.
trait Indexed: Object {
    fn put(&self, index: &Index);
    fn delete(index: &Index, namespace: &str, name: &str);
}

macro_rules! indexed {
    ($($kind:ident $put:ident |$index:ident, $namespace:ident, $name:ident| $delete:expr;)*) => {$(
        impl Indexed for $kind {
            fn put(&self, index: &Index) {
                index.$put(self);
            }

            fn delete($index: &Index, $namespace: &str, $name: &str) {
                $delete;
            }
        }
    )*};
}
indexed! {
    Role put_role |index, namespace, name| index.delete_role(namespace, name);
    RoleBinding put_role_binding |index, namespace, name| index.delete_role_binding(namespace, name);
    ClusterRole put_cluster_role |index, _namespace, name| index.delete_cluster_role(name);
    ClusterRoleBinding put_cluster_role_binding |index, _namespace, name| index.delete_cluster_role_binding(name);
}

impl<K: Indexed> Rbac<K> {
    fn of(index: &Arc<Index>) -> Self {
        Self {
            index: index.clone(),
            known: Mutex::default(),
            kind: PhantomData,
        }
    }
}

impl<K: Indexed> Sink<K> for Rbac<K> {
    fn reset(&self, objects: Vec<Arc<K>>) {
        let now: BTreeSet<_> = objects
            .iter()
            .map(|object| place(object.as_ref()))
            .collect();
        for object in objects {
            object.put(&self.index);
        }
        let before = std::mem::replace(&mut *self.known.lock(), now.clone());
        for (namespace, name) in before.difference(&now) {
            K::delete(&self.index, namespace, name);
        }
    }

    fn put(&self, object: Arc<K>) {
        object.as_ref().put(&self.index);
        self.known.lock().insert(place(object.as_ref()));
    }

    fn delete(&self, namespace: &str, name: &str) {
        K::delete(&self.index, namespace, name);
        self.known
            .lock()
            .remove(&(namespace.to_owned(), name.to_owned()));
    }
}

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
