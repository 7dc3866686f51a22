//! Volumes: used while they are bound to a claim.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::PersistentVolume;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use super::{AT_ONCE, is_wrong, protect};
use crate::follow::follow;
use crate::queue::Queue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

const VOLUMES: &str = "kubernetes.io/pv-protection";

/// Processes volumes until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "pv-protection-controller");
    let resource = table::PERSISTENT_VOLUMES;
    let mut volumes = follow::<PersistentVolume>(registry.clone(), user.clone(), resource);
    let queue = Queue::default().counted("pvprotection", registry.work_queues());
    let watch = async {
        while let Some(seen) = volumes.next().await {
            if !seen.gone && has_to_change(&seen.object) {
                let name = seen.object.metadata.name.unwrap_or_default();
                queue.add(name.into(), Duration::ZERO);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |name| {
        let (registry, user) = (registry.clone(), user.clone());
        async move {
            see_to(&registry, resource, &user, &name)
                .await
                .map(|()| true)
        }
    });
    tokio::join!(watch, work);
}

/// Whether a volume is protected and should not be, or the other way round.
fn has_to_change(volume: &PersistentVolume) -> bool {
    let deleting = volume.metadata.deletion_timestamp.is_some();
    is_wrong(&volume.metadata, VOLUMES) && !(deleting && is_bound(volume))
}

fn is_bound(volume: &PersistentVolume) -> bool {
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref());
    phase == Some("Bound")
}

/// Adds or removes the protection of a volume.
async fn see_to(
    registry: &Registry,
    resource: &'static Resource,
    user: &UserInfo,
    name: &str,
) -> Result<(), Status> {
    let scope = Scope::all(resource, user).named("", name);
    let entry = registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(resource, &entry)?;
    match object.as_kind::<PersistentVolume>() {
        Some(volume) if has_to_change(volume) => {
            let stays = volume.metadata.deletion_timestamp.is_none();
            protect(registry, &scope, VOLUMES, &volume.metadata, stays).await
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PersistentVolumeStatus;

    use super::*;

    #[test]
    fn a_bound_volume_stays_protected() {
        let mut volume = PersistentVolume::default();
        assert!(has_to_change(&volume));
        volume.metadata.finalizers = Some(vec![VOLUMES.to_owned()]);
        assert!(!has_to_change(&volume));
        volume.metadata.deletion_timestamp = Some(portcullis_kinds::time::now());
        assert!(has_to_change(&volume));
        volume.status = Some(PersistentVolumeStatus {
            phase: Some("Bound".to_owned()),
            ..PersistentVolumeStatus::default()
        });
        assert!(!has_to_change(&volume));
    }
}
