mod hanging;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::jwt::{ALGORITHMS, Algorithm, SigningKey};

mod distributed;

const NOW: u64 = 1_800_000_000;
const URL: &str = "https://issuer.example/path";

fn key() -> SigningKey {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    SigningKey::of(Path::new("k"), pem.as_bytes()).unwrap()
}

/// An issuer in memory that counts requests for its keys.
struct FakeIssuer {
    issuer: &'static str,
    keys: Mutex<Option<Vec<Value>>>,
    requests: AtomicUsize,
    /// How many fetches have begun, whether or not there is a response.
    begun: AtomicUsize,
    /// Each request waits for a permit.
    responses: Semaphore,
    /// The tokens with distributed claims, by endpoint and access token.
    distributed: Mutex<BTreeMap<(String, String), String>>,
}

#[async_trait]
impl Fetch for FakeIssuer {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.begun.fetch_add(
            usize::from(url.ends_with("configuration")),
            Ordering::Relaxed,
        );
        drop(self.responses.acquire().await);
        let keys = self.keys.lock().clone();
        let keys = keys.ok_or_else(|| FetchError("unavailable".into()))?;
        match url {
            "https://issuer.example/path/.well-known/openid-configuration" => Ok(json!({
                "issuer": self.issuer, "jwks_uri": "https://elsewhere.example/keys",
            })
            .to_string()
            .into_bytes()),
            "https://elsewhere.example/keys" => {
                self.requests.fetch_add(1, Ordering::Relaxed);
                Ok(json!({"keys": keys}).to_string().into_bytes())
            }
            other => Err(FetchError(format!("not found: {other}"))),
        }
    }

    async fn get_as(&self, url: &str, token: &str) -> Result<Vec<u8>, FetchError> {
        let found = self.distributed.lock();
        let found = found.get(&(url.to_owned(), token.to_owned()));
        let found = found.ok_or_else(|| FetchError(format!("{url} answers 403")))?;
        Ok(found.clone().into_bytes())
    }
}

fn fake_issuer(keys: Vec<Value>) -> Arc<FakeIssuer> {
    Arc::new(FakeIssuer {
        issuer: URL,
        keys: Mutex::new(Some(keys)),
        requests: AtomicUsize::new(0),
        begun: AtomicUsize::new(0),
        responses: Semaphore::new(1),
        distributed: Mutex::default(),
    })
}

fn options() -> OidcOptions {
    OidcOptions {
        issuer_url: URL.into(),
        client_id: "me".into(),
        username_claim: "sub".into(),
        username_prefix: None,
        groups_claim: None,
        groups_prefix: String::new(),
        signing_algs: vec![Algorithm::ES256],
        required_claims: BTreeMap::new(),
    }
}

