//! Volumes of files projected from other objects.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, ServiceAccountTokenProjection,
    VolumeProjection,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::{list, required};
use super::field_refs::{VOLUME_FIELDS, validate_field_ref, validate_resource_field_ref};
use super::volume_items::{validate_file_path, validate_items, validate_mode};

/// The shortest and longest lifetime of a token, in seconds.
const TOKEN_MIN: i64 = 10 * 60;
const TOKEN_MAX: i64 = 1 << 32;

pub(super) fn validate_projected(
    source: &ProjectedVolumeSource,
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_mode(source.default_mode, &path.child("defaultMode"), errors);
    let mut files = BTreeSet::new();
    for (i, projection) in list(source.sources.as_ref()).iter().enumerate() {
        let source_path = path.child("sources").index(i);
        validate_projection(projection, &source_path, path, errors);
        for (file, blamed) in files_of(projection) {
            if !file.is_empty() && !files.insert(file) {
                let detail = "conflicting duplicate paths";
                errors.push(FieldError::invalid(path, blamed, detail));
            }
        }
    }
}

/// Validates one source; `whole` is the path of all of them.
fn validate_projection(
    projection: &VolumeProjection,
    path: &Path,
    whole: &Path,
    errors: &mut ErrorList,
) {
    let keys = |field: &str, name: &str, items, errors: &mut ErrorList| {
        let path = path.child(field);
        required(Some(name), &path.child("name"), errors);
        validate_items(items, &path.child("items"), errors);
    };
    let mut count = 0;
    if let Some(secret) = &projection.secret {
        count += 1;
        keys("secret", &secret.name, secret.items.as_ref(), errors);
    }
    if let Some(map) = &projection.config_map {
        count += 1;
        keys("configMap", &map.name, map.items.as_ref(), errors);
    }
    if let Some(downward) = &projection.downward_api {
        count += 1;
        validate_files(downward.items.as_ref(), &path.child("downwardAPI"), errors);
    }
    if let Some(token) = &projection.service_account_token {
        count += 1;
        validate_token(token, &path.child("serviceAccountToken"), errors);
        // as upstream, the path does not say which source it is
        required(Some(&token.path), &whole.child("path"), errors);
    }
    if count > 1 {
        let detail = "may not specify more than 1 volume type";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn validate_token(token: &ServiceAccountTokenProjection, path: &Path, errors: &mut ErrorList) {
    let seconds = token.expiration_seconds.unwrap_or(TOKEN_MIN);
    let path = path.child("expirationSeconds");
    if seconds < TOKEN_MIN {
        let detail = "may not specify a duration less than 10 minutes";
        errors.push(FieldError::invalid(&path, seconds, detail));
    }
    if seconds > TOKEN_MAX {
        let detail = "may not specify a duration larger than 2^32 seconds";
        errors.push(FieldError::invalid(&path, seconds, detail));
    }
}

/// The files of a projection, each with the value that upstream reports for a duplicate path. Tokens are not
/// included.
fn files_of(projection: &VolumeProjection) -> Vec<(&str, &str)> {
    fn paths<'a>(items: Option<&'a Vec<KeyToPath>>, blamed: &'a str) -> Vec<(&'a str, &'a str)> {
        list(items)
            .iter()
            .map(|i| (i.path.as_str(), blamed))
            .collect()
    }
    let mut files = Vec::new();
    if let Some(secret) = &projection.secret {
        files.extend(paths(secret.items.as_ref(), &secret.name));
    }
    if let Some(config_map) = &projection.config_map {
        files.extend(paths(config_map.items.as_ref(), &config_map.name));
    }
    if let Some(downward) = &projection.downward_api {
        let items = list(downward.items.as_ref()).iter();
        files.extend(items.map(|i| (i.path.as_str(), i.path.as_str())));
    }
    files
}

/// Files with the pod's own fields. As upstream, paths lack the element's index.
pub(super) fn validate_files(
    files: Option<&Vec<DownwardAPIVolumeFile>>,
    path: &Path,
    errors: &mut ErrorList,
) {
    for file in list(files) {
        required(Some(&file.path), &path.child("path"), errors);
        validate_file_path(&file.path, &path.child("path"), errors);
        match (&file.field_ref, &file.resource_field_ref) {
            (Some(field), resource) => {
                validate_field_ref(field, &VOLUME_FIELDS, &path.child("fieldRef"), errors);
                if resource.is_some() {
                    let value = BadValue::from("resource");
                    let detail =
                        "fieldRef and resourceFieldRef can not be specified simultaneously";
                    errors.push(FieldError::invalid(path, value, detail));
                }
            }
            (None, Some(resource)) => {
                let path = path.child("resourceFieldRef");
                validate_resource_field_ref(resource, true, &path, errors);
            }
            (None, None) => {
                let detail = "one of fieldRef and resourceFieldRef is required";
                errors.push(FieldError::required(path, detail));
            }
        }
        validate_mode(file.mode, &path.child("mode"), errors);
    }
}
