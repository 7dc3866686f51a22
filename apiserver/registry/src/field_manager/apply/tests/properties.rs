//! Properties of any configurations and managers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

type Pairs = BTreeMap<String, String>;

fn letters() -> Vec<String> {
    ["a", "b", "c", "d"].map(str::to_owned).to_vec()
}

/// Some keys, each with one of two values.
fn pairs(least: usize) -> impl Strategy<Value = Pairs> {
    let letter = prop::sample::select(letters());
    let value = prop::sample::select(vec!["1".to_owned(), "2".to_owned()]);
    prop::collection::btree_map(letter, value, least..4)
}

/// A configuration of a pod: maps, a set, lists with keys and an atomic list.
fn any_config() -> impl Strategy<Value = Value> {
    let some = || subsequence(letters(), 0..=4).prop_shuffle();
    (pairs(0), some(), pairs(1), some(), any::<bool>()).prop_map(
        |(labels, finalizers, images, arguments, host)| {
            let finalizers: Vec<_> = finalizers.iter().map(|f| format!("x.y/{f}")).collect();
            let containers: Vec<_> = (images.iter())
                .map(|(name, image)| json!({"name": name, "image": image, "args": arguments}))
                .collect();
            let mut spec = json!({"containers": containers});
            if host {
                spec["hostNetwork"] = json!(true);
            }
            let mut metadata = json!({"name": "p"});
            // empty maps and lists are not written, and have no owner
            if !labels.is_empty() {
                metadata["labels"] = json!(labels);
            }
            if !finalizers.is_empty() {
                metadata["finalizers"] = json!(finalizers);
            }
            json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": metadata})
        },
    )
}

fn without_times(story: &Story) -> Vec<ManagedFieldsEntry> {
    let timeless = |entry: &ManagedFieldsEntry| ManagedFieldsEntry {
        time: None,
        ..entry.clone()
    };
    story.entries.iter().map(timeless).collect()
}

proptest! {
    #[test]
    fn applying_again_changes_nothing(configs in prop::collection::vec((any_config(), 0..3_usize), 1..5)) {
        let mut story = Story::new("v1", "pods");
        let managers = ["one", "two", "three"];
        for (config, manager) in &configs {
            story.try_apply(managers[*manager], config, true).unwrap();
            let once = (story.live.clone(), without_times(&story));
            story.try_apply(managers[*manager], config, false).unwrap();
            prop_assert_eq!((story.live.clone(), without_times(&story)), once);
        }
    }

    #[test]
    fn fields_that_the_only_manager_drops_are_removed(first in any_config(), second in any_config()) {
        let mut story = Story::new("v1", "pods");
        story.apply("one", &first);
        story.apply("one", &second);
        let labels = |value: &Value| value["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        prop_assert_eq!(labels(&story.live), labels(&second));
        let names = |value: &Value| {
            let containers = value["spec"]["containers"].as_array().cloned().unwrap_or_default();
            let mut names: Vec<_> = containers.iter().map(|c| c["name"].to_string()).collect();
            names.sort();
            names
        };
        prop_assert_eq!(names(&story.live), names(&second));
    }

    #[test]
    fn a_conflict_changes_nothing(first in any_config(), second in any_config()) {
        let mut story = Story::new("v1", "pods");
        story.apply("one", &first);
        let before = (story.live.clone(), story.entries.clone());
        if story.try_apply("two", &second, false).is_err() {
            prop_assert_eq!((story.live.clone(), story.entries.clone()), before);
            // and it succeeds with force
            story.try_apply("two", &second, true).unwrap();
        }
    }
}
