//! Metadata of every kind (upstream: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).

use std::collections::BTreeSet;
use std::iter::repeat_n;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference, Time,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, GroupVersion, Path, name};

use super::labels::validate_labels;
use super::{IMMUTABLE, go_elements, go_strings, invalid_each, list, not_negative, text};
use crate::strategy::MetadataChecks;

/// The largest total size of annotations in bytes.
const ANNOTATIONS_MAX: usize = 256 * 1024;
/// The longest name of a field manager.
const MANAGER_MAX: usize = 128;
/// The longest subresource in a managed fields entry.
const SUBRESOURCE_MAX: usize = 256;
/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "foregroundDeletion", "orphan"];

/// A check of a name.
pub type ValidateName<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Validates the metadata of a new object, whose name has already been generated, as a kind's own validation
/// does: the finalizers of Kubernetes' own APIs are standard ones, or have a domain.
pub fn validate_object_meta(
    meta: &ObjectMeta,
    namespaced: bool,
    own_finalizers: bool,
    validate_name: impl Fn(&str) -> Vec<String>,
    path: &Path,
) -> ErrorList {
    let mut errors = validate_any_meta(meta, namespaced, validate_name, path);
    if own_finalizers {
        validate_finalizer_names(meta, path, &mut errors);
    }
    errors
}

/// As [`validate_object_meta`], as far as it applies to objects of any API.
pub fn validate_any_meta(
    meta: &ObjectMeta,
    namespaced: bool,
    validate_name: impl Fn(&str) -> Vec<String>,
    path: &Path,
) -> ErrorList {
    let mut errors = ErrorList::new();
    let generate_name = text(meta.generate_name.as_ref());
    if !generate_name.is_empty() {
        let sentences = validate_name(&mask_trailing_dash(generate_name));
        let path = path.child("generateName");
        invalid_each(&path, generate_name, sentences, &mut errors);
    }
    let name = text(meta.name.as_ref());
    if name.is_empty() {
        let detail = "name or generateName is required";
        errors.push(FieldError::required(&path.child("name"), detail));
    } else {
        invalid_each(&path.child("name"), name, validate_name(name), &mut errors);
    }
    validate_namespace(meta, namespaced, &path.child("namespace"), &mut errors);
    not_negative(meta.generation, &path.child("generation"), &mut errors);
    validate_collections(meta, path, &mut errors);
    validate_finalizers(meta, &path.child("finalizers"), &mut errors);
    validate_managed_fields(meta, &path.child("managedFields"), &mut errors);
    errors
}

/// Validates the metadata of a changed object, after missing server-set fields have been restored.
///
/// Upstream validates it as a new object's and as a changed object's (`rest.validateCommonFields`); then the
/// kind's own validation does, as `checks` says. Clients see each error as often.
pub fn validate_changed_meta(
    new: &ObjectMeta,
    old: &ObjectMeta,
    namespaced: bool,
    checks: MetadataChecks,
    validate_name: ValidateName<'_>,
) -> ErrorList {
    let path = &Path::new("metadata");
    let own_finalizers = checks.own_finalizers;
    let mut errors = validate_any_meta(new, namespaced, name::path_segment, path);
    let mut changes = validate_object_meta_update(new, old, path);
    errors.extend(changes.iter().cloned());
    if own_finalizers {
        validate_finalizer_names(new, path, &mut changes);
    }
    let whole = validate_object_meta(new, namespaced, own_finalizers, validate_name, path);
    for (found, times) in [(changes, checks.changed), (whole, checks.whole)] {
        errors.extend(repeat_n(found, times).flatten());
    }
    errors
}

