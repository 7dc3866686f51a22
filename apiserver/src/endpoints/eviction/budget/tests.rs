use k8s_openapi::api::core::v1::{PodCondition, PodStatus};
use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::*;

fn budget(allowed: i32) -> PodDisruptionBudget {
    let mut budget = PodDisruptionBudget {
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(meta::LabelSelector {
                match_labels: Some([("app".into(), "web".into())].into()),
                ..meta::LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: Some(PodDisruptionBudgetStatus {
            disruptions_allowed: Some(allowed),
            desired_healthy: Some(2),
            current_healthy: Some(2),
            observed_generation: Some(1),
            ..PodDisruptionBudgetStatus::default()
        }),
        ..PodDisruptionBudget::default()
    };
    budget.metadata.name = Some("b".into());
    budget.metadata.generation = Some(1);
    budget
}

#[test]
fn a_charge_takes_one_and_notes_the_pod() {
    let mut budget = budget(2);
    charge(&mut budget, "p").unwrap();
    let status = budget.status.clone().unwrap();
    assert_eq!(status.disruptions_allowed, Some(1));
    assert!(status.disrupted_pods.unwrap().contains_key("p") && status.conditions.is_none());
    charge(&mut budget, "q").unwrap();
    let conditions = budget.status.clone().unwrap().conditions.unwrap();
    let shown = (conditions[0].status.as_str(), conditions[0].reason.as_str());
    assert_eq!(shown, ("False", "InsufficientPods"));
    let refused = charge(&mut budget, "r").unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (429, REFUSAL));
    let details = refused.details.unwrap();
    assert_eq!(details.causes[0].reason, "DisruptionBudget");
    assert_eq!(
        details.causes[0].message,
        "The disruption budget b needs 2 healthy pods and has 2 currently"
    );
}

#[test]
fn a_budget_that_is_not_up_to_date_rejects_for_now() {
    let mut budget = budget(1);
    budget.metadata.generation = Some(2);
    let refused = charge(&mut budget, "p").unwrap_err();
    assert_eq!(refused.code, 429);
    assert_eq!(refused.details.unwrap().retry_after_seconds, LATER);
}

#[test]
fn an_invalid_budget_denies() {
    let refused = charge(&mut budget(-1), "p").unwrap_err();
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.message,
        "poddisruptionbudget.policy \"b\" is forbidden: pdb disruptions allowed is negative"
    );
}

#[test]
fn a_budget_applies_to_the_pods_its_selector_matches() {
    let mut pod = Pod::default();
    assert!(!selects(&budget(1), &pod));
    pod.metadata.labels = Some([("app".into(), "web".into())].into());
    assert!(selects(&budget(1), &pod));
    let mut all = budget(1);
    all.spec = Some(PodDisruptionBudgetSpec {
        selector: Some(meta::LabelSelector::default()),
        ..PodDisruptionBudgetSpec::default()
    });
    assert!(!selects(&all, &pod));
}

#[test]
fn unready_pods_do_not_count_while_enough_others_are_ready() {
    let mut budget = budget(0);
    assert!(spares_unready(&budget));
    budget.status.as_mut().unwrap().current_healthy = Some(1);
    assert!(!spares_unready(&budget));
    budget.spec.as_mut().unwrap().unhealthy_pod_eviction_policy = Some("AlwaysAllow".into());
    assert!(spares_unready(&budget));
    let mut pod = Pod::default();
    assert!(!is_ready(&pod));
    pod.status = Some(PodStatus {
        conditions: Some(vec![PodCondition {
            type_: "Ready".into(),
            status: "True".into(),
            ..PodCondition::default()
        }]),
        ..PodStatus::default()
    });
    assert!(is_ready(&pod));
}
