//! The decoded values of single fields.

use super::*;

/// The pod of an encoded message, without its type.
fn pod(raw: impl AsRef<[u8]>) -> Result<Value, String> {
    let value = read(&enveloped("v1", "Pod", raw)).map_err(|e| e.to_string())?;
    let mut value = value.as_object().cloned().unwrap();
    value.retain(|name, _| name != "apiVersion" && name != "kind");
    Ok(Value::Object(value))
}

fn metadata(fields: impl AsRef<[u8]>) -> Vec<u8> {
    bytes(1, fields)
}

fn spec(fields: impl AsRef<[u8]>) -> Vec<u8> {
    bytes(2, fields)
}

fn container(fields: impl AsRef<[u8]>) -> Vec<u8> {
    spec(bytes(2, fields))
}

#[test]
fn zero_values_of_fields_that_are_not_pointers_are_unset() {
    let empty = [
        bytes(1, ""),
        bytes(3, ""),
        bytes(5, ""),
        int(7, 0),
        bytes(8, ""),
    ]
    .concat();
    let raw = [metadata(&empty), spec(bytes(8, "")), bytes(3, bytes(1, ""))].concat();
    assert_eq!(pod(raw), Ok(json!({})));
}

#[test]
fn pointers_are_set_even_to_zero() {
    let raw = [
        metadata([int(10, 0), bytes(9, "")].concat()),
        spec(int(5, 0)),
    ]
    .concat();
    assert_eq!(
        pod(raw),
        Ok(json!({"metadata": {"deletionGracePeriodSeconds": 0},
            "spec": {"activeDeadlineSeconds": 0}}))
    );
    let empty_dir = spec(bytes(1, bytes(2, bytes(2, ""))));
    assert_eq!(
        pod(empty_dir),
        Ok(json!({"spec": {"volumes": [{"emptyDir": {}}]}}))
    );
}

#[test]
fn elements_are_kept_even_if_zero() {
    let raw = [
        metadata([bytes(14, ""), bytes(12, bytes(1, "a"))].concat()),
        container(bytes(4, "")),
    ];
    assert_eq!(
        pod(raw.concat()),
        Ok(
            json!({"metadata": {"finalizers": [""], "annotations": {"a": ""}},
            "spec": {"containers": [{"args": [""]}]}})
        )
    );
}

#[test]
fn times_are_text_in_utc() {
    let created = |fields: Vec<u8>| {
        pod(metadata(bytes(8, fields))).map(|p| p["metadata"]["creationTimestamp"].clone())
    };
    let at = |seconds: i64| created([int(1, seconds.cast_unsigned()), int(2, 5)].concat());
    assert_eq!(at(1_700_000_000), Ok("2023-11-14T22:13:20Z".into()));
    assert_eq!(at(0), Ok("1970-01-01T00:00:00Z".into()));
    assert_eq!(at(-1), Ok("1969-12-31T23:59:59Z".into()));
    let refused = "proto: field creationTimestamp: year outside of range [0,9999]";
    assert_eq!(at(i64::MAX).unwrap_err(), refused);
    assert_eq!(at(253_402_300_800).unwrap_err(), refused);

    let lease = |fields| {
        enveloped(
            "coordination.k8s.io/v1",
            "Lease",
            bytes(2, bytes(4, fields)),
        )
    };
    let value = read(&lease([int(1, 1_700_000_000), int(2, 1_234_567)].concat())).unwrap();
    assert_eq!(value["spec"]["renewTime"], "2023-11-14T22:13:20.001234Z");
    assert!(read(&lease(vec![])).unwrap().get("spec").is_none());
}

#[test]
fn numbers_are_signed_and_narrowed() {
    let raw = [spec(int(25, u64::MAX)), metadata(int(7, u64::MAX - 1))].concat();
    let value = pod(raw).unwrap();
    assert_eq!(value["spec"]["priority"], -1);
    assert_eq!(value["metadata"]["generation"], -2);
}

#[test]
fn repeated_numbers_may_be_packed() {
    // securityContext.supplementalGroups
    let context = |fields| pod(spec(bytes(14, fields)));
    let expected = Ok(json!({"spec": {"securityContext": {"supplementalGroups": [1, 300]}}}));
    assert_eq!(context([int(4, 1), int(4, 300)].concat()), expected);
    assert_eq!(
        context(bytes(4, [varint(1), varint(300)].concat())),
        expected
    );
    assert_eq!(context(bytes(4, [0x80])), Err("unexpected EOF".to_owned()));
}

