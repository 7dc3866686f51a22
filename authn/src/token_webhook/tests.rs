//! Reviews, with a webhook that responds as a test needs it.

use serde_json::{Value, json};

use super::*;

/// Responds with a status, or fails; keeps the reviews it gets.
#[derive(Default)]
struct Elsewhere {
    status: Mutex<Value>,
    asked: Mutex<Vec<Value>>,
}

#[async_trait]
impl Review for Elsewhere {
    async fn review(&self, review: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut review: Value = serde_json::from_slice(&review).unwrap();
        self.asked.lock().push(review.clone());
        match self.status.lock().clone() {
            Value::Null => Err("down".to_owned()),
            Value::String(raw) => Ok(raw.into()),
            status => {
                review["status"] = status;
                Ok(review.to_string().into())
            }
        }
    }
}

fn webhook(lifetime: Duration) -> (TokenWebhook, Arc<Elsewhere>) {
    let elsewhere = Arc::new(Elsewhere::default());
    let audiences = vec!["here".to_owned()];
    let webhook = TokenWebhook::new(elsewhere.clone(), ReviewVersion::V1, audiences, lifetime);
    (webhook, elsewhere)
}

fn jane() -> Value {
    json!({"authenticated": true, "user": {"username": "jane", "uid": "42",
        "groups": ["devs"], "extra": {"scopes": ["view"]}}})
}

#[tokio::test]
async fn the_webhook_identifies_the_user_of_a_token() {
    let (webhook, elsewhere) = webhook(Duration::ZERO);
    let ask = async |status: Value| {
        *elsewhere.status.lock() = status;
        webhook.authenticate_token("t").await
    };
    let Ok(Outcome::Identified(user)) = ask(jane()).await else {
        panic!("nobody")
    };
    assert_eq!((&*user.name, &*user.uid), ("jane", "42"));
    assert_eq!(user.groups, ["devs"]);
    assert_eq!(user.extra["scopes"], ["view"]);
    let asked = elsewhere.asked.lock()[0].clone();
    assert_eq!(
        asked,
        json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
            "spec": {"token": "t", "audiences": ["here"]}, "status": {"user": {}}})
    );
    let with = |audiences: Value| {
        let mut status = jane();
        status["audiences"] = audiences;
        status
    };
    assert!(matches!(
        ask(with(json!(["x", "here"]))).await,
        Ok(Outcome::Identified(_))
    ));
    assert_eq!(ask(with(json!(["x"]))).await, Ok(Outcome::NotMine));
    assert_eq!(
        ask(json!({"authenticated": false})).await,
        Ok(Outcome::NotMine)
    );
    assert_eq!(ask(json!({})).await, Ok(Outcome::NotMine));
    for (status, why) in [
        (
            json!({"authenticated": false, "error": "expired"}),
            "expired",
        ),
        (Value::Null, "down"),
        (
            "no JSON".into(),
            "the token webhook's response cannot be read",
        ),
        (
            r#"{"kind":"TokenReview","apiVersion":"v1"}"#.into(),
            "the token webhook's response is \"TokenReview\" of \"v1\", and no TokenReview of authentication.k8s.io/v1",
        ),
    ] {
        let error = ask(status).await.unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
}

#[tokio::test]
async fn responses_are_cached_for_a_while_and_errors_are_not() {
    let minute = Duration::from_secs(60);
    let (webhook, elsewhere) = webhook(minute);
    let start = Instant::now();
    let asked = || std::mem::take(&mut *elsewhere.asked.lock()).len();
    assert!(webhook.authenticate("t", start).await.is_err());
    *elsewhere.status.lock() = jane();
    for (after, questions) in [(0, 1), (59, 0), (60, 1), (61, 0)] {
        let now = start + Duration::from_secs(after);
        let outcome = webhook.authenticate("t", now).await;
        assert!(matches!(outcome, Ok(Outcome::Identified(_))));
        let failed = usize::from(after == 0);
        assert_eq!(asked(), questions + failed, "after {after} s");
    }
    *elsewhere.status.lock() = json!({});
    for _ in 0..2 {
        let unknown = webhook.authenticate("other", start).await;
        assert_eq!(unknown, Ok(Outcome::NotMine));
    }
    assert_eq!(asked(), 1);
}
