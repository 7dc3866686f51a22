//! The request that plugins admit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use portcullis_api::encode::TypeMeta;
use portcullis_api::{GroupKind, GroupResource, Object, Status, UserInfo};

use crate::metrics::Phase;
use crate::operation::Operation;
use crate::options::RequestOptions;
use crate::reinvocation::Reinvocation;
use crate::trace::Trace;
use crate::versions::Versions;

pub(crate) const PODS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "pods",
};

pub(crate) const CLAIMS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "persistentvolumeclaims",
};
pub(crate) const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};
pub(crate) const NODES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "nodes",
};

/// A request, as admission plugins see it.
#[derive(Debug)]
pub struct Attributes<'a> {
    /// What the request does to the object.
    pub operation: Operation,
    /// The kind of the object in the request.
    pub kind: GroupKind<'a>,
    /// The resource of the request.
    pub resource: GroupResource<'a>,
    /// Such as `status`; empty for the resource itself.
    pub subresource: &'a str,
    /// The object's namespace; empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// The object's name; empty if it is yet to be generated.
    pub name: &'a str,
    /// The user who sends the request.
    pub user: &'a UserInfo,
    /// Whether the request is a dry run, which stores nothing.
    pub dry_run: bool,
    /// Whether the request is for a collection, and names no object.
    pub in_collection: bool,
    /// The options that the client sends beside the object.
    pub options: RequestOptions<'a>,
    /// The versions of the resource; `None` if webhooks are not to be called.
    pub versions: Option<&'a dyn Versions>,
    /// Which webhooks ran, and whether the mutating plugins run again.
    pub reinvocation: Reinvocation,
    /// The object to store; `None` for deletions.
    pub object: Option<Box<dyn Object>>,
    /// The stored object; `None` for creations.
    pub old_object: Option<&'a dyn Object>,
    /// Annotations for the audit log.
    pub audit_annotations: AuditAnnotations,
    /// Warnings for the client; the response carries each as a `Warning` header.
    pub warnings: Warnings,
    /// Records what each plugin does, if the request is traced.
    pub trace: Option<&'a Trace>,
}

impl<'a> Attributes<'a> {
    /// A 403 about the object of this request.
    ///
    /// An object whose name is yet to be generated is named by its `generateName` (upstream:
    /// `k8s.io/apiserver/pkg/admission/errors.go`).
    pub fn forbidden(&self, why: &str) -> Status {
        Status::forbidden(self.resource, self.name_or_prefix(), why)
    }

    fn name_or_prefix(&self) -> &str {
        if !self.name.is_empty() {
            return self.name;
        }
        let metadata = self.object.as_deref().map(Object::metadata);
        let set = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
        metadata
            .and_then(|m| [&m.name, &m.generate_name].into_iter().find(|t| set(t)))
            .and_then(Option::as_deref)
            .unwrap_or("Unknown")
    }

    /// Whether the resource is `pods`, without a subresource.
    pub(crate) fn is_pods(&self) -> bool {
        self.resource == PODS && self.subresource.is_empty()
    }

    /// Whether the request adds ephemeral containers to an existing pod.
    pub(crate) fn is_ephemeral_containers(&self) -> bool {
        self.resource == PODS && self.subresource == "ephemeralcontainers"
    }

    /// Whether the request may add containers to a pod.
    pub(crate) fn may_add_containers(&self) -> bool {
        self.is_pods() || self.is_ephemeral_containers()
    }

    /// Whether the object is a namespace.
    pub(crate) fn is_namespace(&self) -> bool {
        self.resource == NAMESPACES
    }

