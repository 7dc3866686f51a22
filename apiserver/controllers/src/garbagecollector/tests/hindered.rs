//! Objects that cannot be read or changed do not hold up others.

use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_kinds::table;
use portcullis_registry::delete::Propagation;
use portcullis_storage::ReadAt;
use serde_json::json;

use super::super::AT_ONCE;
use super::{World, owned_by, reference};

/// The owner would wait for ever: nothing says when an unreadable dependent ceases to block it.
#[tokio::test]
async fn in_the_foreground_no_owner_waits_for_what_cannot_be_read() {
    let world = World::new().await;
    let owner = world.make(("n", "owner"), ObjectMeta::default()).await;
    world.make(("n", "b"), owned_by(&[&owner], true)).await;
    world.delete(("n", "owner"), Propagation::Foreground).await;
    let scope = world.scope(table::CONFIG_MAPS, ("n", "b"));
    let entry = world.registry.get(&scope, ReadAt::Latest).await.unwrap();
    let broken = Bytes::from_static(b"no JSON");
    let storage = world.registry.storage();
    let broken = storage.compare_and_swap(&entry.key, entry.revision, broken);
    let broken = broken.await.unwrap();
    storage.delete(&entry.key, broken.revision).await.unwrap();
    let _run = world.run();
    world.until_left("n", &[]).await;
}

/// A dependent that cannot be changed does not keep the others from being orphaned.
#[tokio::test]
async fn one_dependent_that_cannot_be_changed_holds_up_no_other() {
    let world = World::new().await;
    let owner = world.make(("n", "owner"), ObjectMeta::default()).await;
    for n in 0..4 * AT_ONCE {
        let name = format!("orphan-{n}");
        world.make(("n", &name), owned_by(&[&owner], true)).await;
    }
    // another server may have stored it; no change of it is valid
    let invalid = json!({
        "kind": "ConfigMap", "apiVersion": "v1", "data": {"not a key": ""},
        "metadata": {"name": "invalid", "namespace": "n", "uid": "i",
            "ownerReferences": [reference("owner", &owner)]},
    });
    let key = |name| world.registry.key(table::CONFIG_MAPS, "n", name);
    let invalid = Bytes::from(invalid.to_string());
    let storage = world.registry.storage();
    storage.create(&key("invalid"), invalid).await.unwrap();
    world.delete(("n", "owner"), Propagation::Orphan).await;

    let failed = world.collector.attempt(&key("owner")).await.unwrap_err();
    assert_eq!(failed.code, 422, "{failed:?}");
    for (name, head) in world.heads("n").await {
        let orphaned = head.owner_references.is_empty();
        assert_eq!(orphaned, name != "invalid", "{name}");
    }
}
