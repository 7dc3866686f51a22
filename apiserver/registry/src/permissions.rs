//! Authorizers answer admission: the way between two crates that do not know each other.

use std::sync::Arc;

use portcullis_admission::lookup::{Deed, Names, Permissions};
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decision, ResourceTarget, Target};

/// Answers for admission who may do what.
pub struct AuthorizersPermissions(pub Arc<dyn Authorizer>);

impl Permissions for AuthorizersPermissions {
    fn allow(&self, user: &UserInfo, deed: &Deed<'_>) -> Option<String> {
        match self.0.authorize(&attributes(user, deed)) {
            Decision::Allow { reason } => Some(reason),
            Decision::Deny { .. } | Decision::NoOpinion { .. } => None,
        }
    }

    fn names(&self, user: &UserInfo, deed: &Deed<'_>) -> Names {
        let names = self.0.names(&attributes(user, deed));
        Box::new(move |name| names.contains(name))
    }
}

fn attributes<'a>(user: &'a UserInfo, deed: &Deed<'a>) -> Attributes<'a> {
    let target = ResourceTarget {
        group: deed.resource.group,
        resource: deed.resource.resource,
        subresource: deed.subresource,
        namespace: deed.namespace,
        name: deed.name,
    };
    Attributes {
        user,
        verb: deed.verb,
        target: Target::Resource(target),
    }
}
