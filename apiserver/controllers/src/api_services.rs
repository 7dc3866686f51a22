//! The API services of the versions that this server serves itself: they are created, kept right, and deleted
//! with their definitions.
//!
//! Upstream: `autoRegisterController` of kube-aggregator, and `crdRegistrationController`. They belong to the
//! server itself, so every server runs them; their result depends only on what is served.

mod wanted;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use parking_lot::Mutex;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::table;
use portcullis_kinds::time::now;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Registry, Scope, codec};
use portcullis_storage::ReadAt;

use self::wanted::{Managed, Wanted};
use crate::bootstrap;
use crate::edit::edit;
use crate::follow::follow;
use crate::queue::Queue;

/// How many are processed concurrently.
const AT_ONCE: usize = 32;
/// The longest pause after a failure.
const AGAIN_MAX: Duration = Duration::from_secs(10);

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let mut catalogues = registry.catalogues().subscribe();
    catalogues.mark_changed();
    let controller = Controller {
        user: bootstrap::system(),
        wanted: Mutex::default(),
        synced: Mutex::default(),
        started: now(),
        registry,
    };
    let queue =
        Queue::patient_for(AGAIN_MAX).counted("autoregister", controller.registry.work_queues());
    let (resource, user) = (table::API_SERVICES, controller.user.clone());
    let mut services = follow::<APIService>(controller.registry.clone(), user, resource);
    let watch = async {
        loop {
            tokio::select! {
                // what is wanted is known before what there is
                biased;
                changed = catalogues.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = Wanted::of(&catalogues.borrow_and_update());
                    let before = std::mem::replace(&mut *controller.wanted.lock(), wanted.clone());
                    for name in wanted.changed_since(&before) {
                        queue.add(name.into(), Duration::ZERO);
                    }
                }
                seen = services.next() => match seen {
                    Some(seen) => {
                        let name = seen.object.metadata.name.unwrap_or_default();
                        queue.add(name.into(), Duration::ZERO);
                    }
                    None => return,
                },
            }
        }
    };
    let work = queue.serve(AT_ONCE, |name| controller.see_to(name));
    tokio::join!(watch, work);
}

struct Controller {
    registry: Arc<Registry>,
    user: UserInfo,
    wanted: Mutex<Wanted>,
    /// Those that were right once: the ones that are managed from the start only are left alone from then on.
    synced: Mutex<HashSet<Arc<str>>>,
    /// What is older and not wanted was made for another release.
    started: Time,
}

impl Controller {
    /// Brings one into its desired state (upstream: `checkAPIService`, which has the same table).
    async fn see_to(&self, name: Arc<str>) -> Result<bool, Status> {
        let wanted = self.wanted.lock().get(&name);
        let synced = self.synced.lock().contains(&name);
        let scope = Scope::all(table::API_SERVICES, &self.user).named("", &name);
        let current = self.read(&scope).await?;
        let left_alone = |managed| managed == Managed::OnStart && synced;
        match (current, wanted) {
            (None, None) => {}
            (None, Some(wanted)) if left_alone(wanted.managed) => {}
            (None, Some(wanted)) => self.create(&scope, wanted.object(&name)).await?,
            (Some(current), wanted) => {
                let Some(managed) = Managed::of(&current) else {
                    return Ok(true);
                };
                match wanted {
                    None if managed == Managed::Always || self.is_from_before(&current) => {
                        self.delete(&scope, &current).await?;
                    }
                    None => {}
                    Some(wanted) if left_alone(wanted.managed) || left_alone(managed) => {}
                    Some(wanted) if current.spec.as_ref() == Some(&wanted.spec) => {}
                    Some(wanted) => {
                        let set =
                            |service: &mut APIService| service.spec = Some(wanted.spec.clone());
                        edit(&self.registry, &scope, set).await?;
                    }
                }
            }
        }
        if self.wanted.lock().get(&name).is_some() {
            self.synced.lock().insert(name);
        } else {
            self.synced.lock().remove(&name);
        }
        Ok(true)
    }

    fn is_from_before(&self, service: &APIService) -> bool {
        let made = service.metadata.creation_timestamp.as_ref();
        made.is_some_and(|made| made.0 < self.started.0)
    }

    async fn read(&self, scope: &Scope<'_>) -> Result<Option<APIService>, Status> {
        let entry = match self.registry.get(scope, ReadAt::Latest).await {
            Err(status) if status.reason == Some(Reason::NotFound) => return Ok(None),
            found => found?,
        };
        let object = codec::object(scope.resource, &entry)?;
        Ok(object.as_kind::<APIService>().cloned())
    }

    async fn create(&self, scope: &Scope<'_>, service: APIService) -> Result<(), Status> {
        match self.registry.create(scope, Box::new(service)).await {
            // another server created it first
            Err(status) if status.reason == Some(Reason::AlreadyExists) => Ok(()),
            created => created.map(drop),
        }
    }

    async fn delete(&self, scope: &Scope<'_>, service: &APIService) -> Result<(), Status> {
        let options = DeleteOptions {
            uid: service.metadata.uid.clone(),
            ..DeleteOptions::default()
        };
        match self.registry.delete(scope, &options).await {
            Err(status) if status.reason == Some(Reason::NotFound) => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}

/// The metadata of an API service that this server manages.
fn metadata(name: &str, managed: Managed) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some([(wanted::LABEL.to_owned(), managed.label().to_owned())].into()),
        ..ObjectMeta::default()
    }
}
