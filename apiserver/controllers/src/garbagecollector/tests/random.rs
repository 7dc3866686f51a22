//! Random graphs and random deletions: exactly the model's objects must remain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::time::Instant;

use super::model::{Model, Thing};
use super::{PATIENCE, World, reference};
use portcullis_registry::delete::Propagation;

const HOLD: &str = "example.com/hold";

/// A graph, and the deletions in it.
#[derive(Clone, Debug)]
struct Story {
    /// For each object its owners, whether each waits for it, and whether it has a finalizer. An owner beyond
    /// the last object never existed.
    objects: Vec<(BTreeMap<usize, bool>, bool)>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Delete(usize, Propagation),
    Release(usize),
}

fn stories() -> impl Strategy<Value = Story> {
    (2..9_usize, any::<bool>()).prop_flat_map(|(count, held)| {
        // An object that an owner waits for must have no finalizer: otherwise the order decides, upstream as
        // well.
        let third = if held {
            None
        } else {
            Some(Propagation::Foreground)
        };
        let modes = [
            Propagation::Background,
            Propagation::Orphan,
            third.unwrap_or(Propagation::Background),
        ];
        let owners = prop::collection::btree_map(0..count + 2, any::<bool>(), 0..4);
        let objects = prop::collection::vec(
            (owners, prop::bool::weighted(if held { 0.4 } else { 0.0 })),
            count,
        );
        let step = (0..count, 0..4_usize).prop_map(move |(id, kind)| match modes.get(kind) {
            Some(mode) => Step::Delete(id, *mode),
            None if held => Step::Release(id),
            None => Step::Delete(id, modes[2]),
        });
        (objects, prop::collection::vec(step, 1..5))
            .prop_map(|(objects, steps)| Story { objects, steps })
    })
}

impl World {
    /// Carries out the story; returns the remaining objects, and the uids of all.
    async fn tell(&self, namespace: &str, story: &Story) -> (Model, Vec<String>) {
        let mut uids = Vec::new();
        for (id, (_, held)) in story.objects.iter().enumerate() {
            let meta = ObjectMeta {
                finalizers: held.then(|| vec![HOLD.to_owned()]),
                ..ObjectMeta::default()
            };
            uids.push(self.make((namespace, &id.to_string()), meta).await);
        }
        let mut model = Model::default();
        for (id, (owners, held)) in story.objects.iter().enumerate() {
            let thing = Thing {
                owners: owners.keys().copied().collect(),
                held: *held,
                deleted: false,
            };
            model.0.insert(id, thing);
            let uid = |owner: usize| uids.get(owner).cloned().unwrap_or(format!("ghost-{owner}"));
            self.edit((namespace, &id.to_string()), |meta| {
                let all = owners.iter().map(|(owner, blocks)| {
                    let mut reference = reference(&owner.to_string(), &uid(*owner));
                    reference.block_owner_deletion = Some(*blocks);
                    reference
                });
                meta.owner_references = Some(all.collect());
            })
            .await;
        }
        model.settle();
        self.agrees(namespace, &model, &uids, "at first").await;
        for step in &story.steps {
            match *step {
                Step::Delete(id, mode) => {
                    model.delete(id, mode);
                    self.delete((namespace, &id.to_string()), mode).await;
                }
                Step::Release(id) => {
                    model.release(id);
                    let place = (namespace, &*id.to_string());
                    self.edit(place, |meta| meta.finalizers = None).await;
                }
            }
            self.agrees(namespace, &model, &uids, &format!("after {step:?}"))
                .await;
        }
        (model, uids)
    }

    /// Waits until the stored objects are the model's.
    async fn agrees(&self, namespace: &str, model: &Model, uids: &[String], when: &str) {
        let begun = Instant::now();
        loop {
            let found = self.found(namespace, uids).await;
            if found.comparable() == model.comparable() {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{when}: found {found:#?}, want {model:#?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn found(&self, namespace: &str, uids: &[String]) -> Model {
        let id = |uid: &String| {
            let ghost = || uid.strip_prefix("ghost-").unwrap().parse().unwrap();
            uids.iter()
                .position(|known| known == uid)
                .unwrap_or_else(ghost)
        };
        let heads = self.heads(namespace).await.into_iter();
        let things = heads.map(|(name, head)| {
            let thing = Thing {
                owners: head
                    .owner_references
                    .iter()
                    .map(|owner| id(&owner.uid))
                    .collect(),
                held: head.has_finalizer(HOLD),
                deleted: head.is_deleting(),
            };
            (name.parse().unwrap(), thing)
        });
        Model(things.collect())
    }
}

#[test]
fn exactly_the_right_objects_remain() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let _entered = runtime.enter();
    let _run = world.run();
    let cases = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let mut runner = TestRunner::new(Config {
        cases: 96,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&stories(), |story| {
        let namespace = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
        let left = runtime.block_on(world.tell(&namespace, &story));
        outcomes.lock().push((namespace, left));
        Ok(())
    });
    outcome.unwrap();
    // Nothing more happens to the remaining objects.
    runtime.block_on(async {
        for (namespace, (model, uids)) in &outcomes.into_inner() {
            let found = world.found(namespace, uids).await;
            assert_eq!(found.comparable(), model.comparable(), "{namespace}");
        }
    });
}
