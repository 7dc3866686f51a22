//! Rules of custom objects in CEL.

use super::*;

/// A definition with rules for `spec`, whose fields are `color`, `size` and `tags`.
fn with_rules(rules: &Value) -> Value {
    let mut definition = definition();
    let version = &mut definition["spec"]["versions"][0];
    let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["properties"]["tags"] = json!({"type": "array", "items": {"type": "string"}});
    spec["x-kubernetes-validations"] = rules.clone();
    definition
}

async fn put(client: &Client, spec: &Value) -> (u16, Value) {
    let mut object = client.get(WIDGET).await.json();
    object["spec"] = spec.clone();
    let answer = client.ask(Method::PUT, WIDGET, object.to_string()).await;
    (answer.code, answer.json())
}

#[tokio::test]
async fn rules_hold_for_objects_and_their_changes() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rules = json!([
        {"rule": "self.size < 5", "messageExpression": "self.color + ' is too large'",
            "reason": "FieldValueForbidden", "fieldPath": ".size"},
        {"rule": "self.color == oldSelf.color", "message": "color is immutable"},
    ]);
    let mut definition = with_rules(&rules);
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color";
    *definition.pointer_mut(spec).unwrap() = json!({"type": "string", "maxLength": 9});
    define(&admin, &definition).await;
    let large = widget(&json!({"color": "red", "size": 7}));
    let refused = admin.post(WIDGETS, &large).await;
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.json()["details"]["causes"],
        json!([{"reason": "FieldValueForbidden", "message": "Forbidden: red is too large", "field": "spec.size"}])
    );
    let wrong = admin.post(WIDGETS, &widget(&json!({"size": 7}))).await;
    assert_eq!(wrong.code, 422);
    assert!(
        wrong.message().contains(
            "spec.color: Required value, <nil>: Invalid value: \"null\": some validation rules were not checked \
             because the object was invalid; correct the existing errors to complete validation"
        ),
        "{}",
        wrong.message()
    );

    let small = widget(&json!({"color": "red", "size": 4}));
    assert_eq!(admin.post(WIDGETS, &small).await.code, 201);
    let (code, answer) = put(&admin, &json!({"color": "blue", "size": 3})).await;
    assert_eq!(
        (code, &answer["details"]["causes"]),
        (
            422,
            &json!([{"reason": "FieldValueInvalid", "message": "Invalid value: color is immutable", "field": "spec"}])
        )
    );
    let (code, _) = put(&admin, &json!({"color": "red", "size": 3})).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn an_object_that_violates_a_new_rule_can_be_changed_elsewhere() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    define(&admin, &with_rules(&json!([]))).await;
    let large = widget(&json!({"color": "red", "size": 7}));
    assert_eq!(admin.post(WIDGETS, &large).await.code, 201);
    let mut definition = admin.get(DEFINITION).await.json();
    definition["spec"] = with_rules(&json!([{"rule": "self.size < 5"}]))["spec"].clone();
    let changed = admin
        .ask(Method::PUT, DEFINITION, definition.to_string())
        .await;
    assert_eq!(changed.code, 200, "{}", changed.message());
    let merge = server
        .admin()
        .header("content-type", "application/merge-patch+json");
    let patch = |patch: Value| merge.ask(Method::PATCH, WIDGET, patch.to_string());
    let other = || async { patch(json!({"spec": {"color": "blue"}})).await.code };
    // the server applies the change within moments
    let mut code = other().await;
    for _ in 0..100 {
        if code == 422 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _ = patch(json!({"spec": {"color": "red"}})).await;
        code = other().await;
    }
    assert_eq!(code, 422, "spec changed, so its rule holds");
    let labels = patch(json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(labels.code, 200, "{}", labels.message());
    const STATUS: &str = "/apis/example.com/v1/namespaces/default/widgets/a/status";
    let status = json!({"status": {"size": 1}}).to_string();
    let status = merge.ask(Method::PATCH, STATUS, status).await;
    assert_eq!(status.code, 200, "{}", status.message());
}

#[tokio::test]
async fn rules_of_a_definition_must_compile_and_may_not_cost_too_much() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rules = json!([
        {"rule": "self.z == 1"},
        {"rule": "self.tags.all(a, self.tags.all(b, a == b))"},
    ]);
    let refused = admin.post(DEFINITIONS, &with_rules(&rules)).await;
    assert_eq!(refused.code, 422);
    let causes = refused.json()["details"]["causes"].clone();
    let text = |i: usize| causes[i]["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        text(0).ends_with(
            ": compilation failed: ERROR: <input>:1:5: undefined field 'z'\n | self.z == 1\n | ....^"
        ),
        "{causes}"
    );
    assert_eq!(
        causes[0]["field"],
        "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
    );
    assert!(
        text(1).starts_with(
            "Forbidden: estimated rule cost exceeds budget by factor of more than 100x"
        ),
        "{causes}"
    );
    assert_eq!(admin.get(DEFINITION).await.code, 404);
}
