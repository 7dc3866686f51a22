//! The order of the chain: a request with several faults is answered for the first.

use http::Method;
use serde_json::json;

use crate::support::server::TestServer;

const PODS: &str = "/api/v1/namespaces/default/pods";
const PSP: &[&str] = &["--enable-admission-plugins=PodSecurityPolicy"];

#[tokio::test]
async fn authentication_comes_before_everything() {
    let server = TestServer::start(PSP).await;
    for path in [PODS, "/nope", "/apis/nope/v1/things", "/healthz"] {
        let answer = server
            .bearer("nobody's")
            .ask(Method::POST, path, "{malformed")
            .await;
        assert_eq!(answer.code, 401, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn authorization_comes_before_the_body_and_before_404() {
    let server = TestServer::start(PSP).await;
    let answer = server.alice().ask(Method::POST, PODS, "{malformed").await;
    assert_eq!(answer.code, 403, "{answer:?}");
    assert_eq!(
        answer.message(),
        "pods is forbidden: User \"alice\" cannot create resource \"pods\" in API group \"\" \
         in the namespace \"default\""
    );
    let answer = server.alice().get("/apis/nope/v1/things").await;
    assert_eq!(answer.code, 403, "{answer:?}");
    assert_eq!(server.admin().get("/apis/nope/v1/things").await.code, 404);
}

#[tokio::test]
async fn decoding_comes_before_admission_and_admission_before_validation() {
    let server = TestServer::start(PSP).await;
    let admin = server.admin();
    let answer = admin.ask(Method::POST, PODS, "{malformed").await;
    assert_eq!(answer.code, 400, "{answer:?}");
    // Invalid, and no policy lets it in: admission is asked first.
    let pod = json!({"metadata": {"name": "NO NAME"}, "spec": {"containers": []}});
    let answer = admin.post(PODS, &pod).await;
    assert_eq!(answer.code, 403, "{answer:?}");
    assert!(
        answer
            .message()
            .contains("no providers available to validate pod request")
    );
}

#[tokio::test]
async fn mutation_comes_before_validation_and_validation_before_the_store() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(admin.post(maps, &map).await.code, 201);
    let bad = json!({"metadata": {"name": "m"}, "data": {"not a key": "x"}});
    assert_eq!(admin.post(maps, &bad).await.code, 422);
    assert_eq!(admin.post(maps, &map).await.code, 409);
    // What admission adds is validated with the rest, and stored.
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let answer = admin.post(PODS, &pod).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    assert_eq!(answer.json()["spec"]["serviceAccountName"], "default");
    assert_eq!(answer.json()["spec"]["priority"], 0);
}

#[tokio::test]
async fn bodies_are_limited_and_the_server_goes_on() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let answer = admin
        .ask(Method::POST, maps, vec![b' '; 3 * 1024 * 1024 + 1])
        .await;
    assert_eq!(answer.code, 413, "{answer:?}");
    let answer = server
        .alice()
        .ask(Method::POST, maps, vec![b' '; 3 * 1024 * 1024])
        .await;
    assert_eq!(
        answer.code, 403,
        "an answer, not a broken connection: {answer:?}"
    );
    assert_eq!(admin.get("/readyz").await.code, 200);
}

#[tokio::test]
async fn what_fits_no_store_is_refused_and_warnings_fit_the_head() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let text = "x".repeat(1_000_000);
    let annotated = json!({"metadata": {"name": "m", "finalizers": (0..30_000)
        .map(|n| format!("example.com/a-finalizer-of-a-certain-length-{n:05}")).collect::<Vec<_>>()},
        "data": {"t": text}});
    assert_eq!(admin.post(maps, &annotated).await.code, 413);
    let unknown: serde_json::Map<_, _> = (0..20_000)
        .map(|n| (format!("unknown{n}"), json!(1)))
        .collect();
    let mut map = json!({"metadata": {"name": "m"}});
    map.as_object_mut().unwrap().extend(unknown);
    let answer = admin.post(maps, &map).await;
    assert_eq!(answer.code, 201);
    let warned = answer.headers.get_all("warning").iter().count();
    assert!((50..=100).contains(&warned), "{warned}");
}
