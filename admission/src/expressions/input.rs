//! The variables of expressions over a request.

use std::fmt;
use std::sync::Arc;

use portcullis_api::{GroupResource, UserInfo};
use portcullis_cel::{Activation, Attributes, Authorizer, Decision};
use serde_json::Value;

use crate::permissions::{Permission, Permissions};

/// The values of variables. It is cheap to copy, as each evaluation of a policy has its own, which may move to
/// another thread if it takes long.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) object: Arc<Value>,
    /// What no evaluation changes.
    pub(crate) constant: Arc<Constant>,
    /// The namespace of the object, or null.
    pub(crate) namespace: Option<Arc<Value>>,
    /// The parameters of a policy, or null.
    pub(crate) params: Option<Arc<Value>>,
}

/// The variables that are the same in all evaluations for a request in one version.
pub(crate) struct Constant {
    pub(crate) old_object: Value,
    /// The request of the review, without its objects.
    pub(crate) request: Value,
    pub(crate) caller: Arc<Caller>,
}

/// The user of the request, and the user's permissions.
pub(crate) struct Caller {
    pub(crate) permissions: Arc<dyn Permissions>,
    pub(crate) user: UserInfo,
    /// The attributes of `authorizer.requestResource`.
    pub(crate) resource: Attributes,
}

impl Input {
    /// The variables that all expressions have, in the order of [`Environment::of_request`].
    ///
    /// [`Environment::of_request`]: portcullis_cel::Environment::of_request
    pub(crate) fn activation(&self) -> Activation<'_> {
        Activation::new()
            .with("object", &self.object)
            .with("oldObject", &self.constant.old_object)
            .with("namespaceObject", or_null(self.namespace.as_deref()))
            .with("request", &self.constant.request)
            .with("params", self.params())
    }

    /// The parameters of the policy, or null.
    pub(crate) fn params(&self) -> &Value {
        or_null(self.params.as_deref())
    }

    /// The same variables, and `authorizer`.
    pub(crate) fn with_authorizer(&self) -> Activation<'_> {
        let caller = &*self.constant.caller;
        self.activation().with_authorizer(caller, &caller.resource)
    }
}

/// A variable that may have no value.
pub(crate) fn or_null(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.user).finish()
    }
}

impl Authorizer for Caller {
    /// Answers `authorizer` for the user of the request.
    fn authorize(&self, attributes: &Attributes) -> Decision {
        let account = attributes.service_account.as_ref();
        let account = account.map(|(namespace, name)| UserInfo::service_account(namespace, name));
        let user = account.as_ref().unwrap_or(&self.user);
        let reason = match &attributes.path {
            Some(path) => self.permissions.allow_path(user, &attributes.verb, path),
            None => {
                let permission = Permission {
                    verb: &attributes.verb,
                    resource: GroupResource {
                        group: &attributes.group,
                        resource: &attributes.resource,
                    },
                    subresource: &attributes.subresource,
                    namespace: &attributes.namespace,
                    name: &attributes.name,
                };
                self.permissions.allow(user, &permission)
            }
        };
        Decision {
            allowed: reason.is_some(),
            reason: reason.unwrap_or_default(),
            error: None,
        }
    }
}
