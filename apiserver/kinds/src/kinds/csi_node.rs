//! CSI nodes: the volume drivers of a node.

use std::collections::BTreeSet;

use k8s_openapi::api::storage::v1::{CSINode, CSINodeDriver};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::names::validate_csi_driver_name;
use crate::validation::{IMMUTABLE, go_strings, list, not_negative, twice};

/// The longest name of a node in a driver.
const NODE_ID_MAX: usize = 256;

/// The rules of CSI nodes (upstream: `pkg/apis/storage/validation/validation.go`).
pub struct CsiNodeStrategy;

impl Strategy for CsiNodeStrategy {
    type Kind = CSINode;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.creating(2).changing(2, 0)
    }

    fn validate(&self, node: &CSINode) -> ErrorList {
        let mut errors = ErrorList::new();
        let mut names = BTreeSet::new();
        let path = Path::new("spec").child("drivers");
        for (i, driver) in node.spec.drivers.iter().enumerate() {
            let path = path.index(i);
            validate_driver(driver, &path, &mut errors);
            if !names.insert(&driver.name) {
                errors.push(FieldError::duplicate(&path.child("name"), &driver.name));
            }
            validate_topology_keys(list(driver.topology_keys.as_ref()), &path, &mut errors);
        }
        errors
    }

    /// Drivers may be added and removed, but not changed.
    fn validate_update(&self, node: &CSINode, old: &CSINode) -> ErrorList {
        let mut errors = twice(self.validate(node));
        for old in &old.spec.drivers {
            let changed = |new: &&CSINodeDriver| new.name == old.name && *new != old;
            for new in node.spec.drivers.iter().filter(changed) {
                let value = BadValue::go(format!(
                    "storage.CSINodeDriver{{Name:{}, NodeID:{}}}",
                    go_quote(&new.name),
                    go_quote(&new.node_id)
                ));
                let path = Path::new("CSINodeDriver");
                errors.push(FieldError::invalid(&path, value, IMMUTABLE));
            }
        }
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::integer(
                "Drivers",
                "Drivers indicates the number of CSI drivers registered on the node",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, node: &CSINode) -> Vec<Cell> {
        vec![
            Cell::name(node),
            Cell::count(node.spec.drivers.len()),
            Cell::age(node),
        ]
    }
}

fn validate_driver(driver: &CSINodeDriver, path: &Path, errors: &mut ErrorList) {
    validate_csi_driver_name(&driver.name, &path.child("name"), errors);
    let id_path = path.child("nodeID");
    if driver.node_id.is_empty() {
        errors.push(FieldError::required(&id_path, ""));
    }
    if driver.node_id.len() > NODE_ID_MAX {
        let detail = format!("must be {NODE_ID_MAX} characters or less");
        errors.push(FieldError::invalid(&id_path, &driver.node_id, detail));
    }
    let count = driver.allocatable.as_ref().and_then(|a| a.count);
    let path = path.child("allocatable").child("count");
    not_negative(count.map(i64::from), &path, errors);
}

fn validate_topology_keys(keys: &[String], path: &Path, errors: &mut ErrorList) {
    let mut seen = BTreeSet::new();
    for key in keys {
        if key.is_empty() {
            errors.push(FieldError::required(path, ""));
        }
        if !seen.insert(key) {
            errors.push(FieldError::duplicate(path, key));
        }
        for sentence in name::qualified_name(key) {
            errors.push(FieldError::invalid(path, go_strings(keys), sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, update_mistakes};

    const RULES: &CsiNodeStrategy = &CsiNodeStrategy;

    #[test]
    fn drivers_are_complete_and_unique() {
        let driver = json!({"name": "a.b", "nodeID": "n", "topologyKeys": ["k", "k"]});
        let bad = json!({"name": "a.b", "nodeID": "", "allocatable": {"count": -1}});
        assert_eq!(
            mistakes(RULES, &json!({"spec": {"drivers": [driver, bad]}})),
            [
                "spec.drivers[0]: Duplicate value: \"k\"",
                "spec.drivers[1].nodeID: Required value",
                "spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
                "spec.drivers[1].name: Duplicate value: \"a.b\"",
            ]
        );
    }

    #[test]
    fn a_driver_is_immutable() {
        let node =
            |id: &str, name: &str| json!({"spec": {"drivers": [{"name": name, "nodeID": id}]}});
        let found = update_mistakes(RULES, &node("1", "a.b"), &node("2", "a.b"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("CSINodeDriver: Invalid value: "));
        assert!(update_mistakes(RULES, &node("1", "a.b"), &node("2", "c.d")).is_empty());
    }
}
