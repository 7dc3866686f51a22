//! Calls that are retried after failures that may pass.
//!
//! Upstream: `DefaultShouldRetry` in `k8s.io/apiserver/pkg/util/webhook`.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;

use super::{CallError, WebhookClient, response};
use crate::outbound::backoff::Backoff;
use crate::outbound::https::{HttpsError, Reply};

impl WebhookClient {
    /// Posts JSON, and returns the body of a successful response. After a failure that may pass it tries
    /// again, with pauses.
    ///
    /// # Errors
    /// [`CallError::Call`], of the last attempt.
    pub async fn ask(
        &self,
        body: Bytes,
        timeout: Duration,
        backoff: Backoff,
    ) -> Result<Bytes, CallError> {
        let mut pauses = backoff.delays();
        loop {
            let reply = self.try_post(body.clone(), timeout).await;
            let passes = match &reply {
                Ok(reply) => reply_may_differ(reply),
                Err((_, error)) => is_reset(error),
            };
            let answer = match reply {
                Ok(reply) => response::body(reply),
                Err((why, _)) => Err(why),
            };
            match pauses.next().filter(|_| passes) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return answer,
            }
        }
    }
}

fn reply_may_differ(reply: &Reply) -> bool {
    let is_failure = reply.code >= 400;
    matches!(reply.code, 429 | 500 | 504) || (is_failure && reply.headers.contains_key(RETRY_AFTER))
}

fn is_reset(error: &HttpsError) -> bool {
    match error {
        HttpsError::Connection(error) => error.kind() == ErrorKind::ConnectionReset,
        HttpsError::Http(why) => why.contains("reset"),
        _ => false,
    }
}
