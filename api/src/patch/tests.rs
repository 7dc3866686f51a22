use proptest::prelude::*;
use serde_json::json;

use super::*;

fn strategic(original: &Value, patch: Value, root: &str) -> Result<Value, PatchError> {
    Patch::new(PatchType::Strategic, patch).and_then(|p| p.apply(original, root))
}

fn json_patch(original: &Value, operations: Value) -> Result<Value, PatchError> {
    Patch::new(PatchType::Json, operations).and_then(|p| p.apply(original, ""))
}

fn pod() -> Value {
    json!({"metadata": {"name": "p", "finalizers": ["a", "b"]}, "spec": {
        "containers": [{"name": "x", "image": "x:1", "args": ["1"]}, {"name": "y", "image": "y:1"}],
        "tolerations": [{"key": "k"}],
        "volumes": [{"name": "v", "emptyDir": {}}]}})
}

#[test]
fn lists_with_a_merge_key_are_merged_and_others_replaced() {
    let patch = json!({"metadata": {"finalizers": ["c"], "labels": {"l": "1", "gone": null}},
        "spec": {"containers": [{"name": "y", "image": "y:2"}, {"name": "z", "image": "z:1"}],
            "tolerations": [{"key": "other"}]}});
    let patched = strategic(&pod(), patch, "Pod").unwrap();
    assert_eq!(patched["metadata"]["finalizers"], json!(["c", "a", "b"]));
    assert_eq!(patched["metadata"]["labels"], json!({"l": "1"}));
    assert_eq!(
        patched["spec"]["containers"],
        json!([{"name": "x", "image": "x:1", "args": ["1"]}, {"name": "y", "image": "y:2"},
            {"name": "z", "image": "z:1"}])
    );
    assert_eq!(patched["spec"]["tolerations"], json!([{"key": "other"}]));
}

