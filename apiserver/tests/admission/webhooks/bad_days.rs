//! Webhooks that are down, slow, untrusted or return invalid responses.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{configure, create, warnings, webhook};
use crate::support::client::Answer;
use crate::support::server::TestServer;
use crate::support::webhook::{Certificate, Reply, Webhook, allow};

/// The timeout of webhooks that answer, in seconds: the longest that may be.
const LONG: u64 = 30;

/// What a create gets that a webhook with this answer is asked about: with `Fail`, and with `Ignore`.
async fn outcomes(
    certificate: Certificate,
    answer: impl Fn() -> Reply + Send + Sync + 'static,
) -> [Answer; 2] {
    let hook = Webhook::presenting(certificate, move |_, _| answer()).await;
    outcomes_of(&hook.config("/x"), "Validating", LONG).await
}

async fn outcomes_of(config: &Value, kind: &str, timeout: u64) -> [Answer; 2] {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let fail = webhook("x", config, &json!({"timeoutSeconds": timeout}));
    configure(&admin, kind, "c", &[fail]).await;
    let failed = create(&admin, "a").await;
    let plural = format!("{}webhookconfigurations", kind.to_lowercase());
    let path = format!("{}/{plural}/c", super::GROUP);
    assert_eq!(admin.delete(&path).await.code, 200);
    let change = json!({"timeoutSeconds": timeout, "failurePolicy": "Ignore"});
    configure(&admin, kind, "c", &[webhook("x", config, &change)]).await;
    [failed, create(&admin, "a").await]
}

/// The reason of a failed call, which is a 500 under `Fail` and nothing under `Ignore`.
fn reason([failed, ignored]: &[Answer; 2]) -> String {
    assert_eq!(failed.code, 500, "{failed:?}");
    assert_eq!(failed.json()["reason"], "InternalError");
    assert_eq!(ignored.code, 201, "{ignored:?}");
    let prefix = "Internal error occurred: failed calling webhook \"x.example.com\": ";
    let message = failed.message();
    let reason = message.strip_prefix(prefix);
    reason.unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[tokio::test]
async fn a_webhook_that_is_down_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bundle = Webhook::allowing().await.bundle();
    for kind in ["Validating", "Mutating"] {
        let config = json!({"url": format!("https://{address}/x"), "caBundle": bundle});
        let outcomes = outcomes_of(&config, kind, LONG).await;
        assert_eq!(
            reason(&outcomes),
            format!(
                "failed to call webhook: Post \"https://{address}/x?timeout={LONG}s\": dial tcp {address}: connect: connection refused"
            )
        );
    }
}

#[tokio::test]
async fn a_webhook_that_hangs_is_waited_for_until_its_timeout() {
    let hook = Webhook::start(|_, _| Reply::Never).await;
    let start = Instant::now();
    let outcomes = outcomes_of(&hook.config("/x"), "Validating", 1).await;
    let reason = reason(&outcomes);
    assert!(
        reason.ends_with("?timeout=1s\": context deadline exceeded"),
        "{reason}"
    );
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "each for a second"
    );
}

#[tokio::test]
async fn a_certificate_must_be_valid() {
    for (certificate, expected) in [
        (
            Certificate::Expired,
            "x509: certificate has expired or is not yet valid: current time ",
        ),
        (
            Certificate::WrongName,
            "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
        ),
    ] {
        let reason = reason(&outcomes(certificate, allow).await);
        assert!(reason.contains(expected), "{reason}");
    }
    let (hook, other) = (Webhook::allowing().await, Webhook::allowing().await);
    let mut config = hook.config("/x");
    config["caBundle"] = other.bundle().into();
    let reason = reason(&outcomes_of(&config, "Validating", LONG).await);
    assert!(
        reason.ends_with("x509: certificate signed by unknown authority"),
        "{reason}"
    );
}

/// A certificate as `openssl req -x509` makes it.
#[tokio::test]
async fn a_certificate_may_be_its_own_authority() {
    let outcomes = outcomes(Certificate::Authority, allow).await;
    assert_eq!(
        outcomes.map(|answer| answer.code),
        [201, 409],
        "made, and there"
    );
}