fn validate_object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    if old.deletion_timestamp.is_some() {
        no_new_finalizers(new, old, &path.child("finalizers"), &mut errors);
    }
    if text(new.resource_version.as_ref()).is_empty() {
        let detail = "must be specified for an update";
        let path = path.child("resourceVersion");
        errors.push(FieldError::invalid(&path, "", detail));
    }
    let generation = |meta: &ObjectMeta| meta.generation.unwrap_or_default();
    if generation(new) < generation(old) {
        errors.push(FieldError::invalid(
            &path.child("generation"),
            generation(new),
            "must not be decremented",
        ));
    }
    for (field, new, old) in [
        ("name", &new.name, &old.name),
        ("namespace", &new.namespace, &old.namespace),
        ("uid", &new.uid, &old.uid),
    ] {
        if text(new.as_ref()) != text(old.as_ref()) {
            let path = path.child(field);
            errors.push(FieldError::invalid(&path, text(new.as_ref()), IMMUTABLE));
        }
    }
    immutable_times(new, old, path, &mut errors);
    validate_collections(new, path, &mut errors);
    validate_managed_fields(new, &path.child("managedFields"), &mut errors);
    errors
}

/// Prefixes often end with a dash, which is valid once a suffix follows.
fn mask_trailing_dash(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut masked = rest.to_owned();
            masked.pop();
            masked.push('a');
            masked
        }
        _ => prefix.to_owned(),
    }
}

fn validate_namespace(meta: &ObjectMeta, namespaced: bool, path: &Path, errors: &mut ErrorList) {
    match (namespaced, text(meta.namespace.as_ref())) {
        (true, "") => errors.push(FieldError::required(path, "")),
        (true, namespace) => invalid_each(path, namespace, name::dns1123_label(namespace), errors),
        (false, "") => {}
        (false, _) => errors.push(FieldError::forbidden(path, "not allowed on this type")),
    }
}

/// The checks that creation and update share.
fn validate_collections(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    validate_labels(meta.labels.as_ref(), &path.child("labels"), errors);
    validate_annotations(meta, &path.child("annotations"), errors);
    validate_owners(meta, &path.child("ownerReferences"), errors);
}

/// Keys of annotations, and the size of all.
pub fn validate_annotations(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let mut size = 0;
    for (key, value) in meta.annotations.iter().flatten() {
        // keys may have capitals even in their domain
        let sentences = name::qualified_name(&key.to_lowercase());
        invalid_each(path, key, sentences, errors);
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError::too_long(path, ANNOTATIONS_MAX));
    }
}

fn validate_owners(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let owners = list(meta.owner_references.as_ref());
    let mut controller: Option<&OwnerReference> = None;
    for owner in owners {
        validate_owner(owner, path, errors);
        if owner.controller != Some(true) {
            continue;
        }
        if let Some(first) = controller {
            errors.push(FieldError::invalid(
                path,
                BadValue::go(format!("{} owner references", owners.len())),
                format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                    first.name, owner.name
                ),
            ));
        } else {
            controller = Some(owner);
        }
    }
}

fn validate_owner(owner: &OwnerReference, path: &Path, errors: &mut ErrorList) {
    // a text with two slashes is neither a group nor a version
    let api_version = Some(owner.api_version.as_str()).filter(|v| v.split('/').count() < 3);
    let group_version = GroupVersion::parse(api_version.unwrap_or_default());
    for (field, checked, value, detail) in [
        (
            "apiVersion",
            group_version.version,
            &owner.api_version,
            "version must not be empty",
        ),
        (
            "kind",
            owner.kind.as_str(),
            &owner.kind,
            "kind must not be empty",
        ),
        (
            "name",
            owner.name.as_str(),
            &owner.name,
            "name must not be empty",
        ),
        (
            "uid",
            owner.uid.as_str(),
            &owner.uid,
            "uid must not be empty",
        ),
    ] {
        if checked.is_empty() {
            errors.push(FieldError::invalid(&path.child(field), value, detail));
        }
    }
    if owner.api_version == "v1" && owner.kind == "Event" {
        errors.push(FieldError::invalid(
            path,
            &owner.name,
            "/v1, Kind=Event is disallowed from being an owner",
        ));
    }
}

fn validate_finalizers(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let finalizers = list(meta.finalizers.as_ref());
    for finalizer in finalizers {
        invalid_each(path, finalizer, name::qualified_name(finalizer), errors);
    }
    let has = |name: &str| finalizers.iter().any(|f| f == name);
    if has("orphan") && has("foregroundDeletion") {
        errors.push(FieldError::invalid(
            path,
            go_strings(finalizers),
            "finalizer orphan and foregroundDeletion cannot be both set",
        ));
    }
}

