//! Pod disruption budgets: how many of some pods may be evicted at the same time.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::conditions::validate_conditions;
use crate::validation::int_or_percent::{display, validate_at_most_all, validate_int_or_percent};
use crate::validation::labels::validate_label_selector;
use crate::validation::{list, not_negative, one_of};
use crate::version::Version;

/// The rules of pod disruption budgets (upstream: `pkg/registry/policy/poddisruptionbudget/strategy.go`,
/// `pkg/apis/policy/validation/validation.go`).
pub struct PodDisruptionBudgetStrategy;

impl Strategy for PodDisruptionBudgetStrategy {
    type Kind = PodDisruptionBudget;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::NONE
    }

    fn default(&self, budget: &mut PodDisruptionBudget) {
        budget.spec.get_or_insert_default();
        budget.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, budget: &mut PodDisruptionBudget) {
        budget.status = Some(Default::default());
    }

    fn prepare_for_update(&self, budget: &mut PodDisruptionBudget, old: &PodDisruptionBudget) {
        budget.status.clone_from(&old.status);
    }

    fn validate(&self, budget: &PodDisruptionBudget) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &budget.spec {
            validate_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn prepare_status_update(&self, budget: &mut PodDisruptionBudget, old: &PodDisruptionBudget) {
        budget.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        budget: &PodDisruptionBudget,
        _: &PodDisruptionBudget,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = budget.status.clone().unwrap_or_default();
        let path = Path::new("status");
        let conditions = list(status.conditions.as_ref());
        validate_conditions(conditions, &path.child("conditions"), &mut errors);
        for (field, value) in [
            ("disruptionsAllowed", status.disruptions_allowed),
            ("currentHealthy", status.current_healthy),
            ("desiredHealthy", status.desired_healthy),
            ("expectedPods", status.expected_pods),
        ] {
            not_negative(value.map(i64::from), &path.child(field), &mut errors);
        }
        errors
    }

    fn spec_changed(
        &self,
        budget: &PodDisruptionBudget,
        old: &PodDisruptionBudget,
    ) -> Option<bool> {
        Some(budget.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, budget: &PodDisruptionBudget) -> Vec<Cell> {
        let spec = budget.spec.as_ref();
        let shown = |value: Option<&IntOrString>| {
            Cell::text(value.map_or_else(|| "N/A".to_owned(), display))
        };
        let status = budget.status.as_ref();
        let allowed = status.and_then(|s| s.disruptions_allowed);
        vec![
            Cell::name(budget),
            shown(spec.and_then(|s| s.min_available.as_ref())),
            shown(spec.and_then(|s| s.max_unavailable.as_ref())),
            Cell::integer(allowed.unwrap_or_default().into()),
            Cell::age(budget),
        ]
    }
}

fn validate_spec(spec: &PodDisruptionBudgetSpec, path: &Path, errors: &mut ErrorList) {
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        let value = BadValue::go("policy.PodDisruptionBudgetSpec{}");
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid(path, value, detail));
    }
    for (field, value) in [
        ("minAvailable", &spec.min_available),
        ("maxUnavailable", &spec.max_unavailable),
    ] {
        if let Some(value) = value {
            let path = path.child(field);
            validate_int_or_percent(value, &path, errors);
            validate_at_most_all(value, &path, errors);
        }
    }
    validate_label_selector(spec.selector.as_ref(), &path.child("selector"), errors);
    if let Some(policy) = &spec.unhealthy_pod_eviction_policy {
        let path = path.child("unhealthyPodEvictionPolicy");
        one_of(policy, &["AlwaysAllow", "IfHealthyBudget"], &path, errors);
    }
}

static COLUMNS: [Column; 5] = [
    Column::NAME,
    Column::text(
        "Min Available",
        "The minimum number of pods that must be available.",
    ),
    Column::text(
        "Max Unavailable",
        "The maximum number of pods that may be unavailable.",
    ),
    Column::integer(
        "Allowed Disruptions",
        "Calculated number of pods that may be disrupted at this time.",
    ),
    Column::AGE,
];

