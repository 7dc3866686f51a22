//! The valid parts of a webhook's response.
//!
//! Upstream: `VerifyAdmissionResponse` in `plugin/webhook/request/admissionreview.go`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_api::field_error::go_quote;
use serde::Deserialize;
use serde_json::Value;

use crate::hooks::review_version::ReviewVersion;

const KIND: &str = "AdmissionReview";
/// The only type of patch.
pub(super) const JSON_PATCH: &str = "JSONPatch";

/// A valid response.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Response {
    pub(super) is_allowed: bool,
    /// A `Status` that explains a denial.
    pub(super) status: Option<Value>,
    /// A patch; empty if the object is not to be changed.
    pub(super) patch: Vec<u8>,
    pub(super) patch_type: String,
    pub(super) warnings: Vec<String>,
    pub(super) audit_annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    kind: Option<String>,
    api_version: Option<String>,
    response: Option<Fields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    uid: Option<String>,
    allowed: Option<bool>,
    status: Option<Value>,
    patch: Option<String>,
    patch_type: Option<String>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

/// Reads the body of a response to the review of that version and uid.
///
/// # Errors
/// The reason of upstream's `ErrCallingWebhook`.
pub(super) fn read(
    body: &[u8],
    version: ReviewVersion,
    uid: &str,
    may_patch: bool,
) -> Result<Response, String> {
    let unreadable = |why: String| format!("failed to call webhook: {why}");
    let document: Value = serde_json::from_slice(body).map_err(|error| {
        unreadable(format!(
            "couldn't get version/kind; json parse error: {error}"
        ))
    })?;
    check_type(&document, version).map_err(unreadable)?;
    let review: Review =
        serde_json::from_value(document).map_err(|error| unreadable(error.to_string()))?;
    verify(review, version, uid, may_patch)
        .map_err(|why| format!("received invalid webhook response: {why}"))
}

/// Only a review can be decoded as one; missing type fields are checked later.
fn check_type(document: &Value, version: ReviewVersion) -> Result<(), String> {
    let text = |field| document.get(field).and_then(Value::as_str);
    let expected = version.api_version();
    let kind = text("kind").unwrap_or(KIND);
    let api_version = text("apiVersion").unwrap_or(expected);
    let known = [ReviewVersion::V1, ReviewVersion::V1Beta1].map(ReviewVersion::api_version);
    let short = |api_version: &str| api_version.rsplit('/').next().map(str::to_owned);
    match (kind, api_version) {
        (KIND, said) if said == expected => Ok(()),
        (KIND, said) if known.contains(&said) => Err(format!(
            "converting ({}.{KIND}) to ({}.{KIND}): unknown conversion",
            short(said).unwrap_or_default(),
            short(expected).unwrap_or_default(),
        )),
        (kind, said) => Err(format!(
            "no kind {kind:?} is registered for version {said:?} in scheme \"pkg/runtime/scheme.go:100\""
        )),
    }
}

fn verify(
    review: Review,
    version: ReviewVersion,
    uid: &str,
    may_patch: bool,
) -> Result<Response, String> {
    let fields = review.response.ok_or("webhook response was absent")?;
    let patch = STANDARD.decode(fields.patch.unwrap_or_default());
    let mut patch = patch.map_err(|error| format!("illegal base64 data in the patch: {error}"))?;
    let has_type = fields.patch_type.is_some();
    let mut patch_type = fields.patch_type.unwrap_or_default();
    match version {
        ReviewVersion::V1 => {
            let said = fields.uid.unwrap_or_default();
            if said != uid {
                let (uid, said) = (go_quote(uid), go_quote(&said));
                return Err(format!("expected response.uid={uid}, got {said}"));
            }
            check_named(
                review.kind.as_deref(),
                review.api_version.as_deref(),
                version,
            )?;
            check_patch(&patch, has_type.then_some(&*patch_type), may_patch)?;
        }
        // upstream never checked these
        ReviewVersion::V1Beta1 => {
            JSON_PATCH.clone_into(&mut patch_type);
            if !may_patch {
                patch.clear();
            }
        }
    }
    Ok(Response {
        is_allowed: fields.allowed.unwrap_or_default(),
        status: fields.status.filter(|status| !status.is_null()),
        patch,
        patch_type,
        warnings: fields.warnings.unwrap_or_default(),
        audit_annotations: fields.audit_annotations.unwrap_or_default(),
    })
}

