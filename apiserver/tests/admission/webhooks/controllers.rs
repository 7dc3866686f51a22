//! Webhooks and the server's own writes.

use std::cell::RefCell;

use http::Method;
use serde_json::json;

use super::{MAPS, configure, patch, webhook};
use crate::controllers::eventually;
use crate::support::server::TestServer;
use crate::support::webhook::{Call, Reply, Webhook};

/// The deletion of a namespace that cannot be emptied is retried; its status does not change meanwhile.
#[tokio::test]
async fn a_controller_that_changes_nothing_calls_no_webhook() {
    let hook = Webhook::start(|path, _| Reply::Review(json!({"allowed": path == "/status"}))).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rules = |group: &[&str], operation: &str, resource: &str| {
        json!({"rules": [{"apiGroups": group, "apiVersions": ["v1"], "operations": [operation],
            "resources": [resource]}]})
    };
    let hooks = [
        webhook(
            "s",
            &hook.config("/status"),
            &rules(&[""], "UPDATE", "namespaces/status"),
        ),
        webhook(
            "d",
            &hook.config("/delete"),
            &rules(&[""], "DELETE", "configmaps"),
        ),
    ];
    configure(&admin, "Validating", "c", &hooks).await;
    let namespaces = "/api/v1/namespaces";
    let made = admin
        .post(namespaces, &json!({"metadata": {"name": "held"}}))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let map = json!({"metadata": {"name": "m"}});
    let maps = MAPS.replace("default", "held");
    assert_eq!(admin.post(&maps, &map).await.code, 201);
    admin
        .ask(Method::DELETE, &format!("{namespaces}/held"), String::new())
        .await;

    let calls: RefCell<Vec<Call>> = RefCell::default();
    for round in 1..=4 {
        // each change of the namespace triggers a retry
        let label = json!({"metadata": {"labels": {"round": round.to_string()}}});
        let labelled = patch(&admin, &format!("{namespaces}/held"), &label).await;
        assert_eq!(labelled.code, 200, "{labelled:?}");
        eventually(&admin, namespaces, |_| {
            let mut calls = calls.borrow_mut();
            calls.extend(hook.calls());
            calls.iter().filter(|call| call.path == "/delete").count() > round
        })
        .await;
    }
    let calls = calls.into_inner();
    let statuses: Vec<_> = calls.iter().filter(|call| call.path == "/status").collect();
    assert!(!statuses.is_empty(), "the status says what remains");
    for call in statuses {
        let (new, old) = (&call.request["object"], &call.request["oldObject"]);
        assert_ne!(new["status"], old["status"], "asked about nothing");
    }
}
