//! Definitions in groups of the Kubernetes community must be approved
//! (`k8s.io/apiextensions-apiserver/pkg/apihelpers`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::format::Format;

/// The annotation with the URL of the approval.
const ANNOTATION: &str = "api-approved.kubernetes.io";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Approval {
    Missing,
    Bypassed,
    Approved,
    Invalid,
}

fn approval(text: &str) -> Approval {
    let is_url = || {
        let host = text.split_once("://").map_or("", |(_, rest)| rest);
        Format::Uri.accepts(text) && !host.starts_with(['/', '?']) && !host.is_empty()
    };
    match text {
        "" => Approval::Missing,
        _ if text.starts_with("unapproved") => Approval::Bypassed,
        _ if is_url() => Approval::Approved,
        _ => Approval::Invalid,
    }
}

fn annotation(definition: &CustomResourceDefinition) -> &str {
    let annotations = definition.metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get(ANNOTATION))
        .map_or("", String::as_str)
}

pub(super) fn validate(
    new: &CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
    errors: &mut ErrorList,
) {
    let group = new.spec.group.as_str();
    let protected = ["k8s.io", "kubernetes.io"].iter().any(|domain| {
        group
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let state = approval(annotation(new));
    if !protected || old.is_some_and(|old| approval(annotation(old)) == state) {
        return;
    }
    let path = Path::new("metadata").child("annotations").key(ANNOTATION);
    let must = format!("protected groups must have approval annotation \"{ANNOTATION}\"");
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match state {
        Approval::Approved | Approval::Bypassed => {}
        Approval::Missing => errors.push(FieldError::required(&path, format!("{must}, {see}"))),
        Approval::Invalid => {
            let detail =
                format!("{must} with either a URL or a reason starting with \"unapproved\", {see}");
            errors.push(FieldError::invalid(&path, annotation(new), detail));
        }
    }
}
