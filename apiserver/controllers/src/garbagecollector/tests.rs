//! A collector over a real store: each mode, invalid owners, and random graphs against a model.

mod hindered;
mod model;
mod random;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Event};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use portcullis_admission::{Lookups, Selection};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_rbac::AlwaysAllow;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{ListRequest, Storage};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Collector, Patience};
use crate::bootstrap;
use crate::edit::edit_any;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::delete::{DeleteOptions, Propagation};
use portcullis_registry::head::HeadMeta;
use portcullis_registry::permissions::AuthorizersPermissions;
use portcullis_registry::ranges::ServiceRanges;
use portcullis_registry::{Guard, Registry, Scope, metadata};

/// How long to wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

struct Unguarded;

impl Guard for Unguarded {
    fn check(&self, _: &Scope<'_>, _: &dyn Object, _: Option<&dyn Object>) -> Result<(), Status> {
        Ok(())
    }
}

/// A store with a collector that acts without delay.
struct World {
    registry: Arc<Registry>,
    collector: Arc<Collector>,
    user: UserInfo,
    _dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap());
        let cache = Cache::start(store, "/registry/", CacheConfig::default())
            .await
            .unwrap();
        let cache = Arc::new(cache);
        let permissions = Arc::new(AuthorizersPermissions(Arc::new(AlwaysAllow)));
        let by_default = Selection::from_flags::<&str>(&[], &[]).unwrap();
        let nothing = Selection::from_flags(&[], &by_default.names()).unwrap();
        let admission = nothing.build(&Lookups::nothing(permissions, metadata::generate_name));
        let storage: Arc<dyn Storage> = cache.clone();
        let network = "10.0.0.0/24".parse().unwrap();
        let ports = "30000-32767".parse().unwrap();
        let ranges = ServiceRanges::new(&storage, "/registry", network, ports).unwrap();
        let registry = Registry::new(
            storage,
            "/registry",
            admission,
            Box::new(Unguarded),
            ranges,
            Arc::default(),
        );
        let registry = Arc::new(registry);
        let patience = Patience {
            new_owner: Duration::ZERO,
            deletion: Duration::ZERO,
        };
        let collector = Collector::with_patience(registry.clone(), &cache, patience);
        Self {
            registry,
            collector,
            user: bootstrap::system(),
            _dir: dir,
        }
    }

    fn run(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.collector.clone().run())
    }

    fn scope<'a>(&'a self, resource: &'static Resource, place: (&'a str, &'a str)) -> Scope<'a> {
        Scope::all(resource, &self.user).named(place.0, place.1)
    }

    /// Creates a config map and returns its uid.
    async fn make(&self, place: (&str, &str), meta: ObjectMeta) -> String {
        let metadata = ObjectMeta {
            namespace: Some(place.0.to_owned()),
            name: Some(place.1.to_owned()),
            ..meta
        };
        let map = ConfigMap {
            metadata,
            ..ConfigMap::default()
        };
        let scope = self.scope(table::CONFIG_MAPS, place);
        let entry = self.registry.create(&scope, Box::new(map)).await.unwrap();
        HeadMeta::read(&entry).unwrap().uid
    }

    async fn delete(&self, place: (&str, &str), propagation: Propagation) {
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        let scope = self.scope(table::CONFIG_MAPS, place);
        match self.registry.delete(&scope, &options).await {
            Err(status) if status.code != 404 => panic!("{status:?}"),
            _ => {}
        }
    }

    async fn edit(&self, place: (&str, &str), edit: impl Fn(&mut ObjectMeta) + Send + Sync) {
        let scope = self.scope(table::CONFIG_MAPS, place);
        let change = |object: &mut dyn Object| {
            edit(object.metadata_mut());
            Ok(())
        };
        match edit_any(&self.registry, &scope, change).await {
            Err(status) if status.code != 404 => panic!("{status:?}"),
            _ => {}
        }
    }

    /// The names of the remaining objects in a namespace.
    async fn left(&self, namespace: &str) -> Vec<String> {
        let left = self.heads(namespace).await;
        left.into_iter().map(|(name, _)| name).collect()
    }

    async fn heads(&self, namespace: &str) -> Vec<(String, HeadMeta)> {
        let prefix = self.registry.collection_key(table::CONFIG_MAPS, namespace);
        let page = self
            .registry
            .storage()
            .list(&prefix, &ListRequest::all())
            .await
            .unwrap();
        let entries = page.entries.iter();
        let head = |entry: &Arc<portcullis_storage::Entry>| {
            let name = self.registry.place(&entry.key).unwrap().name.to_owned();
            (name, HeadMeta::read(entry).unwrap())
        };
        entries.map(head).collect()
    }

    async fn until_left(&self, namespace: &str, names: &[&str]) {
        let begun = Instant::now();
        while self.left(namespace).await != names {
            let left = self.left(namespace).await;
            assert!(begun.elapsed() < PATIENCE, "left: {left:?}, want {names:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn owned_by(uids: &[&str], blocks: bool) -> ObjectMeta {
    let owner = |uid: &&str| OwnerReference {
        block_owner_deletion: Some(blocks),
        ..reference("owner", uid)
    };
    ObjectMeta {
        owner_references: Some(uids.iter().map(owner).collect()),
        ..ObjectMeta::default()
    }
}

fn reference(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}

/// `owner` with the dependents `a` and `b`, of which `b` blocks its deletion.
async fn family(world: &World) -> String {
    let uid = world.make(("n", "owner"), ObjectMeta::default()).await;
    world.make(("n", "a"), owned_by(&[&uid], false)).await;
    world.make(("n", "b"), owned_by(&[&uid], true)).await;
    uid
}

#[tokio::test]
async fn in_the_background_dependents_follow() {
    let world = World::new().await;
    let _run = world.run();
    family(&world).await;
    world.delete(("n", "owner"), Propagation::Background).await;
    world.until_left("n", &[]).await;
}

#[tokio::test]
async fn orphans_stay_without_their_owner() {
    let world = World::new().await;
    let _run = world.run();
    family(&world).await;
    world.delete(("n", "owner"), Propagation::Orphan).await;
    world.until_left("n", &["a", "b"]).await;
    for (name, head) in world.heads("n").await {
        assert!(head.owner_references.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn in_the_foreground_an_owner_waits_for_blocking_dependents() {
    let world = World::new().await;
    let _run = world.run();
    let uid = family(&world).await;
    let held = ObjectMeta {
        finalizers: Some(vec!["example.com/hold".to_owned()]),
        ..owned_by(&[&uid], true)
    };
    world.make(("n", "held"), held).await;
    world.delete(("n", "owner"), Propagation::Foreground).await;
    world.until_left("n", &["held", "owner"]).await;
    world
        .edit(("n", "held"), |meta| meta.finalizers = None)
        .await;
    world.until_left("n", &[]).await;
}

#[tokio::test]
async fn existing_objects_are_collected_at_the_start() {
    let world = World::new().await;
    family(&world).await;
    world.delete(("n", "owner"), Propagation::Background).await;
    assert!(
        world.collector.queue.is_empty(),
        "nothing is to be done yet"
    );
    assert_eq!(world.left("n").await, ["a", "b"]);
    let run = world.run();
    world.until_left("n", &[]).await;
    // A server that is not elected maintains the graph, and no queue.
    run.abort();
    let _ = run.await;
    family(&world).await;
    world.delete(("n", "owner"), Propagation::Background).await;
    assert!(world.collector.queue.is_empty());
    let _run = world.run();
    world.until_left("n", &[]).await;
}

#[tokio::test]
async fn owners_that_never_existed_are_gone() {
    let world = World::new().await;
    let _run = world.run();
    world.make(("n", "owner"), ObjectMeta::default()).await;
    world
        .make(("n", "child"), owned_by(&["another uid"], true))
        .await;
    world.until_left("n", &["owner"]).await;
}

#[tokio::test]
async fn owners_of_unknown_kinds_do_not_count_as_gone() {
    let world = World::new().await;
    let _run = world.run();
    let mut meta = owned_by(&["1"], true);
    meta.owner_references.as_mut().unwrap()[0].kind = "Widget".to_owned();
    world.make(("n", "child"), meta).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.left("n").await, ["child"]);
}

#[tokio::test]
async fn owners_in_other_namespaces_are_gone_and_reported() {
    let world = World::new().await;
    let _run = world.run();
    let uid = world.make(("far", "owner"), ObjectMeta::default()).await;
    world.make(("n", "child"), owned_by(&[&uid], true)).await;
    world.until_left("n", &[]).await;
    assert_eq!(world.left("far").await, ["owner"]);
    let prefix = world.registry.collection_key(table::EVENTS, "n");
    let page = world
        .registry
        .storage()
        .list(&prefix, &ListRequest::all())
        .await
        .unwrap();
    let event: Event = serde_json::from_slice(&page.entries[0].value).unwrap();
    assert_eq!(event.reason.as_deref(), Some("OwnerRefInvalidNamespace"));
    assert_eq!(event.involved_object.name.as_deref(), Some("child"));
    let text = format!(
        "ownerRef [v1/ConfigMap, namespace: n, name: owner, uid: {uid}] does not exist in namespace \"n\""
    );
    assert_eq!(event.message, Some(text));
}

#[tokio::test]
async fn a_cascade_of_ten_thousand() {
    let world = World::new().await;
    let uid = world.make(("n", "owner"), ObjectMeta::default()).await;
    let makes = (0..10_000).map(|n| {
        let (world, uid) = (&world, &uid);
        async move {
            world
                .make(("n", &format!("d{n}")), owned_by(&[uid], true))
                .await
        }
    });
    let mut makes =
        futures_util::StreamExt::buffer_unordered(futures_util::stream::iter(makes), 256);
    while futures_util::StreamExt::next(&mut makes).await.is_some() {}
    drop(makes);
    let _run = world.run();
    let begun = Instant::now();
    world.delete(("n", "owner"), Propagation::Foreground).await;
    while !world.collector.graph.lock().is_empty() {
        assert!(begun.elapsed() < PATIENCE * 3, "too slow");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.until_left("n", &[]).await;
    println!(
        "10,000 dependents, in the foreground: {:?}",
        begun.elapsed()
    );
}
