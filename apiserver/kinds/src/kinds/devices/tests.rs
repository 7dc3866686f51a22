use k8s_openapi::api::resource::v1::ResourceClaim;
use serde_json::{Value, json};

use super::claim::ResourceClaimStrategy;
use super::claim_template::ResourceClaimTemplateStrategy;
use super::class::DeviceClassStrategy;
use super::slice::ResourceSliceStrategy;
use super::taint_rule::DeviceTaintRuleStrategy;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes};
use crate::strategy::{Cell, Strategy};

const CLAIMS: &ResourceClaimStrategy = &ResourceClaimStrategy;

fn claim(request: &Value) -> Value {
    json!({"spec": {"devices": {"requests": [request]}}})
}

#[test]
fn a_claim_asks_for_one_device_of_a_class() {
    let asked = claim(&json!({"name": "r", "exactly": {"deviceClassName": "gpu"}}));
    let object = defaulted(CLAIMS, &asked);
    let devices = object.spec.clone().unwrap().devices.unwrap();
    let exactly = devices.requests.unwrap().remove(0).exactly.unwrap();
    assert_eq!(exactly.allocation_mode.as_deref(), Some("ExactCount"));
    assert_eq!(exactly.count, Some(1));
    assert!(mistakes(CLAIMS, &asked).is_empty());
    assert_eq!(CLAIMS.cells(&object)[1], Cell::text("pending"));
    let other = claim(&json!({"name": "s", "exactly": {"deviceClassName": "gpu"}}));
    let found = update_mistakes(CLAIMS, &other, &asked);
    assert!(found.len() == 1 && found[0].ends_with("field is immutable"));
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let requests = "spec.devices.requests[0]";
    for (request, expected) in [
        (
            json!({"name": "r"}),
            format!(
                "{requests}: Required value: exactly one of `exactly` or `firstAvailable` is required"
            ),
        ),
        (
            json!({"name": "r", "exactly": {}}),
            format!("{requests}.exactly.deviceClassName: Required value"),
        ),
        (
            json!({"name": "r", "exactly": {"deviceClassName": "c", "allocationMode": "All", "count": 2}}),
            format!(
                "{requests}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"
            ),
        ),
        (
            json!({"name": "r", "exactly": {"deviceClassName": "c",
                "tolerations": [{"operator": "Exists", "value": "v"}]}}),
            format!(
                "{requests}.exactly.tolerations[0].value: Invalid value: \"v\": must be empty for operator `Exists`"
            ),
        ),
    ] {
        assert_eq!(mistakes(CLAIMS, &claim(&request)), [expected]);
    }
    let constrained = json!({"spec": {"devices": {
        "requests": [{"name": "r", "firstAvailable": [{"name": "a", "deviceClassName": "c"}]}],
        "constraints": [{"requests": ["r/a"], "matchAttribute": "d.example.com/model"}],
        "config": [{"requests": ["x"], "opaque": {"driver": "d.example.com", "parameters": {"a": 1}}}]}}});
    assert_eq!(
        mistakes(CLAIMS, &constrained),
        [
            "spec.devices.config[0].requests[0]: Invalid value: \"x\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
        ]
    );
}

