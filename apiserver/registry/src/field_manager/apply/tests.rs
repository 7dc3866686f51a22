use futures_util::FutureExt;
use portcullis_api::{Status, UserInfo};
use serde_json::{Value, json};

use super::super::field_set::testing;
use super::*;
use crate::conversion::Conversions;
use crate::scope::Scope;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;

mod custom;
mod properties;
mod versions;

/// The result of work that waits for nothing.
fn ready<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing to wait for")
}

/// An object with a sequence of applies.
struct Story {
    resource: &'static Resource,
    api_version: &'static str,
    live: Value,
    entries: Vec<ManagedFieldsEntry>,
    conversions: Conversions,
}

impl Story {
    fn new(api_version: &'static str, plural: &'static str) -> Self {
        Self::of(table::find(api_version, plural).unwrap(), api_version)
    }

    fn of(resource: &'static Resource, api_version: &'static str) -> Self {
        Self {
            resource,
            api_version,
            live: tracked::empty(resource, api_version),
            entries: Vec::new(),
            conversions: Conversions::default(),
        }
    }

    fn with_writer<T>(&self, manager: &str, f: impl FnOnce(Writer<'_>) -> T) -> T {
        let user = UserInfo::default();
        let scope = Scope {
            api_version: self.api_version,
            conversions: Some(&self.conversions),
            ..Scope::all(self.resource, &user)
        };
        f(Writer::new(&scope, manager, "agent/1"))
    }

    fn try_apply(&mut self, manager: &str, config: &Value, force: bool) -> Result<(), Status> {
        let applied = self.with_writer(manager, |writer| {
            let apply = Apply {
                writer,
                config,
                force,
            };
            assert_eq!(apply.list_errors(), Vec::<String>::new());
            ready(apply.merge_into(&self.live, self.entries.clone()))
        })?;
        self.live = applied.object;
        self.entries = applied.managed.unwrap_or_default();
        Ok(())
    }

    fn apply(&mut self, manager: &str, config: &Value) {
        self.try_apply(manager, config, false).unwrap();
    }

    fn update(&mut self, manager: &str, new: Value) {
        let mut managed = Managed::decode(self.entries.clone()).unwrap();
        self.with_writer(manager, |writer| {
            ready(writer.update(&self.live, &new, manager, &mut managed)).unwrap();
        });
        self.live = new;
        self.entries = managed.encode().unwrap_or_default();
    }

    fn owned_by(&self, manager: &str) -> Value {
        let entry = self
            .entries
            .iter()
            .find(|e| e.manager.as_deref() == Some(manager));
        entry
            .and_then(|e| e.fields_v1.as_ref())
            .map_or(Value::Null, testing::tree)
    }
}

fn config_map() -> Story {
    Story::new("v1", "configmaps")
}

fn data(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

fn pod(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
}

#[test]
fn appliers_own_their_fields_and_share_equal_ones() {
    let mut story = config_map();
    story.apply("one", &data(&json!({"a": "1", "b": "1"})));
    story.apply("two", &data(&json!({"b": "1", "c": "1"})));
    assert_eq!(story.live["data"], json!({"a": "1", "b": "1", "c": "1"}));
    assert_eq!(
        story.owned_by("one"),
        json!({"f:data": {"f:a": {}, "f:b": {}}})
    );
    assert_eq!(
        story.owned_by("two"),
        json!({"f:data": {"f:b": {}, "f:c": {}}})
    );
}

#[test]
fn a_field_no_longer_applied_is_removed_unless_another_manager_owns_it() {
    let mut story = config_map();
    story.apply("one", &data(&json!({"a": "1", "b": "1"})));
    story.apply("two", &data(&json!({"b": "1"})));
    story.apply("one", &data(&json!({})));
    assert_eq!(story.live["data"], json!({"b": "1"}));
    assert_eq!(story.owned_by("one"), Value::Null);
}

#[test]
fn conflicts_name_managers_and_fields_until_they_are_forced() {
    let mut story = config_map();
    story.apply("one", &data(&json!({"a": "1", "b": "1"})));
    let mut patched = story.live.clone();
    patched["data"]["b"] = json!("2");
    story.update("hand", patched);
    let two = data(&json!({"a": "2", "b": "3"}));
    let refused = story.try_apply("two", &two, false).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 2 conflicts: conflicts with \"hand\" using v1:\n- .data.b\nconflicts with \"one\":\n- .data.a"
    );
    assert_eq!(
        (refused.code, refused.details.unwrap().causes.len()),
        (409, 2)
    );
    let one = data(&json!({"a": "1", "b": "1"}));
    let refused = story.try_apply("one", &one, false).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"hand\" using v1: .data.b"
    );
    story.try_apply("two", &two, true).unwrap();
    assert_eq!(story.live["data"], json!({"a": "2", "b": "3"}));
    assert_eq!(
        (story.owned_by("one"), story.owned_by("hand")),
        (Value::Null, Value::Null)
    );
}

