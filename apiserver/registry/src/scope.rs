//! The target of an operation.

use portcullis_admission::attributes::Warnings;
use portcullis_admission::options::Deletion;
use portcullis_admission::{
    Attributes, AuditAnnotations, Operation, Reinvocation, RequestOptions, Trace,
};
use portcullis_api::{GroupResource, Object, ObjectType, Status, UserInfo};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;

use crate::conversion::Conversions;
use crate::warnings::WarningList;

/// The object or collection of an operation, and its user.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The row of its kind.
    pub resource: &'a Resource,
    /// The client's version; empty for the stored one.
    pub api_version: &'a str,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub namespace: &'a str,
    /// The object's name; empty for collections.
    pub name: &'a str,
    /// The user.
    pub user: &'a UserInfo,
    /// Whether to stop before the store.
    pub dry_run: bool,
    /// The options that the client sends beside the object.
    pub options: RequestOptions<'a>,
    /// Whether the request is about a collection, and this scope about one of its objects.
    pub in_collection: bool,
    /// The type of an object posted to a subresource, if it is not the resource's.
    pub body: Option<&'static ObjectType>,
    /// Whether admission has allowed the request as a whole, so that it is not run for each write.
    pub is_admitted: bool,
    /// The conversions of custom objects, for webhooks that support one version only.
    pub conversions: Option<&'a Conversions>,
    /// Collects the user's warnings.
    pub warnings: Option<&'a WarningList>,
    /// Collects admission's annotations for the audit log, if the request is audited.
    pub annotations: Option<&'a AuditAnnotations>,
    /// Collects admission's steps for an explanation.
    pub trace: Option<&'a Trace>,
}

/// The location of an object.
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
    /// All objects of a resource.
    pub const fn all(resource: &'a Resource, user: &'a UserInfo) -> Self {
        Self {
            resource,
            api_version: "",
            subresource: "",
            namespace: "",
            name: "",
            user,
            dry_run: false,
            options: RequestOptions {
                field_manager: "",
                field_validation: "",
                deletion: Deletion::NONE,
            },
            in_collection: false,
            body: None,
            is_admitted: false,
            conversions: None,
            warnings: None,
            annotations: None,
            trace: None,
        }
    }

    /// The scope of another object of the resource.
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

    /// The scope of the same object in another resource and version, such as the object behind a scale.
    #[must_use]
    pub const fn of(self, resource: &'a Resource, api_version: &'a str) -> Self {
        Scope {
            resource,
            api_version,
            ..self
        }
    }

    /// Adds warnings for the user.
    pub fn warn(&self, sentences: impl IntoIterator<Item = String>) {
        if let Some(warnings) = self.warnings {
            warnings.add(sentences);
        }
    }

    /// The resource as errors name it: by the group that the client uses, of several that serve it.
    pub fn group_resource(&self) -> GroupResource<'_> {
        let resource = self.resource.group_resource();
        match self.api_version.split_once('/') {
            Some((group, _)) => GroupResource { group, ..resource },
            None => resource,
        }
    }

    pub(crate) fn not_found(&self) -> Status {
        Status::not_found(self.group_resource(), self.name)
    }

    /// The request's attributes for admission plugins.
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
            in_collection: self.in_collection,
            options: self.options,
            versions: Some(self),
            reinvocation: Reinvocation::default(),
            object,
            old_object,
            audit_annotations: self
                .annotations
                .cloned()
                .unwrap_or(AuditAnnotations::discarded()),
            warnings: Warnings::default(),
            trace: self.trace,
        }
    }

    /// The object after admission.
    pub(crate) fn admitted(attributes: Attributes<'_>) -> Result<Box<dyn Object>, Status> {
        attributes
            .object
            .ok_or_else(|| Status::internal("admission lost the object"))
    }
}