#[test]
fn selectors_are_expressions_about_a_device() {
    let rules = &DeviceClassStrategy;
    let class =
        |expression: &str| json!({"spec": {"selectors": [{"cel": {"expression": expression}}]}});
    for fine in [
        "device.driver == 'd.example.com'",
        "device.attributes['d.example.com'].model == 'a' && device.capacity['d.example.com'].memory.compareTo(quantity('1Gi')) >= 0",
        "cel.bind(dra, device.attributes['d.example.com'], dra.model == 'a')",
    ] {
        let found = mistakes(rules, &class(fine));
        assert!(found.is_empty(), "{fine}: {found:?}");
    }
    for (wrong, expected) in [
        ("device.driver", "must evaluate to bool"),
        ("devic.driver == ''", "compilation failed"),
    ] {
        let found = mistakes(rules, &class(wrong));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn a_template_is_of_a_claim_and_stays() {
    let rules = &ResourceClaimTemplateStrategy;
    let template = |class: &str| {
        let request = json!({"name": "r", "exactly": {"deviceClassName": class}});
        json!({"spec": {"spec": {"devices": {"requests": [request]}}}})
    };
    assert!(mistakes(rules, &template("c")).is_empty());
    let wrong = mistakes(rules, &template(""));
    let path = "spec.spec.devices.requests[0].exactly.deviceClassName";
    assert_eq!(wrong, [format!("{path}: Required value")]);
    assert_eq!(
        update_mistakes(rules, &template("d"), &template("c")).len(),
        1
    );
}

#[test]
fn a_slice_says_once_which_nodes_have_its_devices() {
    let rules = &ResourceSliceStrategy;
    let slice = |more: &Value| {
        let mut spec = json!({"driver": "d.example.com",
            "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "d0", "attributes": {"model": {"string": "a"}},
                "capacity": {"memory": {"value": "1Gi"}},
                "taints": [{"key": "k", "effect": "NoSchedule"}]}]});
        let fields = more.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(fields);
        json!({"spec": spec})
    };
    let fine = slice(&json!({"nodeName": "n"}));
    assert!(mistakes(rules, &fine).is_empty());
    let object = defaulted(rules, &fine);
    let taint = object.spec.devices.as_ref().unwrap()[0].taints.clone();
    assert!(taint.unwrap()[0].time_added.is_some());
    assert_eq!(rules.field_values(&object), ["d.example.com", "n"]);
    let required = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    assert_eq!(
        mistakes(rules, &slice(&json!({}))),
        [format!("spec: Required value: {required}")]
    );
    let both = slice(&json!({"nodeName": "n", "allNodes": true}));
    assert_eq!(
        mistakes(rules, &both),
        [format!(
            "spec: Invalid value: \"{{`nodeName`, `allNodes`}}\": {required}, but multiple fields are set"
        )]
    );
    let attribute = slice(&json!({"allNodes": true,
        "devices": [{"name": "d", "attributes": {"a/b/c": {}}}]}));
    assert_eq!(mistakes(rules, &attribute).len(), 2);
}

#[test]
fn a_rule_lays_a_taint_on_devices() {
    let rules = &DeviceTaintRuleStrategy;
    let rule = |effect: &str| {
        json!({"spec": {"deviceSelector": {"driver": "d.example.com"},
            "taint": {"key": "k", "effect": effect}}})
    };
    assert!(mistakes(rules, &rule("NoExecute")).is_empty());
    assert_eq!(
        mistakes(rules, &rule("x")),
        [
            "spec.taint.effect: Unsupported value: \"x\": supported values: \"NoExecute\", \"NoSchedule\", \"None\""
        ]
    );
}

#[test]
fn what_is_allocated_stays() {
    let with = |allocation: Value, reserved: Value| {
        let request = json!({"name": "r", "exactly": {"deviceClassName": "c"}});
        defaulted(
            CLAIMS,
            &json!({"spec": {"devices": {"requests": [request]}},
                "status": {"allocation": allocation, "reservedFor": reserved}}),
        )
    };
    let result = |device: &str| {
        json!({"devices": {"results": [{"request": "r", "driver": "d.example.com", "pool": "p",
            "device": device}]}})
    };
    let pod = json!([{"resource": "pods", "name": "p", "uid": "u"}]);
    let nothing = with(Value::Null, Value::Null);
    let allocated = with(result("d0"), pod.clone());
    let errors =
        |new: &ResourceClaim, old: &ResourceClaim| CLAIMS.validate_status_update(new, old).len();
    assert_eq!(errors(&allocated, &nothing), 0);
    assert_eq!(
        CLAIMS.cells(&allocated)[1],
        Cell::text("allocated,reserved")
    );
    assert_eq!(errors(&with(result("d1"), pod.clone()), &allocated), 1);
    assert_eq!(errors(&with(Value::Null, pod), &nothing), 1);
}