/// `policy/v1beta1`, where an empty selector matches no pods; in `policy/v1` it matches all (upstream:
/// `pkg/apis/policy/v1beta1/conversion.go`).
pub struct V1Beta1;

/// No pod has this label; a requirement that it exists or does not exist means in each version what `{}`
/// means in the other.
const EMPTY_SELECTOR_MATCH: &str = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";

impl Version for V1Beta1 {
    type Stored = PodDisruptionBudget;
    type Served = PodDisruptionBudget;

    fn to_stored(served: &PodDisruptionBudget) -> PodDisruptionBudget {
        with_empty_selector_as(served, "Exists", "DoesNotExist")
    }

    fn to_served(stored: &PodDisruptionBudget) -> PodDisruptionBudget {
        with_empty_selector_as(stored, "DoesNotExist", "Exists")
    }
}

/// `operator` replaces an empty selector, `other` is replaced by an empty one.
fn with_empty_selector_as(
    budget: &PodDisruptionBudget,
    operator: &str,
    other: &str,
) -> PodDisruptionBudget {
    let mut budget = budget.clone();
    let spec = budget.spec.as_mut();
    if let Some(selector) = spec.and_then(|s| s.selector.as_mut()) {
        if *selector == LabelSelector::default() {
            *selector = asking_for_nothing(operator);
        } else if *selector == asking_for_nothing(other) {
            *selector = LabelSelector::default();
        }
    }
    budget
}

fn asking_for_nothing(operator: &str) -> LabelSelector {
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: EMPTY_SELECTOR_MATCH.to_owned(),
            operator: operator.to_owned(),
            values: None,
        }]),
        match_labels: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, prepared, written};

    const RULES: &PodDisruptionBudgetStrategy = &PodDisruptionBudgetStrategy;

    #[test]
    fn a_budget_is_one_number_or_share() {
        for (spec, wrong) in [
            (json!({"minAvailable": 1}), vec![]),
            (json!({"maxUnavailable": "50%"}), vec![]),
            (json!({"minAvailable": "101%"}), vec!["spec.minAvailable"]),
            (
                json!({"minAvailable": 1, "maxUnavailable": -1}),
                vec!["spec", "spec.maxUnavailable"],
            ),
            (
                json!({"selector": {"matchLabels": {"-": "b"}}, "unhealthyPodEvictionPolicy": "x"}),
                vec![
                    "spec.selector.matchLabels",
                    "spec.unhealthyPodEvictionPolicy",
                ],
            ),
        ] {
            let found = mistakes(RULES, &json!({"spec": spec}));
            let fields: Vec<_> = found
                .iter()
                .map(|m| m.split(": ").next().unwrap())
                .collect();
            assert_eq!(fields, wrong, "{found:?}");
        }
    }

    #[test]
    fn the_status_cannot_be_set_with_the_spec() {
        let budget = prepared(RULES, &json!({"status": {"disruptionsAllowed": 5}}));
        let zeros = json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
        assert_eq!(written(&budget)["status"], zeros);
        let negative = defaulted(RULES, &json!({"status": {"expectedPods": -1}}));
        assert_eq!(RULES.validate_status_update(&negative, &budget).len(), 1);
    }

    #[test]
    fn an_empty_selector_of_the_older_version_selects_nothing() {
        let served = defaulted(RULES, &json!({"spec": {"selector": {}}}));
        let stored = V1Beta1::to_stored(&served);
        let selector = stored.spec.clone().unwrap().selector.unwrap();
        assert_eq!(selector.match_expressions.unwrap()[0].operator, "Exists");
        assert_eq!(V1Beta1::to_served(&stored), served);
        let all = V1Beta1::to_served(&served);
        assert_ne!(all, served);
        assert_eq!(V1Beta1::to_stored(&all), served);
    }
}
