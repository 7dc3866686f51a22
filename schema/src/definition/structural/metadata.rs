//! Validates the schema of kind, version and metadata.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::definition::{is, text};

pub(super) fn validate(
    props: &JSONSchemaProps,
    is_root: bool,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(properties) = &props.properties else {
        return;
    };
    let is_object = is_root || is(props.x_kubernetes_embedded_resource);
    let at = path.child("properties");
    for name in ["kind", "apiVersion"] {
        let Some(kind) = properties.get(name).map(|p| text(p.type_.as_ref())) else {
            continue;
        };
        if is_object && kind != "string" {
            let path = at.key(name).child("type");
            errors.push(FieldError::invalid(&path, kind, "must be string"));
        }
    }
    let Some(metadata) = properties.get("metadata") else {
        return;
    };
    let at = at.key("metadata");
    let kind = text(metadata.type_.as_ref());
    if is_object && kind != "object" {
        errors.push(FieldError::invalid(
            &at.child("type"),
            kind,
            "must be object",
        ));
    }
    if is_root && !restricts_names_only(metadata) {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(&at, detail));
    }
}

/// Whether it specifies only the type, a default, and constraints of names.
fn restricts_names_only(metadata: &JSONSchemaProps) -> bool {
    let mut rest = metadata.clone();
    let known = |name: &String| matches!(name.as_str(), "name" | "generateName");
    if rest
        .properties
        .as_ref()
        .is_some_and(|p| p.keys().all(known))
    {
        rest.properties = None;
    }
    rest.type_ = None;
    rest.default = None;
    rest == JSONSchemaProps::default()
}