/// A review must have its kind and version.
fn check_named(
    kind: Option<&str>,
    api_version: Option<&str>,
    version: ReviewVersion,
) -> Result<(), String> {
    if let (Some(_), Some(_)) = (kind, api_version) {
        return Ok(());
    }
    let said = api_version.unwrap_or_default();
    let slash = if said.is_empty() { "/" } else { "" };
    Err(format!(
        "expected webhook response of {}, Kind={KIND}, got {slash}{said}, Kind={}",
        version.api_version(),
        kind.unwrap_or_default()
    ))
}

fn check_patch(patch: &[u8], patch_type: Option<&str>, may_patch: bool) -> Result<(), String> {
    let wrong = match (patch.is_empty(), patch_type) {
        (false, _) if !may_patch => "validating webhook may not return response.patch",
        (_, Some(_)) if !may_patch => "validating webhook may not return response.patchType",
        (false, None) => "webhook returned response.patch but not response.patchType",
        (true, Some(_)) => "webhook returned response.patchType but not response.patch",
        (false, Some("")) => "webhook returned invalid response.patchType of \"\"",
        (false, Some(_)) | (true, None) => return Ok(()),
    };
    Err(wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn v1(change: &Value, may_patch: bool) -> Result<Response, String> {
        let mut review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "response": {"uid": "u", "allowed": true}});
        json_patch(&mut review, change);
        let body = review.to_string();
        read(body.as_bytes(), ReviewVersion::V1, "u", may_patch)
    }

    /// The part of RFC 7386 that the tests use.
    fn json_patch(target: &mut Value, change: &Value) {
        match change {
            Value::Object(fields) => {
                for (name, value) in fields {
                    json_patch(&mut target[name.as_str()], value);
                }
            }
            value => *target = value.clone(),
        }
    }

    #[test]
    fn a_valid_response_is_read() {
        let response = v1(
            &json!({"response": {"patch": "W10=", "patchType": "JSONPatch", "warnings": ["w"],
                "auditAnnotations": {"k": "v"}, "status": {"code": 7}}}),
            true,
        )
        .unwrap();
        assert_eq!(response.patch, b"[]");
        assert!(response.is_allowed);
        assert_eq!(response.warnings, ["w"]);
        assert_eq!(response.audit_annotations["k"], "v");
        assert_eq!(response.status, Some(json!({"code": 7})));
    }

    #[test]
    fn an_invalid_response_is_rejected_with_upstreams_texts() {
        let invalid = "received invalid webhook response: ";
        for (change, may_patch, expected) in [
            (
                json!({"response": null}),
                true,
                "webhook response was absent",
            ),
            (
                json!({"response": {"uid": "x"}}),
                true,
                "expected response.uid=\"u\", got \"x\"",
            ),
            (
                json!({"response": {"uid": null}}),
                true,
                "expected response.uid=\"u\", got \"\"",
            ),
            (
                json!({"kind": null, "apiVersion": null}),
                true,
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=",
            ),
            (
                json!({"response": {"patch": "W10="}}),
                true,
                "webhook returned response.patch but not response.patchType",
            ),
            (
                json!({"response": {"patchType": "JSONPatch"}}),
                true,
                "webhook returned response.patchType but not response.patch",
            ),
            (
                json!({"response": {"patch": "W10=", "patchType": ""}}),
                true,
                "webhook returned invalid response.patchType of \"\"",
            ),
            (
                json!({"response": {"patch": "W10=", "patchType": "JSONPatch"}}),
                false,
                "validating webhook may not return response.patch",
            ),
            (
                json!({"response": {"patchType": "JSONPatch"}}),
                false,
                "validating webhook may not return response.patchType",
            ),
        ] {
            let error = v1(&change, may_patch).unwrap_err();
            assert_eq!(error, format!("{invalid}{expected}"), "{change}");
        }
    }

    #[test]
    fn other_documents_cannot_be_decoded_as_a_review() {
        for (change, expected) in [
            (
                json!({"apiVersion": "admission.k8s.io/v1beta1"}),
                "failed to call webhook: converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod"}),
                "failed to call webhook: no kind \"Pod\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:100\"",
            ),
        ] {
            assert_eq!(v1(&change, true).unwrap_err(), expected);
        }
        let error = read(b"<html>", ReviewVersion::V1, "u", true).unwrap_err();
        assert!(error.contains("json parse error"), "{error}");
        assert!(v1(&json!({"response": {"allowed": "yes"}}), true).is_err());
    }

    #[test]
    fn the_old_version_is_not_checked_further() {
        let body = br#"{"response": {"allowed": true, "patch": "W10="}}"#;
        let read = |may_patch| read(body, ReviewVersion::V1Beta1, "u", may_patch).unwrap();
        assert_eq!(read(true).patch, b"[]");
        assert!(read(false).patch.is_empty());
    }
}
