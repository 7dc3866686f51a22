//! Events about invalid owners (upstream: `reportInvalidNamespaceOwnerRef`).

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use portcullis_api::Status;
use portcullis_storage::{ListRequest, ReadAt};
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::Collector;
use super::attempt::Item;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::head::HeadMeta;

/// The source of the events.
const COMPONENT: &str = "garbage-collector-controller";
/// How long the uids of a kind are kept: objects with wrong owners come in batches.
const KEPT: Duration = Duration::from_secs(1);

/// The uids of the kind that was last looked up.
#[derive(Debug, Default)]
pub(super) struct Reporter(Mutex<Option<Uids>>);

#[derive(Debug)]
struct Uids {
    kind: &'static str,
    group: &'static str,
    /// The namespaces of the objects.
    namespaces: HashMap<String, String>,
    read: Instant,
}

impl Collector {
    /// Reports owners that are not in the object's namespace, but in another one. Owners that the graph knows
    /// to be deleted are not looked up.
    pub(super) async fn report_elsewhere(&self, item: &Item<'_>, gone: &[OwnerReference]) {
        for reference in gone {
            let catalogue = self.registry.catalogue();
            let kind = catalogue.find_kind(&reference.api_version, &reference.kind);
            let Some(kind) = kind.filter(|kind| kind.namespaced) else {
                continue;
            };
            if !self.graph.lock().is_gone(&reference.uid) {
                self.report(item, kind, reference).await;
            }
        }
    }

    /// Reports an owner of this kind, if it is in another namespace.
    pub(super) async fn report(
        &self,
        item: &Item<'_>,
        kind: &Resource,
        reference: &OwnerReference,
    ) {
        let written = match self.namespace_of(kind, &reference.uid).await {
            Ok(Some(namespace)) if namespace != item.place.namespace => {
                self.create_event(item, reference).await
            }
            other => other.map(drop),
        };
        if let Err(status) = written {
            tracing::debug!(error = status.message, "an event could not be written");
        }
    }

    /// The namespace of the object of a kind with this uid.
    async fn namespace_of(&self, kind: &Resource, uid: &str) -> Result<Option<String>, Status> {
        let mut kept = self.reporter.0.lock().await;
        let fresh = kept.take().filter(|uids| {
            (uids.kind, uids.group) == (kind.kind, kind.group) && uids.read.elapsed() < KEPT
        });
        let uids = match fresh {
            Some(uids) => uids,
            None => self.uids(kind).await?,
        };
        Ok(kept.insert(uids).namespaces.get(uid).cloned())
    }

    async fn uids(&self, kind: &Resource) -> Result<Uids, Status> {
        let prefix = self.registry.collection_key(kind, "");
        let request = ListRequest {
            at: ReadAt::NotOlderThan(0),
            ..ListRequest::all()
        };
        let page = self.registry.storage().list(&prefix, &request).await;
        let page = page.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut namespaces = HashMap::new();
        for entry in &page.entries {
            if let (Some(place), Ok(meta)) =
                (self.registry.place(&entry.key), HeadMeta::read(entry))
            {
                namespaces.insert(meta.uid, place.namespace.to_owned());
            }
        }
        Ok(Uids {
            kind: kind.kind,
            group: kind.group,
            namespaces,
            read: Instant::now(),
        })
    }

    async fn create_event(
        &self,
        item: &Item<'_>,
        reference: &OwnerReference,
    ) -> Result<(), Status> {
        // Events about cluster-scoped objects are in this namespace (client-go: `tools/record`).
        let namespace = match item.place.namespace {
            "" => "default",
            namespace => namespace,
        };
        let event = event(item, namespace, reference);
        let name = event.metadata.name.clone().unwrap_or_default();
        let scope = Scope::all(table::EVENTS, &self.user).named(namespace, &name);
        self.registry
            .create(&scope, Box::new(event))
            .await
            .map(drop)
    }
}

fn event(item: &Item<'_>, namespace: &str, reference: &OwnerReference) -> Event {
    let place = &item.place;
    let OwnerReference {
        api_version,
        kind,
        name,
        uid,
        ..
    } = reference;
    let message = format!(
        "ownerRef [{api_version}/{kind}, namespace: {home}, name: {name}, uid: {uid}] does not exist in namespace {home:?}",
        home = place.namespace
    );
    let now = portcullis_kinds::time::now();
    Event {
        metadata: ObjectMeta {
            name: Some(format!(
                "{}.{:x}",
                place.name,
                Timestamp::now().as_nanosecond()
            )),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(place.resource.api_version()),
            kind: Some(place.resource.kind.to_owned()),
            namespace: Some(place.namespace.to_owned()).filter(|n| !n.is_empty()),
            name: Some(place.name.to_owned()),
            uid: Some(item.meta.uid.clone()),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some("OwnerRefInvalidNamespace".to_owned()),
        message: Some(message),
        source: Some(EventSource {
            component: Some(COMPONENT.to_owned()),
            host: None,
        }),
        reporting_component: Some(COMPONENT.to_owned()),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        ..Event::default()
    }
}