#[test]
fn directives_delete_replace_and_retain() {
    for (patch, path, wanted) in [
        (
            json!({"spec": {"containers": [{"name": "x", "$patch": "delete"}]}}),
            "/spec/containers",
            json!([{"name": "y", "image": "y:1"}]),
        ),
        (
            json!({"spec": {"containers": [{"name": "n"}, {"$patch": "replace"}]}}),
            "/spec/containers",
            json!([{"name": "n"}]),
        ),
        (
            json!({"spec": {"containers": [{"name": "x", "image": "gone", "$patch": "replace"}]}}),
            "/spec/containers",
            json!([]),
        ),
        (
            json!({"spec": {"$patch": "replace", "hostNetwork": true}}),
            "/spec",
            json!({"hostNetwork": true}),
        ),
        (
            json!({"metadata": {"$patch": "delete"}}),
            "/metadata",
            json!({}),
        ),
        (
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "none"]}}),
            "/metadata/finalizers",
            json!(["b"]),
        ),
        (
            json!({"spec": {"volumes": [
                {"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]}}),
            "/spec/volumes/0",
            json!({"name": "v", "secret": {"secretName": "s"}}),
        ),
        (
            json!({"spec": {"$setElementOrder/containers": [{"name": "z"}, {"name": "y"}, {"name": "x"}],
                "containers": [{"name": "z", "image": "z:1"}]}}),
            "/spec/containers",
            json!([{"name": "z", "image": "z:1"}, {"name": "y", "image": "y:1"},
                {"name": "x", "image": "x:1", "args": ["1"]}]),
        ),
        (
            json!({"spec": {"initContainers": [{"name": "i", "$patch": "delete"}, {"name": "j"}]}}),
            "/spec/initContainers",
            json!([{"name": "j"}]),
        ),
    ] {
        let patched = strategic(&pod(), patch.clone(), "Pod").unwrap();
        assert_eq!(patched.pointer(path), Some(&wanted), "{patch}");
    }
}

#[test]
fn malformed_strategic_patches_are_rejected_with_upstreams_messages() {
    for (patch, why) in [
        (
            json!({"spec": {"containers": [{"image": "nameless"}]}}),
            "map: map[image:nameless] does not contain declared merge key: name",
        ),
        (
            json!({"spec": {"containers": [{"name": "x", "$patch": "explode"}]}}),
            "unknown patch type: explode in map: map[$patch:explode name:x]",
        ),
        (
            json!({"spec": {"containers": [{"name": "x"}, "text"]}}),
            "list element types are not identical: [[map[args:[1] image:x:1 name:x] \
             map[image:y:1 name:y]] [map[name:x] text]]",
        ),
        (
            json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name"], "nfs": {}}]}}),
            "invalid patch format of retainKeys",
        ),
        (
            json!({"metadata": {"$setElementOrder": []}}),
            "invalid patch format of setElementOrder list",
        ),
    ] {
        let error = strategic(&pod(), patch, "Pod").unwrap_err();
        assert_eq!(error, PatchError::BadRequest(why.to_owned()));
    }
    let error = Patch::new(PatchType::Strategic, json!([])).unwrap_err();
    assert_eq!(Status::from(error).code, 400);
}

#[test]
fn merge_patches_follow_the_rfc() {
    let patch = Patch::new(
        PatchType::Merge,
        json!({"a": null, "b": {"c": {"d": null, "e": 1}}, "l": [2]}),
    );
    assert_eq!(
        patch
            .unwrap()
            .apply(&json!({"a": 1, "b": "text", "l": [1], "k": 0}), "")
            .unwrap(),
        json!({"b": {"c": {"e": 1}}, "l": [2], "k": 0})
    );
}

#[test]
fn json_patches_are_as_lenient_as_upstream() {
    let original = json!({"data": {"a": "1"}, "l": [1, 2, 3]});
    for (operations, wanted) in [
        (
            json!([{"op": "replace", "path": "/data/new", "value": "x"}]),
            json!({"data": {"a": "1", "new": "x"}, "l": [1, 2, 3]}),
        ),
        (
            json!([{"op": "test", "path": "/data/none", "value": null}]),
            original.clone(),
        ),
        (
            json!([{"op": "test", "path": "", "value": {"data": {"a": "1"}, "l": [1, 2, 3]}}]),
            original.clone(),
        ),
        (
            json!([{"op": "replace", "path": "", "value": {"x": []}}]),
            json!({"x": []}),
        ),
        (
            json!([{"op": "remove", "path": "/l/-1"}, {"op": "add", "path": "/l/-2", "value": 9}]),
            json!({"data": {"a": "1"}, "l": [1, 9, 2]}),
        ),
        (
            json!([{"op": "add", "path": "/l/-1", "value": 4}, {"op": "replace", "path": "/l/-4", "value": 0}]),
            json!({"data": {"a": "1"}, "l": [0, 2, 3, 4]}),
        ),
        (
            json!([{"op": "move", "from": "/l/+1", "path": "/l/-"}, {"op": "copy", "from": "/l/-1", "path": "/l/0"}]),
            json!({"data": {"a": "1"}, "l": [2, 1, 3, 2]}),
        ),
        (
            // text before the first slash is ignored, and a missing value is null
            json!([{"op": "add", "path": "data/b"}, {"op": "copy", "from": "/none", "path": "/data/c"}]),
            json!({"data": {"a": "1", "c": null}, "b": null, "l": [1, 2, 3]}),
        ),
        (json!(null), original.clone()),
    ] {
        assert_eq!(json_patch(&original, operations).unwrap(), wanted);
    }
}

#[test]
fn json_patches_fail_as_upstream() {
    let original = json!({"data": {"a": "1"}, "l": [1, 2, 3]});
    for operations in [
        json!([{"op": "remove", "path": "/data/nope"}]),
        json!([{"op": "test", "path": "/data/a", "value": "wrong"}]),
        json!([{"op": "explode", "path": "/data/a"}]),
        json!([{"op": "add", "path": "/a/b/c", "value": 1}]),
        json!([{"op": "move", "from": "/data/none", "path": "/data/z"}]),
        json!([{"op": "remove", "path": "/l/-4"}]),
        json!([{"op": "remove", "path": "/l/3"}]),
        json!([{"op": "remove", "path": "/l/-"}]),
        json!([{"op": "add", "path": "/l/4", "value": 1}]),
        json!([{"op": "add", "path": "", "value": {}}]),
        json!([{"op": "remove", "path": ""}]),
        json!([{"op": "replace", "path": "", "value": "text"}]),
        json!([{"op": "test", "path": "", "value": {}}]),
        json!([{"op": "add", "value": 1}]),
        json!([null]),
    ] {
        let status = Status::from(json_patch(&original, operations).unwrap_err());
        assert_eq!(status.code, 422);
        assert_eq!(
            status.message,
            "the server rejected our request due to an error in our request"
        );
    }
    let status = Status::from(json_patch(&original, json!({"op": "add"})).unwrap_err());
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    );
    let many = Value::Array(vec![Value::Object(Map::new()); 10_001]);
    assert_eq!(
        Status::from(json_patch(&original, many).unwrap_err()).code,
        413
    );
}

#[test]
fn a_result_that_cannot_be_decoded_is_an_invalid_patch() {
    let body = json!({"data": {"n": 5}});
    for (patch_type, shown) in [
        (PatchType::Merge, r#"{"data":{"n":5}}"#),
        (PatchType::Strategic, "map[data:map[n:5]]"),
    ] {
        let patch = Patch::new(patch_type, body.clone()).unwrap();
        let outcome = patch.apply(&json!({}), "ConfigMap").unwrap();
        let status = patch.unreadable(&outcome, &DecodeError::Value("why".to_owned()));
        assert_eq!(status.code, 422);
        let wanted = format!(" \"\" is invalid: patch: Invalid value: {shown:?}: why");
        assert_eq!(status.message, wanted);
    }
}

#[test]
fn repeated_copies_and_deep_nesting_are_rejected() {
    let grow: Vec<_> = (0..64)
        .map(|at| json!({"op": "copy", "from": "/a", "path": format!("/a/{at}")}))
        .collect();
    let nest: Vec<_> = (0..2_000)
        .flat_map(|_| {
            [
                json!({"op": "add", "path": "/b", "value": {}}),
                json!({"op": "move", "from": "/a", "path": "/b/a"}),
                json!({"op": "move", "from": "/b", "path": "/a"}),
            ]
        })
        .collect();
    for operations in [grow, nest] {
        let error = json_patch(&json!({"a": {"k": "v"}}), Value::Array(operations)).unwrap_err();
        assert!(matches!(error, PatchError::Unprocessable(_)), "{error}");
    }
}

/// Strategic patches with a few names, so that they often apply to existing fields.
fn any_patch() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["x", "y", "z"]);
    let directive = prop::option::weighted(0.3, prop::sample::select(vec!["delete", "replace"]));
    let container =
        (name.clone(), directive, any::<bool>()).prop_map(|(name, directive, image)| {
            let mut container = json!({"name": name, "args": ["2"]});
            if image {
                container["image"] = Value::Null;
            }
            if let Some(directive) = directive {
                container["$patch"] = directive.into();
            }
            container
        });
    let finalizers = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4);
    (
        prop::collection::vec(container, 0..4),
        finalizers.clone(),
        finalizers,
        prop::option::of(Just(vec!["z", "y", "x"]).prop_shuffle()),
        any::<bool>(),
    )
        .prop_map(|(containers, add, drop, order, secret)| {
            let mut patch = json!({"metadata": {"finalizers": add,
                "$deleteFromPrimitiveList/finalizers": drop}, "spec": {"containers": containers}});
            if let Some(order) = order {
                let order: Vec<_> = order.iter().map(|name| json!({"name": name})).collect();
                patch["spec"]["$setElementOrder/containers"] = order.into();
            }
            if secret {
                patch["spec"]["volumes"] =
                    json!([{"name": "v", "$retainKeys": ["name", "secret"], "secret": {}}]);
            }
            patch
        })
}

proptest! {
    #[test]
    fn a_strategic_patch_is_idempotent(patch in any_patch()) {
        let original = pod();
        if let Ok(once) = strategic(&original, patch.clone(), "Pod") {
            let twice = strategic(&once, patch, "Pod");
            prop_assert_eq!(twice, Ok(once));
        }
        prop_assert_eq!(original, pod());
    }
}
