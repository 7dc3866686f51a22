//! What exists from the start: the system's namespaces, and the default roles and bindings.
//!
//! Everything goes through the registry, as any client's object does.

use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::status::Reason;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_rbac::bootstrap::{self, Default as DefaultObject};
use portcullis_rbac::reconcile;
use portcullis_storage::ReadAt;

use crate::registry::resource::Resource;
use crate::registry::update::{Change, Current};
use crate::registry::{Registry, Scope, table};

/// The namespaces that are there from the start.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The server itself, as upstream's loopback client.
pub fn system() -> UserInfo {
    UserInfo {
        name: "system:apiserver".into(),
        groups: vec![UserInfo::SYSTEM_MASTERS.into(), UserInfo::AUTHENTICATED.into()],
        ..UserInfo::default()
    }
}

/// Brings into being what is not there yet.
///
/// # Errors
/// What the store says.
pub async fn run(registry: &Registry) -> Result<(), Status> {
    let user = system();
    let namespaces = table::get("", "namespaces");
    try_join_all(NAMESPACES.map(|name| {
        let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
        ensure(registry, &user, namespaces, "", name, Box::new(Namespace { metadata, ..Namespace::default() }))
    }))
    .await?;
    Ok(())
}
