//! `AdmissionReview`: the request to a webhook.

use bytes::Bytes;

use crate::hooks::review_version::ReviewVersion;
use crate::matching::documents::Documents;
use crate::matching::request::Reviewed;

/// The review as JSON. The objects are encoded already.
pub(super) fn encode(
    reviewed: &Reviewed<'_>,
    version: ReviewVersion,
    uid: &str,
    objects: &Documents,
) -> Bytes {
    let object = objects.object.as_deref().unwrap_or(b"null");
    let old_object = objects.old_object.as_deref().unwrap_or(b"null");
    // neither can fail: all keys are text
    let head = serde_json::to_vec(&reviewed.head(uid)).unwrap_or_default();
    let tail = serde_json::to_vec(&reviewed.tail()).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portcullis_api::{GroupKind, GroupResource, GroupVersion, UserInfo};

    use super::*;
    use crate::Attributes;
    use crate::options::{Deletion, RequestOptions};
    use crate::versions::Served;
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
        let review = encode(&reviewed, ReviewVersion::V1, "id", &documents);
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
