//! Resource slices: the devices of a pool, as its driver tells of them.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{
    Counter, Device, DeviceAttribute, ResourceSlice, ResourceSliceSpec,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::names::{validate_driver, validate_label, validate_pool, validate_qualified};
use super::taints::{default_taint, validate_taint};
use super::{validate_each, validate_set};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::node_selector::validate_node_selector;
use crate::validation::{IMMUTABLE, invalid_each, list, text};

const DEVICES_MAX: usize = 128;
/// The same, where devices have taints, lists or counters.
const ADVANCED_DEVICES_MAX: usize = 64;
const PROPERTIES_MAX: usize = 32;
const VALUES_MAX: usize = 48;
const VALUE_MAX: usize = 64;
const TAINTS_MAX: usize = 16;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;
const CONSUMED_SETS_MAX: usize = 2;

/// The rules of resource slices (upstream: `pkg/registry/resource/resourceslice/strategy.go`).
pub struct ResourceSliceStrategy;

impl Strategy for ResourceSliceStrategy {
    type Kind = ResourceSlice;

    fn default(&self, slice: &mut ResourceSlice) {
        for device in slice.spec.devices.iter_mut().flatten() {
            device.taints.iter_mut().flatten().for_each(default_taint);
        }
    }

    fn validate(&self, slice: &ResourceSlice) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_spec(&slice.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, slice: &ResourceSlice, old: &ResourceSlice) -> ErrorList {
        let mut errors = self.validate(slice);
        let path = Path::new("spec");
        let (spec, was) = (&slice.spec, &old.spec);
        for (path, new, old) in [
            (
                path.child("pool").child("name"),
                spec.pool.name.as_str(),
                was.pool.name.as_str(),
            ),
            (path.child("driver"), &spec.driver, &was.driver),
            (
                path.child("nodeName"),
                text(spec.node_name.as_ref()),
                text(was.node_name.as_ref()),
            ),
        ] {
            if new != old {
                errors.push(FieldError::invalid(&path, new, IMMUTABLE));
            }
        }
        errors
    }

    fn spec_changed(&self, slice: &ResourceSlice, old: &ResourceSlice) -> Option<bool> {
        Some(slice.spec != old.spec)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.driver", "spec.nodeName"]
    }