    /// The object's namespace; a namespace is in itself.
    pub(crate) fn namespace_or_itself(&self) -> &'a str {
        if self.is_namespace() {
            self.name
        } else {
            self.namespace
        }
    }

    /// The object as a pod.
    ///
    /// # Errors
    /// A 403 if it has another type: a plugin that checks pods must not allow what it cannot read.
    pub(crate) fn pod(&self) -> Result<&Pod, Status> {
        self.typed()
    }

    /// The object as a mutable pod.
    ///
    /// # Errors
    /// As [`Self::pod`].
    pub(crate) fn pod_mut(&mut self) -> Result<&mut Pod, Status> {
        self.typed_mut()
    }

    /// The object as JSON, for a trace; empty if the request is not traced or has no object.
    pub(crate) fn traced_object(&self) -> Vec<u8> {
        let object = self.trace.and(self.object.as_deref());
        let kind = TypeMeta {
            api_version: "",
            kind: self.kind.kind,
        };
        object.map_or_else(Vec::new, |object| object.encode(kind))
    }

    /// The object as its kind's type.
    ///
    /// # Errors
    /// A 403 if it has another type.
    pub(crate) fn typed<T: 'static>(&self) -> Result<&T, Status> {
        let object = self.object.as_deref().and_then(<dyn Object>::as_kind);
        object.ok_or_else(|| self.unexpected_type())
    }

    /// The object as its kind's type, mutable.
    ///
    /// # Errors
    /// A 403 if it has another type.
    pub(crate) fn typed_mut<T: 'static>(&mut self) -> Result<&mut T, Status> {
        self.typed::<T>()?;
        let object = self.object.as_deref_mut();
        let object = object.and_then(<dyn Object>::as_kind_mut);
        object.ok_or_else(|| Status::internal("unexpected type"))
    }

    /// The stored object as its kind's type.
    ///
    /// # Errors
    /// A 403 if it has another type.
    pub(crate) fn typed_old<T: 'static>(&self) -> Result<&T, Status> {
        let old = self.old_object.and_then(<dyn Object>::as_kind);
        old.ok_or_else(|| self.forbidden("unexpected type of the stored object"))
    }

    fn unexpected_type(&self) -> Status {
        self.forbidden(&format!("unexpected type {}", self.kind.kind))
    }
}

/// Annotations for the audit log, by `<domain>/<key>`, and how long webhooks took. Clones add to the same.
#[derive(Clone, Debug)]
pub struct AuditAnnotations(Option<Arc<Mutex<Collected>>>);

#[derive(Debug, Default)]
struct Collected {
    annotations: BTreeMap<String, String>,
    webhooks: WebhookTimes,
}

/// How long the webhooks of a request took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookTimes {
    /// Those that may change the object, which are called one after another.
    pub mutating: Duration,
    /// The slowest of those that check it, which are called concurrently.
    pub validating: Duration,
}

impl Default for AuditAnnotations {
    /// None yet.
    fn default() -> Self {
        Self(Some(Arc::default()))
    }
}

impl AuditAnnotations {
    /// Annotations that are not kept, for requests without an audit log.
    pub const fn discarded() -> Self {
        Self(None)
    }

    /// Adds an annotation, unless there is one with that key: a repetition after a conflict does not change
    /// the first value (upstream: `addAuditAnnotationLocked`).
    pub fn add(&self, key: &str, value: &str) {
        if let Some(collected) = &self.0 {
            let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            if !collected.annotations.contains_key(key) {
                let value = value.to_owned();
                collected.annotations.insert(key.to_owned(), value);
            }
        }
    }

    /// A webhook was called.
    pub(crate) fn called(&self, phase: Phase, took: Duration) {
        if let Some(collected) = &self.0 {
            let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            let times = &mut collected.webhooks;
            match phase {
                Phase::Mutate => times.mutating += took,
                Phase::Validate => times.validating = times.validating.max(took),
            }
        }
    }

    /// How long webhooks took so far.
    pub fn webhook_times(&self) -> WebhookTimes {
        let collected = self.0.as_ref();
        collected.map_or_else(WebhookTimes::default, |collected| {
            let collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            collected.webhooks
        })
    }

    /// All annotations so far.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let collected = self.0.as_ref();
        collected.map_or_else(BTreeMap::new, |collected| {
            let collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            collected.annotations.clone()
        })
    }
}

/// Warnings for the client of a request that is not denied for them.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Adds a warning, unless it is a duplicate.
    pub fn add(&self, warning: String) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// All warnings, in the order in which they were added.
    pub fn into_list(self) -> Vec<String> {
        self.take()
    }

    /// Removes and returns all warnings, in the order in which they were added.
    pub fn take(&self) -> Vec<String> {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }
}
