//! Tolerations, and the spreading of pods over nodes.

use k8s_openapi::api::core::v1::{PodSpec, Toleration, TopologySpreadConstraint};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::labels::validate_label_name;
use super::super::{list, one_of, text};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const POSITIVE: &str = "must be greater than zero";

/// Validates tolerations.
pub fn validate_tolerations(tolerations: &[Toleration], path: &Path, errors: &mut ErrorList) {
    for (i, toleration) in tolerations.iter().enumerate() {
        validate_toleration(toleration, &path.index(i), errors);
    }
}

fn validate_toleration(toleration: &Toleration, path: &Path, errors: &mut ErrorList) {
    let key = text(toleration.key.as_ref());
    let operator = text(toleration.operator.as_ref());
    let effect = text(toleration.effect.as_ref());
    let value = text(toleration.value.as_ref());
    let operator_path = path.child("operator");
    if !key.is_empty() {
        validate_label_name(key, &path.child("key"), errors);
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(FieldError::invalid(&operator_path, operator, detail));
    }
    if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(&path.child("effect"), effect, detail));
    }
    match operator {
        "Equal" | "" => {
            let sentences = name::label_value(value);
            if !sentences.is_empty() {
                let detail = sentences.join(";");
                errors.push(FieldError::invalid(&operator_path, value, detail));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid(&operator_path, go(toleration), detail));
        }
        "Exists" => {}
        other => one_of(other, &["Equal", "Exists"], &operator_path, errors),
    }
    if !effect.is_empty() {
        one_of(effect, &EFFECTS, &path.child("effect"), errors);
    }
}

fn go(toleration: &Toleration) -> BadValue {
    BadValue::go(format!(
        "core.Toleration{{Key:{}, Operator:{}, Value:{}, Effect:{}, TolerationSeconds:(*int64)(nil)}}",
        go_quote(text(toleration.key.as_ref())),
        go_quote(text(toleration.operator.as_ref())),
        go_quote(text(toleration.value.as_ref())),
        go_quote(text(toleration.effect.as_ref())),
    ))
}

pub(super) fn validate_spread(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    let constraints = list(spec.topology_spread_constraints.as_ref());
    for (i, constraint) in constraints.iter().enumerate() {
        let path = path.index(i);
        validate_constraint(constraint, &path, errors);
        let same = |other: &&TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key
                && other.when_unsatisfiable == constraint.when_unsatisfiable
        };
        if constraints[i + 1..].iter().find(same).is_some() {
            let pair = format!(
                "{{{}, {}}}",
                constraint.topology_key, constraint.when_unsatisfiable
            );
            let path = path.child("{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(&path, &pair));
        }
    }
}

fn validate_constraint(constraint: &TopologySpreadConstraint, path: &Path, errors: &mut ErrorList) {
    let skew = constraint.max_skew;
    if skew <= 0 {
        errors.push(FieldError::invalid(&path.child("maxSkew"), skew, POSITIVE));
    }
    if constraint.topology_key.is_empty() {
        let path = path.child("topologyKey");
        errors.push(FieldError::required(&path, "can not be empty"));
    }
    let when = constraint.when_unsatisfiable.as_str();
    let actions = ["DoNotSchedule", "ScheduleAnyway"];
    one_of(when, &actions, &path.child("whenUnsatisfiable"), errors);
    if let Some(domains) = constraint.min_domains {
        let path = path.child("minDomains");
        if domains <= 0 {
            errors.push(FieldError::invalid(&path, domains, POSITIVE));
        }
        if when != "DoNotSchedule" {
            let detail =
                format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}");
            errors.push(FieldError::invalid(&path, domains, detail));
        }
    }
}
