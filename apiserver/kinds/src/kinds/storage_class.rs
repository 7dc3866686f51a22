//! Storage classes: how volumes are provisioned for claims.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{TopologySelectorLabelRequirement, TopologySelectorTerm};
use k8s_openapi::api::storage::v1::StorageClass;
use portcullis_api::status::CAUSES_MAX;
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::Value;

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::validate_label_name;
use crate::validation::{IMMUTABLE, invalid_each, list, one_of, required, text};

/// The most parameters, and the most bytes of all of them together.
const PARAMETERS_MAX: usize = 512;
const PARAMETERS_SIZE_MAX: usize = 256 * 1024;
/// The annotations that make a class the default one.
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// The rules of storage classes (upstream: `pkg/apis/storage/validation/validation.go`).
pub struct StorageClassStrategy;

impl Strategy for StorageClassStrategy {
    type Kind = StorageClass;

    fn default(&self, class: &mut StorageClass) {
        class.reclaim_policy.get_or_insert_with(|| "Delete".into());
        let immediate = || "Immediate".to_owned();
        class.volume_binding_mode.get_or_insert_with(immediate);
    }

    fn validate(&self, class: &StorageClass) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_provisioner(&class.provisioner, &Path::new("provisioner"), &mut errors);
        let parameters = class.parameters.as_ref();
        validate_parameters(parameters, &Path::new("parameters"), &mut errors);
        let policy = text(class.reclaim_policy.as_ref());
        let path = Path::new("reclaimPolicy");
        if !policy.is_empty() {
            one_of(policy, &["Delete", "Retain"], &path, &mut errors);
        }
        let mode = text(class.volume_binding_mode.as_ref());
        let modes = ["Immediate", "WaitForFirstConsumer"];
        one_of(mode, &modes, &Path::new("volumeBindingMode"), &mut errors);
        let topologies = list(class.allowed_topologies.as_ref());
        validate_topologies(topologies, &Path::new("allowedTopologies"), &mut errors);
        errors
    }

    fn validate_update(&self, class: &StorageClass, old: &StorageClass) -> ErrorList {
        let mut errors = self.validate(class);
        for (field, unchanged) in [
            // an empty map is not an absent one, as in Go
            ("parameters", class.parameters == old.parameters),
            ("provisioner", class.provisioner == old.provisioner),
            ("reclaimPolicy", class.reclaim_policy == old.reclaim_policy),
        ] {
            if !unchanged {
                let detail = format!("updates to {field} are forbidden.");
                errors.push(FieldError::forbidden(&Path::new(field), detail));
            }
        }
        if class.volume_binding_mode != old.volume_binding_mode {
            let mode = text(class.volume_binding_mode.as_ref());
            let path = Path::new("volumeBindingMode");
            errors.push(FieldError::invalid(&path, mode, IMMUTABLE));
        }
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, class: &StorageClass) -> Vec<Cell> {
        let annotations = class.metadata.annotations.as_ref();
        let is_default = DEFAULT_CLASS.iter().any(|key| {
            annotations
                .and_then(|a| a.get(*key))
                .is_some_and(|v| v == "true")
        });
        let name = text(class.metadata.name.as_ref());
        vec![
            Cell::text(if is_default {
                format!("{name} (default)")
            } else {
                name.to_owned()
            }),
            Cell::text(class.provisioner.clone()),
            Cell::text(text(class.reclaim_policy.as_ref())),
            Cell::text(text(class.volume_binding_mode.as_ref())),
            Cell::Value(Value::Bool(
                class.allow_volume_expansion.unwrap_or_default(),
            )),
            Cell::age(class),
        ]
    }
}

/// The name of what makes volumes.
pub(super) fn validate_provisioner(provisioner: &str, path: &Path, errors: &mut ErrorList) {
    if provisioner.is_empty() {
        required(None, path, errors);
    } else {
        let provisioner = provisioner.to_lowercase();
        let sentences = name::qualified_name(&provisioner);
        invalid_each(path, &provisioner, sentences, errors);
    }
}

/// What is said to a provisioner.
pub(super) fn validate_parameters(
    parameters: Option<&BTreeMap<String, String>>,
    path: &Path,
    errors: &mut ErrorList,
) {
    if parameters.is_some_and(|p| p.len() > PARAMETERS_MAX) {
        errors.push(FieldError::too_long(path, PARAMETERS_MAX));
        return;
    }
    let mut size = 0;
    for (key, value) in parameters.into_iter().flatten() {
        if key.is_empty() {
            errors.push(FieldError::invalid(path, key, "field can not be empty."));
        }
        size += key.len() + value.len();
    }
    if size > PARAMETERS_SIZE_MAX {
        errors.push(FieldError::too_long(path, PARAMETERS_SIZE_MAX));
    }
}

