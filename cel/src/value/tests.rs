use serde_json::json;

use super::compare::{equal, order};
use super::*;
use crate::decl::{DeclType, ListType, SchemaRoot, decl_type};
use crate::meter::Meter;

#[test]
fn durations_are_read_as_go_reads_them() {
    for (text, nanos) in [
        ("0", Some(0)),
        ("1h30m", Some(5_400_000_000_000)),
        ("-1.5s", Some(-1_500_000_000)),
        ("1µs", Some(1_000)),
        (".5s", Some(500_000_000)),
        ("1", None),
        ("", None),
        ("-", None),
        ("1d", None),
        ("1.s.", None),
        ("9999999999h", None),
        ("99999999999999999999999999999999999999999999s", None),
    ] {
        assert_eq!(Duration::parse(text).map(|d| d.0), nanos, "{text}");
    }
    assert_eq!(Duration(-1_500_000_000).to_string(), "-1.5s");
    assert_eq!(Duration(i64::MIN).to_string(), "-9223372036.854775808s");
}

#[test]
fn times_are_read_and_written_as_rfc_3339() {
    for (text, written) in [
        ("2022-01-01T02:03:04Z", Some("2022-01-01T02:03:04Z")),
        (
            "2022-01-01T02:03:04.500+01:00",
            Some("2022-01-01T01:03:04.5Z"),
        ),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
        (
            "9999-12-31T23:59:59.999999999Z",
            Some("9999-12-31T23:59:59.999999999Z"),
        ),
        ("0000-01-01T00:00:00Z", None),
        ("2022-01-01", None),
        ("2022-01-01T02:03:04", None),
        ("2022-13-01T02:03:04Z", None),
    ] {
        let time = Timestamp::parse(text);
        assert_eq!(time.map(|t| t.to_string()).as_deref(), written, "{text}");
    }
    assert_eq!(
        Timestamp::new(0, 0)
            .unwrap()
            .plus(i128::from(i64::MAX) * 100),
        None
    );
}

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
fn lists_are_equal_by_what_their_type_says() {
    let (a, b) = (json!([1, 2]), json!([2, 1]));
    for (list_type, same) in [(ListType::Atomic, false), (ListType::Set, true)] {
        let decl = DeclType::list(DeclType::int(), None, list_type);
        let (a, b) = (
            json::value(&a, &decl).unwrap(),
            json::value(&b, &decl).unwrap(),
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
            json::value(&a, &decl).unwrap(),
            json::value(&b, &decl).unwrap(),
        );
        assert_eq!(equal(&a, &b, &mut Meter::new(100)).unwrap(), same);
    }
}

#[test]
fn comparing_large_values_takes_work() {
    let data = json!((0..2_000_000).collect::<Vec<i32>>());
    let decl = DeclType::any();
    let list = json::value(&data, &decl).unwrap();
    let error = equal(&list, &list, &mut Meter::new(0)).unwrap_err();
    assert!(error.is_over_budget());
}

#[test]
fn doubles_are_written_as_go_writes_them() {
    for (value, text) in [
        (1.0, "1"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e-7, "1e-07"),
        (0.0, "0"),
    ] {
        assert_eq!(Value::Double(value).to_string(), text);
    }
}

#[test]
fn values_become_json() {
    let value = Value::values(vec![
        Value::Int(1),
        Value::text("a"),
        Value::Bytes([1, 2].into()),
    ]);
    assert_eq!(to_json(&value).unwrap(), json!([1, "a", "AQI="]));
    assert!(to_json(&Value::Double(f64::NAN)).is_err());
}
