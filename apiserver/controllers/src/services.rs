//! The endpoints of services: the addresses of the pods they select, in endpoints and in endpoint slices
//! (upstream: `pkg/controller/endpoint`, `pkg/controller/endpointslice`).

mod changes;
pub mod endpoints;
mod member;
pub mod slices;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Pod, Service};
use portcullis_api::selector::LabelSelector;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_storage::ReadAt;

use self::changes::Known;
use crate::follow::{follow, news};
use crate::queue::Queue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

/// How many services are processed concurrently (upstream: `--concurrent-service-endpoint-syncs`).
const AT_ONCE: usize = 5;

/// Attempts every service that has a selector whenever it, a pod it selects or an object written for it
/// changes. `service_of` returns the name of the service that such an object belongs to.
async fn each<W, F>(
    registry: &Arc<Registry>,
    user: &UserInfo,
    written: &'static Resource,
    service_of: impl Fn(&W) -> Option<String>,
    attempt: impl Fn(Arc<str>) -> F,
) where
    W: Object + Clone,
    F: Future<Output = Result<bool, Status>>,
{
    let queue = Queue::default().counted(written.plural, registry.work_queues());
    let mut services = news::<Service>(registry.clone(), user.clone(), table::SERVICES);
    let mut pods = news::<Pod>(registry.clone(), user.clone(), table::PODS);
    let mut results = follow::<W>(registry.clone(), user.clone(), written);
    let mut known = Known::default();
    let watch = async {
        loop {
            let due = tokio::select! {
                Some(news) = services.next() => known.service(news),
                Some(news) = pods.next() => known.pod(news),
                Some(seen) = results.next() => {
                    let namespace = seen.object.metadata().namespace.as_deref();
                    let service = service_of(&seen.object);
                    known.written(namespace.unwrap_or_default(), service)
                }
                else => return,
            };
            for key in due {
                queue.add(key.into(), Duration::ZERO);
            }
        }
    };
    tokio::join!(watch, queue.serve(AT_ONCE, attempt));
}

/// The current state of an object; `None` if it is gone.
async fn get<K: Object + Clone>(
    registry: &Registry,
    scope: &Scope<'_>,
) -> Result<Option<K>, Status> {
    match registry.get(scope, ReadAt::NotOlderThan(0)).await {
        Ok(entry) => Ok(codec::object(scope.resource, &entry)?
            .as_kind::<K>()
            .cloned()),
        Err(status) if status.code == 404 => Ok(None),
        Err(status) => Err(status),
    }
}

/// The current objects of a namespace that labels select.
async fn list<K: Object + Clone>(
    registry: &Registry,
    scope: &Scope<'_>,
    labels: LabelSelector,
) -> Result<Vec<K>, Status> {
    let query = ListQuery {
        selection: Selection {
            labels,
            ..Selection::default()
        },
        at: ReadAt::NotOlderThan(0),
        limit: 0,
        continues: None,
    };
    let entries = registry.list(scope, &query).await?.entries;
    // an unreadable one has no known address
    let objects = entries.iter().filter_map(|entry| {
        let object = codec::object(scope.resource, entry).ok()?;
        object.as_kind::<K>().cloned()
    });
    Ok(objects.collect())
}

/// Whether a service has a selector that these controllers handle.
fn is_selecting(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let is_elsewhere = spec.is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName"));
    let selector = spec.and_then(|spec| spec.selector.as_ref());
    !is_elsewhere && selector.is_some_and(|selector| !selector.is_empty())
}

/// Whether a service has no address of its own.
fn is_headless(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let address = spec.and_then(|spec| spec.cluster_ip.as_deref());
    matches!(address, None | Some("" | "None"))
}
