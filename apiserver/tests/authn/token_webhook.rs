//! Tokens that a webhook authenticates.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use portcullis::start::server::Server;
use serde_json::{Value, json};

use crate::support::https_server::HttpsServer;
use crate::support::server::{TestServer, directory, options};

const WHOAMI: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// Answers by the token, and records the reviews.
async fn answer(asked: Arc<Mutex<Vec<Value>>>, request: Request<Bytes>) -> Response<Bytes> {
    let mut review: Value = serde_json::from_slice(request.body()).unwrap();
    asked.lock().push(review.clone());
    let token = review["spec"]["token"].as_str().unwrap().to_owned();
    let is_first = asked.lock().len() == 1;
    let status = match token.as_str() {
        "good" => json!({"authenticated": true, "user": {"username": "jane", "uid": "7",
            "groups": ["devs"], "extra": {"example.com/scopes": ["view"]}}}),
        "for-others" => {
            json!({"authenticated": true, "user": {"username": "jane"}, "audiences": ["x"]})
        }
        "expired" => json!({"authenticated": false, "error": "the token has expired"}),
        "slow" => pending().await,
        "shaky" if is_first => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
        "shaky" => json!({"authenticated": true, "user": {"username": "shaky"}}),
        _ => json!({"authenticated": false}),
    };
    review["status"] = status;
    Response::new(review.to_string().into())
}

struct Asked {
    server: TestServer,
    elsewhere: HttpsServer,
    reviews: Arc<Mutex<Vec<Value>>>,
}

async fn start(flags: &[&str]) -> Asked {
    let reviews: Arc<Mutex<Vec<Value>>> = Arc::default();
    let asked = reviews.clone();
    let elsewhere = HttpsServer::start(&[], move |request| answer(asked.clone(), request)).await;
    let dir = directory();
    let file = dir.path().join("webhook.kubeconfig");
    elsewhere.write_kubeconfig(&file, "/tokens");
    let file = format!(
        "--authentication-token-webhook-config-file={}",
        file.display()
    );
    let flags = [&[&*file], flags].concat();
    Asked {
        server: TestServer::start_in(dir, &flags).await,
        elsewhere,
        reviews,
    }
}

impl Asked {
    /// The user of a token, or the code of the refusal.
    async fn who(&self, token: &str) -> Result<Value, u16> {
        let answer = self.server.bearer(token).post(WHOAMI, &json!({})).await;
        match answer.code {
            201 => Ok(answer.json()["status"]["userInfo"].clone()),
            code => Err(code),
        }
    }

    /// The number of calls since the last time.
    fn calls(&self) -> usize {
        std::mem::take(&mut *self.reviews.lock()).len()
    }
}

#[tokio::test]
async fn a_webhook_authenticates_tokens() {
    let asked = start(&["--authentication-token-webhook-version=v1"]).await;
    assert_eq!(
        asked.who("good").await,
        Ok(
            json!({"username": "jane", "uid": "7", "groups": ["devs", "system:authenticated"],
            "extra": {"example.com/scopes": ["view"]}})
        )
    );
    let review = asked.reviews.lock()[0].clone();
    assert_eq!(review["apiVersion"], "authentication.k8s.io/v1");
    assert_eq!(
        review["spec"]["audiences"],
        json!([crate::support::server::ISSUER])
    );
    // answers are cached, also for unknown tokens, but errors are not
    for (token, who, calls) in [
        ("good", Some("jane"), 1),
        ("unknown", None, 1),
        ("for-others", None, 1),
        ("expired", None, 2),
    ] {
        for _ in 0..2 {
            let found = asked.who(token).await;
            match who {
                Some(name) => assert_eq!(found.unwrap()["username"], name),
                None => assert_eq!(found, Err(401), "{token}"),
            }
        }
        assert_eq!(asked.calls(), calls, "{token}");
    }
    // locally known users cause no call
    assert_eq!(asked.server.alice().get("/version").await.code, 200);
    assert_eq!(asked.calls(), 0);
}

#[tokio::test]
async fn reviews_are_forwarded() {
    let asked = start(&["--authentication-token-webhook-cache-ttl=0"]).await;
    let review = async |token: &str| {
        let review = json!({"spec": {"token": token}});
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        let answer = asked.server.admin().post(path, &review).await;
        answer.json()["status"].clone()
    };
    let good = review("good").await;
    assert_eq!(
        (&good["authenticated"], &good["user"]["username"]),
        (&json!(true), &json!("jane"))
    );
    let expired = review("expired").await;
    assert!(
        expired["error"]
            .as_str()
            .unwrap()
            .contains("the token has expired"),
        "{expired}"
    );
    assert_eq!(asked.calls(), 2);
    review("good").await;
    assert_eq!(asked.calls(), 1);
}

#[tokio::test]
async fn a_webhook_that_fails_authenticates_no_token() {
    let asked = start(&["--request-timeout=1s"]).await;
    // temporary failures are retried
    assert_eq!(asked.who("shaky").await.unwrap()["username"], "shaky");
    assert_eq!(asked.calls(), 2);
    assert_eq!(asked.who("slow").await, Err(504));
    let Asked {
        server, elsewhere, ..
    } = asked;
    drop(elsewhere);
    let answer = server.bearer("new").get("/version").await;
    assert_eq!(answer.code, 401);
    assert_eq!(server.alice().get("/version").await.code, 200);
}

#[tokio::test]
async fn wrong_options_are_named() {
    let dir = directory();
    let file = "--authentication-token-webhook-config-file";
    for (flags, why) in [
        (vec![format!("{file}=gone")], format!("{file}: gone: No such file")),
        (
            vec![format!("{file}=gone"), "--authentication-token-webhook-version=v2".to_owned()],
            "--authentication-token-webhook-version: unsupported authentication webhook version \"v2\", supported versions are \"v1\", \"v1beta1\"".to_owned(),
        ),
    ] {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let refused = Server::start(&options(&dir, &flags)).await;
        let refused = refused.err().unwrap().to_string();
        assert!(refused.starts_with(&why), "{refused}");
    }
}
