use serde_json::json;

use super::*;

mod hostile;

fn webhook(versions: &[&str]) -> WebhookConversion {
    WebhookConversion {
        conversion_review_versions: versions.iter().map(|&v| v.to_owned()).collect(),
        ..WebhookConversion::default()
    }
}

fn original() -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "a", "namespace": "default", "uid": "7", "generation": 3,
            "labels": {"x": "y"}, "annotations": {"n": "o"}},
        "spec": {"size": 1}})
}

/// A response in which the original, in version 2, is changed.
fn answer(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = original();
    object["apiVersion"] = json!("example.com/v2");
    let mut answer = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
        "response": {"uid": "u", "result": {"status": "Success"}, "convertedObjects": [object]}});
    change(&mut answer);
    answer
}

fn converted(review_version: &str, answer: &Value) -> Result<Vec<Value>, String> {
    let (webhook, objects) = (webhook(&[review_version]), [original()]);
    let review = Review::new(&webhook, "u", "example.com/v2", &objects).unwrap();
    let converted = review.converted(answer.to_string().as_bytes());
    converted.map_err(|(_, why)| why)
}

/// An error with the name of the webhook.
fn named(why: &str) -> String {
    format!("conversion webhook for example.com/v1, Kind=Widget {why}")
}

#[test]
fn the_request_has_a_version_that_both_support() {
    let objects = [original()];
    let both = webhook(&["v9", "v1beta1", "v1"]);
    let review = Review::new(&both, "u", "example.com/v2", &objects).unwrap();
    let body: Value = serde_json::from_slice(&review.body()).unwrap();
    assert_eq!(
        body,
        json!({"apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "ConversionReview",
            "request": {"uid": "u", "desiredAPIVersion": "example.com/v2", "objects": objects}})
    );
    let none = Review::new(&webhook(&["v9"]), "u", "example.com/v2", &[]).err();
    assert_eq!(
        none.as_deref(),
        Some("no supported conversion review versions")
    );
}

#[test]
fn a_webhook_may_change_only_labels_and_annotations_of_the_metadata() {
    let sent = answer(|answer| {
        let object = &mut answer["response"]["convertedObjects"][0];
        object["spec"] = json!({"dimensions": [1]});
        object["metadata"]["labels"] = json!({"x": "z"});
        object["metadata"]["annotations"] = Value::Null;
        object["metadata"]["generation"] = json!(9);
        object["metadata"]["finalizers"] = json!(["example.com/mine"]);
    });
    let object = converted("v1", &sent).unwrap().remove(0);
    assert_eq!(object["spec"], json!({"dimensions": [1]}));
    assert_eq!(
        object["metadata"],
        json!({"name": "a", "namespace": "default", "uid": "7", "generation": 3,
            "labels": {"x": "z"}})
    );
}

#[test]
fn an_invalid_response_has_a_reason() {
    let object = |change: fn(&mut Value)| {
        answer(|answer| change(&mut answer["response"]["convertedObjects"][0]))
    };
    let response = |change: fn(&mut Value)| answer(|answer| change(&mut answer["response"]));
    let rename = |object: &mut Value| object["metadata"]["name"] = json!("b");
    for (answer, why) in [
        (
            json!({}),
            "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got /, Kind=",
        ),
        (
            answer(|a| a["response"] = Value::Null),
            "failed: no response provided",
        ),
        (
            response(|r| r["uid"] = json!("w")),
            r#"failed: expected response.uid="u", got "w""#,
        ),
        (
            response(|r| r["result"]["status"] = json!("Failure")),
            "failed: response.result.status was 'Failure', not 'Success'",
        ),
        (
            response(|r| r["result"] = json!({"status": "Failure", "message": "no way"})),
            "failed: no way",
        ),
        (
            response(|r| r["convertedObjects"] = json!([])),
            "returned 0 objects, expected 1",
        ),
        (
            object(|o| o["apiVersion"] = json!("example.com/v3")),
            "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v3)",
        ),
        (
            object(|o| o["kind"] = json!("Gadget")),
            "returned invalid object at index 0: invalid kind (expected Widget, received Gadget)",
        ),
        (
            object(rename),
            "returned invalid object: must have the same name: a != b",
        ),
        (
            object(|o| o["metadata"]["namespace"] = json!("b")),
            "returned invalid object: must have the same namespace: default != b",
        ),
        (
            object(|o| o["metadata"]["uid"] = json!("8")),
            "returned invalid object: must have the same UID: 7 != 8",
        ),
        (
            object(|o| o["metadata"]["labels"] = json!([])),
            "returned invalid metadata: invalid metadata.labels of type []interface {} in converted object",
        ),
        (
            object(|o| o["metadata"]["labels"] = json!({"x": 1})),
            "returned invalid metadata: metadata.labels[x] must be a string, but is int64 in converted object",
        ),
    ] {
        assert_eq!(converted("v1", &answer), Err(named(why)));
    }
    let bad = object(|o| o["metadata"]["labels"] = json!({"x": "no good"}));
    let why = converted("v1", &bad).unwrap_err();
    assert!(
        why.starts_with(&named(
            "returned invalid metadata: metadata.labels: Invalid value"
        )),
        "{why}"
    );
}

#[test]
fn old_reviews_need_no_uid() {
    let old = answer(|answer| {
        answer["apiVersion"] = json!("anything");
        answer["response"]["uid"] = Value::Null;
    });
    assert!(converted("v1beta1", &old).is_ok());
    assert!(converted("v1", &old).is_err());
}

#[test]
fn what_is_no_object_cannot_be_decoded() {
    let one = |object: Value| {
        converted(
            "v1",
            &answer(|a| a["response"]["convertedObjects"][0] = object),
        )
    };
    let cannot = |what| {
        format!("json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
    };
    for (object, why) in [
        (Value::Null, "unexpected end of JSON input".to_owned()),
        (json!(7), cannot("number")),
        (json!(true), cannot("bool")),
        (json!("x"), cannot("string")),
        (json!([]), cannot("array")),
        (
            json!({"a": 1}),
            "Object 'Kind' is missing in '{\"a\":1}'".to_owned(),
        ),
    ] {
        assert_eq!(one(object), Err(why));
    }
}

#[test]
fn one_of_several_objects_is_named_by_its_index() {
    let (webhook, objects) = (webhook(&["v1"]), [original(), original()]);
    let review = Review::new(&webhook, "u", "example.com/v2", &objects).unwrap();
    let refused = |second: Value| {
        let sent = answer(|answer| {
            let objects = answer["response"]["convertedObjects"]
                .as_array_mut()
                .unwrap();
            objects.push(second);
        });
        review.converted(sent.to_string().as_bytes()).unwrap_err().1
    };
    assert_eq!(
        refused(Value::Null),
        named("returned invalid converted object at index 1: unexpected end of JSON input")
    );
    assert_eq!(
        refused(original()),
        named(
            "returned invalid converted object at index 1: invalid groupVersion (expected example.com/v2, received example.com/v1)"
        )
    );
    let mut bare = original();
    bare["apiVersion"] = json!("example.com/v2");
    bare["metadata"]["labels"] = json!(1);
    assert_eq!(
        refused(bare),
        named(
            "returned invalid metadata in object at index 1: invalid metadata.labels of type int64 in converted object"
        )
    );
}
