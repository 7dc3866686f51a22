//! Resource quotas: how much a namespace may hold.

mod scopes;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::pod::defaults::round_up;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::resources::{
    Amounts, is_standard_for_quota, validate_amount, validate_resource_name,
};
use crate::validation::{IMMUTABLE, go_elements, list, twice};

/// The rules of resource quotas (upstream: `ValidateResourceQuota` in
/// `pkg/apis/core/validation/validation.go`).
pub struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    type Kind = ResourceQuota;

    fn default(&self, quota: &mut ResourceQuota) {
        let spec = quota.spec.get_or_insert_default();
        let status = quota.status.get_or_insert_default();
        for amounts in [&mut spec.hard, &mut status.hard, &mut status.used]
            .into_iter()
            .flatten()
        {
            round_up(amounts);
        }
    }

    fn prepare_for_create(&self, quota: &mut ResourceQuota) {
        quota.status = Some(Default::default());
    }

    fn prepare_for_update(&self, quota: &mut ResourceQuota, old: &ResourceQuota) {
        quota.status.clone_from(&old.status);
    }

    fn validate(&self, quota: &ResourceQuota) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &quota.spec {
            let path = Path::new("spec");
            validate_amounts(spec.hard.as_ref(), &path.child("hard"), &mut errors);
            scopes::validate_scopes(spec, &path, &mut errors);
        }
        errors
    }

    fn validate_update(&self, quota: &ResourceQuota, old: &ResourceQuota) -> ErrorList {
        let mut errors = twice(self.validate(quota));
        let sorted = |spec: &Option<ResourceQuotaSpec>| {
            let scopes = spec.as_ref().and_then(|s| s.scopes.as_ref());
            let mut scopes = list(scopes).to_vec();
            scopes.sort_unstable();
            scopes.dedup();
            scopes
        };
        if sorted(&quota.spec) != sorted(&old.spec) {
            let scopes = quota.spec.as_ref().and_then(|s| s.scopes.as_ref());
            let path = Path::new("spec").child("scopes");
            errors.push(FieldError::invalid(
                &path,
                go_scopes(list(scopes)),
                IMMUTABLE,
            ));
        }
        errors
    }

    fn prepare_status_update(&self, quota: &mut ResourceQuota, old: &ResourceQuota) {
        quota.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, quota: &ResourceQuota, _: &ResourceQuota) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = quota.status.clone().unwrap_or_default();
        let path = Path::new("status");
        validate_amounts(status.hard.as_ref(), &path.child("hard"), &mut errors);
        validate_amounts(status.used.as_ref(), &path.child("used"), &mut errors);
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::AGE,
            Column::text(
                "Request",
                "Request represents a minimum amount of cpu/memory that a container may consume.",
            ),
            Column::text(
                "Limit",
                "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
            ),
        ];
        &COLUMNS
    }

    fn cells(&self, quota: &ResourceQuota) -> Vec<Cell> {
        let status = quota.status.clone().unwrap_or_default();
        let used = status.used.unwrap_or_default();
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (resource, hard) in status.hard.iter().flatten() {
            let used = used.get(resource).map_or("0", |q| q.0.as_str());
            let text = format!("{resource}: {used}/{}", hard.0);
            if resource.starts_with("limits") {
                limits.push(text);
            } else {
                requests.push(text);
            }
        }
        vec![
            Cell::name(quota),
            Cell::age(quota),
            Cell::text(requests.join(", ")),
            Cell::text(limits.join(", ")),
        ]
    }
}

fn validate_amounts(amounts: Option<&Amounts>, path: &Path, errors: &mut ErrorList) {
    for (resource, value) in amounts.into_iter().flatten() {
        let path = path.key(resource);
        validate_resource_name(resource, &path, errors);
        if !resource.contains('/') && !is_standard_for_quota(resource) {
            let detail = "must be a standard resource for quota";
            errors.push(FieldError::invalid(&path, resource, detail));
        }
        validate_amount(resource, value, &path, errors);
    }
}

fn go_scopes(scopes: &[String]) -> BadValue {
    BadValue::go(format!("[]core.ResourceQuotaScope{}", go_elements(scopes)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    fn quota(spec: &Value) -> Value {
        json!({"spec": spec})
    }

    #[test]
    fn only_resources_with_quotas_are_accepted() {
        for (hard, texts) in [
            (
                json!({"pods": "5", "requests.cpu": "1", "count/jobs.batch": "2"}),
                vec![],
            ),
            (
                json!({"pods": "500m"}),
                vec!["[pods]: Invalid value: \"500m\": must be an integer"],
            ),
            (
                json!({"pods": "-1"}),
                vec!["[pods]: Invalid value: \"-1\": must be greater than or equal to 0"],
            ),
            (
                json!({"bogus": "1"}),
                vec![
                    "[bogus]: Invalid value: \"bogus\": must be a standard resource type or fully qualified",
                    "[bogus]: Invalid value: \"bogus\": must be a standard resource for quota",
                ],
            ),
        ] {
            let texts: Vec<_> = texts.iter().map(|t| format!("spec.hard{t}")).collect();
            let given = quota(&json!({"hard": hard}));
            assert_eq!(mistakes(&ResourceQuotaStrategy, &given), texts, "{hard}");
        }
    }

    #[test]
    fn scopes_are_known_and_compatible() {
        for (spec, texts) in [
            (
                json!({"scopes": ["BestEffort"], "hard": {"pods": "1"}}),
                vec![],
            ),
            (
                json!({"scopes": ["Odd"]}),
                vec![
                    "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"Odd\"}: unsupported scope",
                ],
            ),
            (
                json!({"scopes": ["BestEffort"], "hard": {"cpu": "1"}}),
                vec![
                    "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"BestEffort\"}: unsupported scope applied to resource",
                ],
            ),
            (
                json!({"scopes": ["Terminating", "NotTerminating"]}),
                vec![
                    "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"Terminating\", \"NotTerminating\"}: conflicting scopes",
                ],
            ),
            (
                json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"},
                    {"scopeName": "BestEffort", "operator": "DoesNotExist"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
                    "spec.scopeSelector.matchExpressions.operator: Invalid value: \"DoesNotExist\": must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
                ],
            ),
        ] {
            assert_eq!(
                mistakes(&ResourceQuotaStrategy, &quota(&spec)),
                texts,
                "{spec}"
            );
        }
        let (old, new) = (quota(&json!({})), quota(&json!({"scopes": ["BestEffort"]})));
        assert_eq!(
            update_mistakes(&ResourceQuotaStrategy, &new, &old),
            [
                "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"BestEffort\"}: field is immutable"
            ]
        );
    }

    #[test]
    fn rows_show_requests_and_limits_apart() {
        let given = json!({"status": {
            "hard": {"limits.cpu": "4", "pods": "5", "requests.cpu": "2"}, "used": {"pods": "1"}}});
        let quota = defaulted(&ResourceQuotaStrategy, &given);
        assert_eq!(
            ResourceQuotaStrategy.cells(&quota)[2..],
            [
                Cell::text("pods: 1/5, requests.cpu: 0/2"),
                Cell::text("limits.cpu: 0/4"),
            ]
        );
    }
}
