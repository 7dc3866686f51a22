//! The request as webhooks and policies get it.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_api::{GroupVersion, UserInfo};
use portcullis_cel::Attributes as Access;
use serde::Serialize;
use serde_json::Value;

use crate::Attributes;
use crate::expressions::input::Caller;
use crate::options::Encoded;
use crate::permissions::Permissions;
use crate::versions::Served;

/// `AdmissionRequest` up to its objects, in upstream's order of fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head<'a> {
    uid: &'a str,
    kind: Kind<'a>,
    resource: Resource<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    sub_resource: &'a str,
    request_kind: Kind<'a>,
    request_resource: Resource<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_sub_resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    operation: &'static str,
    user_info: User<'a>,
}

/// The rest of it, after the objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tail<'a> {
    dry_run: bool,
    options: Option<Encoded<'a>>,
}

#[derive(Serialize)]
struct Kind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    group: &'a str,
    version: &'a str,
    resource: &'a str,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: &'a BTreeMap<String, Vec<String>>,
}

/// The subject of a review: a request, and the version of its resource that a webhook is sent.
#[derive(Clone, Copy)]
pub(crate) struct Reviewed<'a> {
    pub(crate) attributes: &'a Attributes<'a>,
    pub(crate) requested: Served<'a>,
    pub(crate) sent: Served<'a>,
}

impl<'a> Reviewed<'a> {
    /// The request for expressions: without its objects, which are variables of their own.
    pub(crate) fn without_objects(&self) -> Value {
        let value = |part: Result<Value, _>| part.unwrap_or_default();
        let mut request = value(serde_json::to_value(self.head("")));
        let tail = value(serde_json::to_value(self.tail()));
        if let (Value::Object(fields), Value::Object(more)) = (&mut request, tail) {
            fields.extend(more);
            fields.remove("uid");
        }
        request
    }

    /// The request up to its objects; for expressions without a `uid`.
    pub(crate) fn head<'h>(&self, uid: &'h str) -> Head<'h>
    where
        'a: 'h,
    {
        let attributes = self.attributes;
        Head {
            uid,
            kind: kind(self.sent),
            resource: resource(self.sent),
            sub_resource: attributes.subresource,
            request_kind: kind(self.requested),
            request_resource: resource(self.requested),
            request_sub_resource: attributes.subresource,
            name: if attributes.in_collection {
                ""
            } else {
                attributes.name
            },
            namespace: attributes.namespace_or_itself(),
            operation: attributes.operation.as_str(),
            user_info: user(attributes.user),
        }
    }

    /// The part after the objects.
    pub(crate) fn tail(&self) -> Tail<'a> {
        let Attributes {
            operation, dry_run, ..
        } = *self.attributes;
        Tail {
            dry_run,
            options: self.attributes.options.encoded(operation, dry_run),
        }
    }
}

fn kind(served: Served<'_>) -> Kind<'_> {
    let GroupVersion { group, version } = served.kind_version;
    Kind {
        group,
        version,
        kind: served.kind,
    }
}

fn resource(served: Served<'_>) -> Resource<'_> {
    let GroupVersion { group, version } = served.group_version;
    Resource {
        group,
        version,
        resource: served.resource,
    }
}

fn user(user: &UserInfo) -> User<'_> {
    User {
        username: &user.name,
        uid: &user.uid,
        groups: &user.groups,
        extra: &user.extra,
    }
}

/// The user of a request, for expressions that check the user's permissions.
pub(crate) fn caller(attributes: &Attributes<'_>, permissions: &Arc<dyn Permissions>) -> Caller {
    Caller {
        permissions: Arc::clone(permissions),
        user: attributes.user.clone(),
        resource: Access {
            group: attributes.resource.group.to_owned(),
            resource: attributes.resource.resource.to_owned(),
            subresource: attributes.subresource.to_owned(),
            namespace: attributes.namespace.to_owned(),
            name: attributes.name.to_owned(),
            ..Access::default()
        },
    }
}
