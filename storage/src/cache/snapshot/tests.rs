use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Frame, range};

type Model = BTreeMap<Arc<str>, Arc<Entry>>;

fn entry(key: &str, revision: u64) -> Arc<Entry> {
    Entry::new(key, Bytes::new(), revision)
}

fn put(entry: Arc<Entry>) -> Event {
    Event::Put {
        entry,
        previous: None,
        frame: Frame::default(),
    }
}

fn delete(previous: Arc<Entry>) -> Event {
    Event::Delete {
        previous,
        revision: 0,
        frame: Frame::default(),
    }
}

fn shown(entries: impl IntoIterator<Item = Arc<Entry>>) -> Vec<(String, u64)> {
    let shown = |entry: Arc<Entry>| (entry.key.to_string(), entry.revision);
    entries.into_iter().map(shown).collect()
}

/// That a range is what an ordered map says.
fn agree(snapshot: &Snapshot, model: &Model, prefix: &str, after: Option<&str>, limit: usize) {
    let expected = range::keys_in(model, prefix, after).map(|(_, entry)| entry.clone());
    let (expected, remaining) = range::page(expected, limit);
    let taken = snapshot.take(prefix, after, limit);
    assert_eq!(taken.remaining, remaining, "{prefix} {after:?} {limit}");
    let context = format!("{prefix} {after:?} {limit}");
    assert_eq!(shown(taken.into_entries()), shown(expected), "{context}");
}

/// That no leaf is larger than it may be, empty without need, or beside another that it should be joined to.
fn is_in_shape(snapshot: &Snapshot) {
    let leaves: Vec<_> = snapshot.leaves.values().map(|leaf| leaf.len()).collect();
    assert!(leaves.iter().all(|len| *len <= MOST), "{leaves:?}");
    let used: usize = leaves.iter().sum();
    assert!(leaves.len() <= 2 + used * 4 / FEW, "{leaves:?}");
}

#[test]
fn a_range_is_taken_as_it_is_and_changes_do_not_reach_it() {
    let mut snapshot = Snapshot::of(&[entry("/a/1", 1), entry("/a/2", 2), entry("/b/1", 3)]);
    let taken = snapshot.take("/a/", None, 1);
    snapshot.apply(&put(entry("/a/1", 4)));
    snapshot.apply(&delete(entry("/a/2", 2)));
    assert_eq!(taken.remaining, 1);
    assert_eq!(shown(taken.into_entries()), [("/a/1".to_owned(), 1)]);
    assert_eq!(
        shown(snapshot.take("/a/", None, 0).into_entries()),
        [("/a/1".to_owned(), 4)]
    );
    assert_eq!(snapshot.get("/a/1").map(|e| e.revision), Some(4));
    assert!(snapshot.get("/a/2").is_none() && snapshot.get("").is_none());
}

#[test]
fn keys_in_any_order_fill_and_empty_the_leaves() {
    let key = |n: u64| format!("/{}/{:05}", n % 3, n * 7_919 % 10_007);
    for in_order in [false, true] {
        let mut snapshot = Snapshot::default();
        let mut keys: Vec<_> = (0..5_000).map(key).collect();
        if in_order {
            keys.sort();
        }
        let mut model = Model::new();
        for (revision, key) in (1..).zip(&keys) {
            let entry = entry(key, revision);
            model.insert(entry.key.clone(), entry.clone());
            snapshot.apply(&put(entry));
        }
        for (prefix, after, limit) in [
            ("/", None, 0),
            ("/1/", None, 700),
            ("/1/", Some("/1/05000"), 0),
            ("/2/", Some("/1/05000"), 3),
            ("/3", None, 0),
        ] {
            agree(&snapshot, &model, prefix, after, limit);
        }
        is_in_shape(&snapshot);
        for key in keys.iter().rev().take(4_990) {
            let removed = model.remove(&**key).unwrap();
            snapshot.apply(&delete(removed));
        }
        agree(&snapshot, &model, "", None, 0);
        is_in_shape(&snapshot);
    }
}

#[test]
fn a_range_goes_on_behind_a_leaf_that_has_been_emptied() {
    let all: Vec<_> = (0..1_000).map(|n| entry(&format!("/{n:04}"), n)).collect();
    let mut model: Model = all.iter().map(|e| (e.key.clone(), e.clone())).collect();
    let mut snapshot = Snapshot::of(&all);
    for gone in &all[MOST - FEW..2 * (MOST - FEW)] {
        model.remove(&gone.key);
        snapshot.apply(&delete(gone.clone()));
    }
    agree(&snapshot, &model, "/", None, 0);
    agree(&snapshot, &model, "/", Some("/0150"), 500);
    for gone in &all[..MOST] {
        model.remove(&gone.key);
        snapshot.apply(&delete(gone.clone()));
    }
    agree(&snapshot, &model, "/", None, 0);
    is_in_shape(&snapshot);
}

proptest! {
    #[test]
    fn a_snapshot_is_an_ordered_map(
        first in 0_usize..2_000,
        changes in prop::collection::vec((any::<bool>(), 0_u64..3_000), 0..1_500),
        prefix in 0_usize..4,
        after in prop::option::of(0_u64..3_000),
        limit in 0_usize..600,
    ) {
        let key = |n: u64| format!("/{}/{n:04}", n / 1_000);
        let start: Vec<_> = (0..first as u64).map(|n| entry(&key(n), n + 1)).collect();
        let mut model: Model = start.iter().map(|e| (e.key.clone(), e.clone())).collect();
        let mut snapshot = Snapshot::of(&start);
        for (revision, (is_put, n)) in (10_000..).zip(changes) {
            let entry = entry(&key(n), revision);
            if is_put {
                model.insert(entry.key.clone(), entry.clone());
                snapshot.apply(&put(entry));
            } else {
                model.remove(&entry.key);
                snapshot.apply(&delete(entry));
            }
        }
        let after = after.map(key);
        agree(&snapshot, &model, &format!("/{prefix}/"), after.as_deref(), limit);
        agree(&snapshot, &model, "", None, 0);
        for n in 0..3_000 {
            let key = key(n);
            prop_assert_eq!(snapshot.get(&key).map(|e| e.revision), model.get(&*key).map(|e| e.revision));
        }
    }
}

#[test]
fn leaves_that_are_large_together_are_not_joined() {
    let full = MOST - FEW;
    let all: Vec<_> = (0..2 * full)
        .map(|n| entry(&format!("/{n:04}"), 1))
        .collect();
    let mut snapshot = Snapshot::of(&all);
    for more in 0..FEW {
        snapshot.apply(&put(entry(&format!("/{:04}/{more}", 2 * full), 2)));
    }
    for gone in &all[..full - 1] {
        snapshot.apply(&delete(gone.clone()));
    }
    is_in_shape(&snapshot);
}
