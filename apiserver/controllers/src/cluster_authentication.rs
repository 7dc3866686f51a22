//! The config map `extension-apiserver-authentication`: whose client certificates are believed.
//!
//! Components that are asked by clients of their own read it to decide as this server does
//! (upstream: `pkg/controlplane/controller/clusterauthenticationtrust`).
//!
//! kube-apiserver itself publishes it, so this is no controller that `--controllers` knows, and
//! every server of several adds its own authorities to those of the others.

use std::collections::BTreeSet;
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

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
const AUTHORITIES: &str = "client-ca-file";
const END: &str = "-----END CERTIFICATE-----";

/// Runs for as long as the server does. `authorities` are certificates as PEM, which may change.
pub async fn run(registry: Arc<Registry>, mut authorities: watch::Receiver<String>) {
    let user = bootstrap::system();
    let resource = table::CONFIG_MAPS;
    let mut maps = follow_named::<ConfigMap>(registry.clone(), user.clone(), resource, NAME);
    let (queue, ours) = (Queue::default(), authorities.clone());
    let watch = async {
        loop {
            queue.add(NAME.into(), Duration::ZERO);
            loop {
                tokio::select! {
                    seen = maps.next() => match seen {
                        Some(seen) if lacks(&seen, &ours.borrow()) => break,
                        Some(_) => {}
                        None => return,
                    },
                    // the sender is dropped where no file was named: there are no changes to wait for
                    Ok(()) = authorities.changed() => break,
                }
            }
        }
    };
    let work = queue.serve(1, |_| {
        let (registry, user, ours) = (registry.clone(), user.clone(), ours.borrow().clone());
        async move { publish(&registry, &user, &ours).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

/// Whether the map was deleted or lacks some of these.
fn lacks(seen: &Seen<ConfigMap>, authorities: &str) -> bool {
    seen.object.metadata.namespace.as_deref() == Some(NAMESPACE)
        && (seen.gone || joined(&seen.object, authorities).is_some())
}

/// Makes the map, or adds what it lacks.
async fn publish(registry: &Registry, user: &UserInfo, authorities: &str) -> Result<(), Status> {
    let scope = Scope::all(table::CONFIG_MAPS, user).named(NAMESPACE, NAME);
    let add = |map: &mut ConfigMap| {
        if let Some(joined) = joined(map, authorities) {
            let data = map.data.get_or_insert_default();
            data.insert(AUTHORITIES.to_owned(), joined);
        }
    };
    let written = match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Ok(entry) => {
            let object = codec::object(table::CONFIG_MAPS, &entry)?;
            let lacks = |map| joined(map, authorities).is_some();
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
        // Another server did it; what it left out is added when the change is seen.
        Err(status) if status.code == 409 => Ok(()),
        written => written,
    }
}

/// The certificates of a map and these; `None` if the map has them all.
fn joined(map: &ConfigMap, authorities: &str) -> Option<String> {
    let there = map.data.as_ref().and_then(|data| data.get(AUTHORITIES));
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

/// Each certificate of a bundle, without what stands around it.
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
        assert_eq!(joined(&ConfigMap::default(), &one), Some(one.clone()));
        assert_eq!(joined(&map(&one), &one), None);
        assert_eq!(joined(&map(&one), &two), Some(format!("{one}{two}")));
        assert_eq!(joined(&map(&format!("# mine\n{one}{two}")), &two), None);
        assert_eq!(
            joined(&map(one.trim()), &format!("{two}{one}")),
            Some(format!("{one}{two}"))
        );
        assert_eq!(joined(&map(""), "no certificate"), None);
    }
}
