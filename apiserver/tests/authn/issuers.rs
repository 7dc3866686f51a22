//! Issuers, and who is anonymous, as a file says (`--authentication-config`).

use std::fs;
use std::time::Duration;

use portcullis::start::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::requests::{REVIEWS, counts, does_not_count, now, whoami};
use crate::support::issuer::{Issuer, Signer};
use crate::support::log;
use crate::support::server::{ALICES_TOKEN, ISSUER, TestServer, directory, options};

/// An authenticator for an issuer, with these changes.
fn authenticator(issuer: &Issuer, change: &Value) -> Value {
    let authority = fs::read_to_string(issuer.ca_file()).unwrap();
    let mut written = json!({
        "issuer": {"url": issuer.url(), "audiences": ["portcullis"], "certificateAuthority": authority},
        "claimMappings": {"username": {"claim": "sub", "prefix": "jwt:"}}});
    for (part, change) in change.as_object().unwrap() {
        match (written[part].as_object_mut(), change.as_object()) {
            (Some(part), Some(change)) => part.extend(change.clone()),
            _ => written[part] = change.clone(),
        }
    }
    written
}

fn write(dir: &std::path::Path, jwt: &Value, anonymous: &Value) -> String {
    let document = json!({"apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration", "jwt": jwt, "anonymous": anonymous});
    let path = dir.join("authentication.yaml");
    fs::write(&path, document.to_string()).unwrap();
    format!("--authentication-config={}", path.display())
}

async fn start(jwt: &Value) -> TestServer {
    let dir = directory();
    let flag = write(dir.path(), jwt, &Value::Null);
    TestServer::start_in(dir, &[&flag]).await
}