    fn field_values(&self, slice: &ResourceSlice) -> Vec<String> {
        let node = text(slice.spec.node_name.as_ref());
        vec![slice.spec.driver.clone(), node.to_owned()]
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 5] = [
            Column::NAME,
            Column::text(
                "Node",
                "NodeName identifies the node which provides the resources in this pool.",
            ),
            Column::text(
                "Driver",
                "Driver identifies the DRA driver providing the capacity information.",
            ),
            Column::text(
                "Pool",
                "Pool describes the pool that this ResourceSlice belongs to.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, slice: &ResourceSlice) -> Vec<Cell> {
        let node = slice.spec.node_name.clone().filter(|node| !node.is_empty());
        vec![
            Cell::name(slice),
            Cell::text(node.unwrap_or_else(|| "<unset>".to_owned())),
            Cell::text(slice.spec.driver.clone()),
            Cell::text(slice.spec.pool.name.clone()),
            Cell::age(slice),
        ]
    }
}

fn validate_spec(spec: &ResourceSliceSpec, path: &Path, errors: &mut ErrorList) {
    validate_driver(&spec.driver, &path.child("driver"), errors);
    let pool = path.child("pool");
    validate_pool(&spec.pool.name, &pool.child("name"), errors);
    if spec.pool.resource_slice_count <= 0 {
        let (path, count) = (
            pool.child("resourceSliceCount"),
            spec.pool.resource_slice_count,
        );
        errors.push(FieldError::invalid(
            &path,
            count,
            "must be greater than zero",
        ));
    }
    if spec.pool.generation < 0 {
        let detail = "must be greater than or equal to zero";
        let (path, generation) = (pool.child("generation"), spec.pool.generation);
        errors.push(FieldError::invalid(&path, generation, detail));
    }
    validate_nodes(spec, path, errors);
    if spec.shared_counters.is_some() && spec.devices.is_some() {
        let detail = "only one of `sharedCounters` or `devices` is allowed";
        errors.push(FieldError::invalid(path, "", detail));
    }
    let devices = list(spec.devices.as_ref());
    let max = match devices.iter().any(is_advanced) {
        true => ADVANCED_DEVICES_MAX,
        false => DEVICES_MAX,
    };
    let by_device = spec.per_device_node_selection == Some(true);
    validate_set(
        devices,
        max,
        &path.child("devices"),
        errors,
        |device| device.name.as_str(),
        |device, path, errors| validate_device(device, by_device, path, errors),
    );
    validate_set(
        list(spec.shared_counters.as_ref()),
        COUNTER_SETS_MAX,
        &path.child("sharedCounters"),
        errors,
        |set| set.name.as_str(),
        |set, path, errors| {
            validate_counters(&set.name, "name", &set.counters, path, errors);
        },
    );
}

/// Which nodes have the devices: said in exactly one way.
fn validate_nodes(spec: &ResourceSliceSpec, path: &Path, errors: &mut ErrorList) {
    let mut set = Vec::new();
    if let Some(node) = &spec.node_name {
        let path = path.child("nodeName");
        if node.is_empty() {
            let detail = "must be either unset or set to a non-empty string";
            errors.push(FieldError::invalid(&path, node, detail));
        } else {
            set.push("`nodeName`");
            invalid_each(&path, node, name::dns1123_subdomain(node), errors);
        }
    }
    if let Some(selector) = &spec.node_selector {
        set.push("`nodeSelector`");
        let path = path.child("nodeSelector");
        validate_node_selector(selector, &path, errors);
        if selector.node_selector_terms.len() != 1 {
            let value = BadValue::go("[]core.NodeSelectorTerm{}");
            let detail = "must have exactly one node selector term";
            let path = path.child("nodeSelectorTerms");
            errors.push(FieldError::invalid(&path, value, detail));
        }
    }
    for (field, named, value) in [
        ("allNodes", "`allNodes`", spec.all_nodes),
        (
            "perDeviceNodeSelection",
            "`perDeviceNodeSelection`",
            spec.per_device_node_selection,
        ),
    ] {
        match value {
            Some(true) => set.push(named),
            Some(false) => {
                let detail = "must be either unset or set to true";
                let value = BadValue::go("false");
                errors.push(FieldError::invalid(&path.child(field), value, detail));
            }
            None => {}
        }
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    match set.len() {
        0 => errors.push(FieldError::required(path, detail)),
        1 => {}
        _ => {
            let value = format!("{{{}}}", set.join(", "));
            let detail = format!("{detail}, but multiple fields are set");
            errors.push(FieldError::invalid(path, &value, detail));
        }
    }
}

fn is_advanced(device: &Device) -> bool {
    let has_list = |attribute: &DeviceAttribute| {
        attribute.bools.is_some()
            || attribute.ints.is_some()
            || attribute.strings.is_some()
            || attribute.versions.is_some()
    };
    let mut attributes = device.attributes.iter().flat_map(BTreeMap::values);
    !list(device.taints.as_ref()).is_empty()
        || !list(device.consumes_counters.as_ref()).is_empty()
        || attributes.any(has_list)
}

fn validate_device(device: &Device, by_device: bool, path: &Path, errors: &mut ErrorList) {
    validate_label(&device.name, &path.child("name"), errors);
    let attributes = device.attributes.as_ref();
    let capacity = device.capacity.as_ref();
    let properties = attributes.map_or(0, BTreeMap::len) + capacity.map_or(0, BTreeMap::len);
    let values: usize = attributes
        .into_iter()
        .flat_map(BTreeMap::values)
        .map(values)
        .sum();
    for (number, max, what) in [
        (properties, PROPERTIES_MAX, "attributes and capacities"),
        (values, VALUES_MAX, "attribute values"),
    ] {
        if number > max {
            let detail = format!("the total number of {what} must not exceed {max}");
            errors.push(FieldError::invalid(path, number, detail));
        }
    }
    let attributes_path = path.child("attributes");
    for (name, attribute) in attributes.into_iter().flatten() {
        validate_qualified(name, &attributes_path, errors);
        validate_attribute(attribute, &attributes_path.key(name), errors);
    }
    let capacity_path = path.child("capacity");
    for (name, capacity) in capacity.into_iter().flatten() {
        validate_qualified(name, &capacity_path, errors);
        if capacity.request_policy.is_some() && device.allow_multiple_allocations != Some(true) {
            let path = capacity_path.key(name).child("requestPolicy");
            let detail = "allowMultipleAllocations must be true";
            errors.push(FieldError::forbidden(&path, detail));
        }
    }
    let taints = list(device.taints.as_ref());
    validate_each(
        taints,
        TAINTS_MAX,
        &path.child("taints"),
        errors,
        validate_taint,
    );
    validate_set(
        list(device.consumes_counters.as_ref()),
        CONSUMED_SETS_MAX,
        &path.child("consumesCounters"),
        errors,
        |set| set.counter_set.as_str(),
        |set, path, errors| {
            validate_counters(&set.counter_set, "counterSet", &set.counters, path, errors);
        },
    );
    let says = device.node_name.is_some() || device.node_selector.is_some();
    if !by_device && (says || device.all_nodes.is_some()) {
        let detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
        errors.push(FieldError::invalid(path, BadValue::null(), detail));
    }
}

/// How many values an attribute has.
fn values(attribute: &DeviceAttribute) -> usize {
    let lists = list(attribute.bools.as_ref()).len()
        + list(attribute.ints.as_ref()).len()
        + list(attribute.strings.as_ref()).len()
        + list(attribute.versions.as_ref()).len();
    lists.max(1)
}

fn validate_attribute(attribute: &DeviceAttribute, path: &Path, errors: &mut ErrorList) {
    let set = [
        attribute.bool.is_some(),
        attribute.int.is_some(),
        attribute.string.is_some(),
        attribute.version.is_some(),
        attribute.bools.is_some(),
        attribute.ints.is_some(),
        attribute.strings.is_some(),
        attribute.versions.is_some(),
    ];
    for (field, value) in [
        ("string", &attribute.string),
        ("version", &attribute.version),
    ] {
        if value.as_ref().is_some_and(|value| value.len() > VALUE_MAX) {
            errors.push(FieldError::too_long(&path.child(field), VALUE_MAX));
        }
    }
    if set.iter().filter(|is_set| **is_set).count() != 1 {
        let detail = "exactly one value must be specified";
        errors.push(FieldError::invalid(path, "", detail));
    }
}

fn validate_counters(
    set: &str,
    field: &str,
    counters: &BTreeMap<String, Counter>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let set_path = path.child(field);
    match set {
        "" => errors.push(FieldError::required(&set_path, "")),
        set => validate_label(set, &set_path, errors),
    }
    let path = path.child("counters");
    if counters.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if counters.len() > COUNTERS_MAX {
        errors.push(FieldError::too_many(&path, counters.len(), COUNTERS_MAX));
    } else {
        for name in counters.keys() {
            validate_label(name, &path, errors);
        }
    }
}
