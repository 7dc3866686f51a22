use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::jwt::SigningKey;
use crate::service_account::Kind;
use crate::stored::StoredSecret;

/// A cluster with one account, `ns/robot`, and one secret, `ns/robot-token`.
struct Cluster(Option<StoredSecret>);

#[async_trait]
impl Objects for Cluster {
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let found = (kind, namespace, name) == (Kind::ServiceAccount, "ns", "robot");
        found.then(|| "uid-1".to_owned())
    }
}

#[async_trait]
impl Secrets for Cluster {
    async fn secret(&self, namespace: &str, name: &str, _: Lookup) -> Option<StoredSecret> {
        let found = (namespace, name) == ("ns", "robot-token");
        self.0.clone().filter(|_| found)
    }
}

fn key() -> SigningKey {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    SigningKey::of(Path::new("k"), pem.as_bytes()).unwrap()
}

fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER,
        "sub": "system:serviceaccount:ns:robot",
        "kubernetes.io/serviceaccount/namespace": "ns",
        "kubernetes.io/serviceaccount/secret.name": "robot-token",
        "kubernetes.io/serviceaccount/service-account.name": "robot",
        "kubernetes.io/serviceaccount/service-account.uid": "uid-1",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn authenticate(key: &SigningKey, token: &str, stored: &str, deleted: bool) -> String {
    let secret = StoredSecret {
        data: [("token".to_owned(), stored.into())].into(),
        deleted,
        ..StoredSecret::default()
    };
    let cluster = || Arc::new(Cluster(Some(secret.clone())));
    let keys = KeyRing::new(vec![key.verifying_key().clone()], Vec::new());
    let tokens = LegacyTokens::new(Arc::new(keys), cluster(), cluster());
    match tokens.authenticate_token(token).await {
        Ok(Outcome::Identified(user)) => format!("{} {}", user.name, user.uid),
        Ok(Outcome::NotMine) => "not mine".into(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_token_is_valid_as_long_as_its_secret_contains_it() {
    let key = key();
    let token = key.sign(&claims(&json!({}))).unwrap();
    let robot = "system:serviceaccount:ns:robot uid-1";
    assert_eq!(authenticate(&key, &token, &token, false).await, robot);
    assert_eq!(
        authenticate(&key, &token, "another", false).await,
        "service account token does not match server's copy"
    );
    let revoked = "service account token has been invalidated";
    assert_eq!(authenticate(&key, &token, &token, true).await, revoked);
    let unknown_key = self::key().sign(&claims(&json!({}))).unwrap();
    assert_eq!(
        authenticate(&key, &unknown_key, &unknown_key, false).await,
        "service account token is not signed by a known key"
    );
}

#[tokio::test]
async fn inconsistent_claims_are_rejected() {
    let key = key();
    let invalid = "service account token has missing or invalid claims";
    let name = |claim: &str| format!("kubernetes.io/serviceaccount/{claim}");
    for (claim, value, expected) in [
        ("iss".to_owned(), json!("https://other"), "not mine"),
        (
            "sub".to_owned(),
            json!("system:serviceaccount:ns:other"),
            invalid,
        ),
        ("exp".to_owned(), json!(4_000_000_000_u64), invalid),
        ("aud".to_owned(), json!(["vault"]), invalid),
        (name("service-account.uid"), json!(""), invalid),
        (
            name("service-account.uid"),
            json!("uid-2"),
            "service account UID (uid-1) does not match claim (uid-2)",
        ),
        (
            name("secret.name"),
            json!("other"),
            "service account token has been invalidated",
        ),
    ] {
        let token = key.sign(&claims(&json!({claim.clone(): value}))).unwrap();
        assert_eq!(
            authenticate(&key, &token, &token, false).await,
            expected,
            "{claim}"
        );
    }
}