#[test]
fn changing_a_field_takes_ownership_and_removing_it_ends_all_ownership() {
    let mut story = config_map();
    story.update("maker", data(&json!({"a": "1", "b": "1"})));
    assert_eq!(
        story.owned_by("maker"),
        json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}})
    );
    story.update("patcher", data(&json!({"a": "1", "b": "2", "c": "1"})));
    assert_eq!(
        story.owned_by("patcher"),
        json!({"f:data": {"f:b": {}, "f:c": {}}})
    );
    story.update("remover", data(&json!({"a": "1", "c": "1"})));
    assert_eq!(story.owned_by("patcher"), json!({"f:data": {"f:c": {}}}));
    assert_eq!(
        (story.owned_by("remover"), story.entries.len()),
        (Value::Null, 2)
    );
}

#[test]
fn fields_from_before_the_first_apply_have_an_owner() {
    let mut story = config_map();
    story.live = data(&json!({"a": "1"}));
    let refused = story
        .try_apply("one", &data(&json!({"a": "2"})), false)
        .unwrap_err();
    assert!(
        refused
            .message
            .contains("conflict with \"before-first-apply\" using v1: .data.a")
    );
}

#[test]
fn items_of_lists_belong_to_the_managers_that_list_them() {
    let mut story = Story::new("v1", "pods");
    let main = json!({"name": "main", "image": "m", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]});
    story.apply("one", &pod(&json!({"containers": [main]})));
    story.apply("two", &pod(&json!({"containers": [{"name": "side", "image": "s"}, {"name": "main", "env": [{"name": "E", "value": "v"}]}]})));
    story.apply(
        "one",
        &pod(&json!({"containers": [{"name": "main", "image": "m"}]})),
    );
    assert_eq!(
        story.live["spec"]["containers"],
        json!([{"name": "main", "image": "m", "env": [{"name": "E", "value": "v"}]}, {"name": "side", "image": "s"}])
    );
    story.apply("two", &pod(&json!({})));
    let left = story.live["spec"]["containers"].as_array().unwrap().clone();
    assert_eq!((left.len(), &left[0]["name"]), (1, &json!("main")));
}

#[test]
fn an_empty_struct_gives_way_to_another() {
    let mut story = Story::new("v1", "pods");
    story.apply(
        "one",
        &pod(&json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
    );
    story.apply(
        "one",
        &pod(&json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
    );
    assert_eq!(
        story.live["spec"]["volumes"],
        json!([{"name": "v", "emptyDir": {}}])
    );
    story.apply(
        "one",
        &pod(&json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})),
    );
    assert_eq!(
        story.live["spec"]["volumes"],
        json!([{"name": "v", "hostPath": {"path": "/"}}])
    );
}

#[test]
fn labels_no_longer_applied_are_removed_and_the_name_stays() {
    let mut story = config_map();
    let mut labelled = data(&json!({"a": "1"}));
    labelled["metadata"]["labels"] = json!({"l": "m"});
    story.apply("one", &labelled);
    story.apply("one", &data(&json!({"a": "1"})));
    assert_eq!(story.live["metadata"]["name"], "c");
    assert_eq!(story.live["metadata"]["labels"], Value::Null);
}

#[test]
fn applying_twice_changes_nothing() {
    let configs = [
        data(&json!({"a": "1"})),
        data(&json!({})),
        data(&json!({"b": "2", "c": "3"})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["x/y"], "labels": {"a": "b"}}}),
    ];
    let mut story = config_map();
    for first in &configs {
        for (manager, config) in [("one", first), ("two", &configs[2])] {
            story.try_apply(manager, config, true).unwrap();
            let (live, entries) = (story.live.clone(), story.entries.clone());
            story.try_apply(manager, config, false).unwrap();
            assert_eq!((&story.live, &story.entries), (&live, &entries), "{config}");
        }
    }
}

#[test]
fn kubectl_takes_over_from_its_own_client_side_apply() {
    let mut live = data(&json!({"a": "1", "b": "1"}));
    let last = data(&json!({"a": "1", "b": "1"})).to_string();
    live["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": last});
    let mut story = config_map();
    story.update("kubectl-client-side-apply", live);
    let wanted = data(&json!({"a": "2", "b": "1"}));
    assert!(story.try_apply("other", &wanted, false).is_err());
    story.apply("kubectl", &wanted);
    assert_eq!(story.live["data"]["a"], "2");
    let kept =
        story.live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
            .as_str();
    assert_eq!(kept, Some(format!("{wanted}\n").as_str()));
    // kubectl must not take over fields that others have changed since
    let mut changed = story.live.clone();
    changed["data"]["b"] = json!("9");
    story.update("hand", changed);
    assert!(
        story
            .try_apply("kubectl", &data(&json!({"a": "2", "b": "1"})), false)
            .is_err()
    );
}
