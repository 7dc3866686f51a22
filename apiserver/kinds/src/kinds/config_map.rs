//! Config maps: text and bytes under keys, optionally immutable.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::invalid_each;

/// The largest total size of the values, in bytes.
pub(super) const MAX_SIZE: usize = 1024 * 1024;
/// Upstream's text for a change of an immutable config map or secret.
pub(super) const FROZEN: &str = "field is immutable when `immutable` is set";

/// The rules of config maps (upstream: `pkg/registry/core/configmap/strategy.go`).
pub struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    type Kind = ConfigMap;

    fn validate(&self, config_map: &ConfigMap) -> ErrorList {
        let mut errors = ErrorList::new();
        let binary = config_map.binary_data.as_ref();
        let mut size = 0;
        for (key, value) in config_map.data.iter().flatten() {
            let path = Path::new("data").key(key);
            invalid_each(&path, key, name::config_key(key), &mut errors);
            if binary.is_some_and(|b| b.contains_key(key)) {
                let detail = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(&path, key, detail));
            }
            size += value.len();
        }
        for (key, value) in binary.into_iter().flatten() {
            let path = Path::new("binaryData").key(key);
            invalid_each(&path, key, name::config_key(key), &mut errors);
            size += value.0.len();
        }
        if size > MAX_SIZE {
            errors.push(FieldError::too_long(&Path::default(), MAX_SIZE));
        }
        errors
    }

    fn validate_update(&self, config_map: &ConfigMap, old: &ConfigMap) -> ErrorList {
        let mut errors = ErrorList::new();
        if old.immutable == Some(true) {
            for (field, same) in [
                ("immutable", config_map.immutable == Some(true)),
                // an empty map is not an absent one, as in Go
                ("data", config_map.data == old.data),
                ("binaryData", config_map.binary_data == old.binary_data),
            ] {
                if !same {
                    errors.push(FieldError::forbidden(&Path::new(field), FROZEN));
                }
            }
        }
        errors.extend(self.validate(config_map));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Data",
                "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is enforced during validation process.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, config_map: &ConfigMap) -> Vec<Cell> {
        let entries = count(config_map.data.as_ref()) + count(config_map.binary_data.as_ref());
        vec![
            Cell::name(config_map),
            Cell::count(entries),
            Cell::age(config_map),
        ]
    }
}

fn count<V>(map: Option<&BTreeMap<String, V>>) -> usize {
    map.map_or(0, BTreeMap::len)
}

#[cfg(test)]
mod tests;