fn validate_finalizer_names(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let path = path.child("finalizers");
    for (i, finalizer) in list(meta.finalizers.as_ref()).iter().enumerate() {
        validate_finalizer_name(finalizer, &path.index(i), errors);
    }
}

/// A finalizer without a domain must be one of the server's own (upstream:
/// `pkg/apis/core/validation/validation.go`, `validateKubeFinalizerName`).
pub fn validate_finalizer_name(finalizer: &str, path: &Path, errors: &mut ErrorList) {
    if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
        errors.push(FieldError::invalid(
            path,
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
        ));
    }
}

fn no_new_finalizers(new: &ObjectMeta, old: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let old: BTreeSet<_> = list(old.finalizers.as_ref()).iter().collect();
    let added: BTreeSet<_> = list(new.finalizers.as_ref()).iter().collect();
    let added: Vec<String> = added.difference(&old).map(|f| (*f).clone()).collect();
    if !added.is_empty() {
        errors.push(FieldError::forbidden(
            path,
            format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{}",
                go_elements(&added)
            ),
        ));
    }
}

fn immutable_times(new: &ObjectMeta, old: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    for (field, new, old) in [
        (
            "creationTimestamp",
            &new.creation_timestamp,
            &old.creation_timestamp,
        ),
        (
            "deletionTimestamp",
            &new.deletion_timestamp,
            &old.deletion_timestamp,
        ),
    ] {
        if new != old {
            let path = path.child(field);
            errors.push(FieldError::invalid(&path, go_time(new.as_ref()), IMMUTABLE));
        }
    }
    let (new, old) = (
        new.deletion_grace_period_seconds,
        old.deletion_grace_period_seconds,
    );
    if new != old {
        let value = new.map_or_else(BadValue::null, BadValue::from);
        let path = path.child("deletionGracePeriodSeconds");
        errors.push(FieldError::invalid(&path, value, IMMUTABLE));
    }
}

/// A time as Go's `Time.String` prints it.
fn go_time(time: Option<&Time>) -> BadValue {
    time.map_or_else(BadValue::null, |t| {
        BadValue::go(t.0.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string())
    })
}

fn validate_managed_fields(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    for (i, entry) in list(meta.managed_fields.as_ref()).iter().enumerate() {
        validate_managed_fields_entry(entry, &path.index(i), errors);
    }
}

fn validate_managed_fields_entry(entry: &ManagedFieldsEntry, path: &Path, errors: &mut ErrorList) {
    let operation = text(entry.operation.as_ref());
    if !matches!(operation, "Apply" | "Update") {
        errors.push(FieldError::invalid(
            &path.child("operation"),
            operation,
            "must be `Apply` or `Update`",
        ));
    }
    let fields_type = text(entry.fields_type.as_ref());
    if !matches!(fields_type, "" | "FieldsV1") {
        errors.push(FieldError::invalid(
            &path.child("fieldsType"),
            fields_type,
            "must be `FieldsV1`",
        ));
    }
    validate_field_manager(text(entry.manager.as_ref()), &path.child("manager"), errors);
    if text(entry.subresource.as_ref()).len() > SUBRESOURCE_MAX {
        errors.push(FieldError::too_long(
            &path.child("subresource"),
            SUBRESOURCE_MAX,
        ));
    }
}

/// The name of a field manager, in a managed fields entry or `?fieldManager=`.
pub fn validate_field_manager(manager: &str, path: &Path, errors: &mut ErrorList) {
    if manager.len() > MANAGER_MAX {
        errors.push(FieldError::too_long(path, MANAGER_MAX));
    }
    // as upstream: names the first unprintable character, and its offset in bytes
    if let Some((at, _)) = manager.char_indices().find(|(_, c)| c.is_control()) {
        errors.push(FieldError::invalid(
            path,
            manager,
            format!("invalid character {:?} (at position {at})", &manager[at..]),
        ));
    }
}

#[cfg(test)]
mod tests;
