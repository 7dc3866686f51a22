//! Reviews of access: answered, never stored (upstream:
//! `pkg/apis/authorization/validation/validation.go`).

use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview,
    SelfSubjectRulesReview, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::Strategy;
use crate::validation::{list, text};

/// The rules of reviews of the caller's access.
pub struct SelfSubjectAccessReviewStrategy;

impl Strategy for SelfSubjectAccessReviewStrategy {
    type Kind = SelfSubjectAccessReview;

    fn validate(&self, review: &SelfSubjectAccessReview) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_attributes(
            review.spec.resource_attributes.as_ref(),
            review.spec.non_resource_attributes.as_ref(),
            &mut errors,
        );
        validate_metadata(&review.metadata, "must be empty", &mut errors);
        errors
    }
}

/// The rules of reviews of a user's access.
pub struct SubjectAccessReviewStrategy;

impl Strategy for SubjectAccessReviewStrategy {
    type Kind = SubjectAccessReview;

    fn validate(&self, review: &SubjectAccessReview) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&review.spec, &mut errors);
        validate_metadata(&review.metadata, "must be empty", &mut errors);
        errors
    }
}

/// The rules of reviews of a user's access in one namespace.
pub struct LocalSubjectAccessReviewStrategy;

impl Strategy for LocalSubjectAccessReviewStrategy {
    type Kind = LocalSubjectAccessReview;

    fn validate(&self, review: &LocalSubjectAccessReview) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&review.spec, &mut errors);
        let metadata = ObjectMeta {
            namespace: None,
            ..review.metadata.clone()
        };
        validate_metadata(&metadata, "must be empty except for namespace", &mut errors);
        if let Some(attributes) = &review.spec.resource_attributes {
            let namespace = text(attributes.namespace.as_ref());
            if namespace != text(review.metadata.namespace.as_ref()) {
                errors.push(FieldError::invalid(
                    &Path::new("spec.resourceAttributes.namespace"),
                    namespace,
                    "must match metadata.namespace",
                ));
            }
        }
        if let Some(attributes) = &review.spec.non_resource_attributes {
            errors.push(FieldError::invalid(
                &Path::new("spec.nonResourceAttributes"),
                go_attributes(attributes),
                "disallowed on this kind of request",
            ));
        }
        errors
    }
}

/// The rules of reviews of all that the caller may do.
pub struct SelfSubjectRulesReviewStrategy;

impl Strategy for SelfSubjectRulesReviewStrategy {
    type Kind = SelfSubjectRulesReview;
}

fn validate_spec(spec: &SubjectAccessReviewSpec, errors: &mut ErrorList) {
    validate_attributes(
        spec.resource_attributes.as_ref(),
        spec.non_resource_attributes.as_ref(),
        errors,
    );
    let user = text(spec.user.as_ref());
    if user.is_empty() && list(spec.groups.as_ref()).is_empty() {
        errors.push(FieldError::invalid(
            &Path::new("spec").child("user"),
            user,
            "at least one of user or group must be specified",
        ));
    }
}

/// A review is for a resource or for a URL.
fn validate_attributes(
    resource: Option<&ResourceAttributes>,
    url: Option<&NonResourceAttributes>,
    errors: &mut ErrorList,
) {
    let path = Path::new("spec");
    match (resource, url) {
        (Some(_), Some(url)) => errors.push(FieldError::invalid(
            &path.child("nonResourceAttributes"),
            go_attributes(url),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => errors.push(FieldError::invalid(
            &path.child("resourceAttributes"),
            BadValue::null(),
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
}

fn go_attributes(attributes: &NonResourceAttributes) -> BadValue {
    BadValue::go(format!(
        "authorization.NonResourceAttributes{{Path:{:?}, Verb:{:?}}}",
        text(attributes.path.as_ref()),
        text(attributes.verb.as_ref())
    ))
}

fn validate_metadata(metadata: &ObjectMeta, detail: &str, errors: &mut ErrorList) {
    let empty = ObjectMeta {
        // the server's own record of field managers
        managed_fields: metadata.managed_fields.clone(),
        ..ObjectMeta::default()
    };
    if *metadata != empty {
        let name = text(metadata.name.as_ref());
        errors.push(FieldError::invalid(&Path::new("metadata"), name, detail));
    }
}

#[cfg(test)]
mod tests;
