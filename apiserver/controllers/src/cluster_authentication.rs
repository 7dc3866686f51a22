//! The config map `extension-apiserver-authentication`: the authorities whose client certificates are
//! accepted, and those of front proxies.
//!
//! Components that authenticate clients themselves read it to decide as this server does
//! (upstream: `pkg/controlplane/controller/clusterauthenticationtrust`).
//!
//! kube-apiserver itself publishes it, so `--controllers` does not have this controller, and every one of
//! several servers adds its own authorities to those of the others.

mod proxy_headers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;
use tokio::sync::watch;

use crate::bootstrap;
use crate::edit::edit;
use crate::follow::{Seen, follow_named};
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

pub use self::proxy_headers::{FRONT_PROXY_CLIENT, ProxyHeaders};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
const AUTHORITIES: &str = "client-ca-file";
const FRONT_PROXIES: &str = "requestheader-client-ca-file";
const END: &str = "-----END CERTIFICATE-----";

/// The authorities whose certificates are accepted, as PEM.
pub struct Trust {
    /// The authorities of client certificates, now and after changes.
    pub clients: watch::Receiver<String>,
    /// The authority of this server's certificate as a front proxy; empty if it is not this server's own.
    pub front_proxy: String,
    /// Who signs the certificates of other front proxies, now and later; empty if there are none.
    pub front_proxies: watch::Receiver<String>,
    /// What front proxies are called and say, of all those.
    pub headers: ProxyHeaders,
}

impl Trust {
    fn current(&self) -> Accepted {
        Accepted {
            clients: self.clients.borrow().clone(),
            front_proxies: format!("{}{}", *self.front_proxies.borrow(), self.front_proxy),
            headers: self.headers.clone(),
        }
    }
}

