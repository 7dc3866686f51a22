//! Admission policies and their bindings, fed to admission's indices.

use std::sync::Arc;

use portcullis_admission::policies::Policies;
use portcullis_api::Object;
use portcullis_kinds::resource::Resource;
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed};

/// Keeps policies up to date with the objects of two resources.
pub fn start<P>(
    cache: &Cache,
    prefix: &str,
    (policies, bindings): (&'static Resource, &'static Resource),
    known: &Arc<P>,
) where
    P: Policies,
    P::Policy: Object + Clone,
    P::Binding: Object + Clone,
{
    let policy_sink = Arc::new(OfPolicies(known.clone()));
    feed::<P::Policy>(cache, prefix, policies, policy_sink);
    let binding_sink = Arc::new(OfBindings(known.clone()));
    feed::<P::Binding>(cache, prefix, bindings, binding_sink);
}

struct OfPolicies<P>(Arc<P>);

struct OfBindings<P>(Arc<P>);

impl<P: Policies> Sink<P::Policy> for OfPolicies<P> {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<P::Policy>>) {
        self.0.replace_policies(&objects.collect::<Vec<_>>());
    }

    fn put(&self, object: Arc<P::Policy>) {
        self.0.put_policy(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete_policy(name);
    }
}

impl<P: Policies> Sink<P::Binding> for OfBindings<P> {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<P::Binding>>) {
        self.0.replace_bindings(&objects.collect::<Vec<_>>());
    }

    fn put(&self, object: Arc<P::Binding>) {
        self.0.put_binding(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete_binding(name);
    }
}
