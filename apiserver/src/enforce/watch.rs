//! Lists and watches of one kind.

use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::followed::{Event, News};
use super::source::Source;
use crate::kubeconfig::client::ClientError;

/// The timeout of a watch, and how much longer it may be silent before it counts as broken.
const WATCH: Duration = Duration::from_secs(300);
const SLACK: Duration = Duration::from_secs(30);
/// The largest event, in bytes: an object, with what the wire adds.
const EVENT_MAX: usize = 4 * 1024 * 1024;
/// The pause after a failure, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Why a watch has ended.
enum Over {
    /// It can continue at its last revision.
    Ended,
    /// A new list is needed.
    Lost,
    /// The receiver is gone.
    Unheard,
}

/// An event in the server's format.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// Follows the objects of a collection until the receiver is gone.
pub(super) async fn follow<T: DeserializeOwned>(
    source: &Source,
    path: &str,
    news: &Sender<News>,
    wrap: fn(Event<T>) -> News,
) {
    let mut wait = PATIENCE.0;
    loop {
        match list_and_watch(source, path, news, wrap, &mut wait).await {
            Ok(Over::Unheard) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, path, "the current table stays until the server answers");
                sleep(wait).await;
                wait = (wait * 2).min(PATIENCE.1);
            }
        }
    }
}

async fn list_and_watch<T: DeserializeOwned>(
    source: &Source,
    path: &str,
    news: &Sender<News>,
    wrap: fn(Event<T>) -> News,
    wait: &mut Duration,
) -> Result<Over, ClientError> {
    let (items, mut version) = source.client()?.list_at(path).await?;
    *wait = PATIENCE.0;
    if news.send(wrap(Event::Replaced(items))).await.is_err() {
        return Ok(Over::Unheard);
    }
    loop {
        let seconds = WATCH.as_secs();
        let query = format!(
            "{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}"
        );
        let body = source.client()?.open(&query).await?;
        let started = version.clone();
        match events(body, news, wrap, &mut version).await {
            // a pause, in case a server ends each watch immediately
            Over::Ended if version == started => sleep(PATIENCE.0).await,
            Over::Ended => {}
            over => return Ok(over),
        }
    }
}

/// Sends on the events of one watch; `version` is updated by them.
async fn events<T: DeserializeOwned>(
    mut body: Body,
    news: &Sender<News>,
    wrap: fn(Event<T>) -> News,
    version: &mut String,
) -> Over {
    let mut read = BytesMut::new();
    loop {
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line = read.split_to(end + 1);
            let Some(event) = parsed(&line, version) else {
                return Over::Lost;
            };
            if let Some(event) = event
                && news.send(wrap(event)).await.is_err()
            {
                return Over::Unheard;
            }
        }
        if read.len() > EVENT_MAX {
            return Over::Lost;
        }
        match timeout(WATCH + SLACK, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    read.extend_from_slice(data);
                }
            }
            Ok(None | Some(Err(_))) | Err(_) => return Over::Ended,
        }
    }
}

/// An event, or a bookmark, which is not one; `None` for an error, or what cannot be parsed.
fn parsed<T: DeserializeOwned>(line: &[u8], version: &mut String) -> Option<Option<Event<T>>> {
    let Line { kind, object } = serde_json::from_slice(line).ok()?;
    let of = object["metadata"]["resourceVersion"].as_str()?.to_owned();
    let event = match kind.as_str() {
        "ADDED" | "MODIFIED" => Some(Event::Put(Box::new(serde_json::from_value(object).ok()?))),
        "DELETED" => Some(Event::Removed(Box::new(
            serde_json::from_value(object).ok()?,
        ))),
        "BOOKMARK" => None,
        _ => return None,
    };
    *version = of;
    Some(event)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use tokio::sync::mpsc;

    use super::*;

    /// The events of a body, how it ends, and the version it ends at.
    async fn watched(body: String) -> (Vec<&'static str>, bool, String) {
        let (send, mut news) = mpsc::channel(16);
        let mut version = "1".to_owned();
        let over = events::<Pod>(Body::from(body), &send, News::Pod, &mut version).await;
        drop(send);
        let mut found = Vec::new();
        while let Some(one) = news.recv().await {
            found.push(match one {
                News::Pod(Event::Put(_)) => "put",
                News::Pod(Event::Removed(_)) => "removed",
                _ => "other",
            });
        }
        (found, matches!(over, Over::Ended), version)
    }

    fn event(kind: &str, version: &str) -> String {
        let meta = format!(r#"{{"name":"p","resourceVersion":"{version}"}}"#);
        format!(r#"{{"type":"{kind}","object":{{"metadata":{meta}}}}}"#) + "\n"
    }

    #[tokio::test]
    async fn a_watch_continues_where_it_ended_or_is_lost() {
        let some = event("ADDED", "2") + &event("DELETED", "3") + &event("BOOKMARK", "9");
        let expected = (vec!["put", "removed"], true, "9".to_owned());
        assert_eq!(watched(some.clone()).await, expected);
        for lost in [
            "{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n".to_owned(),
            "nonsense\n".to_owned(),
            "x".repeat(EVENT_MAX + 1),
        ] {
            let (found, ended, version) = watched(some.clone() + &lost).await;
            assert_eq!((found.len(), ended, version.as_str()), (2, false, "9"));
        }
    }
}
