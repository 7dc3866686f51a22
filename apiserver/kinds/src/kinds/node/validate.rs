//! Validation of nodes (upstream: `ValidateNode` and `ValidateNodeUpdate` in
//! `pkg/apis/core/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::labels::validate_label_name;
use crate::validation::net::{parse_cidr, validate_cidr};
use crate::validation::resources::validate_amount;
use crate::validation::{go_strings, list, one_of, required, text};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn validate_node(node: &Node, errors: &mut ErrorList) {
    let none = NodeSpec::default();
    let spec = node.spec.as_ref().unwrap_or(&none);
    validate_taints(spec, errors);
    validate_resources(node, errors);
    let networks = list(spec.pod_cidrs.as_ref());
    let path = Path::new("spec").child("podCIDRs");
    for (i, network) in networks.iter().enumerate() {
        validate_cidr(network, &path.index(i), errors);
    }
    if networks.len() < 2 {
        return;
    }
    let is_v4 = |cidr: &String| parse_cidr(cidr).map(|net| net.network().is_ipv4());
    let families: BTreeSet<_> = networks.iter().map(is_v4).collect();
    if families.len() < 2 || families.contains(&None) || networks.len() > 2 {
        let detail = "may specify no more than one CIDR for each IP family";
        errors.push(FieldError::invalid(&path, go_strings(networks), detail));
    }
    let mut seen = BTreeSet::new();
    for (i, network) in networks.iter().enumerate() {
        if !seen.insert(network) {
            errors.push(FieldError::duplicate(&path.index(i), network));
        }
    }
}

/// The amounts of a node's resources.
fn validate_resources(node: &Node, errors: &mut ErrorList) {
    let Some(status) = &node.status else { return };
    for (field, amounts) in [
        ("capacity", &status.capacity),
        ("allocatable", &status.allocatable),
    ] {
        for (resource, amount) in amounts.iter().flatten() {
            let path = Path::new("status").child(field).child(resource);
            validate_amount(resource, amount, &path, errors);
        }
    }
}

/// Upstream's path does not contain the taints.
fn validate_taints(spec: &NodeSpec, errors: &mut ErrorList) {
    let mut seen = BTreeSet::new();
    for (i, taint) in list(spec.taints.as_ref()).iter().enumerate() {
        let path = Path::new("metadata").child("taints").index(i);
        validate_label_name(&taint.key, &path.child("key"), errors);
        let value = text(taint.value.as_ref());
        let sentences = name::label_value(value);
        if !sentences.is_empty() {
            let detail = sentences.join(";");
            errors.push(FieldError::invalid(&path.child("value"), value, detail));
        }
        let effect_path = path.child("effect");
        if taint.effect.is_empty() {
            required(None, &effect_path, errors);
        } else {
            one_of(&taint.effect, &EFFECTS, &effect_path, errors);
        }
        if !seen.insert((&taint.effect, &taint.key)) {
            errors.push(FieldError {
                detail: "taints must be unique by key and effect pair".into(),
                ..FieldError::duplicate(&path, go_taint(taint))
            });
        }
    }
}

fn go_taint(taint: &Taint) -> BadValue {
    BadValue::go(format!(
        "core.Taint{{Key:{}, Value:{}, Effect:{}, TimeAdded:<nil>}}",
        go_quote(&taint.key),
        go_quote(text(taint.value.as_ref())),
        go_quote(&taint.effect),
    ))
}

/// Validates changes, by the node and by others.
pub(super) fn validate_node_update(node: &Node, old: &Node, errors: &mut ErrorList) {
    let none = NodeSpec::default();
    let spec = node.spec.as_ref().unwrap_or(&none);
    let old = old.spec.as_ref().unwrap_or(&none);
    validate_resources(node, errors);
    let addresses = node.status.as_ref().and_then(|s| s.addresses.as_ref());
    let mut seen = BTreeSet::new();
    for (i, address) in list(addresses).iter().enumerate() {
        if !seen.insert((&address.type_, &address.address)) {
            let value = BadValue::go(format!(
                "core.NodeAddress{{Type:{}, Address:{}}}",
                go_quote(&address.type_),
                go_quote(&address.address)
            ));
            let path = Path::new("status").child("addresses").index(i);
            errors.push(FieldError::duplicate(&path, value));
        }
    }
    let mut changes = protected_changes(spec, old);
    if !changes.is_empty() {
        let detail = "node updates may only change labels, taints, or capacity";
        // upstream's path is that of a field without a name
        changes.push(FieldError::forbidden(&Path::new("[]"), detail));
    }
    validate_taints(spec, errors);
    errors.extend(changes);
}

/// The fields of a node's spec that cannot be changed once they are set.
fn protected_changes(spec: &NodeSpec, old: &NodeSpec) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("spec");
    let networks = list(old.pod_cidrs.as_ref());
    let now = list(spec.pod_cidrs.as_ref());
    let changes = match networks.len() {
        0 => 0,
        count if count != now.len() => 1,
        _ => networks.iter().zip(now).filter(|(a, b)| a != b).count(),
    };
    for _ in 0..changes {
        let detail = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(FieldError::forbidden(&path.child("podCIDRs"), detail));
    }
    let provider = text(old.provider_id.as_ref());
    if !provider.is_empty() && text(spec.provider_id.as_ref()) != provider {
        let detail = "node updates may not change providerID except from \"\" to valid";
        errors.push(FieldError::forbidden(&path.child("providerID"), detail));
    }
    if text(spec.external_id.as_ref()) != text(old.external_id.as_ref()) {
        let path = path.child("externalID");
        errors.push(FieldError::forbidden(&path, "may not be updated"));
    }
    errors
}
