//! Query parameters, parsed like upstream's conversions of URLs.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::NO_OTHER_MAPS;
use crate::support::PATIENCE;
use crate::support::server::{ALICES_TOKEN, TestServer};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn number(text: &str, why: &str) -> String {
    format!("strconv.ParseInt: parsing \"{text}\": {why}")
}

#[tokio::test]
async fn numbers_must_be_valid() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(
        admin
            .post(MAPS, &json!({"metadata": {"name": "m"}}))
            .await
            .code,
        201
    );
    let large = "99999999999999999999";
    let (syntax, range) = ("invalid syntax", "value out of range");
    for (query, expected) in [
        ("limit=", number("", syntax)),
        ("limit=x", number("x", syntax)),
        ("timeoutSeconds=", number("", syntax)),
        ("timeoutSeconds=1s&limit=x", number("1s", syntax)),
        (&format!("limit={large}"), number(large, range)),
        ("watch=1&limit=", number("", syntax)),
        ("watch=1&timeoutSeconds=", number("", syntax)),
        ("watch=1&timeoutSeconds=x", number("x", syntax)),
    ] {
        let answer = admin.get(&format!("{MAPS}?{query}")).await;
        assert_eq!((answer.code, answer.message()), (400, expected), "{query}");
    }
    for (query, expected) in [
        ("gracePeriodSeconds=", number("", syntax)),
        ("gracePeriodSeconds=x", number("x", syntax)),
    ] {
        for path in [MAPS, &format!("{MAPS}/m")] {
            let answer = admin.delete(&format!("{path}?{query}")).await;
            let answered = (answer.code, answer.message());
            assert_eq!(answered, (400, expected.clone()), "{path}?{query}");
        }
    }
    for fine in ["limit=-1", "limit=0", "limit=%2B5", "timeoutSeconds=-1"] {
        let answer = admin.get(&format!("{MAPS}?{fine}")).await;
        assert_eq!(answer.code, 200, "{fine}");
    }
}

#[tokio::test]
async fn only_zero_and_false_are_false() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    for (value, watches) in [
        ("", true),
        ("f", true),
        ("0", false),
        ("False", false),
        ("fAlSe", false),
        ("false&watch=true", false),
    ] {
        let path = format!("{MAPS}?timeoutSeconds=-1&watch={value}");
        let answer = admin.get(&path).await;
        assert_eq!(answer.code, 200, "{value}");
        assert_eq!(answer.body.is_empty(), watches, "{value}");
    }
}

#[tokio::test]
async fn a_deletion_reads_all_its_options_from_the_query() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let made = admin.post(MAPS, &json!({"metadata": {"name": "m"}})).await;
    let version = made.json()["metadata"]["resourceVersion"].clone();
    let version = version.as_str().unwrap();
    let path = format!("{MAPS}/m");
    for (query, code) in [
        ("propagationPolicy=", 422),
        ("orphanDependents=&propagationPolicy=Orphan", 422),
        ("uid=another", 409),
        ("resourceVersion=1", 409),
    ] {
        let answer = admin.delete(&format!("{path}?{query}")).await;
        assert_eq!(answer.code, code, "{query}: {answer:?}");
    }
    let answer = admin.delete(&format!("{path}?propagationPolicy=")).await;
    assert_eq!(
        answer.message(),
        "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"\": \
         supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
    );
    let body = json!({"propagationPolicy": ""}).to_string();
    let answer = admin.ask(Method::DELETE, &path, body).await;
    assert_eq!(answer.code, 422, "{answer:?}");
    let answer = admin
        .delete(&format!("{path}?uid=&resourceVersion={version}"))
        .await;
    assert_eq!(answer.code, 200, "{answer:?}");
}

#[tokio::test]
async fn an_invalid_timeout_is_refused_before_authentication() {
    let server = TestServer::start(&[NO_OTHER_MAPS]).await;
    let admin = server.admin();
    for (timeout, why) in [
        ("abc", "time: invalid duration \"abc\""),
        ("5", "time: missing unit in duration \"5\""),
        ("5x", "time: unknown unit \"x\" in duration \"5x\""),
    ] {
        let expected = format!("invalid timeout specified in the request URL - {why}");
        for path in [MAPS, "/version"] {
            let answer = admin.get(&format!("{path}?timeout={timeout}")).await;
            let answered = (answer.code, answer.message());
            assert_eq!(answered, (400, expected.clone()), "{path}");
        }
        let nobody = server.bearer("nobody's");
        let answer = nobody.get(&format!("{MAPS}?timeout={timeout}")).await;
        assert_eq!((answer.code, answer.message()), (400, expected));
    }
    for timeout in ["", "0", "0s", "-1s", "10h", "1m0s"] {
        let answer = admin.get(&format!("{MAPS}?timeout={timeout}")).await;
        assert_eq!(answer.code, 200, "{timeout}");
    }
    let watch = format!("{MAPS}?watch=1&timeoutSeconds=-1&timeout=abc");
    assert_eq!(admin.get(&watch).await.code, 200, "it has no such timeout");
}

/// After the server's timeout, or a shorter one of the client.
#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    for (flag, query) in [
        ("--request-timeout=1s", ""),
        ("--request-timeout=10h", "?timeout=100ms"),
    ] {
        let server = TestServer::start(&["--authorization-mode=AlwaysAllow", flag]).await;
        let mut stream = server.alice().over_http1().raw().await;
        let head = format!(
            "POST {MAPS}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICES_TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1024];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer));
        let length = read.await.expect("an answer before the body").unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    }
}

#[tokio::test]
async fn the_options_of_tables_are_those_of_tables_only() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let path = "/api/v1/namespaces/default?includeObject=Pie";
    assert_eq!(admin.get(path).await.code, 200);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    assert_eq!(admin.header("accept", table).get(path).await.code, 400);
}
