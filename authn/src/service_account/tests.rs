use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::{FileError, Problem, VerifyingKey};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://issuer";

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn key() -> SigningKey {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    SigningKey::of(Path::new("sa.key"), pem.as_bytes()).unwrap()
}

fn reference(name: &str) -> Reference {
    Reference {
        name: name.into(),
        uid: format!("{name}-uid"),
    }
}

fn robot() -> TokenBinding {
    let serviceaccount = Reference {
        name: "robot".into(),
        uid: "sa-uid".into(),
    };
    TokenBinding {
        namespace: "ns".into(),
        serviceaccount,
        ..TokenBinding::default()
    }
}

/// Objects of the namespace `ns`: kind, name and uid.
struct Cluster(Vec<(Kind, &'static str, &'static str)>);

#[async_trait]
impl Objects for Cluster {
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let found = self
            .0
            .iter()
            .find(|o| namespace == "ns" && o.0 == kind && o.1 == name);
        found.map(|(_, _, uid)| (*uid).to_owned())
    }
}

fn tokens(keys: Vec<VerifyingKey>) -> ServiceAccountTokens {
    let list = |word: &str| vec![word.to_owned()];
    let trust = Trust {
        issuers: list(ISSUER),
        audiences: list("api"),
        keys: Arc::new(KeyRing::new(keys, Vec::new())),
    };
    let objects = vec![
        (Kind::ServiceAccount, "robot", "sa-uid"),
        (Kind::Pod, "pod", "pod-uid"),
        (Kind::Secret, "secret", "secret-uid"),
    ];
    ServiceAccountTokens::new(trust, Arc::new(Cluster(objects)))
}

/// The user's name, or the error.
async fn authenticate(tokens: &ServiceAccountTokens, token: &str, now: u64) -> String {
    match tokens.review(token, &tokens.trust.audiences, at(now)).await {
        Ok(Some((user, _))) => user.name,
        Ok(None) => "not mine".into(),
        Err(error) => error.to_string(),
    }
}

const ROBOT: &str = "system:serviceaccount:ns:robot";

#[tokio::test]
async fn tokens_expire() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let issuer = TokenIssuer {
        issuer: ISSUER.into(),
        key,
    };
    let token = issuer
        .issue(&robot(), &["x".into(), "api".into()], at(NOW), 600)
        .unwrap();
    for (now, expected) in [
        (NOW, ROBOT),
        (NOW + 660, ROBOT),
        (NOW + 661, "service account token has expired"),
        (NOW - 60, ROBOT),
        (NOW - 61, "service account token is not valid yet"),
    ] {
        assert_eq!(authenticate(&tokens, &token, now).await, expected, "{now}");
    }
    let (user, audiences) = tokens
        .review(&token, &["x".into(), "y".into()], at(NOW))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(audiences, ["x"]);
    assert_eq!(
        user,
        UserInfo {
            uid: "sa-uid".into(),
            ..UserInfo::service_account("ns", "robot")
        }
    );
    let other = tokens
        .review(&token, &["y".into()], at(NOW))
        .await
        .unwrap_err();
    let why = "token audiences [\"x\" \"api\"] is invalid for the target audiences [\"y\"]";
    assert_eq!(other.to_string(), why);
    let wanted = ["api".to_owned(), "y".to_owned(), "x".to_owned()];
    let (_, audiences) = tokens
        .review(&token, &wanted, at(NOW))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(audiences, ["api", "x"], "in the order of the request");
    // Expired by the real clock.
    let real = issuer
        .issue(&robot(), &["api".into()], at(1_000), 600)
        .unwrap();
    assert!(tokens.authenticate_token(&real).await.is_err());
}

