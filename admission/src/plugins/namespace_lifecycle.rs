//! `NamespaceLifecycle`: no object is created in a missing or terminating namespace, and three
//! namespaces cannot be deleted.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go`. As there, a
//! deletion is kept in memory for 30 s, because the cache may be stale; meanwhile a namespace that the
//! cache has as active is read from the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::status::Cause;
use portcullis_api::{GroupKind, GroupResource, Status};
use tokio::time::Instant;

use crate::attributes::NAMESPACES;
use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation};

/// Namespaces that may not be deleted.
const PROTECTED: [&str; 3] = ["default", "kube-system", "kube-public"];
const FORCE_LIVE_LOOKUP: Duration = Duration::from_secs(30);

const NAMESPACE: GroupKind<'static> = GroupKind {
    group: "",
    kind: "Namespace",
};
/// Reviews are not stored, and do not depend on the state of the namespace.
const ACCESS_REVIEWS: GroupResource<'static> = GroupResource {
    group: "authorization.k8s.io",
    resource: "localsubjectaccessreviews",
};

#[allow(
    missing_debug_implementations,
    reason = "the lookup does not implement it"
)]
pub(crate) struct NamespaceLifecycle {
    namespaces: Arc<dyn Lookup<Namespace>>,
    /// When this server deleted namespaces, by name.
    deleted: Mutex<HashMap<String, Instant>>,
}

impl NamespaceLifecycle {
    pub(crate) fn new(namespaces: &Arc<dyn Lookup<Namespace>>) -> Self {
        Self {
            namespaces: Arc::clone(namespaces),
            deleted: Mutex::default(),
        }
    }

    fn record_deletion(&self, name: &str) {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted.retain(|_, when| when.elapsed() < FORCE_LIVE_LOOKUP);
        deleted.insert(name.to_owned(), Instant::now());
    }

    fn was_deleted(&self, name: &str) -> bool {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        let when = deleted.get(name);
        when.is_some_and(|when| when.elapsed() < FORCE_LIVE_LOOKUP)
    }

    /// The namespace from the cache, or from the store if the cache may be stale.
    async fn namespace(&self, name: &str) -> Result<Arc<Namespace>, Status> {
        if let Some(namespace) = self.namespaces.get("", name)
            && (is_terminating(&namespace) || !self.was_deleted(name))
        {
            return Ok(namespace);
        }
        let live = self.namespaces.get_live("", name).await?;
        live.ok_or_else(|| Status::not_found(NAMESPACES, name))
    }
}

#[async_trait]
impl MutatingPlugin for NamespaceLifecycle {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let deletes = attributes.operation == Operation::Delete;
        if attributes.kind == NAMESPACE {
            if deletes && PROTECTED.contains(&attributes.name) {
                let why = "this namespace may not be deleted";
                return Err(Status::forbidden(attributes.resource, attributes.name, why));
            }
            if deletes && !attributes.dry_run {
                self.record_deletion(attributes.name);
            }
            return Ok(());
        }
        let in_namespace = !attributes.namespace.is_empty();
        if !in_namespace || deletes || attributes.resource == ACCESS_REVIEWS {
            return Ok(());
        }
        let namespace = self.namespace(attributes.namespace).await?;
        if attributes.operation == Operation::Create && is_terminating(&namespace) {
            return Err(terminating(attributes));
        }
        Ok(())
    }
}

fn is_terminating(namespace: &Namespace) -> bool {
    let status = namespace.status.as_ref();
    status.and_then(|s| s.phase.as_deref()) == Some("Terminating")
}

fn terminating(attributes: &Attributes<'_>) -> Status {
    let namespace = attributes.namespace;
    let mut status = attributes.forbidden(&format!(
        "unable to create new content in namespace {namespace} because it is being terminated",
    ));
    if let Some(details) = &mut status.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    status
}
