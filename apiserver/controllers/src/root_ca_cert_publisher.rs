//! A config map `kube-root-ca.crt` in every namespace: the authority by which pods verify this server
//! (upstream: `pkg/controller/certificates/rootcacertpublisher`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use crate::edit::edit;
use crate::follow::{follow, follow_named};
use crate::namespace::is_terminating;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

const NAME: &str = "kube-root-ca.crt";
const ENTRY: &str = "ca.crt";
const ANNOTATION: (&str, &str) = (
    "kubernetes.io/description",
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
     endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
     guaranteed across distributions of Kubernetes clusters.",
);

/// How many namespaces are processed concurrently.
const AT_ONCE: usize = 16;

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>, root_ca: Arc<str>) {
    let user = UserInfo::service_account("kube-system", "root-ca-cert-publisher");
    let mut namespaces = follow::<Namespace>(registry.clone(), user.clone(), table::NAMESPACES);
    let mut maps =
        follow_named::<ConfigMap>(registry.clone(), user.clone(), table::CONFIG_MAPS, NAME);
    let queue = Queue::default().counted("root_ca_cert_publisher", registry.work_queues());
    let watch = async {
        loop {
            let namespace = tokio::select! {
                Some(seen) = namespaces.next() => {
                    let dying = seen.object.metadata.deletion_timestamp.is_some();
                    (!seen.gone && !dying).then_some(seen.object.metadata.name)
                }
                Some(seen) = maps.next() => {
                    let wrong = seen.gone || !is_published(&seen.object, &root_ca);
                    wrong.then_some(seen.object.metadata.namespace)
                }
                else => return,
            };
            if let Some(namespace) = namespace.flatten() {
                queue.add(namespace.into(), Duration::ZERO);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |namespace| {
        let (registry, user, root_ca) = (registry.clone(), user.clone(), root_ca.clone());
        async move {
            let published = publish(&registry, &user, &namespace, &root_ca).await;
            published.map(|()| true)
        }
    });
    tokio::join!(watch, work);
}

fn is_published(map: &ConfigMap, root_ca: &str) -> bool {
    let data = map.data.as_ref();
    data.is_some_and(|data| data.len() == 1 && data.get(ENTRY).map(String::as_str) == Some(root_ca))
}

/// Creates or corrects the config map; not in a namespace that is being deleted.
async fn publish(
    registry: &Registry,
    user: &UserInfo,
    namespace: &str,
    root_ca: &str,
) -> Result<(), Status> {
    let scope = Scope::all(table::CONFIG_MAPS, user).named(namespace, NAME);
    let written = match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Ok(entry) => {
            let object = codec::object(table::CONFIG_MAPS, &entry)?;
            if object
                .as_kind()
                .is_some_and(|map| is_published(map, root_ca))
            {
                return Ok(());
            }
            edit(registry, &scope, |map| fill(map, root_ca))
                .await
                .map(drop)
        }
        Err(status) if status.code == 404 => {
            let metadata = ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            };
            let mut map = ConfigMap {
                metadata,
                ..ConfigMap::default()
            };
            fill(&mut map, root_ca);
            registry.create(&scope, Box::new(map)).await.map(drop)
        }
        Err(status) => Err(status),
    };
    match written {
        // gone, terminating, or created concurrently; a quota may admit it later
        Err(status) if matches!(status.code, 404 | 409) || is_terminating(&status) => Ok(()),
        written => written,
    }
}

fn fill(map: &mut ConfigMap, root_ca: &str) {
    map.data = Some([(ENTRY.to_owned(), root_ca.to_owned())].into());
    let annotations = map.metadata.annotations.get_or_insert_default();
    annotations.insert(ANNOTATION.0.to_owned(), ANNOTATION.1.to_owned());
}
