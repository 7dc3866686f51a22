use serde_json::json;

use super::*;

#[test]
fn durations_are_parsed_as_in_go() {
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
fn timestamps_are_parsed_and_formatted_as_rfc_3339() {
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
fn doubles_are_formatted_as_in_go() {
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
fn values_are_converted_to_json() {
    let value = Value::values(vec![
        Value::Int(1),
        Value::text("a"),
        Value::Bytes([1, 2].into()),
    ]);
    assert_eq!(to_json(&value).unwrap(), json!([1, "a", "AQI="]));
    assert!(to_json(&Value::Double(f64::NAN)).is_err());
}

#[test]
fn values_describe_patches() {
    let environment = crate::Environment::of_admission().with_patches();
    let patch = |expression: &str| {
        let program = environment.compile(expression).unwrap();
        let activation = crate::Activation::new();
        let outcome = program.evaluate(&activation, 1_000_000);
        super::to_patch(&outcome.result.unwrap()).map_err(|e| e.to_string())
    };
    assert_eq!(
        patch(
            "Object{spec: Object.spec{replicas: 2, parts: [Object.spec.parts{name: 'a'}], labels: {'k/x': 'v'}, __if__: true}}"
        ),
        Ok(
            serde_json::json!({"spec": {"replicas": 2, "parts": [{"name": "a"}], "labels": {"k/x": "v"}, "if": true}})
        )
    );
    assert_eq!(
        patch(
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: Object.spec{a: 1}}]"
        ),
        Ok(
            serde_json::json!([{"op": "add", "path": "/metadata/labels/a~1b~0c", "value": {"a": 1}}])
        )
    );
    assert_eq!(
        patch("Object{spec: Object.other{}}").unwrap_err(),
        "type mismatch: unexpected type name \"Object.other\", expected \"Object.spec\", which matches field name path from root Object type"
    );
    let overlay = environment.compile("Object{}").unwrap();
    assert_eq!(overlay.must_be(&[environment.overlay()]), Ok(()));
    let wrong = environment.compile("Object.spec{}").unwrap();
    assert_eq!(
        wrong.must_be(&[environment.overlay()]),
        Err("must evaluate to Object but got Object.spec".to_owned())
    );
    let operations = environment.compile("[JSONPatch{op: 'test'}]").unwrap();
    assert_eq!(operations.must_be(&[environment.operations()]), Ok(()));
    let elsewhere = crate::Environment::of_admission();
    assert!(elsewhere.compile("jsonpatch.escapeKey('a')").is_err());
}
