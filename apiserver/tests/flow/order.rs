//! The order of the layers: a request with several faults is answered for the first.

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

/// Errors that do not depend on the user come before authentication: of the size, then of the time.
#[tokio::test]
async fn the_head_and_the_time_come_before_authentication() {
    let server = TestServer::start(&[]).await;
    let nobody = server.bearer("nobody's").over_http1();
    let large = nobody.clone().header("x-filler", &"x".repeat(1_100_000));
    assert_eq!(large.get("/version").await.code, 431);
    let answer = nobody.get(&format!("{PODS}?timeout=soon")).await;
    assert_eq!(answer.code, 400, "{answer:?}");
}

#[tokio::test]
async fn impersonation_comes_before_authorization() {
    let server = TestServer::start(&[]).await;
    let answer = server
        .alice()
        .header("impersonate-user", "bob")
        .get(PODS)
        .await;
    assert_eq!(answer.code, 403, "{answer:?}");
    let expected =
        "users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\"";
    assert!(answer.message().starts_with(expected), "{answer:?}");
    // who impersonates is judged as the one who is impersonated
    let as_bob = server.admin().header("impersonate-user", "bob");
    let answer = as_bob.get(PODS).await;
    assert!(
        answer.message().contains("User \"bob\" cannot list"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_is_compressed_has_been_laid_out() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(200_000)}});
    assert_eq!(admin.post(maps, &large).await.code, 201);
    let path = format!("{maps}/large?pretty=true");
    let plain = admin.get(&path).await.body;
    assert!(plain.iter().filter(|byte| **byte == b'\n').count() > 5);
    let packed = admin.header("accept-encoding", "gzip").get(&path).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    // gzip ends with the size of what it holds
    let size = packed.body.last_chunk::<4>().unwrap();
    let size = usize::try_from(u32::from_le_bytes(*size));
    assert_eq!(size, Ok(plain.len()));
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
    // The pod is invalid and no policy allows it: admission comes first.
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
    // Fields that admission adds are validated and stored.
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let answer = admin.post(PODS, &pod).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    assert_eq!(answer.json()["spec"]["serviceAccountName"], "default");
    assert_eq!(answer.json()["spec"]["priority"], 0);
}

#[tokio::test]
async fn bodies_are_limited_and_the_server_stays_ready() {
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
async fn oversized_objects_are_refused_and_warnings_fit_the_head() {
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
