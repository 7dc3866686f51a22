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
