//! A request as plugins see it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use portcullis_api::encode::TypeMeta;
use portcullis_api::{GroupKind, GroupResource, Object, Status, UserInfo};

use crate::operation::Operation;
use crate::trace::Trace;

/// The resource most plugins are about.
pub(crate) const PODS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "pods",
};

/// Claims of volumes.
pub(crate) const CLAIMS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "persistentvolumeclaims",
};
/// Nodes.
pub(crate) const NODES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "nodes",
};

/// A request as plugins see it.
#[derive(Debug)]
pub struct Attributes<'a> {
    /// What is being done.
    pub operation: Operation,
    /// The kind of the object in the request.
    pub kind: GroupKind<'a>,
    /// The resource of the request.
    pub resource: GroupResource<'a>,
    /// Such as `status`; mostly empty.
    pub subresource: &'a str,
    /// The object's namespace, empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// The object's name; empty while it is to be generated.
    pub name: &'a str,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object as it shall become; `None` for deletions.
    pub object: Option<Box<dyn Object>>,
    /// The object as it is; `None` for creations.
    pub old_object: Option<&'a dyn Object>,
    /// What plugins note for the audit log.
    pub audit_annotations: AuditAnnotations,
    /// What plugins want the user to know; the answer carries each as a `Warning` header.
    pub warnings: Warnings,
    /// Where plugins note what they do, if anybody wants to know.
    pub trace: Option<&'a Trace>,
}

impl Attributes<'_> {
    /// A 403 about the object of this request.
    ///
    /// A name that is still to be generated is told by its beginning (upstream:
    /// `k8s.io/apiserver/pkg/admission/errors.go`).
    pub fn forbidden(&self, why: &str) -> Status {
        Status::forbidden(self.resource, self.name_or_beginning(), why)
    }

    fn name_or_beginning(&self) -> &str {
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

    /// Whether the request is about pods themselves, not about one of their subresources.
    pub(crate) fn is_of_pods(&self) -> bool {
        self.resource == PODS && self.subresource.is_empty()
    }

    /// Whether the request adds containers to a pod that exists.
    pub(crate) fn is_of_ephemeral_containers(&self) -> bool {
        self.resource == PODS && self.subresource == "ephemeralcontainers"
    }

    /// Whether the request can bring containers into a pod.
    pub(crate) fn is_of_containers(&self) -> bool {
        self.is_of_pods() || self.is_of_ephemeral_containers()
    }

    /// The object as a pod.
    ///
    /// # Errors
    /// A 403 if it is anything else: a plugin that guards pods must not wave through what it
    /// cannot read.
    pub(crate) fn pod(&self) -> Result<&Pod, Status> {
        self.typed()
    }

    /// The object as a pod, to change.
    ///
    /// # Errors
    /// As [`Self::pod`].
    pub(crate) fn pod_mut(&mut self) -> Result<&mut Pod, Status> {
        self.typed_mut()
    }

    /// The object as JSON, for a trace; nothing if there is neither.
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
    /// A 403 if it is of another.
    pub(crate) fn typed<T: 'static>(&self) -> Result<&T, Status> {
        let object = self.object.as_deref().and_then(<dyn Object>::as_kind);
        object.ok_or_else(|| self.unexpected_type())
    }

    /// The object as its kind's type, to change.
    ///
    /// # Errors
    /// A 403 if it is of another.
    pub(crate) fn typed_mut<T: 'static>(&mut self) -> Result<&mut T, Status> {
        self.typed::<T>()?;
        let object = self.object.as_deref_mut();
        let object = object.and_then(<dyn Object>::as_kind_mut);
        object.ok_or_else(|| Status::internal("unexpected type"))
    }

    /// The object as it was, as its kind's type.
    ///
    /// # Errors
    /// A 403 if it is of another.
    pub(crate) fn typed_old<T: 'static>(&self) -> Result<&T, Status> {
        let old = self.old_object.and_then(<dyn Object>::as_kind);
        old.ok_or_else(|| self.forbidden("unexpected type of the object as it was"))
    }

    fn unexpected_type(&self) -> Status {
        self.forbidden(&format!("unexpected type {}", self.kind.kind))
    }
}

/// Notes for the audit log, by `<domain>/<key>`; plugins that may not change the object may add too.
#[derive(Debug, Default)]
pub struct AuditAnnotations(Mutex<BTreeMap<String, String>>);

impl AuditAnnotations {
    /// Notes a value; the last one of a key counts.
    pub fn add(&self, key: &str, value: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(key.to_owned(), value.to_owned());
    }

    /// The notes.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sentences for the user of a request that goes on all the same.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Adds one, unless it is there already.
    pub fn add(&self, warning: String) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// All of them, in the order in which they came.
    pub fn into_list(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
