//! The config map `cluster-info` in `kube-public`: the server's address and certificate authority.
//!
//! It is signed with every token, so that the holder of one can verify it (upstream: `bootstrapsigner`, and
//! `kubeadm init`, which creates the config map). The address may change with every start, so each start
//! writes the current one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::bootstrap_token::NAMESPACE as TOKENS;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;
use ring::hmac;

use super::Token;
use crate::edit::edit;
use crate::follow::{follow, follow_named};
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

const NAMESPACE: &str = "kube-public";
const NAME: &str = "cluster-info";
const CONTENT: &str = "kubeconfig";
/// The prefix of signatures' names; the token's ID follows.
const SIGNATURE: &str = "jws-kubeconfig-";

/// Runs until the server stops. `kubeconfig` has the server's address, without a user.
pub async fn run(registry: Arc<Registry>, kubeconfig: Arc<str>) {
    let user = UserInfo::service_account("kube-system", "bootstrap-signer");
    let mut secrets = follow::<Secret>(registry.clone(), user.clone(), table::SECRETS);
    let mut maps =
        follow_named::<ConfigMap>(registry.clone(), user.clone(), table::CONFIG_MAPS, NAME);
    let queue = Queue::default().counted("bootstrap_signer_queue", registry.work_queues());
    queue.add(NAME.into(), Duration::ZERO);
    let watch = async {
        loop {
            let matters = tokio::select! {
                Some(seen) = secrets.next() => Token::of(&seen.object).is_some(),
                Some(seen) = maps.next() => {
                    seen.object.metadata.namespace.as_deref() == Some(NAMESPACE)
                }
                else => return,
            };
            if matters {
                queue.add(NAME.into(), Duration::ZERO);
            }
        }
    };
    let work = queue.serve(1, |_| {
        let (registry, user, kubeconfig) = (registry.clone(), user.clone(), kubeconfig.clone());
        async move { publish(&registry, &user, &kubeconfig).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

async fn publish(registry: &Registry, user: &UserInfo, kubeconfig: &str) -> Result<(), Status> {
    let data = data(
        kubeconfig,
        &secrets(registry, user).await?,
        Timestamp::now(),
    );
    let scope = Scope::all(table::CONFIG_MAPS, user).named(NAMESPACE, NAME);
    let written = edit(registry, &scope, |map: &mut ConfigMap| {
        let others = map.data.take().unwrap_or_default().into_iter();
        let others = others.filter(|(key, _)| key != CONTENT && !key.starts_with(SIGNATURE));
        map.data = Some(others.chain(data.clone()).collect());
    })
    .await;
    match written {
        Err(status) if status.code == 404 => {
            let metadata = ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            };
            let map = ConfigMap {
                metadata,
                data: Some(data),
                ..ConfigMap::default()
            };
            registry.create(&scope, Box::new(map)).await.map(drop)
        }
        written => written.map(drop),
    }
}

/// The secrets, of which some are tokens.
async fn secrets(registry: &Registry, user: &UserInfo) -> Result<Vec<Secret>, Status> {
    let scope = Scope::all(table::SECRETS, user).named(TOKENS, "");
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::NotOlderThan(0),
        limit: 0,
        continues: None,
    };
    let entries = registry.list(&scope, &query).await?.entries;
    let secrets = entries.iter().map(|entry| {
        let object = codec::object(table::SECRETS, entry).ok()?;
        object.as_kind::<Secret>().cloned()
    });
    // an unreadable one signs nothing
    Ok(secrets.flatten().collect())
}

/// The data of the config map.
fn data(kubeconfig: &str, secrets: &[Secret], now: Timestamp) -> BTreeMap<String, String> {
    let tokens = secrets.iter().filter_map(Token::of);
    let valid =
        tokens.filter(|token| token.signs && token.ends.is_none_or(|end| end > now.as_second()));
    let signatures = valid.map(|token| {
        let signature = signature(kubeconfig, token.id, token.secret);
        (format!("{SIGNATURE}{}", token.id), signature)
    });
    let content = (CONTENT.to_owned(), kubeconfig.to_owned());
    signatures.chain([content]).collect()
}

/// A JSON Web Signature without its payload (upstream: `jws.ComputeDetachedSignature`).
fn signature(content: &str, id: &str, secret: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // a signing ID matches the secret's name, which needs no escaping
    let header = encode(format!(r#"{{"alg":"HS256","kid":"{id}"}}"#).as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = format!("{header}.{}", encode(content.as_bytes()));
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{header}..{}", encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    fn token(id: &str, more: &[(&str, &str)]) -> Secret {
        let mut data = json!({});
        let own = [
            ("token-id", id),
            ("token-secret", "0123456789abcdef"),
            ("usage-bootstrap-signing", "true"),
        ];
        for (key, value) in own.iter().chain(more) {
            data[key] = Value::from(STANDARD.encode(value));
        }
        serde_json::from_value(
            json!({"type": "bootstrap.kubernetes.io/token", "data": data,
            "metadata": {"namespace": "kube-system", "name": format!("bootstrap-token-{id}")}}),
        )
        .unwrap()
    }

    /// The example of upstream's own test.
    #[test]
    fn signatures_are_upstreams() {
        let signed = signature(
            "Hello from the other side. I must have called a thousand times.",
            "joshua",
            "my voice is my passcode",
        );
        assert_eq!(
            signed,
            "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8"
        );
    }

    #[test]
    fn every_valid_token_signs() {
        let now = "2024-01-01T00:00:00Z".parse().unwrap();
        let mut others = token("others", &[]);
        others.type_ = Some("Opaque".to_owned());
        let mut misnamed = token("misnam", &[]);
        misnamed.metadata.name = Some("bootstrap-token-x".to_owned());
        let secrets = [
            token("abcdef", &[]),
            token("lasting", &[("expiration", "2024-01-01T00:00:01Z")]),
            token("over", &[("expiration", "2024-01-01T00:00:00Z")]),
            token("silent", &[("usage-bootstrap-signing", "false")]),
            token("secret", &[("token-secret", "")]),
            others,
            misnamed,
        ];
        let data = data("a", &secrets, now);
        let keys: Vec<_> = data.keys().collect();
        assert_eq!(
            keys,
            [
                "jws-kubeconfig-abcdef",
                "jws-kubeconfig-lasting",
                "kubeconfig"
            ]
        );
        assert_eq!(data["kubeconfig"], "a");
    }
}
