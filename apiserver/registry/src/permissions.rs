//! Permissions for admission plugins, from the authorizers: the link between two independent crates.

use std::sync::Arc;

use portcullis_admission::permissions::{Names, Permission, Permissions};
use portcullis_api::{GroupResource, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, Decision, ResourceTarget, Target};

/// Checks permissions for admission.
pub struct AuthorizersPermissions(pub Arc<dyn Authorizer>);

impl Permissions for AuthorizersPermissions {
    fn allow(&self, user: &UserInfo, permission: &Permission<'_>) -> Option<String> {
        reason(self.0.authorize(&attributes(user, permission)))
    }

    fn allow_path(&self, user: &UserInfo, verb: &str, path: &str) -> Option<String> {
        let target = Target::Path(path);
        reason(self.0.authorize(&Attributes { user, verb, target }))
    }

    fn names(&self, user: &UserInfo, permission: &Permission<'_>) -> Names {
        if self.0.lists_names() {
            let names = self.0.names(&attributes(user, permission));
            return Box::new(move |name| names.contains(name));
        }
        let (authorizer, template) = (self.0.clone(), PermissionTemplate::new(user, permission));
        Box::new(move |name| template.is_allowed(authorizer.as_ref(), name))
    }
}

/// A permission without a name, which is checked name by name because the names cannot be listed.
struct PermissionTemplate {
    user: UserInfo,
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
}

impl PermissionTemplate {
    fn new(user: &UserInfo, permission: &Permission<'_>) -> Self {
        Self {
            user: user.clone(),
            verb: permission.verb.to_owned(),
            group: permission.resource.group.to_owned(),
            resource: permission.resource.resource.to_owned(),
            subresource: permission.subresource.to_owned(),
            namespace: permission.namespace.to_owned(),
        }
    }

    fn is_allowed(&self, authorizer: &dyn Authorizer, name: &str) -> bool {
        let permission = Permission {
            verb: &self.verb,
            resource: GroupResource {
                group: &self.group,
                resource: &self.resource,
            },
            subresource: &self.subresource,
            namespace: &self.namespace,
            name,
        };
        let attributes = attributes(&self.user, &permission);
        authorizer.authorize(&attributes).is_allowed()
    }
}

fn reason(decision: Decision) -> Option<String> {
    match decision {
        Decision::Allow { reason } => Some(reason),
        Decision::Deny { .. } | Decision::NoOpinion { .. } => None,
    }
}

fn attributes<'a>(user: &'a UserInfo, permission: &Permission<'a>) -> Attributes<'a> {
    let target = ResourceTarget {
        group: permission.resource.group,
        resource: permission.resource.resource,
        subresource: permission.subresource,
        namespace: permission.namespace,
        name: permission.name,
        ..ResourceTarget::default()
    };
    Attributes {
        user,
        verb: permission.verb,
        target: Target::Resource(target),
    }
}
