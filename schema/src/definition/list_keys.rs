//! Validates list types, and the keys that identify items.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::old_definition::OldDefinition;
use super::{go_strings, is, list, parts, text};

const LIST_TYPE: &str = "x-kubernetes-list-type";
const KEYS: &str = "x-kubernetes-list-map-keys";

pub(super) fn validate(
    props: &JSONSchemaProps,
    old_definition: &OldDefinition,
    path: &Path,
    errors: &mut ErrorList,
) {
    let list_type = props.x_kubernetes_list_type.as_deref();
    let kind = text(props.type_.as_ref());
    if let Some(list_type) = list_type {
        if !require_type(kind, "array", LIST_TYPE, path, errors)
            && !old_definition.non_atomic_set_items
        {
            validate_set(props, path, errors);
        }
        if !matches!(list_type, "atomic" | "set" | "map") {
            let path = path.child(LIST_TYPE);
            errors.push(FieldError::not_supported(
                &path,
                list_type,
                &["atomic", "set", "map"],
            ));
        }
    }
    if !list(props.x_kubernetes_list_map_keys.as_ref()).is_empty() {
        let path = path.child(LIST_TYPE);
        let detail = format!("must be map if {KEYS} is non-empty");
        match list_type {
            None => errors.push(FieldError::required(&path, detail)),
            Some("map") => {}
            Some(other) => errors.push(FieldError::invalid(&path, other, detail)),
        }
    }
    if list_type == Some("map") {
        validate_map(props, path, errors);
    }
    if !old_definition.optional_keys {
        validate_keys(props, path, errors);
    }
}

/// Reports a type that is missing or not the one that an extension requires.
pub(super) fn require_type(
    kind: &str,
    wanted: &str,
    extension: &str,
    path: &Path,
    errors: &mut ErrorList,
) -> bool {
    let path = path.child("type");
    let detail = format!("must be {wanted} if {extension} is specified");
    match kind {
        kind if kind == wanted => return false,
        "" => errors.push(FieldError::required(&path, detail)),
        _ => errors.push(FieldError::invalid(&path, kind, detail)),
    }
    true
}

/// The extension that the items of a set must set to `atomic`, and its value, if they do not.
pub(super) fn non_atomic_items(props: &JSONSchemaProps) -> Option<(&'static str, Option<&str>)> {
    let items = parts(props)
        .items
        .filter(|_| props.x_kubernetes_list_type.as_deref() == Some("set"))?;
    let list_type = items.x_kubernetes_list_type.as_deref();
    match text(items.type_.as_ref()) {
        "array" => list_type
            .filter(|t| *t != "atomic")
            .map(|t| (LIST_TYPE, Some(t))),
        // as upstream, the list type is reported even here
        "object" if items.x_kubernetes_map_type.as_deref() != Some("atomic") => {
            Some(("x-kubernetes-map-type", list_type))
        }
        _ => None,
    }
}

fn validate_set(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    if let Some((extension, value)) = non_atomic_items(props) {
        let path = path.child("items").child(extension);
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let value = value.map_or_else(BadValue::null, BadValue::from);
        errors.push(FieldError::invalid(&path, value, detail));
    }
}

fn validate_map(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    let keys = list(props.x_kubernetes_list_map_keys.as_ref());
    if keys.is_empty() {
        let detail = format!("must not be empty if {LIST_TYPE} is map");
        errors.push(FieldError::required(&path.child(KEYS), detail));
    }
    let items = match &props.items {
        None => {
            let detail = format!("must have a schema if {LIST_TYPE} is map");
            errors.push(FieldError::required(&path.child("items"), detail));
            return;
        }
        Some(JSONSchemaPropsOrArray::Schemas(_)) => {
            let detail = format!("must only have a single schema if {LIST_TYPE} is map");
            errors.push(FieldError::invalid(
                &path.child("items"),
                BadValue::go("[]"),
                detail,
            ));
            return;
        }
        Some(JSONSchemaPropsOrArray::Schema(items)) => items,
    };
    let kind = text(items.type_.as_ref());
    if kind != "object" {
        let path = path.child("items").child("type");
        let detail = format!("must be object if parent array's {LIST_TYPE} is map");
        errors.push(FieldError::invalid(&path, kind, detail));
        return;
    }
    let mut seen = HashSet::new();
    for key in keys {
        let property = items.properties.as_ref().and_then(|p| p.get(key));
        match property.map(|p| text(p.type_.as_ref())) {
            None => {
                let detail = "entries must all be names of item properties";
                errors.push(FieldError::invalid(
                    &path.child(KEYS),
                    go_strings(keys),
                    detail,
                ));
            }
            Some("array" | "object") => {
                let path = path
                    .child("items")
                    .child("properties")
                    .key(key)
                    .child("type");
                let detail = format!("must be a scalar type if parent array's {LIST_TYPE} is map");
                errors.push(FieldError::invalid(&path, kind, detail));
            }
            Some(_) => {}
        }
        if !seen.insert(key) {
            let detail = "must not contain duplicate entries";
            errors.push(FieldError::invalid(
                &path.child(KEYS),
                go_strings(keys),
                detail,
            ));
        }
    }
}

pub(super) fn has_optional_keys(props: &JSONSchemaProps) -> bool {
    let mut errors = Vec::new();
    validate_keys(props, &Path::default(), &mut errors);
    !errors.is_empty()
}

/// Items may not be null, and keys must be required or have defaults.
fn validate_keys(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    let list_type = text(props.x_kubernetes_list_type.as_ref());
    let Some(items) = parts(props)
        .items
        .filter(|_| matches!(list_type, "set" | "map"))
    else {
        return;
    };
    let path = path.child("items");
    if is(items.nullable) {
        let detail = format!("cannot be nullable when {LIST_TYPE} is {list_type}");
        errors.push(FieldError::forbidden(&path.child("nullable"), detail));
    }
    if list_type == "set" {
        return;
    }
    let required = list(items.required.as_ref());
    for key in list(props.x_kubernetes_list_map_keys.as_ref()) {
        let Some(property) = items.properties.as_ref().and_then(|p| p.get(key)) else {
            continue;
        };
        let path = path.child("properties").key(key);
        if property.default.is_none() && !required.contains(key) {
            let detail = format!(
                "this property is in {KEYS}, so it must have a default or be a required property"
            );
            errors.push(FieldError::required(&path.child("default"), detail));
        }
        if is(property.nullable) {
            let detail = format!("this property is in {KEYS}, so it cannot be nullable");
            errors.push(FieldError::forbidden(&path.child("nullable"), detail));
        }
    }
}
