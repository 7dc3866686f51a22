//! Whether the servers of API services are available.
//!
//! Upstream: `AvailableConditionController` of kube-aggregator. It belongs to the server itself, so every
//! server runs it.

mod check;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use parking_lot::Mutex;
use portcullis_api::status::Reason;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_kinds::kinds::api_service::{Availability, is_available, is_local, set_available};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};
use portcullis_storage::ReadAt;

use crate::bootstrap;
use crate::edit::edit;
use crate::follow::{Seen, follow};
use crate::queue::Queue;

/// How many are checked concurrently.
const AT_ONCE: usize = 16;

/// Calls the servers of API services.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Requests the discovery document of a version's server.
    ///
    /// # Errors
    /// Why there is none, with upstream's text.
    async fn discovery(&self, service: &APIService) -> Result<(), String>;

    /// The API service of that name is gone, or no longer names a server.
    fn gone(&self, name: &str);

    /// A server that was available is not any more, for a reason of upstream's.
    fn unavailable(&self, name: &str, reason: &str);
}

/// How often servers are checked (upstream: the resync of the controller, and its rate limiter).
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// How long after a response.
    pub answered: Duration,
    /// How long after a failure, at most.
    pub failed: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        let both = Duration::from_secs(30);
        Self {
            answered: both,
            failed: both,
        }
    }
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, probe: Arc<dyn Probe>, intervals: Intervals) {
    let user = bootstrap::system();
    let queue = Queue::patient_for(intervals.failed)
        .counted("AvailableConditionController", registry.work_queues());
    let all = |resource| (registry.clone(), user.clone(), resource);
    let (a, b, c) = all(table::API_SERVICES);
    let services = follow::<APIService>(a, b, c);
    let controller = Controller {
        registry: registry.clone(),
        user: user.clone(),
        probe,
        named: Mutex::default(),
    };
    let heard = services.for_each(|seen| {
        queue.add(controller.hear(seen).into(), Duration::ZERO);
        std::future::ready(())
    });
    let (a, b, c) = all(table::SERVICES);
    let moved = follow::<Service>(a, b, c).map(|seen| place(&seen.object));
    let (a, b, c) = all(table::ENDPOINTS);
    let elsewhere = follow::<Endpoints>(a, b, c).map(|seen| place(&seen.object));
    let moved = futures_util::stream::select(moved, elsewhere).for_each(|place| {
        for name in controller.at(&place) {
            queue.add(name, Duration::ZERO);
        }
        std::future::ready(())
    });
    let work = queue.serve(AT_ONCE, |name| {
        let again = name.clone();
        controller.see_to(name).map(|done| {
            if let Ok(Done::Remote(true)) = done {
                queue.add(again, intervals.answered);
            }
            done.map(|done| !matches!(done, Done::Remote(false)))
        })
    });
    tokio::join!(heard, moved, work);
}

/// A namespace and a name in it.
type Place = (String, String);

fn place(object: &dyn Object) -> Place {
    portcullis_registry::informer::place(object)
}

/// The result for an API service.
enum Done {
    /// There is no server to check.
    Nothing,
    /// Whether its server is available.
    Remote(bool),
}

struct Controller {
    registry: Arc<Registry>,
    user: UserInfo,
    probe: Arc<dyn Probe>,
    /// The services that API services name.
    named: Mutex<HashMap<Arc<str>, Place>>,
}

impl Controller {
    /// Processes a change; returns the name of the API service.
    fn hear(&self, seen: Seen<APIService>) -> String {
        let name = seen.object.metadata.name.unwrap_or_default();
        let spec = seen.object.spec.filter(|_| !seen.gone);
        let mut named = self.named.lock();
        match spec.and_then(|spec| spec.service) {
            Some(reference) => {
                let namespace = reference.namespace.unwrap_or_default();
                let place = (namespace, reference.name.unwrap_or_default());
                named.insert(name.as_str().into(), place);
            }
            None => {
                named.remove(name.as_str());
                self.probe.gone(&name);
            }
        }
        name
    }

    /// The API services that name a service.
    fn at(&self, place: &Place) -> Vec<Arc<str>> {
        let named = self.named.lock();
        let there = named.iter().filter(|(_, named)| *named == place);
        there.map(|(name, _)| name.clone()).collect()
    }

    async fn see_to(&self, name: Arc<str>) -> Result<Done, Status> {
        let scope = Scope::all(table::API_SERVICES, &self.user).named("", &name);
        let Some(service) = self.find::<APIService>(&scope).await? else {
            return Ok(Done::Nothing);
        };
        let local = is_local(&service);
        let found = match local {
            true => Availability::LOCAL,
            false => check::check(self, &service).await,
        };
        let mut judged = service.clone();
        set_available(&mut judged, &found);
        if judged.status != service.status {
            let status = Scope {
                subresource: "status",
                ..scope
            };
            if is_available(&service) && !is_available(&judged) {
                self.probe.unavailable(&name, found.reason);
            }
            let uid = service.metadata.uid;
            edit(&self.registry, &status, |current: &mut APIService| {
                if current.metadata.uid == uid {
                    set_available(current, &found);
                }
            })
            .await?;
        }
        match local {
            true => Ok(Done::Nothing),
            false => Ok(Done::Remote(found.status == "True")),
        }
    }

    /// An object, if it exists.
    async fn find<K: Object + Clone>(&self, scope: &Scope<'_>) -> Result<Option<K>, Status> {
        let entry = match self.registry.get(scope, ReadAt::Latest).await {
            Err(status) if status.reason == Some(Reason::NotFound) => return Ok(None),
            found => found?,
        };
        let object = codec::object(scope.resource, &entry)?;
        Ok(object.as_kind::<K>().cloned())
    }
}

#[async_trait]
impl check::Cluster for Controller {
    async fn service(&self, namespace: &str, name: &str) -> Result<Option<Service>, Status> {
        let scope = scope(&self.user, table::SERVICES, namespace, name);
        self.find(&scope).await
    }

    async fn endpoints(&self, namespace: &str, name: &str) -> Result<Option<Endpoints>, Status> {
        let scope = scope(&self.user, table::ENDPOINTS, namespace, name);
        self.find(&scope).await
    }

    async fn discovery(&self, service: &APIService) -> Result<(), String> {
        self.probe.discovery(service).await
    }
}

fn scope<'a>(
    user: &'a UserInfo,
    resource: &'static Resource,
    namespace: &'a str,
    name: &'a str,
) -> Scope<'a> {
    Scope::all(resource, user).named(namespace, name)
}