#[tokio::test]
async fn tokens_are_revoked_with_the_objects_they_are_bound_to() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let issuer = TokenIssuer {
        issuer: ISSUER.into(),
        key,
    };
    let revoked = "service account token has been invalidated".to_owned();
    for (binding, expected) in [
        (
            TokenBinding {
                pod: Some(reference("pod")),
                ..robot()
            },
            ROBOT.to_owned(),
        ),
        (
            TokenBinding {
                secret: Some(reference("secret")),
                ..robot()
            },
            ROBOT.to_owned(),
        ),
        (
            TokenBinding {
                pod: Some(reference("other")),
                ..robot()
            },
            revoked.clone(),
        ),
        (
            TokenBinding {
                secret: Some(reference("other")),
                ..robot()
            },
            revoked,
        ),
        (
            TokenBinding {
                pod: Some(Reference {
                    uid: "old".into(),
                    ..reference("pod")
                }),
                ..robot()
            },
            "pod UID (pod-uid) does not match service account pod ref claim (old)".into(),
        ),
        (
            TokenBinding {
                serviceaccount: reference("robot"),
                ..robot()
            },
            "service account UID (sa-uid) does not match claim (robot-uid)".into(),
        ),
        (
            TokenBinding {
                namespace: "elsewhere".into(),
                ..robot()
            },
            "serviceaccounts \"robot\" not found".into(),
        ),
    ] {
        let token = issuer
            .issue(&binding, &["api".into()], at(NOW), 600)
            .unwrap();
        assert_eq!(
            authenticate(&tokens, &token, NOW).await,
            expected,
            "{binding:?}"
        );
    }
}

#[tokio::test]
async fn users_have_their_pod_in_extra_fields() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let issuer = TokenIssuer {
        issuer: ISSUER.into(),
        key,
    };
    let bound = TokenBinding {
        pod: Some(reference("pod")),
        ..robot()
    };
    let token = issuer.issue(&bound, &["api".into()], at(NOW), 600).unwrap();
    let (user, _) = tokens
        .review(&token, &["api".into()], at(NOW))
        .await
        .unwrap()
        .unwrap();
    let extra: Vec<_> = user
        .extra
        .iter()
        .map(|(k, v)| format!("{k}={}", v.join(",")))
        .collect();
    let prefix = "authentication.kubernetes.io";
    assert_eq!(
        extra,
        [
            format!("{prefix}/pod-name=pod"),
            format!("{prefix}/pod-uid=pod-uid")
        ]
    );
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

