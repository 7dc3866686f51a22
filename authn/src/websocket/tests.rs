use std::path::Path;

use http::{HeaderName, HeaderValue};

use super::*;
use crate::{Named, TokenFile};

async fn authenticate(headers: &[(&'static str, &str)]) -> Result<Outcome, Error> {
    let file = TokenFile::of(Path::new("t"), b"secret-token,jane,1").unwrap();
    let bearer = Bearer::new(vec![Named {
        name: "file",
        member: Arc::new(file),
    }]);
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        map.append(HeaderName::from_static(name), value);
    }
    let credentials = Credentials {
        path: "/",
        headers: &map,
        peer_certificates: &[],
        trace: None,
    };
    Websocket::new(Arc::new(bearer))
        .authenticate(&credentials)
        .await
}

fn offered(protocols: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-protocol", protocols),
    ]
}

fn protocol(token: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(token))
}

#[tokio::test]
async fn tokens_are_read_from_subprotocols() {
    let good = protocol("secret-token");
    for protocols in [format!("{good}, x"), format!("x,{good}")] {
        match authenticate(&offered(&protocols)).await {
            Ok(Outcome::Identified(user)) => assert_eq!(user.name, "jane"),
            other => panic!("{other:?}"),
        }
    }
    let mut apart = offered("x");
    apart.push(("sec-websocket-protocol", &good));
    assert!(matches!(
        authenticate(&apart).await,
        Ok(Outcome::Identified(_))
    ));
}

#[tokio::test]
async fn other_requests_and_invalid_tokens() {
    let good = protocol("secret-token");
    let with_x = |token: &str| format!("{token}, x");
    for (headers, expected) in [
        (offered("x, y"), Ok(Outcome::NotMine)),
        (offered(""), Ok(Outcome::NotMine)),
        (
            vec![("sec-websocket-protocol", good.as_str())],
            Ok(Outcome::NotMine),
        ),
        (
            offered(&good),
            Err(Error::Websocket("missing additional subprotocol")),
        ),
        (
            offered(&with_x(&with_x(&good)).replace('x', &good)),
            Err(Error::Websocket(
                "multiple base64.bearer.authorization tokens specified",
            )),
        ),
        (
            offered(&with_x(&format!("{PREFIX}!"))),
            Err(Error::Websocket(
                "invalid base64.bearer.authorization token encoding",
            )),
        ),
        (
            offered(&with_x(&format!("{PREFIX}__79"))),
            Err(Error::Websocket(
                "invalid base64.bearer.authorization token encoding",
            )),
        ),
        (
            offered(&with_x(&protocol("wrong"))),
            Err(Error::InvalidToken),
        ),
        (offered(&with_x(PREFIX)), Ok(Outcome::NotMine)),
    ] {
        assert_eq!(authenticate(&headers).await, expected, "{headers:?}");
    }
}
