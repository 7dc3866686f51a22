//! What an operation is about.

use portcullis_admission::attributes::Warnings;
use portcullis_admission::{Attributes, AuditAnnotations, Operation, Trace};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;

use crate::warnings::WarningList;

/// Which object or collection an operation is about, and for whom.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The row of its kind.
    pub resource: &'a Resource,
    /// The version the client speaks; empty for the stored one.
    pub api_version: &'a str,
    /// Mostly empty.
    pub subresource: &'a str,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub namespace: &'a str,
    /// Empty for collections.
    pub name: &'a str,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether to go all the way but the last step.
    pub dry_run: bool,
    /// Where to tell the user of what is not wrong enough to be refused.
    pub warnings: Option<&'a WarningList>,
    /// Where admission notes what it does, for whoever wants to know.
    pub trace: Option<&'a Trace>,
}

/// Where an object is.
#[derive(Clone)]
pub struct Place<'a> {
    /// The row of its kind.
    pub resource: ResourceRef,
    /// Empty for cluster-scoped resources.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
}

impl<'a> Scope<'a> {
    /// All of a resource.
    pub const fn all(resource: &'a Resource, user: &'a UserInfo) -> Self {
        Self {
            resource,
            api_version: "",
            subresource: "",
            namespace: "",
            name: "",
            user,
            dry_run: false,
            warnings: None,
            trace: None,
        }
    }

    /// The same for another object of the resource.
    #[must_use]
    pub const fn named<'b>(self, namespace: &'b str, name: &'b str) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope {
            namespace,
            name,
            ..self
        }
    }

    /// The same object as one of another resource and version, such as what a scale is the scale of.
    #[must_use]
    pub const fn of(self, resource: &'a Resource, api_version: &'a str) -> Self {
        Scope {
            resource,
            api_version,
            ..self
        }
    }

    /// Tells the user something.
    pub fn warn(&self, sentences: impl IntoIterator<Item = String>) {
        if let Some(warnings) = self.warnings {
            warnings.add(sentences);
        }
    }

    pub(crate) fn not_found(&self) -> Status {
        Status::not_found(self.resource.group_resource(), self.name)
    }

    /// The request as admission plugins see it.
    pub(crate) fn attributes<'b>(
        &'b self,
        operation: Operation,
        name: &'b str,
        object: Option<Box<dyn Object>>,
        old_object: Option<&'b dyn Object>,
    ) -> Attributes<'b> {
        Attributes {
            operation,
            kind: self.resource.group_kind(),
            resource: self.resource.group_resource(),
            subresource: self.subresource,
            namespace: self.namespace,
            name,
            user: self.user,
            dry_run: self.dry_run,
            object,
            old_object,
            audit_annotations: AuditAnnotations::default(),
            warnings: Warnings::default(),
            trace: self.trace,
        }
    }

    /// The object that admission worked on; what it warns of is told to the user.
    pub(crate) fn admitted(&self, attributes: Attributes<'_>) -> Result<Box<dyn Object>, Status> {
        self.warn(attributes.warnings.into_list());
        attributes
            .object
            .ok_or_else(|| Status::internal("admission lost the object"))
    }
}
