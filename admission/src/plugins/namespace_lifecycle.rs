//! `NamespaceLifecycle`: nothing is made in namespaces that are missing or going, and three never go.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go`. It remembers
//! for 30 s which namespaces were deleted, as its cache may lag; here a namespace that memory has as
//! active is looked up live for as long if this server saw its deletion.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::status::Cause;
use portcullis_api::{GroupKind, GroupResource, Status};
use tokio::time::Instant;

use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin, Operation};

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];
const DISTRUST: Duration = Duration::from_secs(30);

const NAMESPACE: GroupKind<'static> = GroupKind {
    group: "",
    kind: "Namespace",
};
const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};
/// Answers about a namespace, which must not depend on its state.
const ACCESS_REVIEWS: GroupResource<'static> = GroupResource {
    group: "authorization.k8s.io",
    resource: "localsubjectaccessreviews",
};

/// The plugin.
#[allow(missing_debug_implementations, reason = "the lookup needs none")]
pub(crate) struct NamespaceLifecycle {
    namespaces: Arc<dyn Lookup<Namespace>>,
    /// When this server saw namespaces be deleted.
    deleted: Mutex<HashMap<String, Instant>>,
}

impl NamespaceLifecycle {
    /// A plugin that looks namespaces up here.
    pub(crate) fn new(namespaces: &Arc<dyn Lookup<Namespace>>) -> Self {
        Self {
            namespaces: Arc::clone(namespaces),
            deleted: Mutex::default(),
        }
    }

    fn note_deletion(&self, name: &str) {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted.retain(|_, when| when.elapsed() < DISTRUST);
        deleted.insert(name.to_owned(), Instant::now());
    }

    fn saw_deletion(&self, name: &str) -> bool {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        let when = deleted.get(name);
        when.is_some_and(|when| when.elapsed() < DISTRUST)
    }

    /// The namespace as memory has it, unless that is in doubt.
    async fn namespace(&self, name: &str) -> Result<Arc<Namespace>, Status> {
        if let Some(namespace) = self.namespaces.get("", name)
            && (is_terminating(&namespace) || !self.saw_deletion(name))
        {
            return Ok(namespace);
        }
        let live = self.namespaces.get_live("", name).await?;
        live.ok_or_else(|| Status::not_found(NAMESPACES, name))
    }
}

#[async_trait]
impl MutatingPlugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let deletes = attributes.operation == Operation::Delete;
        if attributes.kind == NAMESPACE {
            if deletes && IMMORTAL.contains(&attributes.name) {
                let why = "this namespace may not be deleted";
                return Err(Status::forbidden(attributes.resource, attributes.name, why));
            }
            if deletes && !attributes.dry_run {
                self.note_deletion(attributes.name);
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
    let mut refusal = attributes.forbidden(&format!(
        "unable to create new content in namespace {namespace} because it is being terminated",
    ));
    if let Some(details) = &mut refusal.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    refusal
}
