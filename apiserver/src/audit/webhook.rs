//! Events for a webhook.
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/audit/webhook`.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::output::Output;
use crate::outbound::backoff::Backoff;
use crate::outbound::webhook_client::WebhookClient;

/// How long a request may take (upstream: `defaultRequestTimeout`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts lists of events; retries after any failure.
pub struct Webhook {
    client: WebhookClient,
    backoff: Backoff,
    stop: CancellationToken,
}

impl Webhook {
    /// Posts through a client. After `stop` it no longer waits between attempts.
    pub const fn new(client: WebhookClient, backoff: Backoff, stop: CancellationToken) -> Self {
        Self {
            client,
            backoff,
            stop,
        }
    }
}

#[async_trait]
impl Output for Webhook {
    async fn write(&self, events: Vec<Event>) -> Result<(), String> {
        let body = list(&events);
        let mut delays = self.backoff.delays();
        loop {
            let Err(error) = self.client.post_without_reply(body.clone(), TIMEOUT).await else {
                return Ok(());
            };
            let Some(delay) = delays.next().filter(|_| !self.stop.is_cancelled()) else {
                return Err(error.to_string());
            };
            let pause = tokio::time::sleep(delay);
            let _ = self.stop.run_until_cancelled(pause).await;
        }
    }

    async fn close(&self) {}
}

fn list(events: &[Event]) -> Bytes {
    let size: usize = events.iter().map(|event| event.item().len() + 1).sum();
    let mut list = Vec::with_capacity(size + 128);
    list.extend_from_slice(
        b"{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[",
    );
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            list.push(b',');
        }
        list.extend_from_slice(event.item());
    }
    list.extend_from_slice(b"]}");
    list.into()
}
