//! The indices for decisions, fed by the cache.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use parking_lot::Mutex;
use portcullis_admission::podsecuritypolicy::PodSecurityPolicyIndex;
use portcullis_api::Object;
use portcullis_api::psp::PodSecurityPolicy;
use portcullis_rbac::{Graph, Index};
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed, place};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;

/// Keeps RBAC's index up to date.
pub fn feed_rbac(cache: &Cache, prefix: &str, index: &Arc<Index>) {
    keep::<ClusterRole, _>(cache, prefix, table::CLUSTER_ROLES, index);
    keep::<Role, _>(cache, prefix, table::ROLES, index);
    keep::<ClusterRoleBinding, _>(cache, prefix, table::CLUSTER_ROLE_BINDINGS, index);
    keep::<RoleBinding, _>(cache, prefix, table::ROLE_BINDINGS, index);
}

/// The graph of the node authorizer, kept up to date.
pub fn node_graph(cache: &Cache, prefix: &str) -> Arc<Graph> {
    let graph = Arc::new(Graph::default());
    keep::<Pod, _>(cache, prefix, table::PODS, &graph);
    keep::<PersistentVolume, _>(cache, prefix, table::PERSISTENT_VOLUMES, &graph);
    keep::<VolumeAttachment, _>(cache, prefix, table::VOLUME_ATTACHMENTS, &graph);
    graph
}

fn keep<K, I>(cache: &Cache, prefix: &str, resource: &'static Resource, index: &Arc<I>)
where
    K: Indexed<I> + Clone,
    I: Send + Sync + 'static,
{
    feed::<K>(cache, prefix, resource, Arc::new(Part::of(index)));
}

/// The part of an index for one kind.
struct Part<K, I> {
    index: Arc<I>,
    /// The objects of the kind in the index, by namespace and name.
    known: Mutex<BTreeSet<(String, String)>>,
    kind: PhantomData<fn(K)>,
}

/// How a kind is added to an index, and removed.
trait Indexed<I>: Object {
    fn put(&self, index: &I);
    fn delete(index: &I, namespace: &str, name: &str);
}

macro_rules! indexed {
    ($($of:ident: $kind:ident $put:ident |$index:ident, $namespace:ident, $name:ident| $delete:expr;)*) => {$(
        impl Indexed<$of> for $kind {
            fn put(&self, index: &$of) {
                index.$put(self);
            }

            fn delete($index: &$of, $namespace: &str, $name: &str) {
                $delete;
            }
        }
    )*};
}
indexed! {
    Index: Role put_role |index, namespace, name| index.delete_role(namespace, name);
    Index: RoleBinding put_role_binding |index, namespace, name| index.delete_role_binding(namespace, name);
    Index: ClusterRole put_cluster_role |index, _namespace, name| index.delete_cluster_role(name);
    Index: ClusterRoleBinding put_cluster_role_binding |index, _namespace, name| index.delete_cluster_role_binding(name);
    Graph: Pod put_pod |graph, namespace, name| graph.delete_pod(namespace, name);
    Graph: PersistentVolume put_volume |graph, _namespace, name| graph.delete_volume(name);
    Graph: VolumeAttachment put_attachment |graph, _namespace, name| graph.delete_attachment(name);
}

impl<K: Indexed<I>, I> Part<K, I> {
    fn of(index: &Arc<I>) -> Self {
        Self {
            index: index.clone(),
            known: Mutex::default(),
            kind: PhantomData,
        }
    }
}

impl<K: Indexed<I>, I: Send + Sync + 'static> Sink<K> for Part<K, I> {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<K>>) {
        let mut now = BTreeSet::new();
        for object in objects {
            now.insert(place(object.as_ref()));
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

/// Keeps the index of pod security policies up to date.
pub struct PodSecurityPolicySink(pub Arc<PodSecurityPolicyIndex>);

impl Sink<PodSecurityPolicy> for PodSecurityPolicySink {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<PodSecurityPolicy>>) {
        let objects: Vec<_> = objects.collect();
        self.0.replace(objects.iter().map(Arc::as_ref));
    }

    fn put(&self, object: Arc<PodSecurityPolicy>) {
        self.0.put(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete(name);
    }
}
