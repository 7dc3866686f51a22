//! Volumes of files projected from other objects.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, ServiceAccountTokenProjection,
    VolumeProjection,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::{OneOf, list, required};
use super::field_refs::{VOLUME_FIELDS, validate_field_ref, validate_resource_field_ref};
use super::volumes::{validate_file_path, validate_items, validate_mode};

/// The shortest and longest life of a token, in seconds.
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
        validate_projection(projection, &source_path, errors);
        for (file, blamed) in files_of(projection) {
            if !file.is_empty() && !files.insert(file) {
                let detail = "conflicting duplicate paths";
                errors.push(FieldError::invalid(path, blamed, detail));
            }
        }
    }
}

fn validate_projection(projection: &VolumeProjection, path: &Path, errors: &mut ErrorList) {
    let mut source = OneOf::new(path, "volume type", errors);
    source.field("secret", projection.secret.as_ref(), |s, path, errors| {
        required(Some(&s.name), &path.child("name"), errors);
        validate_items(s.items.as_ref(), &path.child("items"), errors);
    });
    source.field(
        "configMap",
        projection.config_map.as_ref(),
        |c, path, errors| {
            required(Some(&c.name), &path.child("name"), errors);
            validate_items(c.items.as_ref(), &path.child("items"), errors);
        },
    );
    source.field(
        "downwardAPI",
        projection.downward_api.as_ref(),
        |d, path, errors| {
            validate_files(d.items.as_ref(), path, errors);
        },
    );
    source.field(
        "serviceAccountToken",
        projection.service_account_token.as_ref(),
        validate_token,
    );
}

fn validate_token(token: &ServiceAccountTokenProjection, path: &Path, errors: &mut ErrorList) {
    let seconds = token.expiration_seconds.unwrap_or(TOKEN_MIN);
    let seconds_path = path.child("expirationSeconds");
    if seconds < TOKEN_MIN {
        let detail = "may not specify a duration less than 10 minutes";
        errors.push(FieldError::invalid(&seconds_path, seconds, detail));
    }
    if seconds > TOKEN_MAX {
        let detail = "may not specify a duration larger than 2^32 seconds";
        errors.push(FieldError::invalid(&seconds_path, seconds, detail));
    }
    let path = path.child("path");
    required(Some(&token.path), &path, errors);
    validate_file_path(&token.path, &path, errors);
}

/// The files a projection makes, each with what upstream blames for a second of that path.
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
    if let Some(token) = &projection.service_account_token {
        files.push((&token.path, &token.path));
    }
    files
}

/// Files that show the pod's own fields. As upstream, paths lack the element's index.
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