/// The accepted authorities at one moment.
#[derive(Clone)]
struct Accepted {
    clients: String,
    front_proxies: String,
    headers: ProxyHeaders,
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, trust: Trust) {
    let user = bootstrap::system();
    let resource = table::CONFIG_MAPS;
    let mut maps = follow_named::<ConfigMap>(registry.clone(), user.clone(), resource, NAME);
    let queue = Queue::default();
    let queue = queue.counted(
        "cluster_authentication_trust_controller",
        registry.work_queues(),
    );
    let mut authorities = trust.clients.clone();
    let mut front_proxies = trust.front_proxies.clone();
    let watch = async {
        loop {
            queue.add(NAME.into(), Duration::ZERO);
            loop {
                tokio::select! {
                    seen = maps.next() => match seen {
                        Some(seen) if lacks(&seen, &trust.current()) => break,
                        Some(_) => {}
                        None => return,
                    },
                    // the sender is dropped if no file was named: there are no changes to wait for
                    Ok(()) = authorities.changed() => break,
                    Ok(()) = front_proxies.changed() => break,
                }
            }
        }
    };
    let work = queue.serve(1, |_| {
        let (registry, user, ours) = (registry.clone(), user.clone(), trust.current());
        async move { publish(&registry, &user, &ours).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

/// Whether the config map was deleted or lacks some of these.
fn lacks(seen: &Seen<ConfigMap>, accepted: &Accepted) -> bool {
    seen.object.metadata.namespace.as_deref() == Some(NAMESPACE)
        && (seen.gone || completed(&seen.object, accepted).is_some())
}

/// Creates the config map, or adds what it lacks.
async fn publish(registry: &Registry, user: &UserInfo, accepted: &Accepted) -> Result<(), Status> {
    let scope = Scope::all(table::CONFIG_MAPS, user).named(NAMESPACE, NAME);
    let add = |map: &mut ConfigMap| {
        if let Some(data) = completed(map, accepted) {
            map.data = Some(data);
        }
    };
    let written = match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Ok(entry) => {
            let object = codec::object(table::CONFIG_MAPS, &entry)?;
            let lacks = |map| completed(map, accepted).is_some();
            if !object.as_kind().is_some_and(lacks) {
                return Ok(());
            }
            edit(registry, &scope, add).await.map(drop)
        }
        Err(status) if status.code == 404 => {
            let metadata = ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            };
            let mut map = ConfigMap {
                metadata,
                ..ConfigMap::default()
            };
            add(&mut map);
            registry.create(&scope, Box::new(map)).await.map(drop)
        }
        Err(status) => Err(status),
    };
    match written {
        // Another server did it; anything it left out is added when the change is seen.
        Err(status) if status.code == 409 => Ok(()),
        written => written,
    }
}

/// The completed data of a config map; `None` if it lacks nothing.
fn completed(map: &ConfigMap, accepted: &Accepted) -> Option<BTreeMap<String, String>> {
    let mut data = map.data.clone().unwrap_or_default();
    let mut added = false;
    for (key, authorities) in [
        (AUTHORITIES, &accepted.clients),
        (FRONT_PROXIES, &accepted.front_proxies),
    ] {
        if let Some(joined) = joined(map, key, authorities) {
            data.insert(key.to_owned(), joined);
            added = true;
        }
    }
    if !accepted.front_proxies.is_empty() {
        added |= accepted.headers.complete(&mut data);
    }
    added.then_some(data)
}

/// The certificates of a config map and these; `None` if it has them all.
fn joined(map: &ConfigMap, key: &str, authorities: &str) -> Option<String> {
    let there = map.data.as_ref().and_then(|data| data.get(key));
    let there = there.map_or("", String::as_str);
    let known: BTreeSet<_> = certificates(there).collect();
    let mut text = there.to_owned();
    let mut added = false;
    for certificate in certificates(authorities).filter(|c| !known.contains(c)) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(certificate);
        text.push('\n');
        added = true;
    }
    added.then_some(text)
}

/// Each certificate of a bundle, without the text around it.
fn certificates(bundle: &str) -> impl Iterator<Item = &str> {
    let parts = bundle.split_inclusive(END);
    parts.filter_map(|part| part.find("-----BEGIN").map(|begin| part[begin..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(text: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{text}\n{END}\n")
    }

    fn map(bundle: &str) -> ConfigMap {
        ConfigMap {
            data: Some([(AUTHORITIES.to_owned(), bundle.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn authorities_are_added_once() {
        let (one, two) = (pem("one"), pem("two"));
        assert_eq!(
            joined(&ConfigMap::default(), AUTHORITIES, &one),
            Some(one.clone())
        );
        assert_eq!(joined(&map(&one), AUTHORITIES, &one), None);
        assert_eq!(
            joined(&map(&one), AUTHORITIES, &two),
            Some(format!("{one}{two}"))
        );
        assert_eq!(
            joined(&map(&format!("# mine\n{one}{two}")), AUTHORITIES, &two),
            None
        );
        assert_eq!(
            joined(&map(one.trim()), AUTHORITIES, &format!("{two}{one}")),
            Some(format!("{one}{two}"))
        );
        assert_eq!(joined(&map(""), AUTHORITIES, "no certificate"), None);
    }

    #[test]
    fn a_front_proxy_is_published_with_its_headers() {
        let accepted = |front_proxies: String| Accepted {
            clients: pem("one"),
            front_proxies,
            headers: ProxyHeaders::own(),
        };
        let without = completed(&ConfigMap::default(), &accepted(String::new()));
        assert_eq!(without.unwrap().len(), 1, "no headers without an authority");
        let proxy = accepted(pem("proxy"));
        let data = completed(&ConfigMap::default(), &proxy).unwrap();
        assert_eq!(data[FRONT_PROXIES], pem("proxy"));
        assert!(data["requestheader-allowed-names"].contains(FRONT_PROXY_CLIENT));
        let whole = ConfigMap {
            data: Some(data),
            ..ConfigMap::default()
        };
        assert_eq!(completed(&whole, &proxy), None);
    }
}
