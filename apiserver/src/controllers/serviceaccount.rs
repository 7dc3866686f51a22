//! A service account `default` in every namespace
//! (upstream: `pkg/controller/serviceaccount/serviceaccounts_controller.go`).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Status, UserInfo};
use portcullis_storage::ReadAt;

use super::follow::{Seen, follow};
use crate::registry::{Registry, Scope, table};

const NAME: &str = "default";

/// Runs for as long as the server does.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", "service-account-controller");
    let namespaces = follow(&registry, &user, table::NAMESPACES, async |seen: Seen<Namespace>| {
        if !seen.gone {
            report(ensure(&registry, &user, seen.object.metadata.name.as_deref()).await);
        }
    });
    let accounts = follow(&registry, &user, table::SERVICE_ACCOUNTS, async |seen: Seen<ServiceAccount>| {
        if seen.gone && seen.object.metadata.name.as_deref() == Some(NAME) {
            report(ensure(&registry, &user, seen.object.metadata.namespace.as_deref()).await);
        }
    });
    tokio::join!(namespaces, accounts);
}

fn report(result: Result<(), Status>) {
    if let Err(status) = result {
        tracing::warn!(error = status.message, "a default service account could not be made");
    }
}

/// Makes the account, unless it is there or its namespace is on its way out.
async fn ensure(registry: &Registry, user: &UserInfo, namespace: Option<&str>) -> Result<(), Status> {
    let Some(namespace) = namespace else { return Ok(()) };
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
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    match registry.create(&scope, Box::new(account)).await {
        // gone, going, or made by somebody else meanwhile
        Err(status) if matches!(status.code, 403 | 404 | 409) => Ok(()),
        other => other.map(drop),
    }
}
