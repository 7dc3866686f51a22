//! Claims: used by the pods that are on a node.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use super::{AT_ONCE, is_wrong, protect};
use crate::follow::{Seen, follow, pods_in_use, seen_only};
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::collection::ListQuery;
use portcullis_registry::facts::Selection;
use portcullis_registry::{Registry, Scope, codec};

const CLAIMS: &str = "kubernetes.io/pvc-protection";

/// Processes claims until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "pvc-protection-controller");
    let resource = table::PERSISTENT_VOLUME_CLAIMS;
    let mut claims = follow::<PersistentVolumeClaim>(registry.clone(), user.clone(), resource);
    let mut pods = seen_only(pods_in_use(registry.clone(), user.clone()));
    let queue = Queue::default().counted("pvcprotection", registry.work_queues());
    let want = |namespace: &str, name: &str| {
        let key = registry.key(resource, namespace, name);
        queue.add(key.into(), Duration::ZERO);
    };
    let watch = async {
        loop {
            tokio::select! {
                Some(seen) = claims.next() => {
                    let meta = &seen.object.metadata;
                    if !seen.gone && is_wrong(meta, CLAIMS) {
                        let (namespace, name) = names(meta);
                        want(namespace, name);
                    }
                }
                Some(seen) = pods.next() => {
                    let (namespace, _) = names(&seen.object.metadata);
                    for name in let_go(&seen) {
                        want(namespace, &name);
                    }
                }
            }
        }
    };
    let work = queue.serve(AT_ONCE, |key| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { see_to_claim(&registry, &user, &key).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

fn names(meta: &ObjectMeta) -> (&str, &str) {
    (
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

/// Adds or removes the protection of a claim.
async fn see_to_claim(registry: &Registry, user: &UserInfo, key: &str) -> Result<(), Status> {
    let Some(place) = registry.place(key) else {
        return Ok(());
    };
    let scope = Scope::all(&place.resource, user).named(place.namespace, place.name);
    let entry = registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(&place.resource, &entry)?;
    let Some(claim) = object.as_kind::<PersistentVolumeClaim>() else {
        return Ok(());
    };
    if !is_wrong(&claim.metadata, CLAIMS) {
        return Ok(());
    }
    let deleting = claim.metadata.deletion_timestamp.is_some();
    if deleting && is_used(registry, user, claim).await? {
        return Ok(());
    }
    protect(registry, &scope, CLAIMS, &claim.metadata, !deleting).await
}

async fn is_used(
    registry: &Registry,
    user: &UserInfo,
    claim: &PersistentVolumeClaim,
) -> Result<bool, Status> {
    let (namespace, _) = names(&claim.metadata);
    let scope = Scope::all(table::PODS, user).named(namespace, "");
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::Latest,
        limit: 0,
        continues: None,
    };
    for entry in &registry.list(&scope, &query).await?.entries {
        let object = codec::object(table::PODS, entry)?;
        if object.as_kind().is_some_and(|pod| uses(pod, claim)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a pod uses a claim: only once it is on a node, as a kubelet does not start pods with a claim that
/// is being deleted.
fn uses(pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    let Some(spec) = pod.spec.as_ref().filter(|spec| on_node(spec)) else {
        return false;
    };
    let (_, name) = names(&claim.metadata);
    let is_its_own = || {
        let mut owners = claim.metadata.owner_references.iter().flatten();
        owners.any(|o| o.controller == Some(true) && Some(&o.uid) == pod.metadata.uid.as_ref())
    };
    spec.volumes.iter().flatten().any(|volume| {
        let named = volume.persistent_volume_claim.as_ref();
        let made = volume.ephemeral.is_some() && made_name(pod, &volume.name) == name;
        named.is_some_and(|named| named.claim_name == name)
            || made && is_its_own() && !is_shut_down(pod)
    })
}

fn on_node(spec: &PodSpec) -> bool {
    spec.node_name.as_ref().is_some_and(|node| !node.is_empty())
}

/// The name of the claim that is created for an ephemeral volume.
fn made_name(pod: &Pod, volume: &str) -> String {
    format!("{}-{volume}", names(&pod.metadata).1)
}

/// Whether the node has finished with a pod.
fn is_shut_down(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
        && pod.metadata.deletion_grace_period_seconds == Some(0)
}

/// The claims that a pod may no longer use.
fn let_go(seen: &Seen<Pod>) -> Vec<String> {
    let pod = &seen.object;
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let ended = matches!(phase, Some("Succeeded" | "Failed"));
    if !seen.gone && !ended && !is_shut_down(pod) {
        return Vec::new();
    }
    let volumes = pod
        .spec
        .iter()
        .filter_map(|spec| spec.volumes.as_ref())
        .flatten();
    let claim = volumes.filter_map(|volume| {
        let named = volume
            .persistent_volume_claim
            .as_ref()
            .map(|c| c.claim_name.clone());
        named.or_else(|| {
            volume
                .ephemeral
                .as_ref()
                .map(|_| made_name(pod, &volume.name))
        })
    });
    claim.collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{
        EphemeralVolumeSource, PersistentVolumeClaimVolumeSource, PodStatus, Volume,
    };
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::*;

    fn claim(name: &str) -> PersistentVolumeClaim {
        let mut claim = PersistentVolumeClaim::default();
        claim.metadata.name = Some(name.to_owned());
        claim
    }

    /// A pod `web` on a node, with the claim `data` and the ephemeral volume `tmp`.
    fn pod() -> Pod {
        let mut pod = Pod::default();
        pod.metadata.name = Some("web".to_owned());
        pod.metadata.uid = Some("1".to_owned());
        let data = Volume {
            name: "data".to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: "data".to_owned(),
                read_only: None,
            }),
            ..Volume::default()
        };
        let tmp = Volume {
            name: "tmp".to_owned(),
            ephemeral: Some(EphemeralVolumeSource::default()),
            ..Volume::default()
        };
        pod.spec = Some(PodSpec {
            node_name: Some("node".to_owned()),
            volumes: Some(vec![data, tmp]),
            ..PodSpec::default()
        });
        pod
    }

    #[test]
    fn a_pod_uses_claims_once_it_is_on_a_node() {
        assert!(uses(&pod(), &claim("data")) && !uses(&pod(), &claim("other")));
        let mut pending = pod();
        pending.spec.as_mut().unwrap().node_name = None;
        assert!(!uses(&pending, &claim("data")));
    }

    #[test]
    fn a_pod_uses_only_its_own_claim_for_an_ephemeral_volume() {
        let mut made = claim("web-tmp");
        assert!(!uses(&pod(), &made));
        made.metadata.owner_references = Some(vec![OwnerReference {
            controller: Some(true),
            uid: "1".to_owned(),
            ..OwnerReference::default()
        }]);
        assert!(uses(&pod(), &made));
        let mut done = pod();
        done.metadata.deletion_timestamp = Some(portcullis_kinds::time::now());
        done.metadata.deletion_grace_period_seconds = Some(0);
        assert!(!uses(&done, &made) && uses(&done, &claim("data")));
    }

    #[test]
    fn claims_are_processed_when_a_pod_releases_them() {
        let seen = |object, gone| Seen { object, gone };
        assert!(let_go(&seen(pod(), false)).is_empty());
        assert_eq!(let_go(&seen(pod(), true)), ["data", "web-tmp"]);
        let mut ended = pod();
        ended.status = Some(PodStatus {
            phase: Some("Succeeded".to_owned()),
            ..PodStatus::default()
        });
        assert_eq!(let_go(&seen(ended, false)), ["data", "web-tmp"]);
    }
}
