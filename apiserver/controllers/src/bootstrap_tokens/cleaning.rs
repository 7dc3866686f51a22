//! Deletes expired bootstrap tokens (upstream: `tokencleaner`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use portcullis_api::bootstrap_token::NAMESPACE;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use super::Token;
use crate::follow::follow;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Registry, Scope, codec};

/// How many are deleted concurrently.
const AT_ONCE: usize = 4;

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "token-cleaner");
    let mut secrets = follow::<Secret>(registry.clone(), user.clone(), table::SECRETS);
    let queue = Queue::default().counted("token_cleaner", registry.work_queues());
    let watch = async {
        while let Some(seen) = secrets.next().await {
            let left = left(&seen.object, Timestamp::now()).filter(|_| !seen.gone);
            if let (Some(left), Some(name)) = (left, seen.object.metadata.name) {
                queue.add(name.into(), left);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |name| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { attempt(&registry, &user, &name).await }
    });
    tokio::join!(watch, work);
}

async fn attempt(registry: &Registry, user: &UserInfo, name: &str) -> Result<bool, Status> {
    let scope = Scope::all(table::SECRETS, user).named(NAMESPACE, name);
    let entry = registry.get(&scope, ReadAt::NotOlderThan(0)).await?;
    let object = codec::object(table::SECRETS, &entry)?;
    let secret = object.as_kind::<Secret>();
    // one that was extended has been seen again, with its new time
    if secret.and_then(|secret| left(secret, Timestamp::now())) != Some(Duration::ZERO) {
        return Ok(true);
    }
    let options = DeleteOptions {
        resource_version: Some(entry.revision.to_string()),
        ..DeleteOptions::default()
    };
    match registry.delete(&scope, &options).await {
        Err(status) if status.code == 409 => Ok(false),
        deleted => deleted.map(|_| true),
    }
}

/// The remaining time of a token; `None` for ever, or if it is not a token.
fn left(secret: &Secret, now: Timestamp) -> Option<Duration> {
    let end = Timestamp::from_second(Token::of(secret)?.ends?).ok()?;
    Some(end.duration_since(now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(namespace: &str, kind: &str, expiration: &str) -> Secret {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(expiration);
        serde_json::from_value(
            json!({"metadata": {"namespace": namespace, "name": "bootstrap-token-abcdef"},
            "type": kind, "data": {"expiration": encoded}}),
        )
        .unwrap()
    }

    #[test]
    fn a_token_lasts_until_it_expires() {
        let now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let kind = "bootstrap.kubernetes.io/token";
        let minute = "2024-01-01T00:01:00Z";
        for (namespace, kind, expiration, expected) in [
            ("kube-system", kind, minute, Some(Duration::from_secs(60))),
            (
                "kube-system",
                kind,
                "2023-12-31T23:59:59Z",
                Some(Duration::ZERO),
            ),
            ("kube-system", kind, "soon", Some(Duration::ZERO)),
            ("kube-system", kind, "", None),
            ("default", kind, minute, None),
            ("kube-system", "Opaque", minute, None),
        ] {
            let secret = token(namespace, kind, expiration);
            assert_eq!(
                left(&secret, now),
                expected,
                "{namespace} {kind} {expiration}"
            );
        }
    }
}