#[test]
fn messages_that_are_a_single_value_in_json() {
    let probe = |port| container(bytes(10, bytes(1, bytes(2, bytes(2, port)))));
    let port = |port| {
        pod(probe(port))
            .map(|p| p["spec"]["containers"][0]["livenessProbe"]["httpGet"]["port"].clone())
    };
    assert_eq!(
        port([int(1, 0), int(2, 80), bytes(3, "")].concat()),
        Ok(80.into())
    );
    assert_eq!(
        port([int(1, 1), int(2, 0), bytes(3, "http")].concat()),
        Ok("http".into())
    );
    let impossible = "proto: field port: impossible IntOrString.Type";
    assert_eq!(port(int(1, 2)).unwrap_err(), impossible);

    let entry = [bytes(1, "cpu"), bytes(2, bytes(1, "100m"))].concat();
    let limits = container(bytes(8, bytes(1, entry)));
    assert_eq!(
        pod(limits).unwrap()["spec"]["containers"][0]["resources"]["limits"]["cpu"],
        "100m"
    );

    let managed = |raw: &str| pod(metadata(bytes(17, bytes(7, bytes(1, raw)))));
    let value = managed(r#"{"f:spec":{}}"#).unwrap();
    assert_eq!(
        value["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:spec": {}})
    );
    assert!(
        managed("{")
            .unwrap_err()
            .starts_with("proto: field fieldsV1: EOF")
    );

    let extra = [
        bytes(1, "scopes"),
        bytes(2, [bytes(1, "a"), bytes(1, "")].concat()),
    ]
    .concat();
    let review = enveloped(
        "authorization.k8s.io/v1",
        "SubjectAccessReview",
        bytes(2, bytes(5, extra)),
    );
    assert_eq!(
        read(&review).unwrap()["spec"]["extra"],
        json!({"scopes": ["a", ""]})
    );
}

#[test]
fn parts_of_a_message_merge_and_the_last_scalar_counts() {
    let raw = [
        metadata([bytes(1, "a"), bytes(3, "ns")].concat()),
        metadata(
            [
                bytes(1, "b"),
                bytes(11, [bytes(1, "k"), bytes(2, "v")].concat()),
            ]
            .concat(),
        ),
        metadata(bytes(3, "")),
    ];
    let expected = json!({"metadata": {"name": "b", "labels": {"k": "v"}}});
    assert_eq!(pod(raw.concat()), Ok(expected));
}

#[test]
fn unknown_fields_are_ignored_and_known_ones_must_have_their_type() {
    let unknown = [
        int(200, 1),
        bytes(201, "x"),
        varint(202 << 3 | 5),
        vec![0; 4],
    ]
    .concat();
    assert_eq!(pod(unknown), Ok(json!({})));
    for (raw, text) in [
        (int(1, 1), "proto: wrong wireType = 0 for field metadata"),
        (
            metadata(int(1, 1)),
            "proto: wrong wireType = 0 for field name",
        ),
        (
            metadata(bytes(7, "")),
            "proto: wrong wireType = 2 for field generation",
        ),
        (
            metadata(vec![0x0b, 0x0c]),
            "proto: wrong wireType = 3 for field name",
        ),
        (
            metadata(int(11, 1)),
            "proto: wrong wireType = 0 for field labels",
        ),
        (
            metadata(bytes(1, [0xc3])),
            "proto: field name: incomplete utf-8 byte sequence from index 0",
        ),
    ] {
        assert_eq!(pod(raw).unwrap_err(), text);
    }
}

#[test]
fn options_are_accepted_under_any_version() {
    let raw = [int(1, 0), bytes(4, "Orphan"), bytes(5, "All")].concat();
    for version in ["v1", "meta.k8s.io/v1", "apps/v1", "example.com/v1"] {
        assert_eq!(
            read(&enveloped(version, "DeleteOptions", &raw)),
            Ok(json!({"apiVersion": version, "kind": "DeleteOptions",
                "gracePeriodSeconds": 0, "propagationPolicy": "Orphan", "dryRun": ["All"]}))
        );
    }
}
