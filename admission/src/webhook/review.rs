//! `AdmissionReview`: what a webhook is sent.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go`.

use std::collections::BTreeMap;

use bytes::Bytes;
use portcullis_api::{GroupVersion, UserInfo};
use serde::Serialize;
use serde_json::Value;

use super::documents::Documents;
use crate::Attributes;
use crate::hooks::review_version::ReviewVersion;
use crate::options::Encoded;
use crate::versions::Served;

/// `AdmissionRequest` up to its objects, in upstream's order of fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
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

/// The rest of it, behind the objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tail<'a> {
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
pub(super) struct Reviewed<'a> {
    pub(super) attributes: &'a Attributes<'a>,
    pub(super) requested: Served<'a>,
    pub(super) sent: Served<'a>,
}

impl<'a> Reviewed<'a> {
    /// The review as JSON. The objects are encoded already.
    pub(super) fn encode(&self, version: ReviewVersion, uid: &str, objects: &Documents) -> Bytes {
        let object = objects.object.as_deref().unwrap_or(b"null");
        let old_object = objects.old_object.as_deref().unwrap_or(b"null");
        // neither can fail: all keys are text
        let head = serde_json::to_vec(&self.head(uid)).unwrap_or_default();
        let tail = serde_json::to_vec(&self.tail()).unwrap_or_default();
        let parts: [&[u8]; 11] = [
            b"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"",
            version.api_version().as_bytes(),
            b"\",\"request\":",
            head.strip_suffix(b"}").unwrap_or(&head),
            b",\"object\":",
            object,
            b",\"oldObject\":",
            old_object,
            b",",
            tail.strip_prefix(b"{").unwrap_or(&tail),
            b"}",
        ];
        parts.concat().into()
    }

    /// The request as match conditions see it: without its objects, which are variables.
    pub(super) fn without_objects(&self) -> Value {
        let value = |part: Result<Value, _>| part.unwrap_or_default();
        let mut request = value(serde_json::to_value(self.head("")));
        let tail = value(serde_json::to_value(self.tail()));
        if let (Value::Object(fields), Value::Object(more)) = (&mut request, tail) {
            fields.extend(more);
            fields.remove("uid");
        }
        request
    }

    fn head<'h>(&self, uid: &'h str) -> Head<'h>
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

    fn tail(&self) -> Tail<'a> {
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

#[cfg(test)]
mod tests {
    use portcullis_api::{GroupKind, GroupResource};

    use super::*;
    use crate::options::{Deletion, RequestOptions};
    use crate::{AuditAnnotations, Operation, Reinvocation, Warnings};

    const V1: GroupVersion<'_> = GroupVersion {
        group: "apps",
        version: "v1",
    };
    const V2: GroupVersion<'_> = GroupVersion {
        version: "v2",
        ..V1
    };

    fn attributes<'a>(user: &'a UserInfo, resource: &'a str) -> Attributes<'a> {
        Attributes {
            operation: Operation::Delete,
            kind: GroupKind {
                group: "apps",
                kind: "Deployment",
            },
            resource: GroupResource {
                group: if resource == "namespaces" { "" } else { "apps" },
                resource,
            },
            subresource: "",
            namespace: if resource == "namespaces" { "" } else { "n" },
            name: "d",
            user,
            dry_run: true,
            in_collection: false,
            options: RequestOptions {
                deletion: Deletion {
                    grace_period: Some(0),
                    uid: Some("u"),
                    resource_version: None,
                    propagation: Some("Orphan"),
                },
                ..RequestOptions::default()
            },
            versions: None,
            reinvocation: Reinvocation::default(),
            object: None,
            old_object: None,
            audit_annotations: AuditAnnotations::default(),
            warnings: Warnings::default(),
            trace: None,
        }
    }

    fn served(version: GroupVersion<'static>) -> Served<'static> {
        Served {
            group_version: version,
            resource: "deployments",
            kind_version: version,
            kind: "Deployment",
        }
    }

    #[test]
    fn a_review_is_encoded_as_upstream_does() {
        let user = UserInfo {
            name: "alice".to_owned(),
            uid: String::new(),
            groups: vec!["g".to_owned()],
            extra: BTreeMap::from([("k".to_owned(), vec!["v".to_owned()])]),
        };
        let attributes = attributes(&user, "deployments");
        let reviewed = Reviewed {
            attributes: &attributes,
            requested: served(V2),
            sent: served(V1),
        };
        let documents = Documents {
            object: None,
            old_object: Some(Bytes::from_static(b"{\"a\":1}")),
        };
        let review = reviewed.encode(ReviewVersion::V1, "id", &documents);
        let expected = concat!(
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"id","#,
            r#""kind":{"group":"apps","version":"v1","kind":"Deployment"},"#,
            r#""resource":{"group":"apps","version":"v1","resource":"deployments"},"#,
            r#""requestKind":{"group":"apps","version":"v2","kind":"Deployment"},"#,
            r#""requestResource":{"group":"apps","version":"v2","resource":"deployments"},"#,
            r#""name":"d","namespace":"n","operation":"DELETE","#,
            r#""userInfo":{"username":"alice","groups":["g"],"extra":{"k":["v"]}},"#,
            r#""object":null,"oldObject":{"a":1},"dryRun":true,"#,
            r#""options":{"kind":"DeleteOptions","apiVersion":"meta.k8s.io/v1","#,
            r#""gracePeriodSeconds":0,"preconditions":{"uid":"u"},"propagationPolicy":"Orphan","#,
            r#""dryRun":["All"]}}}"#,
        );
        assert_eq!(String::from_utf8_lossy(&review), expected);
        let request = reviewed.without_objects();
        assert_eq!(request["options"]["kind"], "DeleteOptions");
        assert_eq!((request.get("uid"), request.get("object")), (None, None));
    }

    #[test]
    fn a_namespace_is_in_itself_and_an_object_of_a_collection_has_no_name() {
        let user = UserInfo::default();
        let mut attributes = attributes(&user, "namespaces");
        attributes.in_collection = true;
        let reviewed = Reviewed {
            attributes: &attributes,
            requested: served(V1),
            sent: served(V1),
        };
        let request = reviewed.without_objects();
        assert_eq!(request["namespace"], "d");
        assert_eq!(request.get("name"), None);
    }
}
