use serde_json::json;

use super::*;
use crate::kinds::testing::{defaulted, mistakes};

#[test]
fn namespaces_of_event_and_object_agree() {
    let wrong = "involvedObject.namespace: Invalid value: \"b\": does not match event.namespace";
    for (namespace, involved, texts) in [
        ("a", "a", vec![]),
        ("a", "b", vec![wrong]),
        ("default", "", vec![]),
        (
            "a",
            "",
            vec!["involvedObject.namespace: Invalid value: \"\": does not match event.namespace"],
        ),
    ] {
        let event = json!({
            "metadata": {"namespace": namespace},
            "involvedObject": {"namespace": involved},
        });
        assert_eq!(mistakes(&EventStrategy, &event), texts, "{event}");
    }
}

#[test]
fn the_newer_kind_names_its_reporter() {
    let event = json!({
        "metadata": {"namespace": "a"},
        "involvedObject": {"namespace": "a"},
        "eventTime": "2020-01-01T00:00:00.000000Z",
        "reportingComponent": "a/b",
        "reason": "x".repeat(129),
    });
    assert_eq!(
        mistakes(&EventStrategy, &event),
        [
            "reportingInstance: Required value",
            "action: Required value",
            "reason: Invalid value: \"\": can have at most 128 characters",
        ]
    );
}

#[test]
fn rows_show_object_source_and_count() {
    let event = json!({
        "metadata": {"name": "n"},
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{m}"},
        "type": "Normal", "reason": "Because", "message": " it did\n",
        "source": {"component": "c", "host": "h"},
        "firstTimestamp": "2020-01-01T00:00:00Z", "count": 3,
    });
    let event = defaulted(&EventStrategy, &event);
    let first = event.first_timestamp.as_ref().map(|t| t.0);
    assert_eq!(
        EventStrategy.cells(&event),
        [
            Cell::Since(first),
            Cell::text("Normal"),
            Cell::text("Because"),
            Cell::text("pod/p"),
            Cell::text("spec.containers{m}"),
            Cell::text("c, h"),
            Cell::text("it did"),
            Cell::Since(first),
            Cell::integer(3),
            Cell::text("n"),
        ]
    );
    assert_eq!(EventStrategy.field_values(&event)[9], "c");
}

#[test]
fn rows_of_series_count_their_first_event_and_show_the_reporter() {
    let event = json!({
        "series": {"count": 2, "lastObservedTime": "2020-01-01T00:00:00.000000Z"},
        "reportingComponent": "r", "reportingInstance": "i",
    });
    let cells = EventStrategy.cells(&defaulted(&EventStrategy, &event));
    assert_eq!(cells[5], Cell::text("r, i"));
    assert_eq!(cells[8], Cell::integer(3));
}
