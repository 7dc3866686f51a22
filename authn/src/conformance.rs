//! Tests of all authenticators with valid and invalid credentials, alone and in a server's chain.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use portcullis_api::UserInfo;

use crate::{
    Anonymous, Authenticator, BasicFile, Bearer, ClientCertificates, Credentials, Error, Named,
    Outcome, TokenAuthenticator, TokenFile, Trace, chain,
};

/// An authenticator of the `Authorization` header.
struct Case<A> {
    authenticator: A,
    /// Builds the header for a secret.
    header: fn(&[u8]) -> Vec<u8>,
    /// The valid secret of `user`, which must never be shown.
    secret: &'static str,
    user: &'static str,
    /// The error for a wrong secret.
    rejection: Error,
}

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

async fn authenticate(
    authenticator: &dyn Authenticator,
    values: &[&[u8]],
) -> Result<Outcome, Error> {
    let headers = headers(values);
    authenticator
        .authenticate(&Credentials {
            path: "/",
            headers: &headers,
            peer_certificates: &[],
            trace: None,
        })
        .await
}

fn name(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Identified(user) => &user.name,
        Outcome::NotMine => "nobody",
    }
}

async fn check<A: Authenticator + Debug>(case: &Case<A>) {
    let Case {
        authenticator,
        header,
        secret,
        user,
        rejection,
    } = case;
    let good = header(secret.as_bytes());
    let upper = good.to_ascii_uppercase();
    let scheme = good.iter().position(|b| *b == b' ').unwrap();
    let mixed = [&upper[..scheme], &good[scheme..]].concat();
    for value in [&good, &mixed] {
        assert_eq!(
            name(&authenticate(authenticator, &[value]).await.unwrap()),
            *user
        );
    }

    let truncated = &secret.as_bytes()[..secret.len() - 1];
    let longer = format!("{secret}x");
    let megabyte = secret.repeat(1 + (1 << 20) / secret.len());
    let not_utf8 = [secret.as_bytes(), b"\xff\xfe"].concat();
    for bad in [
        b"wrong",
        truncated,
        longer.as_bytes(),
        megabyte.as_bytes(),
        &not_utf8,
    ] {
        let outcome = authenticate(authenticator, &[&header(bad)]).await;
        assert_eq!(outcome.as_ref(), Err(rejection));
        let error = outcome.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret));
    }

    let others: [&[u8]; 8] = [
        b"",
        b"garbage",
        &good[..scheme],
        &[&good[..scheme], b" "].concat(),
        b"Digest username=\"x\"",
        secret.as_bytes(),
        b"\xff\xfe \xfd",
        b"Negotiate x",
    ];
    for other in others {
        let other = other.trim_ascii();
        assert_eq!(
            authenticate(authenticator, &[other]).await,
            Ok(Outcome::NotMine),
            "{other:?}"
        );
    }
    assert_eq!(authenticate(authenticator, &[]).await, Ok(Outcome::NotMine));

    // Of two headers the first is used, as in Go's `Header.Get`.
    let wrong = header(b"wrong");
    assert_eq!(
        name(&authenticate(authenticator, &[&good, &wrong]).await.unwrap()),
        *user
    );
    assert_eq!(
        authenticate(authenticator, &[&wrong, &good]).await.as_ref(),
        Err(rejection)
    );

    let headers = headers(&[&good]);
    let credentials = Credentials {
        path: "/",
        headers: &headers,
        peer_certificates: &[],
        trace: None,
    };
    let shown = format!("{authenticator:?} {credentials:?}");
    let encoded = String::from_utf8(good[scheme + 1..].to_vec()).unwrap();
    assert!(
        !shown.contains(secret) && !shown.contains(&encoded),
        "{shown}"
    );
    assert!(shown.contains("authorization"), "{shown}");
}

const PASSWORD: &str = "Pass:wörd, 1:2";
const TOKEN: &str = "abc.DEF-123==";

