//! Token reviews by a webhook.

use std::time::Duration;

use async_trait::async_trait;
use portcullis_authn::Review;

use super::backoff::Backoff;
use super::webhook_client::WebhookClient;

/// The timeout of one attempt (upstream: `defaultRequestTimeout`).
const TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause between attempts (upstream: `DefaultRetryBackoff`).
const PAUSE: Duration = Duration::from_millis(500);

/// Posts reviews of tokens.
pub struct Reviews(pub WebhookClient);

#[async_trait]
impl Review for Reviews {
    async fn review(&self, review: Vec<u8>) -> Result<Vec<u8>, String> {
        let answer = self.0.ask(review.into(), TIMEOUT, Backoff::new(PAUSE));
        let answer = answer.await.map_err(|why| why.to_string())?;
        Ok(answer.to_vec())
    }
}