fn claims(change: &Value) -> Value {
    let mut claims = json!({"iss": URL, "aud": "me", "sub": "jane", "exp": NOW + 600});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// The user's name and groups, or the error.
async fn authenticate(tokens: &OidcTokens, token: &str) -> String {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
    match tokens.authenticate(token, now).await {
        Ok(Some(user)) => [vec![user.name], user.groups].concat().join(" "),
        Ok(None) => "not mine".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn googles_issuer_has_two_forms() {
    for (text, issuer) in [
        ("accounts.google.com", "https://accounts.google.com"),
        ("https://accounts.google.com", "https://accounts.google.com"),
        ("issuer.example", "issuer.example"),
    ] {
        assert_eq!(Claims(json!({"iss": text})).issuer(), Some(issuer));
    }
}

#[tokio::test]
async fn valid_claims_identify_the_user_and_invalid_ones_are_rejected() {
    let key = key();
    let tokens = OidcTokens::new(options(), fake_issuer(vec![key.verifying_key().jwk()]));
    for (change, expected) in [
        (json!({}), "https://issuer.example/path#jane"),
        (
            json!({"aud": ["x", "me"]}),
            "https://issuer.example/path#jane",
        ),
        (json!({"nbf": NOW + 60}), "https://issuer.example/path#jane"),
        (json!({"groups": ["a"]}), "https://issuer.example/path#jane"),
        (json!({"iss": "https://other"}), "not mine"),
        (json!({"iss": Value::Null}), "not mine"),
        (
            json!({"aud": "you"}),
            "oidc: the token has a different audience",
        ),
        (
            json!({"aud": []}),
            "oidc: the token has a different audience",
        ),
        (
            json!({"aud": Value::Null}),
            "oidc: the token has a different audience",
        ),
        (json!({"exp": NOW}), "oidc: the token has expired"),
        (json!({"exp": Value::Null}), "oidc: the token has expired"),
        (json!({"exp": "soon"}), "oidc: the token has expired"),
        (json!({"nbf": NOW + 61}), "oidc: the token is not valid yet"),
        (
            json!({"sub": ""}),
            "oidc: the username claim \"sub\" is missing",
        ),
        (
            json!({"sub": 7}),
            "oidc: the username claim \"sub\" is missing",
        ),
    ] {
        let token = key.sign(&claims(&change)).unwrap();
        assert_eq!(authenticate(&tokens, &token).await, expected, "{change}");
    }
}

#[tokio::test]
async fn options_determine_user_and_group_names() {
    let key = key();
    let jwk = key.verifying_key().jwk();
    let token = |change: &Value| key.sign(&claims(change)).unwrap();
    let text = |text: &str| text.to_owned();
    let name = |claim: &str, prefix: Option<&str>| OidcOptions {
        username_claim: text(claim),
        username_prefix: prefix.map(text),
        ..options()
    };
    let grouped = OidcOptions {
        groups_claim: Some(text("roles")),
        groups_prefix: text("g:"),
        ..name("sub", Some("-"))
    };
    let required = OidcOptions {
        required_claims: [(text("hd"), text("example"))].into(),
        ..name("sub", Some("-"))
    };
    let email = json!({"email": "j@x"});
    let verified = |yes: Value| json!({"email": "j@x", "email_verified": yes});
    for (options, change, expected) in [
        (name("sub", Some("u:")), json!({}), "u:jane"),
        (name("sub", Some("-")), json!({}), "jane"),
        (
            name("sub", Some("")),
            json!({}),
            "https://issuer.example/path#jane",
        ),
        (name("email", None), email.clone(), "j@x"),
        (name("email", None), verified(json!(true)), "j@x"),
        (
            name("email", None),
            verified(json!(false)),
            "oidc: the email is not verified",
        ),
        (
            name("email", None),
            verified(json!("true")),
            "oidc: the email is not verified",
        ),
        (name("email", Some("m:")), email, "m:j@x"),
        (
            name("name", None),
            json!({}),
            "oidc: the username claim \"name\" is missing",
        ),
        (
            grouped.clone(),
            json!({"roles": ["a", "b"]}),
            "jane g:a g:b",
        ),
        (grouped.clone(), json!({"roles": "a"}), "jane g:a"),
        (grouped.clone(), json!({}), "jane"),
        (
            grouped,
            json!({"roles": [1]}),
            "oidc: the groups claim \"roles\" is neither a string nor a list of strings",
        ),
        (required.clone(), json!({"hd": "example"}), "jane"),
        (
            required.clone(),
            json!({"hd": "x"}),
            "oidc: the required claim \"hd\" has a different value",
        ),
        (
            required,
            json!({}),
            "oidc: the required claim \"hd\" is missing",
        ),
    ] {
        let tokens = OidcTokens::new(options, fake_issuer(vec![jwk.clone()]));
        assert_eq!(
            authenticate(&tokens, &token(&change)).await,
            expected,
            "{change}"
        );
    }
}

#[tokio::test]
async fn keys_are_fetched_only_when_a_token_needs_them() {
    let (old, new) = (key(), key());
    let issuer = fake_issuer(vec![old.verifying_key().jwk()]);
    let tokens = OidcTokens::new(options(), issuer.clone());
    let token = |key: &SigningKey| key.sign(&claims(&json!({}))).unwrap();
    let jane = "https://issuer.example/path#jane";
    let requests = || issuer.requests.load(Ordering::Relaxed);
    assert_eq!(requests(), 0, "no token needed a key");
    for _ in 0..3 {
        assert_eq!(authenticate(&tokens, &token(&old)).await, jane);
    }
    assert_eq!(requests(), 1);
    let unknown = "oidc: the token is not signed by a key of the issuer";
    for _ in 0..50 {
        assert_eq!(authenticate(&tokens, &token(&new)).await, unknown);
    }
    assert!(requests() <= 2, "{}", requests());
    *issuer.keys.lock() = Some(vec![new.verifying_key().jwk()]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(authenticate(&tokens, &token(&new)).await, jane);
    assert_eq!(
        authenticate(&tokens, &token(&old)).await,
        unknown,
        "the key was removed"
    );
    // Cached keys stay in use while the issuer is unavailable.
    *issuer.keys.lock() = None;
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(authenticate(&tokens, &token(&old)).await, unknown);
    assert_eq!(authenticate(&tokens, &token(&new)).await, jane);
}

#[tokio::test]
async fn without_keys_every_token_is_rejected() {
    let key = key();
    let token = key.sign(&claims(&json!({}))).unwrap();
    let unavailable = fake_issuer(Vec::new());
    *unavailable.keys.lock() = None;
    let other_issuer = Arc::new(FakeIssuer {
        issuer: "https://issuer.example/other",
        keys: Mutex::new(Some(vec![key.verifying_key().jwk()])),
        requests: AtomicUsize::new(0),
        begun: AtomicUsize::new(0),
        responses: Semaphore::new(1),
        distributed: Mutex::default(),
    });
    for issuer in [unavailable, other_issuer] {
        let tokens = OidcTokens::new(options(), issuer);
        let expected = "oidc: the issuer's keys are not available yet";
        assert_eq!(authenticate(&tokens, &token).await, expected);
    }
    // Keys for another use, with invalid data, and of unsupported types.
    let mut encrypting = key.verifying_key().jwk();
    encrypting["use"] = json!("enc");
    let mut broken = key.verifying_key().jwk();
    broken["x"] = json!("AA");
    let others = vec![
        encrypting,
        broken,
        json!({"kty": "oct", "k": "AAAA"}),
        json!({}),
    ];
    let tokens = OidcTokens::new(options(), fake_issuer(others));
    let expected = "oidc: the token is not signed by a key of the issuer";
    assert_eq!(authenticate(&tokens, &token).await, expected);
}

/// A token signed with `algorithm` by the key of a PEM file.
fn signed(pem: &str, algorithm: Algorithm, kid: &str) -> String {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": format!("{algorithm:?}"), "kid": kid}));
    let text = format!("{head}.{}", part(claims(&json!({}))));
    let signer = key.choose_scheme(&[scheme(algorithm)]).unwrap();
    let signature = signer.sign(text.as_bytes()).unwrap();
    let signature = match algorithm {
        Algorithm::ES384 => raw(&signature, 48),
        Algorithm::ES256 => raw(&signature, 32),
        _ => signature,
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The TLS signature scheme of an algorithm, as these tests sign with rustls.
fn scheme(algorithm: Algorithm) -> rustls::SignatureScheme {
    use rustls::SignatureScheme as Scheme;
    match algorithm {
        Algorithm::ES256 => Scheme::ECDSA_NISTP256_SHA256,
        Algorithm::ES384 => Scheme::ECDSA_NISTP384_SHA384,
        Algorithm::PS256 => Scheme::RSA_PSS_SHA256,
        Algorithm::PS384 => Scheme::RSA_PSS_SHA384,
        Algorithm::PS512 => Scheme::RSA_PSS_SHA512,
        Algorithm::RS256 => Scheme::RSA_PKCS1_SHA256,
        Algorithm::RS384 => Scheme::RSA_PKCS1_SHA384,
        Algorithm::RS512 => Scheme::RSA_PKCS1_SHA512,
        other => panic!("{other:?} is not supported"),
    }
}

/// Converts a DER signature to the concatenation of its two numbers.
fn raw(der: &[u8], size: usize) -> Vec<u8> {
    let mut at = der.len() - usize::from(der[1]);
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let length = usize::from(der[at + 1]);
        let number = &der[at + 2..at + 2 + length];
        let digits: Vec<u8> = number.iter().copied().skip_while(|b| *b == 0).collect();
        numbers.extend(vec![0; size - digits.len()]);
        numbers.extend(digits);
        at += 2 + length;
    }
    numbers
}

#[tokio::test]
async fn signatures_need_an_accepted_algorithm_and_the_named_key() {
    let rsa = include_str!("testdata/rsa.pem").to_owned();
    let rsa_jwk = SigningKey::of(Path::new("k"), rsa.as_bytes())
        .unwrap()
        .verifying_key()
        .jwk();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let point = rcgen::PublicKeyData::der_bytes(&p384).to_vec();
    let p384_jwk = json!({
        "kty": "EC", "crv": "P-384", "kid": "p384",
        "x": URL_SAFE_NO_PAD.encode(&point[1..49]), "y": URL_SAFE_NO_PAD.encode(&point[49..]),
    });
    let p384 = p384.serialize_pem();
    // Some issuers encode the modulus with DER's leading zero.
    let mut padded = URL_SAFE_NO_PAD
        .decode(rsa_jwk["n"].as_str().unwrap())
        .unwrap();
    padded.insert(0, 0);
    let mut rsa_jwk = rsa_jwk;
    rsa_jwk["n"] = URL_SAFE_NO_PAD.encode(padded).into();
    let rsa_id = rsa_jwk["kid"].as_str().unwrap().to_owned();
    let issuer = fake_issuer(vec![p384_jwk, rsa_jwk]);
    let jane = "https://issuer.example/path#jane";
    for algorithm in ALGORITHMS {
        if algorithm == Algorithm::ES256 {
            continue; // tested above
        }
        let (pem, id) = match algorithm {
            Algorithm::ES384 => (&p384, "p384"),
            _ => (&rsa, rsa_id.as_str()),
        };
        let with = |signing_algs| {
            OidcTokens::new(
                OidcOptions {
                    signing_algs,
                    ..options()
                },
                issuer.clone(),
            )
        };
        let only = with(vec![algorithm]);
        assert_eq!(
            authenticate(&only, &signed(pem, algorithm, id)).await,
            jane,
            "{algorithm:?}"
        );
        assert_eq!(authenticate(&only, &signed(pem, algorithm, "")).await, jane);
        let other = "oidc: the token is not signed by a key of the issuer";
        assert_eq!(
            authenticate(&only, &signed(pem, algorithm, "x")).await,
            other
        );
        let not_this = with(vec![Algorithm::ES256]);
        let not_accepted = "oidc: the token's signature algorithm is not accepted";
        assert_eq!(
            authenticate(&not_this, &signed(pem, algorithm, id)).await,
            not_accepted
        );
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for name in ["none", "None", "HS256", "", "ES256K"] {
        let head = part(json!({"alg": name}));
        let token = format!("{head}.{}.", part(claims(&json!({}))));
        let tokens = OidcTokens::new(options(), issuer.clone());
        let not_accepted = "oidc: the token's signature algorithm is not accepted";
        assert_eq!(authenticate(&tokens, &token).await, not_accepted, "{name}");
    }
}
