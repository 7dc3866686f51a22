//! Service account tokens: made, used, refused, reviewed.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_authn::SigningKey;
use portcullis_authn::service_account::{Reference, TokenBinding, TokenIssuer};
use rustls::pki_types::UnixTime;
use serde_json::{Value, json};

use super::requests::{
    ACCOUNTS, REVIEWS, counts, does_not_count, make_account, make_pod, request_token, token, whoami,
};
use crate::support::server::{ALICES_TOKEN, ISSUER, TestServer};

const ROBOT: &str = "system:serviceaccount:default:robot";

/// A time so many seconds from now.
fn from_now(seconds: i64) -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_secs().checked_add_signed(seconds).unwrap();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(now))
}

/// The claims about the account in its tokens.
async fn binding(server: &TestServer, account: &str) -> TokenBinding {
    let found = server.admin().get(&format!("{ACCOUNTS}/{account}")).await;
    let uid = found.json()["metadata"]["uid"].as_str().unwrap().to_owned();
    TokenBinding {
        namespace: "default".into(),
        serviceaccount: Reference {
            name: account.into(),
            uid,
        },
        ..TokenBinding::default()
    }
}

#[tokio::test]
async fn a_token_is_issued_and_used() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let answer = request_token(&server, "robot", json!({})).await.json();
    assert_eq!(answer["kind"], "TokenRequest");
    assert_eq!(answer["spec"]["expirationSeconds"], 3600);
    assert_eq!(answer["spec"]["audiences"], json!([ISSUER]));
    assert_eq!(answer["metadata"]["name"], "robot");
    let robot = server.bearer(answer["status"]["token"].as_str().unwrap());
    let user = whoami(&robot).await.unwrap();
    assert_eq!(user["username"], ROBOT);
    assert_eq!(
        user["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated"
        ])
    );
    // It is authenticated, but has few permissions.
    assert_eq!(robot.get("/api/v1/pods").await.code, 403);
    assert_eq!(robot.get("/openid/v1/jwks").await.code, 200);
    let request = format!("{ACCOUNTS}/robot/token");
    assert_eq!(robot.post(&request, &json!({})).await.code, 403);
    let dry = format!("{request}?dryRun=All");
    assert_eq!(server.admin().post(&dry, &json!({})).await.code, 201);
    assert_eq!(server.admin().get(&request).await.code, 405);
    server.stop().await;
}

#[tokio::test]
async fn invalid_tokens_are_refused() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let ours = server.token_issuer();
    let binding = binding(&server, "robot").await;
    let audience = [ISSUER.to_owned()];
    let issue = |by: &TokenIssuer, binding: &TokenBinding, at: UnixTime| {
        by.issue(binding, &audience, at, 600).unwrap()
    };
    let good = issue(&ours, &binding, from_now(0));
    counts(&server, &good, ROBOT).await;

    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let stranger = TokenIssuer {
        key: SigningKey::of(Path::new("k"), pem.as_bytes()).unwrap(),
        ..ours.clone()
    };
    let elsewhere = TokenIssuer {
        issuer: "https://elsewhere".into(),
        ..ours.clone()
    };
    let mut reborn = binding.clone();
    reborn.serviceaccount.uid = "another".into();
    let mut nobody = binding.clone();
    nobody.serviceaccount.name = "nobody".into();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let symmetric = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    for (what, token) in [
        (
            "for another audience",
            token(&server, "robot", json!({"audiences": ["vault"]})).await,
        ),
        ("expired", issue(&ours, &binding, from_now(-700))),
        ("not valid yet", issue(&ours, &binding, from_now(120))),
        ("without its end", good[..good.len() - 2].to_owned()),
        ("without its half", good[..good.len() / 2].to_owned()),
        ("without signature", format!("{signed}.")),
        ("with no algorithm", format!("{none}.{payload}.")),
        (
            "with no algorithm, signed",
            format!("{none}.{payload}.{signature}"),
        ),
        (
            "with another algorithm",
            format!("{symmetric}.{payload}.{signature}"),
        ),
        ("by another key", issue(&stranger, &binding, from_now(0))),
        (
            "of another issuer",
            issue(&elsewhere, &binding, from_now(0)),
        ),
        ("of an earlier account", issue(&ours, &reborn, from_now(0))),
        ("of no account", issue(&ours, &nobody, from_now(0))),
        ("too large to be one", "x".repeat(100_000)),
        ("unknown", "x".to_owned()),
    ] {
        does_not_count(&server, what, &token).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_token_ends_with_its_account() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let robot = server.bearer(&token(&server, "robot", json!({})).await);
    assert!(whoami(&robot).await.is_ok());
    let account = format!("{ACCOUNTS}/robot");
    assert_eq!(server.admin().delete(&account).await.code, 200);
    assert_eq!(whoami(&robot).await, Err(401));
    make_account(&server, "robot").await;
    assert_eq!(whoami(&robot).await, Err(401));
    server.stop().await;
}

