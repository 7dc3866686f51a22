//! Devices that containers ask for, and who has which: the kinds of `resource.k8s.io`.
//!
//! Upstream: `pkg/apis/resource/validation/validation.go`. Fields of 1.36 and newer (derived attributes, node
//! allocatable resources, policies of requests) are kept and not checked.

pub mod claim;
pub mod claim_template;
pub mod class;
mod configuration;
mod names;
mod requests;
mod selector;
pub mod slice;
pub mod taint_rule;
mod taints;

use std::collections::BTreeSet;

use portcullis_api::{ErrorList, FieldError, Path};

/// Checks each item of a list that has at most so many.
fn validate_each<T>(
    items: &[T],
    max: usize,
    path: &Path,
    errors: &mut ErrorList,
    mut validate: impl FnMut(&T, &Path, &mut ErrorList),
) {
    if items.len() > max {
        errors.push(FieldError::too_many(path, items.len(), max));
        return;
    }
    for (i, item) in items.iter().enumerate() {
        validate(item, &path.index(i), errors);
    }
}

/// The same, of items that differ in their keys.
fn validate_set<'a, T>(
    items: &'a [T],
    max: usize,
    path: &Path,
    errors: &mut ErrorList,
    key: impl Fn(&'a T) -> &'a str,
    validate: impl FnMut(&T, &Path, &mut ErrorList),
) {
    validate_each(items, max, path, errors, validate);
    if items.len() > max {
        return;
    }
    let mut seen = BTreeSet::new();
    for (i, item) in items.iter().enumerate() {
        let key = key(item);
        if !seen.insert(key) {
            errors.push(FieldError::duplicate(&path.index(i), key));
        }
    }
}

#[cfg(test)]
mod tests;
