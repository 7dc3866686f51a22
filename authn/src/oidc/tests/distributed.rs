//! Groups that another server returns.

use std::time::Duration;

use super::*;

const ENDPOINT: &str = "https://directory.example/groups";

/// Tokens whose groups come from the claim `groups`, and their issuer, which has the distributed claims, too.
fn tokens(key: &SigningKey) -> (OidcTokens, Arc<FakeIssuer>) {
    let issuer = fake_issuer(vec![key.verifying_key().jwk()]);
    let options = OidcOptions {
        username_prefix: Some("-".into()),
        groups_claim: Some("groups".into()),
        ..options()
    };
    (OidcTokens::new(options, issuer.clone()), issuer)
}

fn sources(access_token: &str) -> Value {
    json!({"_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": ENDPOINT, "access_token": access_token}}})
}

#[tokio::test]
async fn the_groups_are_those_that_the_source_returns() {
    let key = key();
    let (tokens, issuer) = tokens(&key);
    let put = |access_token: &str, change: &Value| {
        let token = key.sign(&claims(change)).unwrap();
        let place = (ENDPOINT.to_owned(), access_token.to_owned());
        issuer
            .distributed
            .lock()
            .insert(place, format!("{token}\n"));
    };
    put("", &json!({"groups": ["a", "b"]}));
    put("secret", &json!({"groups": "c", "sub": "other"}));
    put("none", &json!({}));
    put("late", &json!({"groups": ["a"], "exp": NOW - 1}));
    put("others", &json!({"groups": ["a"], "aud": "you"}));
    put(
        "elsewhere",
        &json!({"groups": ["a"], "iss": "https://elsewhere.example"}),
    );
    for (access_token, expected) in [
        ("", "jane a b"),
        ("secret", "jane c"),
        (
            "none",
            "oidc: the distributed claim \"groups\": the token does not contain it",
        ),
        ("late", "oidc: the token has expired"),
        ("others", "oidc: the token has a different audience"),
        ("elsewhere", "oidc: the issuer's keys are not available yet"),
        (
            "wrong",
            "oidc: the distributed claim \"groups\": https://directory.example/groups answers 403",
        ),
    ] {
        let token = key.sign(&claims(&sources(access_token))).unwrap();
        assert_eq!(
            authenticate(&tokens, &token).await,
            expected,
            "{access_token}"
        );
    }
}

#[tokio::test]
async fn only_a_missing_claim_with_a_source_is_fetched() {
    let key = key();
    let (tokens, _) = tokens(&key);
    let with = |change: Value| {
        let mut all = sources("");
        for (name, value) in change.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    for (change, expected) in [
        (with(json!({"groups": ["own"]})), "jane own"),
        (with(json!({"_claim_names": {"roles": "src1"}})), "jane"),
        (json!({"_claim_sources": {}}), "jane"),
        // aggregated claims
        (
            with(json!({"_claim_sources": {"src1": {"JWT": "x.y.z"}}})),
            "jane",
        ),
        (
            with(json!({"_claim_sources": {}})),
            "oidc: the distributed claim \"groups\": its source is missing",
        ),
        (
            json!({"_claim_names": {"groups": "src1"}}),
            "oidc: distributed claims have no sources",
        ),
        (
            with(json!({"_claim_names": ["groups"]})),
            "oidc: the names of distributed claims are malformed",
        ),
        (
            with(json!({"_claim_sources": {"src1": 7}})),
            "oidc: the sources of distributed claims are malformed",
        ),
    ] {
        let token = key.sign(&claims(&change)).unwrap();
        assert_eq!(authenticate(&tokens, &token).await, expected, "{change}");
    }
}

/// A client sends its token with each request; the source is not asked each time.
#[tokio::test]
async fn a_claim_is_fetched_again_after_a_while() {
    let key = key();
    let (tokens, issuer) = tokens(&key);
    let put = |groups: &str| {
        let token = key.sign(&claims(&json!({"groups": groups}))).unwrap();
        let place = (ENDPOINT.to_owned(), "secret".to_owned());
        issuer.distributed.lock().insert(place, token);
    };
    let token = key.sign(&claims(&sources("secret"))).unwrap();
    let groups_at = async |seconds: u64| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW + seconds));
        tokens
            .authenticate(&token, now)
            .await
            .map(|user| user.unwrap().groups)
    };
    // one that cannot be fetched is tried again at once
    assert!(groups_at(0).await.is_err());
    put("first");
    assert_eq!(groups_at(0).await.unwrap(), ["first"]);
    put("second");
    assert_eq!(groups_at(9).await.unwrap(), ["first"]);
    assert_eq!(groups_at(10).await.unwrap(), ["second"]);
    // each access token has claims of its own
    let other = key.sign(&claims(&sources("other"))).unwrap();
    assert_eq!(
        authenticate(&tokens, &other).await,
        "oidc: the distributed claim \"groups\": https://directory.example/groups answers 403"
    );
}
