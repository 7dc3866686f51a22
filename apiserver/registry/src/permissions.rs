//! Authorizers answer admission: the way between two crates that do not know each other.

use std::sync::Arc;

use portcullis_admission::permissions::{Names, Permission, Permissions};
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decision, ResourceTarget, Target};

/// Answers for admission who may do what.
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
        let names = self.0.names(&attributes(user, permission));
        Box::new(move |name| names.contains(name))
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
    };
    Attributes {
        user,
        verb: permission.verb,
        target: Target::Resource(target),
    }
}
