//! A service account `default` in every namespace
//! (upstream: `pkg/controller/serviceaccount/serviceaccounts_controller.go`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use crate::follow::{follow, follow_named};
use crate::namespace::is_terminating;
use crate::queue::Queue;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope};

const NAME: &str = "default";

/// How many namespaces are processed concurrently.
const AT_ONCE: usize = 16;

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "service-account-controller");
    let mut namespaces = follow::<Namespace>(registry.clone(), user.clone(), table::NAMESPACES);
    let mut accounts = follow_named::<ServiceAccount>(
        registry.clone(),
        user.clone(),
        table::SERVICE_ACCOUNTS,
        NAME,
    );
    let queue = Queue::default().counted("serviceaccount", registry.work_queues());
    let watch = async {
        loop {
            let namespace = tokio::select! {
                Some(seen) = namespaces.next() => (!seen.gone).then_some(seen.object.metadata.name),
                Some(seen) = accounts.next() => {
                    seen.gone.then_some(seen.object.metadata.namespace)
                }
                else => return,
            };
            if let Some(namespace) = namespace.flatten() {
                queue.add(namespace.into(), Duration::ZERO);
            }
        }
    };
    let work = queue.serve(AT_ONCE, |namespace| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { ensure(&registry, &user, &namespace).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

/// Creates the account, unless it exists or its namespace is being deleted.
async fn ensure(registry: &Registry, user: &UserInfo, namespace: &str) -> Result<(), Status> {
    let scope = Scope::all(table::SERVICE_ACCOUNTS, user).named(namespace, NAME);
    match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Err(status) if status.code == 404 => {}
        other => return other.map(drop),
    }
    let metadata = ObjectMeta {
        name: Some(NAME.into()),
        namespace: Some(namespace.into()),
        ..ObjectMeta::default()
    };
    let account = ServiceAccount {
        metadata,
        ..ServiceAccount::default()
    };
    match registry.create(&scope, Box::new(account)).await {
        // gone, terminating, or created concurrently; a quota may admit it later
        Err(status) if matches!(status.code, 404 | 409) || is_terminating(&status) => Ok(()),
        other => other.map(drop),
    }
}
