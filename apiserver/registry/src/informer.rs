//! Objects of one kind, decoded and in memory for decisions about requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use portcullis_admission::lookup::{Lookup, Stored};
use portcullis_api::{Object, Status};
use portcullis_storage::cache::{Cache, Observer};
use portcullis_storage::{Entry, Event, ListRequest, ReadAt, Storage};

use crate::codec;
use crate::errors::unreachable;
use portcullis_kinds::resource::Resource;

/// A receiver of the objects of a kind.
pub trait Sink<K>: Send + Sync + 'static {
    /// Replaces all objects. Each is decoded when it is taken: some are fifty times as large as their text.
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<K>>);
    /// An object is new or has changed.
    fn put(&self, object: Arc<K>);
    /// An object has been removed.
    fn delete(&self, namespace: &str, name: &str);
}

/// Keeps `sink` up to date with the objects of a resource: it has got a change by the time the write returns.
pub fn feed<K: Object + Clone>(
    cache: &Cache,
    prefix: &str,
    resource: &'static Resource,
    sink: Arc<dyn Sink<K>>,
) {
    let prefix = format!("{prefix}/{}/", resource.storage);
    let feeder = Feeder {
        prefix: prefix.clone(),
        resource,
        sink,
    };
    cache.observe(&prefix, Box::new(feeder));
}

struct Feeder<K> {
    prefix: String,
    resource: &'static Resource,
    sink: Arc<dyn Sink<K>>,
}

impl<K: Object + Clone> Feeder<K> {
    /// An unreadable object counts as removed, and is logged: no decision may be based on it, nor on its
    /// previous state.
    fn decode(&self, entry: &Entry) -> Option<Arc<K>> {
        let decoded = decode::<K>(self.resource, entry).and_then(|object| {
            let (namespace, name) = place(object.as_ref());
            match self.place_of(&entry.key) == (&namespace, &name) {
                true => Ok(object),
                false => Err(Status::internal(format!(
                    "its metadata has the name {name:?} and the namespace {namespace:?}, unlike its key"
                ))),
            }
        });
        match decoded {
            Ok(object) => Some(object),
            Err(status) => {
                tracing::error!(
                    key = %entry.key,
                    revision = entry.revision,
                    error = status.message,
                    "an object cannot be read and is treated as deleted"
                );
                None
            }
        }
    }

    /// The namespace and name of a key.
    fn place_of<'k>(&self, key: &'k str) -> (&'k str, &'k str) {
        let path = key.strip_prefix(&self.prefix).unwrap_or_default();
        path.split_once('/').unwrap_or(("", path))
    }

    fn forget(&self, key: &str) {
        let (namespace, name) = self.place_of(key);
        self.sink.delete(namespace, name);
    }
}

impl<K: Object + Clone> Observer for Feeder<K> {
    fn reset(&self, entries: &[Arc<Entry>]) {
        let mut objects = entries.iter().filter_map(|entry| self.decode(entry));
        self.sink.reset(&mut objects);
    }

    fn apply(&self, event: &Event) {
        match event {
            Event::Put { entry, .. } => match self.decode(entry) {
                Some(object) => self.sink.put(object),
                None => self.forget(&entry.key),
            },
            Event::Delete { previous, .. } => self.forget(&previous.key),
            Event::Progress(_) => {}
        }
    }
}

fn decode<K: Object + Clone>(resource: &Resource, entry: &Entry) -> Result<Arc<K>, Status> {
    let object = codec::object(resource, entry)?;
    let typed = object
        .into_kind::<K>()
        .ok_or_else(|| Status::internal("an object of another kind than its key says"))?;
    Ok(Arc::new(typed))
}

/// All objects of a kind, by namespace and name.
pub struct Informer<K> {
    objects: RwLock<ByNamespace<K>>,
    store: Arc<dyn Storage>,
    prefix: String,
    resource: &'static Resource,
}

type ByNamespace<K> = BTreeMap<String, BTreeMap<String, Arc<K>>>;

impl<K: Object + Clone> Informer<K> {
    /// An informer on a resource, whose keys begin with `prefix`.
    pub fn start(cache: &Arc<Cache>, prefix: &str, resource: &'static Resource) -> Arc<Self> {
        let informer = Arc::new(Self {
            objects: RwLock::default(),
            store: cache.clone(),
            prefix: prefix.to_owned(),
            resource,
        });
        feed::<K>(cache, prefix, resource, informer.clone());
        informer
    }
}

/// Objects of a kind in the store, decoded on demand.
pub struct OnDemand {
    store: Arc<dyn Storage>,
    prefix: String,
    resource: &'static Resource,
}

impl OnDemand {
    /// The objects of a resource, whose keys begin with `prefix`.
    pub fn new(store: Arc<dyn Storage>, prefix: &str, resource: &'static Resource) -> Arc<Self> {
        Arc::new(Self {
            store,
            prefix: prefix.to_owned(),
            resource,
        })
    }
}

#[async_trait]
impl<K: Object + Clone> Stored<K> for OnDemand {
    async fn list(&self, namespace: &str) -> Result<Vec<Arc<K>>, Status> {
        let prefix = format!("{}/{}/{namespace}/", self.prefix, self.resource.storage);
        let page = self.store.list(&prefix, &ListRequest::all()).await;
        let entries = page.map_err(|e| unreachable(&e))?.entries;
        entries.iter().map(|e| decode(self.resource, e)).collect()
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status> {
        live(&self.store, &self.prefix, self.resource, namespace, name).await
    }
}

/// The namespace and name of an object.
pub fn place(object: &dyn Object) -> (String, String) {
    let meta = object.metadata();
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

impl<K: Object + Clone> Sink<K> for Informer<K> {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<K>>) {
        let mut all = ByNamespace::new();
        for object in objects {
            let (namespace, name) = place(object.as_ref());
            all.entry(namespace).or_default().insert(name, object);
        }
        *self.objects.write() = all;
    }

    fn put(&self, object: Arc<K>) {
        let (namespace, name) = place(object.as_ref());
        let mut all = self.objects.write();
        all.entry(namespace).or_default().insert(name, object);
    }

    fn delete(&self, namespace: &str, name: &str) {
        let mut all = self.objects.write();
        let Some(objects) = all.get_mut(namespace) else {
            return;
        };
        objects.remove(name);
        if objects.is_empty() {
            all.remove(namespace);
        }
    }
}

#[async_trait]
impl<K: Object + Clone> Lookup<K> for Informer<K> {
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.objects.read().get(namespace)?.get(name).cloned()
    }

    fn list(&self, namespace: &str) -> Vec<Arc<K>> {
        let all = self.objects.read();
        let objects = all.get(namespace).into_iter().flatten();
        objects.map(|(_, object)| object.clone()).collect()
    }

    async fn get_live(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status> {
        live(&self.store, &self.prefix, self.resource, namespace, name).await
    }
}

/// An object as the store has it now.
async fn live<K: Object + Clone>(
    store: &Arc<dyn Storage>,
    prefix: &str,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Option<Arc<K>>, Status> {
    let path = if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    };
    let key = format!("{prefix}/{}/{path}", resource.storage);
    let found = store.get(&key, ReadAt::Latest).await;
    let found = found.map_err(|e| unreachable(&e))?;
    found
        .entry
        .map(|entry| decode(resource, &entry))
        .transpose()
}