type Answering = dyn Fn() -> Reply + Send + Sync;

#[tokio::test]
async fn an_invalid_response_is_a_failure() {
    let raw = |code, body: &'static str| Reply::Raw(code, Bytes::from_static(body.as_bytes()));
    let cases: [(Box<Answering>, &str); 6] = [
        (
            Box::new(|| Reply::Review(json!({"uid": "other", "allowed": true}))),
            "received invalid webhook response: expected response.uid=",
        ),
        (
            Box::new(|| Reply::Redirect("/elsewhere")),
            "failed to call webhook: the server responded with the status code 307 but did not return more information",
        ),
        (
            Box::new(move || raw(StatusCode::INTERNAL_SERVER_ERROR, "no")),
            "failed to call webhook: an error on the server (\"no\") has prevented the request from succeeding",
        ),
        (
            Box::new(move || raw(StatusCode::OK, "<html>")),
            "failed to call webhook: couldn't get version/kind; json parse error: ",
        ),
        (
            Box::new(|| Reply::Review(json!({"allowed": true, "patchType": "JSONPatch"}))),
            "received invalid webhook response: validating webhook may not return response.patchType",
        ),
        (
            Box::new(|| Reply::Raw(StatusCode::OK, vec![b'x'; 20 << 20].into())),
            "failed to call webhook: Post ",
        ),
    ];
    for (answer, expected) in cases {
        let reason = reason(&outcomes(Certificate::Good, answer).await);
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_denial_counts_under_both_policies() {
    let denied = || {
        Reply::Review(json!({"allowed": false, "warnings": ["be careful"],
            "status": {"message": "not today", "reason": "Weird", "code": 418}}))
    };
    for answer in outcomes(Certificate::Good, denied).await {
        assert_eq!(answer.code, 418);
        assert_eq!(warnings(&answer), ["299 - \"be careful\""]);
        let status = answer.json();
        assert_eq!(status["reason"], "Weird");
        assert_eq!(
            status["message"],
            "admission webhook \"x.example.com\" denied the request: not today"
        );
    }
    let silent = || Reply::Review(json!({"allowed": false}));
    for answer in outcomes(Certificate::Good, silent).await {
        assert_eq!(answer.code, 400);
        assert_eq!(
            answer.message(),
            "admission webhook \"x.example.com\" denied the request without explanation"
        );
    }
}

#[tokio::test]
async fn several_slow_webhooks_are_called_concurrently() {
    let hook = Webhook::start(|_, _| Reply::Never).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let change = json!({"timeoutSeconds": 2, "failurePolicy": "Ignore"});
    let webhooks: Vec<_> = (0..8)
        .map(|n| webhook(&format!("w{n}"), &hook.config("/x"), &change))
        .collect();
    configure(&admin, "Validating", "c", &webhooks).await;
    let start = Instant::now();
    assert_eq!(create(&admin, "a").await.code, 201);
    assert!(
        start.elapsed() < Duration::from_secs(12),
        "one after the other they take 16 s: {:?}",
        start.elapsed()
    );
    assert_eq!(hook.requests().len(), 8);
}

#[tokio::test]
async fn a_webhook_that_denies_everything_can_be_removed() {
    let denying = |_: &str, _: &Value| Reply::Review(json!({"allowed": false}));
    let hook = Webhook::start(denying).await;
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let all = json!({"rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
        "resources": ["*/*"]}]});
    configure(
        &admin,
        "Validating",
        "c",
        &[webhook("x", &hook.config("/x"), &all)],
    )
    .await;
    assert_eq!(create(&admin, "a").await.code, 400);
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(
        admin.post(reviews, &review).await.code,
        201,
        "reviews are not reviewed"
    );
    let path = format!("{}/validatingwebhookconfigurations/c", super::GROUP);
    assert_eq!(admin.delete(&path).await.code, 200);
    assert_eq!(create(&admin, "a").await.code, 201);
}
