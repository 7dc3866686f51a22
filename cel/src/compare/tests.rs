use serde_json::json;

use super::*;
use crate::decl::{DeclType, SchemaRoot, decl_type};

#[test]
fn numbers_compare_across_their_types() {
    let numbers = [Value::Int(1), Value::Uint(1), Value::Double(1.0)];
    let mut meter = Meter::new(100);
    for a in &numbers {
        for b in &numbers {
            assert!(equal(a, b, &mut meter).unwrap());
            assert!(order(a, b).unwrap().is_eq());
        }
    }
    assert!(order(&Value::Double(1.5), &Value::Int(1)).unwrap().is_gt());
    assert!(
        order(&Value::Double(-1.5), &Value::Int(-1))
            .unwrap()
            .is_lt()
    );
    assert!(
        order(&Value::Int(i64::MAX), &Value::Double(9.3e18))
            .unwrap()
            .is_lt()
    );
    assert!(order(&Value::Double(f64::NAN), &Value::Int(1)).is_err());
    assert!(
        !equal(
            &Value::Double(f64::NAN),
            &Value::Double(f64::NAN),
            &mut meter
        )
        .unwrap()
    );
}

#[test]
fn lists_are_compared_by_list_type() {
    let (a, b) = (json!([1, 2]), json!([2, 1]));
    for (list_type, same) in [(ListType::Atomic, false), (ListType::Set, true)] {
        let decl = DeclType::list(DeclType::int(), None, list_type);
        let (a, b) = (
            Value::of_json(&a, &decl).unwrap(),
            Value::of_json(&b, &decl).unwrap(),
        );
        assert_eq!(equal(&a, &b, &mut Meter::new(100)).unwrap(), same);
    }
    let schema = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
        "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}});
    let decl = decl_type(&schema, SchemaRoot::Part, "self").unwrap();
    let a = json!([{"k": "a", "v": 1}, {"k": "b", "v": 2}]);
    for (b, same) in [
        (json!([{"k": "b", "v": 2}, {"k": "a", "v": 1}]), true),
        (json!([{"k": "b", "v": 1}, {"k": "a", "v": 2}]), false),
    ] {
        let (a, b) = (
            Value::of_json(&a, &decl).unwrap(),
            Value::of_json(&b, &decl).unwrap(),
        );
        assert_eq!(equal(&a, &b, &mut Meter::new(100)).unwrap(), same);
    }
}

#[test]
fn comparing_large_values_counts_work() {
    let data = json!((0..2_000_000).collect::<Vec<i32>>());
    let decl = DeclType::any();
    let list = Value::of_json(&data, &decl).unwrap();
    let error = equal(&list, &list, &mut Meter::new(0)).unwrap_err();
    assert!(error.is_over_budget());
}
