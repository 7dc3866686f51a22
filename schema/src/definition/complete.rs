//! Fields that branches validate must be declared outside of them
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/complete.go`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use portcullis_api::{ErrorList, FieldError, Path};

use super::{list, parts};

/// Checks the branches at the root; as upstream, others are not checked.
pub(super) fn validate(props: &JSONSchemaProps, path: &Path, errors: &mut ErrorList) {
    branches(props, Some(props), path, path, errors);
}

fn branches(
    of: &JSONSchemaProps,
    declared: Option<&JSONSchemaProps>,
    at: &Path,
    path: &Path,
    errors: &mut ErrorList,
) {
    if let Some(not) = &of.not {
        branch(not, declared, at, &path.child("not"), errors);
    }
    for (name, all) in [
        ("allOf", &of.all_of),
        ("anyOf", &of.any_of),
        ("oneOf", &of.one_of),
    ] {
        for (i, one) in list(all.as_ref()).iter().enumerate() {
            branch(one, declared, at, &path.child(name).index(i), errors);
        }
    }
}

fn branch(
    of: &JSONSchemaProps,
    declared: Option<&JSONSchemaProps>,
    at: &Path,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(declared) = declared else {
        errors.push(FieldError::required(
            at,
            format!("because it is defined in {path}"),
        ));
        return;
    };
    branches(of, Some(declared), at, path, errors);
    if let Some(items) = parts(of).items {
        branch(
            items,
            parts(declared).items,
            &at.child("items"),
            &path.child("items"),
            errors,
        );
    }
    for (name, property) in of.properties.iter().flatten() {
        let declared = declared.properties.as_ref().and_then(|p| p.get(name));
        let at = at.child("properties").key(name);
        branch(
            property,
            declared,
            &at,
            &path.child("properties").key(name),
            errors,
        );
    }
}
