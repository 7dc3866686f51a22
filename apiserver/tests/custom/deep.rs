//! Schemas and objects that are nested deeply.

use super::*;

/// The definition of widgets whose `spec.deep` is a list of lists, this many levels deep.
fn nested_definition(levels: usize) -> Value {
    let mut definition = definition();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let deep = nested(
        levels,
        json!({"type": "string"}),
        |inner| json!({"type": "array", "items": inner}),
    );
    let spec = definition.pointer_mut(spec).unwrap();
    *spec = json!({"type": "object", "properties": {"deep": deep}});
    definition
}

fn nested(levels: usize, inner: Value, wrap: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(inner, |inner, _| wrap(inner))
}

#[tokio::test]
async fn a_hundred_levels_are_served_and_more_are_rejected() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for levels in [200, 100_000] {
        let text = format!(
            "{{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"spec\":{}{}}}",
            "[".repeat(levels),
            "]".repeat(levels)
        );
        let refused = admin.ask(Method::POST, DEFINITIONS, text).await;
        assert_eq!(refused.code, 400, "{refused:?}");
        assert!(
            refused.message().contains("recursion limit exceeded"),
            "{}",
            refused.message()
        );
    }
    define(&admin, &nested_definition(100)).await;
    let list = |inner| json!({"deep": nested(100, inner, |inner| json!([inner]))});
    let deep = widget(&list(json!("a")));
    assert_eq!(admin.post(WIDGETS, &deep).await.code, 201);
    let found = admin.get(WIDGET).await.json();
    assert_eq!(found["spec"], list(json!("a")));
    let mut changed = found.clone();
    changed["spec"] = list(json!(7));
    let refused = admin.ask(Method::PUT, WIDGET, changed.to_string()).await;
    let field = format!("spec.deep{}", "[0]".repeat(100));
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.json()["details"]["causes"][0]["field"],
        field.as_str()
    );
    // the other parts of the server that walk through objects and schemas
    for path in ["/openapi/v2", "/openapi/v3/apis/example.com/v1"] {
        assert_eq!(admin.get(path).await.code, 200, "{path}");
    }
    let patch = json!({"spec": list(json!("b"))}).to_string();
    let patched = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let patched = patched.ask(Method::PATCH, WIDGET, patch).await;
    assert_eq!(patched.code, 200, "{patched:?}");
    let applied = admin
        .clone()
        .header("content-type", "application/apply-patch+yaml");
    let path = format!("{WIDGET}?fieldManager=deep&force=true");
    let applied = applied.ask(Method::PATCH, &path, deep.to_string()).await;
    assert_eq!(applied.code, 200, "{applied:?}");
    server.stop().await;
}
