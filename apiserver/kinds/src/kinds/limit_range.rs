//! Limit ranges: bounds and defaults of the resources of pods in a namespace.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::pod::defaults::round_up;
use crate::strategy::{MetadataChecks, Strategy};
use crate::validation::invalid_each;
use crate::validation::resources::{
    Amounts, amount, is_huge_pages, is_native, validate_container_resource_name,
    validate_resource_name,
};

/// The types of limits without a domain.
const TYPES: [&str; 3] = ["Pod", "Container", "PersistentVolumeClaim"];

/// The rules of limit ranges (upstream: `ValidateLimitRange` in
/// `pkg/apis/core/validation/validation.go`).
pub struct LimitRangeStrategy;

impl Strategy for LimitRangeStrategy {
    type Kind = LimitRange;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(1, 0)
    }

    fn default(&self, range: &mut LimitRange) {
        let spec = range.spec.get_or_insert_default();
        for item in &mut spec.limits {
            for amounts in [
                &mut item.max,
                &mut item.min,
                &mut item.default,
                &mut item.default_request,
                &mut item.max_limit_request_ratio,
            ]
            .into_iter()
            .flatten()
            {
                round_up(amounts);
            }
            if item.type_ == "Container" {
                default_item(item);
            }
        }
    }

    fn names_itself(&self) -> bool {
        true
    }

    fn validate(&self, range: &LimitRange) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec").child("limits");
        let mut types = BTreeSet::new();
        let limits = range.spec.as_ref().map_or(&[][..], |s| &s.limits);
        for (i, item) in limits.iter().enumerate() {
            let path = path.index(i);
            validate_type(&item.type_, &path.child("type"), &mut errors);
            if !types.insert(&item.type_) {
                errors.push(FieldError::duplicate(&path.child("type"), &item.type_));
            }
            validate_names(item, &path, &mut errors);
            validate_order(item, &path, &mut errors);
        }
        errors
    }
}

/// The default limit is the maximum, the default request the default limit, and if neither is given the
/// minimum (upstream: `SetDefaults_LimitRangeItem`).
fn default_item(item: &mut LimitRangeItem) {
    let limits = item.default.get_or_insert_default();
    let requests = item.default_request.get_or_insert_default();
    fill(limits, item.max.as_ref());
    fill(requests, Some(limits));
    fill(requests, item.min.as_ref());
}

fn fill(amounts: &mut Amounts, from: Option<&Amounts>) {
    for (resource, value) in from.into_iter().flatten() {
        amounts
            .entry(resource.clone())
            .or_insert_with(|| value.clone());
    }
}

fn validate_type(kind: &str, path: &Path, errors: &mut ErrorList) {
    let sentences = name::qualified_name(kind);
    let fine = sentences.is_empty();
    invalid_each(path, kind, sentences, errors);
    if fine && !kind.contains('/') && !TYPES.contains(&kind) {
        let detail = "must be a standard limit type or fully qualified";
        errors.push(FieldError::invalid(path, kind, detail));
    }
}

fn validate_names(item: &LimitRangeItem, path: &Path, errors: &mut ErrorList) {
    let storage = |amounts: &Option<Amounts>| {
        let amounts = amounts.as_ref();
        amounts.is_some_and(|a| a.contains_key("storage"))
    };
    if item.type_ == "PersistentVolumeClaim" && !storage(&item.min) && !storage(&item.max) {
        let detail =
            "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(&path.child("limits"), detail));
    }
    for (field, amounts, for_pods) in [
        ("max", &item.max, true),
        ("min", &item.min, true),
        ("default", &item.default, false),
        ("defaultRequest", &item.default_request, false),
        ("maxLimitRequestRatio", &item.max_limit_request_ratio, true),
    ] {
        let path = path.child(field);
        let count = amounts.as_ref().map_or(0, BTreeMap::len);
        if !for_pods && item.type_ == "Pod" {
            if count > 0 {
                let detail = "may not be specified when `type` is 'Pod'";
                errors.push(FieldError::forbidden(&path, detail));
            }
            continue;
        }
        for resource in amounts.iter().flatten().map(|(resource, _)| resource) {
            let path = path.key(resource);
            if matches!(item.type_.as_str(), "Pod" | "Container") {
                validate_container_resource_name(resource, &path, errors);
            } else {
                validate_resource_name(resource, &path, errors);
            }
        }
    }
}

/// Minimum, default request, default limit and maximum must not decrease in this order.
fn validate_order(item: &LimitRangeItem, path: &Path, errors: &mut ErrorList) {
    let without_defaults;
    let item = if item.type_ == "Pod" {
        // a pod's have no defaults
        without_defaults = LimitRangeItem {
            default: None,
            default_request: None,
            ..item.clone()
        };
        &without_defaults
    } else {
        item
    };
    let all = [
        &item.max,
        &item.min,
        &item.default,
        &item.default_request,
        &item.max_limit_request_ratio,
    ];
    let resources: BTreeSet<_> = all.into_iter().flatten().flat_map(BTreeMap::keys).collect();
    for resource in resources {
        validate_resource_order(item, resource, path, errors);
        validate_ratio(item, resource, path, errors);
    }
}

