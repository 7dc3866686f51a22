//! POST and PUT: what clients may set, and whose errors come first.

use http::Method;
use serde_json::{Value, json};

use crate::support::server::TestServer;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn a_version_is_rejected_after_everything_else() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = |name: &str| json!({"metadata": {"name": name, "resourceVersion": "5"}});
    assert_eq!(admin.post(MAPS, &map("A")).await.code, 422);
    let dry = admin.post(&format!("{MAPS}?dryRun=All"), &map("a")).await;
    assert_eq!(dry.code, 201);
    let made = admin.post(MAPS, &map("a")).await;
    assert_eq!(
        (made.code, made.message().as_str()),
        (
            400,
            "resourceVersion should not be set on objects to be created"
        )
    );
}

#[tokio::test]
async fn kinds_without_a_generation_keep_the_one_of_the_client() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = |generation: i64| json!({"metadata": {"name": "m", "generation": generation}});
    assert_eq!(admin.post(MAPS, &map(-1)).await.code, 422);
    let made = admin.post(MAPS, &map(7)).await.json();
    assert_eq!(made["metadata"]["generation"], 7);
    let policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    let mut policy = map(7);
    policy["spec"] = json!({"podSelector": {}});
    let made = admin.post(policies, &policy).await.json();
    assert_eq!(made["metadata"]["generation"], 1);
}

#[tokio::test]
async fn names_are_required_except_of_limit_ranges() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let ranges = "/api/v1/namespaces/default/limitranges";
    let made = admin.post(ranges, &json!({"spec": {"limits": []}})).await;
    assert_eq!(made.code, 201, "{made:?}");
    let name = made.json()["metadata"]["name"].as_str().map(str::len);
    assert_eq!(name, Some(36));
    // whose own validation leaves the metadata to the one that all kinds share
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = |name: &str, budget: Value| json!({"metadata": {"name": name}, "spec": budget});
    let made = admin
        .post(budgets, &budget("", json!({"minAvailable": -1})))
        .await;
    assert_eq!(
        made.json()["details"]["causes"][0]["field"],
        "spec.minAvailable"
    );
    let made = admin.post(budgets, &budget("", json!({}))).await;
    assert_eq!(
        made.json()["details"]["causes"][0]["field"],
        "metadata.name"
    );
    assert_eq!(
        admin.post(budgets, &budget("A_b", json!({}))).await.code,
        201
    );
}

#[tokio::test]
async fn a_cluster_scoped_object_has_no_namespace_to_contradict() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let role = json!({"metadata": {"name": "c", "namespace": "n"}, "rules": []});
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    assert_eq!(admin.post(roles, &role).await.code, 201);
    let path = format!("{roles}/c");
    let put = admin.ask(Method::PUT, &path, role.to_string()).await;
    assert_eq!(put.code, 200, "{put:?}");
    assert_eq!(put.json()["metadata"]["namespace"], Value::Null);
    // a namespace is in itself
    let namespace = json!({"metadata": {"name": "default", "namespace": "n"}});
    let path = "/api/v1/namespaces/default";
    let put = admin.ask(Method::PUT, path, namespace.to_string()).await;
    assert_eq!(
        (put.code, put.message().as_str()),
        (
            400,
            "the namespace of the object (n) does not match the namespace on the request (default)"
        )
    );
}

#[tokio::test]
async fn errors_name_the_group_that_the_client_uses() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    for (group, text) in [
        ("api/v1", "events \"e\" not found"),
        (
            "apis/events.k8s.io/v1",
            "events.events.k8s.io \"e\" not found",
        ),
    ] {
        let path = format!("/{group}/namespaces/default/events/e");
        assert_eq!(admin.get(&path).await.message(), text);
    }
}

#[tokio::test]
async fn partial_metadata_is_of_an_object_or_of_a_list() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = format!("{MAPS}/m");
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "m"}}))
            .await
            .code,
        201
    );
    for (form, path, code) in [
        ("PartialObjectMetadata", map.as_str(), 200),
        ("PartialObjectMetadataList", map.as_str(), 406),
        ("PartialObjectMetadata", MAPS, 406),
        ("PartialObjectMetadataList", MAPS, 200),
    ] {
        let accept = format!("application/json;as={form};v=v1;g=meta.k8s.io");
        let client = server.admin().header("accept", &accept);
        let found = client.get(path).await;
        assert_eq!(found.code, code, "{form} {path}");
        match code {
            200 => assert_eq!(found.json()["kind"], form),
            _ => assert!(
                found
                    .message()
                    .starts_with(&format!("you requested {form}, "))
            ),
        }
    }
}

#[tokio::test]
async fn a_patch_that_removes_the_version_leaves_no_name() {
    let server = TestServer::start(&[]).await;
    let merge = "application/merge-patch+json";
    let admin = server.admin().header("content-type", merge);
    let path = "/api/v1/namespaces/default";
    for (patch, code) in [
        (json!({"kind": null}), 200),
        (json!({"apiVersion": null}), 400),
    ] {
        let patched = admin.ask(Method::PATCH, path, patch.to_string()).await;
        assert_eq!(patched.code, code, "{patched:?}");
    }
}

#[tokio::test]
async fn options_of_a_deletion_are_of_their_kind_and_errors_name_the_kind() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "m"}}))
            .await
            .code,
        201
    );
    let path = format!("{MAPS}/m");
    for (options, text) in [
        (
            json!({"kind": "Pod", "apiVersion": "v1"}),
            "cannot parse the DeleteOptions in the body: they are of kind Pod",
        ),
        (
            json!({"preconditions": {"uid": "u"}}),
            "Operation cannot be fulfilled on ConfigMap \"m\": the UID in the precondition (u)",
        ),
    ] {
        let answer = admin.ask(Method::DELETE, &path, options.to_string()).await;
        assert!(answer.message().starts_with(text), "{answer:?}");
    }
}

#[tokio::test]
async fn a_name_stays_taken_until_its_object_is_gone() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let map = json!({"metadata": {"name": "m", "finalizers": ["example.com/x"]}});
    assert_eq!(admin.post(MAPS, &map).await.code, 201);
    let why = "configmaps \"m\" already exists";
    assert_eq!(admin.post(MAPS, &map).await.message(), why);
    admin.ask(Method::DELETE, &format!("{MAPS}/m"), "").await;
    for path in [MAPS.to_owned(), format!("{MAPS}?dryRun=All")] {
        let taken = admin.post(&path, &map).await;
        assert_eq!(taken.message(), format!("object is being deleted: {why}"));
        assert_eq!(taken.code, 409);
    }
}

#[tokio::test]
async fn the_generation_of_a_daemon_sets_template_is_owned_by_its_creator() {
    let server = TestServer::start(&[]).await;
    let sets = "/apis/apps/v1/namespaces/default/daemonsets";
    let template = json!({"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let set = json!({"metadata": {"name": "s"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let made = server.admin().post(sets, &set).await.json();
    let generation = "deprecated.daemonset.template.generation";
    assert_eq!(made["metadata"]["annotations"][generation], "1");
    let owned = &made["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"];
    let expected = json!({"f:annotations": {".": {}, format!("f:{generation}"): {}}});
    assert_eq!(*owned, expected);
}