fn basic_file() -> BasicFile {
    let text = format!("\"{PASSWORD}\",alice,1001,\"basic-user,dev\"\nother,bob,1002\n");
    BasicFile::of(Path::new("users.csv"), text.as_bytes()).unwrap()
}

fn token_file() -> TokenFile {
    let text = format!("{TOKEN},carol,7,ops\nother,dave,8\n");
    TokenFile::of(Path::new("tokens.csv"), text.as_bytes()).unwrap()
}

fn bearer() -> Bearer {
    Bearer::new(vec![Named {
        name: "file",
        member: Arc::new(token_file()),
    }])
}

fn tokens() -> Named<dyn Authenticator> {
    Named {
        name: "bearer",
        member: Arc::new(bearer()),
    }
}

fn basic_header(password: &[u8]) -> Vec<u8> {
    let pair = STANDARD.encode([b"alice:", password].concat());
    format!("Basic {pair}").into_bytes()
}

fn bearer_header(token: &[u8]) -> Vec<u8> {
    [b"Bearer ", token].concat()
}

#[tokio::test]
async fn basic_conforms() {
    check(&Case {
        authenticator: basic_file(),
        header: basic_header,
        secret: PASSWORD,
        user: "alice",
        rejection: Error::InvalidPassword,
    })
    .await;
}

#[tokio::test]
async fn bearer_conforms() {
    check(&Case {
        authenticator: bearer(),
        header: bearer_header,
        secret: TOKEN,
        user: "carol",
        rejection: Error::InvalidToken,
    })
    .await;
}

#[tokio::test]
async fn certificates_ignore_headers() {
    let ca = crate::x509::tests::Ca::new("ca");
    let cas = ClientCertificates::of(Path::new("ca.crt"), ca.pem().as_bytes()).unwrap();
    for value in [&b"Bearer x"[..], b"Basic eDp5", b"\xff"] {
        assert_eq!(authenticate(&cas, &[value]).await, Ok(Outcome::NotMine));
    }
}

