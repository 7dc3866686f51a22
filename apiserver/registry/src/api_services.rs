//! The API services, and so the versions of groups that other servers serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use parking_lot::RwLock;
use portcullis_kinds::kinds::api_service::{is_local, name_of};
use portcullis_kinds::table;
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed};

/// All API services by name, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Known {
    by_name: BTreeMap<String, Arc<APIService>>,
    /// How many of them name another server: usually none, so that requests need no look-up.
    remote: usize,
}

impl Known {
    /// The API service of a version that another server serves.
    pub fn remote(&self, group: &str, version: &str) -> Option<&Arc<APIService>> {
        if self.remote == 0 {
            return None;
        }
        let found = self.by_name.get(&name_of(group, version));
        found.filter(|service| !is_local(service))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<APIService>> {
        self.by_name.values()
    }
}

/// The current API services.
#[derive(Debug, Default)]
pub struct ApiServices(RwLock<Arc<Known>>);

impl ApiServices {
    /// Follows the API services in a cache.
    pub fn start(cache: &Cache, prefix: &str) -> Arc<Self> {
        let services = Arc::<Self>::default();
        feed::<APIService>(cache, prefix, table::API_SERVICES, services.clone());
        services
    }

    /// All of them at this moment.
    pub fn current(&self) -> Arc<Known> {
        self.0.read().clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<APIService>>)) {
        let mut known = self.0.write();
        let mut by_name = known.by_name.clone();
        change(&mut by_name);
        let remote = by_name.values().filter(|service| !is_local(service));
        let remote = remote.count();
        *known = Arc::new(Known { by_name, remote });
    }
}

fn name(service: &APIService) -> String {
    service.metadata.name.clone().unwrap_or_default()
}

impl Sink<APIService> for ApiServices {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<APIService>>) {
        self.change(|known| *known = objects.map(|service| (name(&service), service)).collect());
    }

    fn put(&self, object: Arc<APIService>) {
        self.change(|known| drop(known.insert(name(&object), object)));
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.change(|known| drop(known.remove(name)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_another_server_serves_is_remote() {
        let services = ApiServices::default();
        let service = |name: &str, reference: serde_json::Value| -> Arc<APIService> {
            let service = json!({"metadata": {"name": name}, "spec": {"service": reference,
                "groupPriorityMinimum": 1, "versionPriority": 1}});
            Arc::new(serde_json::from_value(service).unwrap())
        };
        services.put(service("v1.apps", json!(null)));
        services.put(service(
            "v1.example.org",
            json!({"name": "a", "namespace": "b"}),
        ));
        let known = services.current();
        assert!(known.remote("apps", "v1").is_none());
        assert!(known.remote("example.org", "v1").is_some());
        services.delete("", "v1.example.org");
        assert!(services.current().remote("example.org", "v1").is_none());
        assert_eq!(services.current().all().count(), 1);
    }
}