fn of<'a>(amounts: &'a Option<Amounts>, resource: &str) -> Option<&'a Text> {
    amounts.as_ref().and_then(|a| a.get(resource))
}

fn validate_resource_order(
    item: &LimitRangeItem,
    resource: &str,
    path: &Path,
    errors: &mut ErrorList,
) {
    let (min, max) = (of(&item.min, resource), of(&item.max, resource));
    let (limit, request) = (
        of(&item.default, resource),
        of(&item.default_request, resource),
    );
    for (field, low, low_name, high, high_name) in [
        ("min", min, "min", max, "max"),
        ("defaultRequest", min, "min", request, "default request"),
        ("defaultRequest", request, "default request", max, "max"),
        (
            "defaultRequest",
            request,
            "default request",
            limit,
            "default limit",
        ),
        ("default", min, "min", limit, "default"),
        ("default", limit, "default", max, "max"),
    ] {
        if let (Some(low), Some(high)) = (low, high)
            && amount(low) > amount(high)
        {
            let path = path.child(field).key(resource);
            let detail = format!(
                "{low_name} value {} is greater than {high_name} value {}",
                low.0, high.0
            );
            errors.push(FieldError::invalid(&path, &low.0, detail));
        }
    }
    let overcommitted = is_native(resource) && !is_huge_pages(resource);
    if let (false, Some(limit), Some(request)) = (overcommitted, limit, request)
        && amount(limit) != amount(request)
    {
        let path = path.child("defaultRequest").key(resource);
        let detail = format!(
            "default value {} must equal to defaultRequest value {} in {resource}",
            limit.0, request.0
        );
        errors.push(FieldError::invalid(&path, &request.0, detail));
    }
}

fn validate_ratio(item: &LimitRangeItem, resource: &str, path: &Path, errors: &mut ErrorList) {
    let Some(text) = of(&item.max_limit_request_ratio, resource) else {
        return;
    };
    let ratio = amount(text);
    let path = path.child("maxLimitRequestRatio").key(resource);
    if ratio < Quantity::from_units(1) {
        let detail = format!("ratio {} is less than 1", text.0);
        errors.push(FieldError::invalid(&path, &text.0, detail));
    }
    if let (Some(min), Some(max)) = (of(&item.min, resource), of(&item.max, resource)) {
        let (min, max) = (
            amount(min).millis_rounded_up(),
            amount(max).millis_rounded_up(),
        );
        let most = max as f64 / min as f64;
        if ratio.millis_rounded_up() as f64 / 1000.0 > most {
            let detail = format!("ratio {} is greater than max/min = {most:.6}", text.0);
            errors.push(FieldError::invalid(&path, &text.0, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, written};

    fn range(items: &Value) -> Value {
        json!({"spec": {"limits": items}})
    }

    #[test]
    fn limits_of_containers_fill_each_other() {
        let given =
            range(&json!([{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]));
        assert_eq!(
            written(&defaulted(&LimitRangeStrategy, &given).spec)["limits"][0],
            json!({
                "type": "Container",
                "max": {"cpu": "2"},
                "min": {"memory": "1Mi"},
                "default": {"cpu": "2"},
                "defaultRequest": {"cpu": "2", "memory": "1Mi"},
            })
        );
    }

    #[test]
    fn types_and_names_are_known_and_amounts_ordered() {
        for (items, texts) in [
            (json!([{"type": "Pod", "max": {"cpu": "2"}}]), vec![]),
            (
                json!([{"type": "Pod", "default": {"cpu": "2"}}, {"type": "Pod"}, {"type": "Odd"}]),
                vec![
                    "[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                    "[1].type: Duplicate value: \"Pod\"",
                    "[2].type: Invalid value: \"Odd\": must be a standard limit type or fully qualified",
                ],
            ),
            (
                json!([{"type": "PersistentVolumeClaim"}]),
                vec![
                    "[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
                ],
            ),
            (
                json!([{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "500m"}}]),
                vec![
                    "[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                    "[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1",
                ],
            ),
            (
                json!([{"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "1600m"}, "maxLimitRequestRatio": {"cpu": "1500m"}}]),
                vec![],
            ),
            (
                json!([{"type": "Pod", "default": {"cpu": "2"}, "min": {"cpu": "1"}, "max": {"cpu": "1500m"},
                    "maxLimitRequestRatio": {"cpu": "2"}}]),
                vec![
                    "[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                    "[0].maxLimitRequestRatio[cpu]: Invalid value: \"2\": ratio 2 is greater than max/min = 1.500000",
                ],
            ),
            (
                json!([{"type": "Container", "default": {"bogus": "1"}}]),
                vec![
                    "[0].default[bogus]: Invalid value: \"bogus\": must be a standard resource type or fully qualified",
                    "[0].default[bogus]: Invalid value: \"bogus\": must be a standard resource for containers",
                    "[0].defaultRequest[bogus]: Invalid value: \"bogus\": must be a standard resource type or fully qualified",
                    "[0].defaultRequest[bogus]: Invalid value: \"bogus\": must be a standard resource for containers",
                ],
            ),
        ] {
            let texts: Vec<_> = texts.iter().map(|t| format!("spec.limits{t}")).collect();
            assert_eq!(
                mistakes(&LimitRangeStrategy, &range(&items)),
                texts,
                "{items}"
            );
        }
    }
}