/// A token signed by `key`, with extra header fields (RFC 7515, section 4.1.11).
fn with_header(key: &SigningKey, more: &str) -> String {
    let claims = serde_json::json!({
        "iss": ISSUER, "aud": "api", "exp": NOW + 600, "kubernetes.io": robot(),
    });
    let message = format!(
        "{}.{}",
        part(&format!(r#"{{"alg":"ES256",{more}}}"#)),
        part(&claims.to_string())
    );
    format!("{message}.{}", key.signature(message.as_bytes()))
}

#[tokio::test]
async fn forged_tokens_are_rejected() {
    let key = key();
    let tokens = tokens(vec![
        self::key().verifying_key().clone(),
        key.verifying_key().clone(),
    ]);
    let issuer = TokenIssuer {
        issuer: ISSUER.into(),
        key,
    };
    let good = issuer
        .issue(&robot(), &["api".into()], at(NOW), 600)
        .unwrap();
    assert_eq!(authenticate(&tokens, &good, NOW).await, ROBOT);

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let unsigned = "service account token is not signed by a known key";
    let unknown_key = TokenIssuer {
        issuer: ISSUER.into(),
        key: self::key(),
    };
    let other_issuer = TokenIssuer {
        issuer: "https://other".into(),
        ..issuer.clone()
    };
    let none = format!("{}.{payload}.", part(r#"{"alg":"none"}"#));
    let other_alg = format!("{}.{payload}.{signature}", part(r#"{"alg":"RS256"}"#));
    let hmac = format!("{}.{payload}.{signature}", part(r#"{"alg":"HS256"}"#));
    let changed = {
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        let claims = claims.replace("robot", "admin");
        format!(
            "{}.{}.{signature}",
            signed.split_once('.').unwrap().0,
            part(&claims)
        )
    };
    for (token, expected) in [
        (
            with_header(&issuer.key, r#""crit":["exp"],"exp":1"#),
            unsigned,
        ),
        (none, unsigned),
        (other_alg, unsigned),
        (hmac, unsigned),
        (changed, unsigned),
        (format!("{signed}."), unsigned),
        (good[..good.len() - 2].to_owned(), unsigned),
        (
            unknown_key
                .issue(&robot(), &["api".into()], at(NOW), 600)
                .unwrap(),
            unsigned,
        ),
        (
            other_issuer
                .issue(&robot(), &["api".into()], at(NOW), 600)
                .unwrap(),
            "not mine",
        ),
        (signed.to_owned(), "not mine"),
        (format!("{good}.x"), "not mine"),
        (format!("x{good}"), "not mine"),
        (good.replace('.', ""), "not mine"),
        (good.repeat(1 + (1 << 20) / good.len()), "not mine"),
        ("..".into(), "not mine"),
        (String::new(), "not mine"),
        ("abc.DEF-123==".into(), "not mine"),
    ] {
        let outcome = authenticate(&tokens, &token, NOW).await;
        assert_eq!(outcome, expected, "{}", &token[..token.len().min(90)]);
    }
    let shown = format!("{tokens:?} {issuer:?}");
    assert!(
        shown.contains("ES256") && !shown.to_lowercase().contains("private"),
        "{shown}"
    );
}

#[tokio::test]
async fn critical_headers_are_rejected_unless_supported() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let unsigned = "service account token is not signed by a known key";
    for (header, expected) in [
        (r#""typ":"JWT""#, ROBOT),
        (r#""x":1"#, ROBOT),
        (r#""crit":["x"],"x":1"#, unsigned),
        (r#""crit":["exp"]"#, unsigned),
        (r#""crit":[]"#, unsigned),
        (r#""crit":"x""#, unsigned),
        (r#""b64":false,"crit":["b64"]"#, unsigned),
    ] {
        let token = with_header(&key, header);
        assert_eq!(
            authenticate(&tokens, &token, NOW).await,
            expected,
            "{header}"
        );
    }
}

/// A full cache forgets the tokens that are not used.
#[test]
fn tokens_in_use_stay_cached() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let issuer = TokenIssuer {
        issuer: ISSUER.into(),
        key,
    };
    let issue = |lifetime| issuer.issue(&robot(), &["api".into()], at(NOW), lifetime);
    let (used, version) = (issue(600).unwrap(), tokens.trust.keys.version());
    let digest = Secret::of(used.as_bytes()).digest();
    let is_cached = || tokens.cached_tokens(version).1.get(&digest).is_some();
    assert!(tokens.verify(&used).unwrap().is_some());
    for other in 1..2 * CACHE_SIZE {
        assert!(is_cached(), "forgotten after {other} others");
        let other = issue(600 + u64::try_from(other).unwrap()).unwrap();
        assert!(tokens.verify(&other).unwrap().is_some());
    }
    let size = tokens.cached_tokens(version).1.len();
    assert!(size > CACHE_SIZE / 2 && size <= CACHE_SIZE, "{size}");
}

#[tokio::test]
async fn signed_tokens_without_claims_are_rejected() {
    let key = key();
    let tokens = tokens(vec![key.verifying_key().clone()]);
    let token = key
        .sign(&serde_json::json!({"iss": ISSUER, "aud": "api"}))
        .unwrap();
    let invalid = "service account token has missing or invalid claims";
    assert_eq!(authenticate(&tokens, &token, NOW).await, invalid);
}

#[tokio::test]
async fn rs256_tokens_of_other_servers_are_accepted() {
    let pem = include_bytes!("testdata/rsa-public.pem");
    let keys = VerifyingKey::all(Path::new("sa.pub"), pem).unwrap();
    let jwk = keys[0].jwk();
    assert_eq!(
        (jwk["kty"].as_str(), jwk["alg"].as_str()),
        (Some("RSA"), Some("RS256"))
    );
    assert_eq!(jwk["e"], "AQAB");
    assert_eq!(jwk["n"].as_str().unwrap().len(), 342);
    let token = include_str!("testdata/rs256-token.txt").trim();
    let tokens = tokens(keys);
    assert_eq!(authenticate(&tokens, token, NOW).await, ROBOT);
    assert_eq!(
        authenticate(&tokens, &token[..token.len() - 2], NOW).await,
        "service account token is not signed by a known key"
    );
}

#[tokio::test]
async fn keys_of_both_curves_sign_and_have_jwks() {
    for (algorithm, name, curve, length) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "ES256", "P-256", 43),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ES384", "P-384", 64),
    ] {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let private = pair.serialize_pem();
        let both = format!("{}\n{private}", pair.public_key_pem());
        let keys = VerifyingKey::all(Path::new("k"), both.as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0].jwk(), keys[1].jwk());
        let jwk = keys[0].jwk();
        let text = |field: &str| jwk[field].as_str().unwrap().to_owned();
        assert_eq!(text("kid"), keys[0].id());
        assert_eq!([text("kty"), text("crv"), text("alg")], ["EC", curve, name]);
        assert_eq!((text("x").len(), text("y").len()), (length, length));

        let key = SigningKey::of(Path::new("k"), private.as_bytes()).unwrap();
        let issuer = TokenIssuer {
            issuer: ISSUER.into(),
            key,
        };
        let tokens = tokens(keys);
        // Some signatures begin with zeros.
        for _ in 0..300 {
            let token = issuer.issue(&robot(), &["api".into()], at(NOW), 600);
            assert_eq!(
                authenticate(&tokens, &token.unwrap(), NOW).await,
                ROBOT,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn keys_of_every_encoding_sign() {
    for (pem, algorithm) in [
        (include_str!("testdata/p256-sec1.pem"), "ES256"),
        (include_str!("testdata/p384-sec1.pem"), "ES384"),
        (include_str!("testdata/rsa-pkcs8.pem"), "RS256"),
        (include_str!("../oidc/testdata/rsa.pem"), "RS256"),
    ] {
        let key = SigningKey::of(Path::new("sa.key"), pem.as_bytes()).unwrap();
        assert_eq!(key.verifying_key().jwk()["alg"], algorithm);
        let tokens = tokens(vec![key.verifying_key().clone()]);
        let issuer = TokenIssuer {
            issuer: ISSUER.into(),
            key,
        };
        let token = issuer.issue(&robot(), &["api".into()], at(NOW), 600);
        assert_eq!(
            authenticate(&tokens, &token.unwrap(), NOW).await,
            ROBOT,
            "{algorithm}"
        );
    }
}

/// envtest gives `--service-account-key-file` a certificate.
#[test]
fn a_certificate_has_the_key_it_is_for() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap();
    let of = |pem: String| VerifyingKey::all(Path::new("k"), pem.as_bytes()).unwrap();
    let [of_certificate] = &of(certificate.pem())[..] else {
        panic!("one key");
    };
    assert_eq!(of_certificate.id(), of(key.public_key_pem())[0].id());
}

#[test]
fn files_without_a_usable_key_are_rejected() {
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    for (pem, expected) in [
        (String::new(), Problem::NoKey),
        (
            other.serialize_pem(),
            Problem::Key {
                number: 1,
                reason: "neither an RSA nor a P-256 or P-384 key".into(),
            },
        ),
        (
            other.public_key_pem(),
            Problem::Key {
                number: 1,
                reason: "neither an RSA nor a P-256 or P-384 key".into(),
            },
        ),
    ] {
        let error = VerifyingKey::all(Path::new("k"), pem.as_bytes()).unwrap_err();
        assert!(matches!(error, FileError::Whole { problem, .. } if problem == expected));
    }
    let public = rcgen::KeyPair::generate().unwrap().public_key_pem();
    let error = SigningKey::of(Path::new("sa.key"), public.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "sa.key: key 1: not a key");
}