/// Where volumes may be provisioned: each place once (upstream: `ValidateTopologySelectorTerm` in
/// `pkg/apis/core/validation/validation.go`).
fn validate_topologies(terms: &[TopologySelectorTerm], path: &Path, errors: &mut ErrorList) {
    let mut places = BTreeMap::new();
    for (i, term) in terms.iter().enumerate() {
        let path = path.index(i).child("matchLabelExpressions");
        let mut place = BTreeMap::new();
        let requirements = list(term.match_label_expressions.as_ref());
        for (i, requirement) in requirements.iter().enumerate() {
            let path = path.index(i);
            validate_places(requirement, &path, errors);
            let values: BTreeSet<_> = requirement.values.iter().collect();
            if place.insert(&requirement.key, values).is_some() {
                errors.push(FieldError::duplicate(&path.child("key"), &requirement.key));
            }
        }
        // upstream also compares with as many empty places as there are terms
        let empty = if place.is_empty() { terms.len() } else { 0 };
        let same = places.entry(place).or_insert(0_usize);
        // The number of errors is quadratic, so no more are made than a Status lists.
        let room = (CAUSES_MAX + 1).saturating_sub(errors.len());
        let reported = (empty + *same).min(room);
        errors.extend((0..reported).map(|_| FieldError::duplicate(&path, "")));
        *same += 1;
    }
}

fn validate_places(
    requirement: &TopologySelectorLabelRequirement,
    path: &Path,
    errors: &mut ErrorList,
) {
    let values_path = path.child("values");
    if requirement.values.is_empty() {
        errors.push(FieldError::required(&values_path, ""));
    }
    let mut seen = BTreeSet::new();
    for (i, value) in requirement.values.iter().enumerate() {
        if !seen.insert(value) {
            errors.push(FieldError::duplicate(&values_path.index(i), value));
        }
    }
    validate_label_name(&requirement.key, &path.child("key"), errors);
}

static COLUMNS: [Column; 6] = [
    Column::NAME,
    Column::text(
        "Provisioner",
        "Provisioner indicates the type of the provisioner.",
    ),
    Column::text(
        "ReclaimPolicy",
        "Dynamically provisioned PersistentVolumes of this storage class are created with this reclaimPolicy. Defaults to Delete.",
    ),
    Column::text(
        "VolumeBindingMode",
        "VolumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  When unset, VolumeBindingImmediate is used. This field is only honored by servers that enable the VolumeScheduling feature.",
    ),
    Column::text(
        "AllowVolumeExpansion",
        "AllowVolumeExpansion shows whether the storage class allow volume expand",
    ),
    Column::AGE,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    #[test]
    fn a_class_is_complete_and_immutable() {
        assert_eq!(
            mistakes(&StorageClassStrategy, &json!({"reclaimPolicy": "Odd"})),
            [
                "provisioner: Required value",
                "reclaimPolicy: Unsupported value: \"Odd\": supported values: \"Delete\", \"Retain\"",
            ]
        );
        let old = json!({"provisioner": "a.b/c"});
        let new = json!({"provisioner": "a.b/d", "parameters": {"a": "b"}, "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer"});
        assert_eq!(
            update_mistakes(&StorageClassStrategy, &new, &old),
            [
                "parameters: Forbidden: updates to parameters are forbidden.",
                "provisioner: Forbidden: updates to provisioner are forbidden.",
                "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
                "volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable",
            ]
        );
    }

    #[test]
    fn the_default_class_is_marked_in_its_row() {
        let class = json!({"metadata": {"name": "n", "annotations": {DEFAULT_CLASS[0]: "true"}}});
        let cells = StorageClassStrategy.cells(&defaulted(&StorageClassStrategy, &class));
        assert_eq!(cells[0], Cell::text("n (default)"));
    }

    #[test]
    fn duplicate_places_are_rejected() {
        let place = json!({"matchLabelExpressions": [{"key": "zone", "values": ["a", "b"]}]});
        for (topologies, fields) in [
            (json!([place]), vec![]),
            (
                json!([place, {"matchLabelExpressions": [{"key": "zone", "values": ["b", "a"]}]}]),
                vec!["allowedTopologies[1].matchLabelExpressions: Duplicate value: \"\""],
            ),
            (
                json!([{"matchLabelExpressions": [{"key": "k", "values": ["a", "a"]}, {"key": "k", "values": []}]}]),
                vec![
                    "allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: \"a\"",
                    "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
                    "allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: \"k\"",
                ],
            ),
        ] {
            let given = json!({"provisioner": "a.b/c", "allowedTopologies": topologies});
            assert_eq!(
                mistakes(&StorageClassStrategy, &given),
                fields,
                "{topologies}"
            );
        }
    }
}