#[tokio::test]
async fn a_token_ends_with_the_object_that_it_is_bound_to() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    make_pod(&server, "pod", "robot").await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"metadata": {"name": "secret"}});
    assert_eq!(server.admin().post(secrets, &secret).await.code, 201);
    for (kind, path) in [
        ("Pod", "/api/v1/namespaces/default/pods/pod"),
        ("Secret", "/api/v1/namespaces/default/secrets/secret"),
    ] {
        let name = kind.to_lowercase();
        let to = json!({"kind": kind, "apiVersion": "v1", "name": name});
        let text = token(&server, "robot", json!({"boundObjectRef": to})).await;
        let robot = server.bearer(&text);
        let user = whoami(&robot).await.unwrap();
        let pod = &user["extra"]["authentication.kubernetes.io/pod-name"];
        let expected = if kind == "Pod" {
            json!(["pod"])
        } else {
            Value::Null
        };
        assert_eq!(*pod, expected);
        assert_eq!(server.admin().delete(path).await.code, 200);
        does_not_count(&server, &format!("of a gone {kind}"), &text).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn refusals_to_issue_are_upstreams() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    make_account(&server, "other").await;
    make_pod(&server, "pod", "other").await;
    let bound = |kind: &str, api_version: &str, name: &str, uid: &str| json!({"boundObjectRef": {"kind": kind, "apiVersion": api_version, "name": name, "uid": uid}});
    let lifetime = |seconds: i64| json!({"expirationSeconds": seconds});
    let invalid = "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: ";
    for (account, spec, code, message) in [
        ("nobody", json!({}), 404, "serviceaccounts \"nobody\" not found".to_owned()),
        ("robot", lifetime(599), 422, format!("{invalid}599: may not specify a duration less than 10 minutes")),
        ("robot", lifetime(-1), 422, format!("{invalid}-1: may not specify a duration less than 10 minutes")),
        ("robot", lifetime((1 << 32) + 1), 422, format!("{invalid}4294967297: may not specify a duration larger than 2^32 seconds")),
        ("robot", bound("Pod", "v1", "none", ""), 404, "pods \"none\" not found".to_owned()),
        ("robot", bound("Secret", "v1", "none", ""), 404, "secrets \"none\" not found".to_owned()),
        ("robot", bound("Pod", "v1", "pod", ""), 400, "cannot bind token for serviceaccount \"robot\" to pod running with different serviceaccount name.".to_owned()),
        ("robot", bound("Pod", "v1", "", ""), 400, "Name parameter required.".to_owned()),
        ("robot", bound("Secret", "v1", "a/b", ""), 400, "Name parameter invalid: \"a/b\": may not contain '/'".to_owned()),
        ("robot", bound("Deployment", "apps/v1", "d", ""), 400, "cannot bind token to object of type apps/v1, Kind=Deployment".to_owned()),
        ("other", bound("Pod", "v1", "pod", "7"), 409, "Operation cannot be fulfilled on Pod \"pod\": the UID in the bound object reference (7) does not match the UID in record. The object might have been deleted and then recreated".to_owned()),
    ] {
        let answer = request_token(&server, account, spec).await;
        assert_eq!((answer.code, answer.message()), (code, message));
    }
    for seconds in [600, 1 << 32] {
        assert_eq!(
            request_token(&server, "robot", lifetime(seconds))
                .await
                .code,
            201
        );
    }
    let path = format!("{ACCOUNTS}/robot/token");
    for (metadata, code, message) in [
        (
            json!({"name": "other"}),
            422,
            "TokenRequest.authentication.k8s.io \"robot\" is invalid: metadata.name: Invalid value: \"other\": must match the service account name if specified",
        ),
        (
            json!({"namespace": "other"}),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ] {
        let answer = server
            .admin()
            .post(&path, &json!({"metadata": metadata}))
            .await;
        assert_eq!((answer.code, &*answer.message()), (code, message));
    }
    server.stop().await;
}

/// The namespace of a review is that of its URL, and may be left out of its body.
#[tokio::test]
async fn reviews_have_the_namespace_of_their_url() {
    let server = TestServer::start(&[]).await;
    let group = "/apis/authorization.k8s.io/v1";
    let local = format!("{group}/namespaces/default/localsubjectaccessreviews");
    let attributes = json!({"namespace": "default", "verb": "get", "resource": "pods"});
    let spec = json!({"user": "u", "resourceAttributes": attributes});
    for (path, metadata, code) in [
        (&local, json!({}), 201),
        (&local, json!({"namespace": "default"}), 201),
        (&local, json!({"namespace": "other"}), 400),
        (
            &format!("{group}/subjectaccessreviews"),
            json!({"namespace": "x"}),
            201,
        ),
    ] {
        let review = json!({"metadata": metadata, "spec": spec});
        let answer = server.admin().post(path, &review).await;
        assert_eq!(answer.code, code, "{path} {metadata}: {answer:?}");
        if code == 201 {
            let namespace = if *path == local {
                json!("default")
            } else {
                Value::Null
            };
            assert_eq!(answer.json()["metadata"]["namespace"], namespace);
        }
    }
    let rules = json!({"spec": {"namespace": "default"}});
    let path = format!("{group}/selfsubjectrulesreviews");
    let rules = server.alice().post(&path, &rules).await.json();
    assert_eq!(
        rules["spec"]["namespace"],
        Value::Null,
        "an answer does not repeat the question"
    );
    assert!(
        !rules["status"]["nonResourceRules"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    server.stop().await;
}

#[tokio::test]
async fn reviews_name_the_user_and_the_audiences_of_a_token() {
    let server = TestServer::start(&[]).await;
    make_account(&server, "robot").await;
    let here = token(&server, "robot", json!({})).await;
    let both = token(
        &server,
        "robot",
        json!({"audiences": ["vault", "x", ISSUER]}),
    )
    .await;
    let elsewhere = token(&server, "robot", json!({"audiences": ["vault"]})).await;
    for (token, audiences, user, good_for) in [
        (here.as_str(), json!([]), ROBOT, json!([ISSUER])),
        (&here, json!(["vault"]), "", Value::Null),
        (
            &both,
            json!(["y", "x", "vault"]),
            ROBOT,
            json!(["x", "vault"]),
        ),
        (&elsewhere, json!([]), "", Value::Null),
        (&elsewhere, json!(["vault"]), ROBOT, json!(["vault"])),
        (ALICES_TOKEN, json!([]), "alice", json!([ISSUER])),
        (ALICES_TOKEN, json!(["vault"]), "", Value::Null),
        ("unknown", json!([]), "", Value::Null),
    ] {
        let review = json!({"spec": {"token": token, "audiences": audiences}});
        let answer = server.admin().post(REVIEWS, &review).await;
        assert_eq!(answer.code, 201);
        let status = answer.json()["status"].clone();
        let authenticated = status["authenticated"].as_bool().unwrap_or_default();
        assert_eq!(authenticated, !user.is_empty(), "{status}");
        assert_eq!(
            status["user"]["username"].as_str().unwrap_or_default(),
            user
        );
        assert_eq!(status["audiences"], good_for);
        assert_eq!(status["error"].is_string(), user.is_empty(), "{status}");
    }
    let nothing = server.admin().post(REVIEWS, &json!({"spec": {}})).await;
    let said = (nothing.code, nothing.message());
    let expected = "token is required for TokenReview in authentication".to_owned();
    assert_eq!(said, (400, expected));
    assert_eq!(server.alice().post(REVIEWS, &json!({})).await.code, 403);
    server.stop().await;
}