#[tokio::test]
async fn basic_requires_name_and_password() {
    let file = basic_file();
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text)).into_bytes();
    for (header, expected) in [
        (encoded("alice"), Ok(Outcome::NotMine)),
        (encoded("mallory:x"), Err(Error::InvalidPassword)),
        (encoded("mallory:"), Err(Error::InvalidPassword)),
        (encoded(":"), Err(Error::InvalidPassword)),
        (encoded("ALICE:x"), Err(Error::InvalidPassword)),
        (b"Basic !!!".to_vec(), Ok(Outcome::NotMine)),
        (b"Basic".to_vec(), Ok(Outcome::NotMine)),
    ] {
        assert_eq!(
            authenticate(&file, &[&header]).await,
            expected,
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn the_chain_fails_closed_and_adds_groups() {
    let methods: Vec<Named<dyn Authenticator>> = vec![
        Named {
            name: "basic",
            member: Arc::new(basic_file()),
        },
        tokens(),
    ];
    let open = chain(methods.clone(), Anonymous::Always);
    let closed = chain(methods, Anonymous::Never);

    let alice = UserInfo {
        name: "alice".into(),
        uid: "1001".into(),
        groups: ["basic-user", "dev", "system:authenticated"]
            .map(String::from)
            .into(),
        ..UserInfo::default()
    };
    let good = basic_header(PASSWORD.as_bytes());
    for server in [&open, &closed] {
        assert_eq!(
            authenticate(&**server, &[&good]).await,
            Ok(Outcome::Identified(alice.clone()))
        );
        let bad: [(&[u8], Error); 2] = [
            (b"Bearer unknown", Error::InvalidToken),
            (b"Basic YWxpY2U6eA==", Error::InvalidPassword),
        ];
        for (value, error) in bad {
            assert_eq!(authenticate(&**server, &[value]).await, Err(error));
        }
    }

    let anonymous = UserInfo {
        name: "system:anonymous".into(),
        groups: vec!["system:unauthenticated".into()],
        ..UserInfo::default()
    };
    for value in [&b""[..], b"Bearer", b"Bearer  x", b"nonsense"] {
        let nobody = Ok(Outcome::Identified(anonymous.clone()));
        assert_eq!(authenticate(&*open, &[value]).await, nobody, "{value:?}");
        assert_eq!(
            authenticate(&*closed, &[value]).await,
            Ok(Outcome::NotMine),
            "{value:?}"
        );
    }
    // Without a basic auth file the header is ignored.
    let tokens_only = chain(vec![tokens()], Anonymous::Always);
    assert_eq!(
        authenticate(&*tokens_only, &[&good]).await,
        Ok(Outcome::Identified(anonymous))
    );
}

/// Returns the same outcome for every token.
struct Fixed(Result<Outcome, Error>);

#[async_trait::async_trait]
impl TokenAuthenticator for Fixed {
    async fn authenticate_token(&self, _token: &str) -> Result<Outcome, Error> {
        self.0.clone()
    }
}

#[tokio::test]
async fn token_authenticators_are_tried_in_order() {
    let user = |name: &str| {
        Ok(Outcome::Identified(UserInfo {
            name: name.into(),
            ..UserInfo::default()
        }))
    };
    let certificate = || Error::UntrustedCertificate("x".into());
    for (outcomes, expected) in [
        (vec![Ok(Outcome::NotMine), user("b"), user("c")], user("b")),
        (vec![Err(Error::InvalidToken), user("b")], user("b")),
        (vec![Err(Error::InvalidToken); 2], Err(Error::InvalidToken)),
        (vec![Ok(Outcome::NotMine)], Err(Error::InvalidToken)),
        (
            vec![Err(Error::InvalidToken), Err(certificate())],
            Err(Error::Several(vec![Error::InvalidToken, certificate()])),
        ),
        (vec![], Err(Error::InvalidToken)),
    ] {
        let outcomes = outcomes.into_iter().map(|outcome| Named {
            name: "fixed",
            member: Arc::new(Fixed(outcome)) as Arc<dyn TokenAuthenticator>,
        });
        assert_eq!(
            authenticate(&Bearer::new(outcomes.collect()), &[b"Bearer x"]).await,
            expected
        );
    }
}

#[tokio::test]
async fn a_trace_names_all_authenticators_tried_but_no_secret() {
    let methods = vec![
        Named {
            name: "basic",
            member: Arc::new(basic_file()) as Arc<dyn Authenticator>,
        },
        tokens(),
    ];
    let server = chain(methods, Anonymous::Always);
    for (value, expected) in [
        (
            bearer_header(TOKEN.as_bytes()),
            &["basic: nobody", "file: carol", "bearer: carol"][..],
        ),
        (
            bearer_header(b"other-secret"),
            &[
                "basic: nobody",
                "file: nobody",
                "bearer: invalid bearer token",
            ],
        ),
        (
            basic_header(b"other-secret"),
            &[
                "basic: invalid username/password combination",
                "bearer: nobody",
            ],
        ),
    ] {
        let (headers, trace) = (headers(&[&value]), Trace::default());
        let credentials = Credentials {
            path: "/",
            headers: &headers,
            peer_certificates: &[],
            trace: Some(&trace),
        };
        let _ = server.authenticate(&credentials).await;
        let steps = trace.into_steps();
        let shown = |outcome: &Result<Outcome, Error>| match outcome {
            Ok(outcome) => name(outcome).to_owned(),
            Err(error) => error.to_string(),
        };
        let lines: Vec<_> = steps
            .iter()
            .map(|step| format!("{}: {}", step.method, shown(&step.outcome)))
            .collect();
        assert_eq!(lines, expected);
        assert!(!format!("{steps:?}").contains("secret"), "{steps:?}");
    }
}