fn claims(issuer: &Issuer, change: &Value) -> Value {
    let mut claims =
        json!({"iss": issuer.url(), "aud": "portcullis", "sub": "jane", "exp": now() + 600});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn tokens_of_several_issuers_are_verified_each_by_its_own_keys() {
    let (one, two) = (Signer::new("one"), Signer::new("two"));
    let first = Issuer::start(vec![one.jwk()]).await;
    let second = Issuer::start(vec![two.jwk()]).await;
    let other = json!({"issuer": {"audiences": ["vault", "portcullis"],
            "audienceMatchPolicy": "MatchAny"},
        "claimMappings": {"username": {"claim": "email", "prefix": ""},
            "groups": {"claim": "roles", "prefix": "role:"}, "uid": {"claim": "sub"}},
        "claimValidationRules": [{"claim": "hd", "requiredValue": "example"}]});
    let jwt = json!([
        authenticator(&first, &json!({})),
        authenticator(&second, &other)
    ]);
    let server = start(&jwt).await;
    counts(&server, &one.token(&claims(&first, &json!({}))), "jwt:jane").await;
    let joe = json!({"email": "joe@x", "roles": ["dev", "ops"], "hd": "example", "aud": ["vault"]});
    let token = two.token(&claims(&second, &joe));
    let user = whoami(&server.bearer(&token)).await.unwrap();
    let groups = ["role:dev", "role:ops", "system:authenticated"];
    assert_eq!(
        user,
        json!({"username": "joe@x", "uid": "jane", "groups": groups})
    );
    let review = json!({"spec": {"token": token}});
    let review = server.admin().post(REVIEWS, &review).await.json();
    assert_eq!(review["status"]["user"]["username"], "joe@x");
    assert_eq!(review["status"]["audiences"], json!([ISSUER]));
    counts(&server, ALICES_TOKEN, "alice").await;

    let bad = |change: Value| {
        let mut all = joe.clone();
        all.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        two.token(&claims(&second, &all))
    };
    for (what, token) in [
        ("by another issuer's key", one.token(&claims(&second, &joe))),
        ("for others", bad(json!({"aud": "other"}))),
        ("expired", bad(json!({"exp": now() - 1}))),
        ("without the email", bad(json!({"email": null}))),
        ("not verified", bad(json!({"email_verified": false}))),
        ("without a required claim", bad(json!({"hd": "other"}))),
        ("without a uid", bad(json!({"sub": null}))),
        ("with groups of no use", bad(json!({"roles": [1]}))),
        ("of nobody's", bad(json!({"iss": "https://elsewhere"}))),
    ] {
        does_not_count(&server, what, &token).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn expressions_describe_users_and_reject_them() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let jwt = json!([authenticator(
        &issuer,
        &json!({
        "claimMappings": {
            "username": {"expression": "'u:' + claims.preferred_username"},
            "groups": {"expression": "claims.roles.split(',').filter(r, r != '')"},
            "uid": {"expression": "claims.?uid.orValue('none')"},
            "extra": [{"key": "example.org/tenant", "valueExpression": "claims.tenant"},
                {"key": "example.org/empty", "valueExpression": "''"}]},
        "claimValidationRules": [{"expression": "claims.exp - claims.nbf <= 86400",
            "message": "the token lives too long"}],
        "userValidationRules": [{"expression": "!user.username.startsWith('u:system:')",
                "message": "reserved"},
            {"expression": "user.groups.all(g, !g.startsWith('system:'))"},
            {"expression": "'acme' in user.extra['example.org/tenant']"}]})
    )]);
    let server = start(&jwt).await;
    let jane = json!({"preferred_username": "jane", "roles": "dev,,ops", "tenant": ["acme", "b"],
        "nbf": now() - 10});
    let token = |change: Value| {
        let mut all = jane.clone();
        all.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        signer.token(&claims(&issuer, &all))
    };
    let user = whoami(&server.bearer(&token(json!({})))).await.unwrap();
    let expected = json!({"username": "u:jane", "uid": "none",
        "groups": ["dev", "ops", "system:authenticated"],
        "extra": {"example.org/tenant": ["acme", "b"]}});
    assert_eq!(user, expected);
    for (what, token) in [
        (
            "that lives too long",
            token(json!({"exp": now() + 100_000})),
        ),
        (
            "of a reserved user",
            token(json!({"preferred_username": "system:x"})),
        ),
        (
            "of a reserved group",
            token(json!({"roles": "system:masters"})),
        ),
        ("of another tenant", token(json!({"tenant": "b"}))),
        ("without a name", token(json!({"preferred_username": null}))),
        (
            "with a number for a name",
            token(json!({"preferred_username": 7})),
        ),
        ("without roles", token(json!({"roles": null}))),
        (
            "with a tenant of no use",
            token(json!({"tenant": {"a": "acme"}})),
        ),
    ] {
        does_not_count(&server, what, &token).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_changed_file_counts_and_a_broken_one_does_not() {
    let (one, two) = (Signer::new("one"), Signer::new("two"));
    let first = Issuer::start(vec![one.jwk()]).await;
    let second = Issuer::start(vec![two.jwk()]).await;
    let dir = directory();
    let path = dir.path().to_owned();
    let only = |issuer: &Issuer| json!([authenticator(issuer, &json!({}))]);
    let flag = write(&path, &only(&first), &Value::Null);
    let server = TestServer::start_in(dir, &[&flag]).await;
    let of_first = server.bearer(&one.token(&claims(&first, &json!({}))));
    let of_second = server.bearer(&two.token(&claims(&second, &json!({}))));
    assert!(whoami(&of_first).await.is_ok());
    assert_eq!(whoami(&of_second).await, Err(401));

    let broken = json!([authenticator(
        &second,
        &json!({"issuer": {"audiences": []}})
    )]);
    for (jwt, anonymous) in [
        (broken, Value::Null),
        (only(&second), json!({"enabled": false})),
    ] {
        write(&path, &jwt, &anonymous);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(whoami(&of_first).await.is_ok());
        assert_eq!(whoami(&of_second).await, Err(401));
        // a file that was valid again is logged when it breaks again
        write(&path, &only(&first), &Value::Null);
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let said = log::so_far();
    assert!(
        said.contains("jwt[0].issuer.audiences: Required value"),
        "{said}"
    );
    assert!(said.contains("anonymous: Forbidden: changed from initial configuration file"));
    write(&path, &only(&second), &Value::Null);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(whoami(&of_second).await.is_ok());
    assert_eq!(whoami(&of_first).await, Err(401));
    let metrics = server.admin().get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let of_config = |name: &str, label: &str| {
        let name = format!("apiserver_authentication_config_controller_{name}{{");
        let mut lines = metrics.lines().filter(|line| line.starts_with(&name));
        let line = lines.find(|line| line.contains(label)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{name}{label}\n{metrics}"))
    };
    let reloads = "automatic_reloads_total";
    assert!(of_config(reloads, "success").ends_with(" 1"), "{metrics}");
    assert!(of_config(reloads, "failure").contains("apiserver_id_hash=\"sha256:"));
    assert!(of_config("last_config_info", "hash=\"sha256:").ends_with(" 1"));
    server.stop().await;
}

#[tokio::test]
async fn keys_may_be_found_elsewhere() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let discovery = issuer.move_configuration();
    let at = |url: &str| {
        json!([authenticator(
            &issuer,
            &json!({"issuer": {"discoveryURL": url}})
        )])
    };
    let token = signer.token(&claims(&issuer, &json!({})));
    let server = start(&at(&discovery)).await;
    counts(&server, &token, "jwt:jane").await;
    server.stop().await;
    let server = start(&at(&format!("{discovery}/wrong"))).await;
    does_not_count(&server, "whose keys are not found", &token).await;
    server.stop().await;
}

#[tokio::test]
async fn paths_are_open_to_nobody_in_particular() {
    let dir = directory();
    let open = json!({"enabled": true, "conditions": [{"path": "/livez"}, {"path": "/healthz"}]});
    let flag = write(dir.path(), &json!([]), &open);
    let server = TestServer::start_in(dir, &[&flag]).await;
    let nobody = server.anonymous();
    for (path, code) in [
        ("/livez", 200),
        ("/healthz?verbose", 200),
        ("/livez/ping", 401),
        ("/readyz", 401),
        ("/%6civez", 200),
        ("/version", 401),
        ("/api/v1/pods", 401),
    ] {
        assert_eq!(nobody.get(path).await.code, code, "{path}");
    }
    let wrong = server.bearer("wrong");
    assert_eq!(wrong.get("/livez").await.code, 401);
    assert_eq!(server.alice().get("/version").await.code, 200);
    server.stop().await;
    let dir = directory();
    let flag = write(dir.path(), &json!([]), &json!({"enabled": false}));
    let server = TestServer::start_in(dir, &[&flag]).await;
    assert_eq!(server.anonymous().get("/livez").await.code, 401);
    server.stop().await;
}

async fn refuses(dir: &TempDir, flags: &[&str], why: &str) {
    let error = Server::start(&options(dir, flags)).await.err().unwrap();
    let error = error.to_string();
    assert!(error.starts_with("--authentication-config: "), "{error}");
    assert!(error.contains(why) && error.lines().count() == 1, "{error}");
}

#[tokio::test]
async fn a_bad_file_is_named() {
    let dir = directory();
    let issuer = Issuer::start(Vec::new()).await;
    let flag = write(
        dir.path(),
        &json!([authenticator(
            &issuer,
            &json!({"claimMappings": {"username": {"claim": "sub"}}})
        )]),
        &Value::Null,
    );
    let (_, path) = flag.split_once('=').unwrap();
    let expected = format!(
        "{path}: invalid authentication configuration: jwt[0].claimMappings.username.prefix: Required value: prefix is required"
    );
    refuses(&dir, &[&flag], &expected).await;
    let flag = write(dir.path(), &json!([]), &json!({"enabled": true}));
    let exclusive = "authentication-config file and oidc-* flags are mutually exclusive";
    refuses(&dir, &[&flag, "--oidc-username-claim=sub"], exclusive).await;
    let anonymous = "--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file";
    refuses(&dir, &[&flag, "--anonymous-auth=true"], anonymous).await;
    refuses(
        &dir,
        &["--authentication-config=/none"],
        "/none: No such file",
    )
    .await;
    assert!(
        !dir.path().join("data").exists(),
        "a refused start left something"
    );
}
