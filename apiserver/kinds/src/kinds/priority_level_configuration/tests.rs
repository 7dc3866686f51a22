use serde_json::{Value, json};

use super::v1beta2::{V1Beta2, V1Beta3};
use super::*;
use crate::kinds::testing::{defaulted, mistakes};
use crate::version::Version;

const RULES: &PriorityLevelConfigurationStrategy = &PriorityLevelConfigurationStrategy;

fn level(limited: &Value) -> Value {
    json!({"metadata": {"name": "l"}, "spec": {"type": "Limited", "limited": limited}})
}

#[test]
fn a_limited_level_has_shares_and_queues() {
    let queue = json!({"limitResponse": {"type": "Queue", "queuing": {}}});
    let object = defaulted(RULES, &level(&queue));
    let shown = RULES.cells(&object);
    assert_eq!(
        shown[1..6],
        ["Limited", "30", "64", "8", "50"].map(Cell::text)
    );
    assert!(mistakes(RULES, &level(&queue)).is_empty());
    let exempt = json!({"metadata": {"name": "exempt"}, "spec": {"type": "Exempt", "exempt": {}}});
    assert!(mistakes(RULES, &exempt).is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let queuing =
        |queuing: Value| level(&json!({"limitResponse": {"type": "Queue", "queuing": queuing}}));
    let path = "spec.limited.limitResponse.queuing";
    for (object, expected) in [
        (
            json!({"metadata": {"name": "l"}, "spec": {"type": "Exempt"}}),
            "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'".to_owned(),
        ),
        (
            json!({"metadata": {"name": "l"}, "spec": {"type": "Limited"}}),
            "spec.limited: Required value: must not be empty when type is Limited".to_owned(),
        ),
        (
            level(&json!({"limitResponse": {"type": "Reject", "queuing": {}}})),
            format!("{path}: Forbidden: must be nil if limited.limitResponse.type is not Limited"),
        ),
        (
            level(&json!({"nominalConcurrencyShares": -1, "limitResponse": {"type": "Reject"}})),
            "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer".to_owned(),
        ),
        (
            queuing(json!({"queues": 4, "handSize": 5})),
            format!("{path}.handSize: Invalid value: 5: should not be greater than queues (4)"),
        ),
        (
            queuing(json!({"queues": 1024, "handSize": 10})),
            format!("{path}.handSize: Invalid value: 10: required entropy bits of deckSize 1024 and handSize 10 should not be greater than 60"),
        ),
    ] {
        assert_eq!(mistakes(RULES, &object), [expected]);
    }
}

#[test]
fn shares_have_another_name_in_betas_and_zero_an_annotation() {
    let reject = json!({"type": "Reject"});
    let served = serde_json::from_value(level(&json!({"assuredConcurrencyShares": 7,
        "limitResponse": reject})))
    .unwrap();
    let stored = V1Beta2::to_stored(&served);
    let shares = |level: &PriorityLevelConfiguration| {
        let limited = level.spec.limited.as_ref();
        limited.and_then(|limited| limited.nominal_concurrency_shares)
    };
    assert_eq!(shares(&stored), Some(7));
    assert_eq!(V1Beta2::to_served(&stored), served);

    let zero = json!({"nominalConcurrencyShares": 0, "limitResponse": reject});
    let zero: PriorityLevelConfiguration = serde_json::from_value(level(&zero)).unwrap();
    assert_eq!(shares(&V1Beta3::to_stored(&zero)), None, "as if not given");
    let served = V1Beta3::to_served(&zero);
    assert_eq!(
        served.metadata.annotations.as_ref().map(|a| a.len()),
        Some(1)
    );
    let back = V1Beta3::to_stored(&served);
    assert_eq!(shares(&back), Some(0));
}
