//! `events.k8s.io/v1`: the same events under newer names, with more required fields (upstream:
//! `pkg/apis/events/v1/conversion.go`, `pkg/apis/core/validation/events.go`).

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as Stored, EventSeries as StoredSeries};
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::{IMMUTABLE, text};
use crate::version::Version;

/// The version's name.
pub const API_VERSION: &str = "events.k8s.io/v1";
const UNSET: &str = "needs to be unset";

/// The newer version.
pub struct EventsV1;

impl Version for EventsV1 {
    type Stored = Stored;
    type Served = Event;

    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("regarding.kind", "involvedObject.kind"),
        ("regarding.namespace", "involvedObject.namespace"),
        ("regarding.name", "involvedObject.name"),
        ("regarding.uid", "involvedObject.uid"),
        ("regarding.apiVersion", "involvedObject.apiVersion"),
        (
            "regarding.resourceVersion",
            "involvedObject.resourceVersion",
        ),
        ("regarding.fieldPath", "involvedObject.fieldPath"),
        ("reason", "reason"),
        ("reportingController", "reportingComponent"),
        ("type", "type"),
    ];

    fn to_stored(event: &Event) -> Stored {
        let event = event.clone();
        Stored {
            metadata: event.metadata,
            action: event.action,
            count: event.deprecated_count,
            event_time: event.event_time,
            first_timestamp: event.deprecated_first_timestamp,
            involved_object: event.regarding.unwrap_or_default(),
            last_timestamp: event.deprecated_last_timestamp,
            message: event.note,
            reason: event.reason,
            related: event.related,
            reporting_component: event.reporting_controller,
            reporting_instance: event.reporting_instance,
            series: event.series.map(|series| StoredSeries {
                count: Some(series.count),
                last_observed_time: set(series.last_observed_time),
            }),
            source: event.deprecated_source,
            type_: event.type_,
        }
    }

    fn to_served(event: &Stored) -> Event {
        let event = event.clone();
        let zero = MicroTime(Timestamp::default());
        Event {
            metadata: event.metadata,
            action: event.action,
            deprecated_count: event.count,
            deprecated_first_timestamp: event.first_timestamp,
            deprecated_last_timestamp: event.last_timestamp,
            deprecated_source: event.source,
            event_time: event.event_time,
            note: event.message,
            reason: event.reason,
            regarding: Some(event.involved_object),
            related: event.related,
            reporting_controller: event.reporting_component,
            reporting_instance: event.reporting_instance,
            series: event.series.map(|series| EventSeries {
                count: series.count.unwrap_or_default(),
                last_observed_time: series.last_observed_time.unwrap_or(zero),
            }),
            type_: event.type_,
        }
    }
}

/// Absent and null are read as the zero time.
fn set(time: MicroTime) -> Option<MicroTime> {
    Some(time).filter(|t| t.0 != Timestamp::default())
}

/// This version's validation of a new event.
pub(super) fn validate(event: &Stored) -> ErrorList {
    let mut errors = ErrorList::new();
    validate_series(event, &mut errors);
    if event.event_time.is_none() {
        errors.push(FieldError::required(&Path::new("eventTime"), ""));
    }
    let kind = text(event.type_.as_ref());
    if !matches!(kind, "Normal" | "Warning") {
        let detail = format!("has invalid value: {kind}");
        errors.push(FieldError::invalid(&Path::new("type"), "", detail));
    }
    let source = event.source.clone().unwrap_or_default();
    for (field, is_set) in [
        ("firstTimestamp", event.first_timestamp.is_some()),
        ("lastTimestamp", event.last_timestamp.is_some()),
        ("count", event.count.unwrap_or_default() != 0),
        ("source", source != Default::default()),
    ] {
        if is_set {
            errors.push(FieldError::invalid(&Path::new(field), "", UNSET));
        }
    }
    errors
}

/// An update may change only the series.
pub(super) fn validate_update(event: &Stored, old: &Stored) -> ErrorList {
    let mut errors = ErrorList::new();
    if event.series != old.series {
        validate_series(event, &mut errors);
    }
    let object = || BadValue::go("core.ObjectReference{}");
    let time = || BadValue::go("v1.Time{}");
    let value = |value: &Option<String>| BadValue::from(text(value.as_ref()));
    for (field, value, same) in [
        (
            "involvedObject",
            object(),
            event.involved_object == old.involved_object,
        ),
        ("reason", value(&event.reason), event.reason == old.reason),
        (
            "message",
            value(&event.message),
            event.message == old.message,
        ),
        (
            "source",
            BadValue::go("core.EventSource{}"),
            event.source == old.source,
        ),
        (
            "firstTimestamp",
            time(),
            event.first_timestamp == old.first_timestamp,
        ),
        (
            "lastTimestamp",
            time(),
            event.last_timestamp == old.last_timestamp,
        ),
        (
            "count",
            event.count.unwrap_or_default().into(),
            event.count == old.count,
        ),
        ("type", value(&event.type_), event.type_ == old.type_),
        (
            "eventTime",
            BadValue::go("v1.MicroTime{}"),
            event.event_time == old.event_time,
        ),
        ("action", value(&event.action), event.action == old.action),
        ("related", object(), event.related == old.related),
        (
            "reportingController",
            value(&event.reporting_component),
            event.reporting_component == old.reporting_component,
        ),
        (
            "reportingInstance",
            value(&event.reporting_instance),
            event.reporting_instance == old.reporting_instance,
        ),
    ] {
        if !same {
            errors.push(FieldError::invalid(&Path::new(field), value, IMMUTABLE));
        }
    }
    errors
}

fn validate_series(event: &Stored, errors: &mut ErrorList) {
    let Some(series) = &event.series else { return };
    let path = Path::new("series");
    if series.count.unwrap_or_default() < 2 {
        let detail = "should be at least 2";
        errors.push(FieldError::invalid(&path.child("count"), "", detail));
    }
    if series.last_observed_time.is_none() {
        errors.push(FieldError::required(&path.child("lastObservedTime"), ""));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_api::decode::decode;
    use portcullis_api::encode::{TypeMeta, encode};
    use serde_json::{Value, json};

    use super::*;

    fn stored(event: &Value) -> Stored {
        EventsV1::to_stored(&decode::<Event>(event).unwrap().value)
    }

    fn fields(errors: &ErrorList) -> Vec<&str> {
        errors.iter().map(|e| e.field.as_str()).collect()
    }

    #[test]
    fn an_event_is_the_same_under_other_names() {
        let event = json!({"metadata": {"name": "e"}, "eventTime": "2022-01-01T00:00:00.000001Z", "note": "n", "type": "Normal",
            "regarding": {"kind": "Pod", "name": "p"}, "reportingController": "a.b/c", "reportingInstance": "i",
            "series": {"count": 2, "lastObservedTime": "2022-01-01T00:00:00.000001Z"}, "deprecatedCount": 3});
        let stored = stored(&event);
        assert_eq!(
            (
                stored.message.as_deref(),
                stored.involved_object.name.as_deref()
            ),
            (Some("n"), Some("p"))
        );
        let type_meta = TypeMeta {
            api_version: API_VERSION,
            kind: "Event",
        };
        let written: Value =
            serde_json::from_slice(&encode(&EventsV1::to_served(&stored), type_meta)).unwrap();
        for field in [
            "eventTime",
            "note",
            "type",
            "regarding",
            "reportingController",
            "series",
            "deprecatedCount",
        ] {
            assert_eq!(written[field], event[field], "{field}");
        }
        assert_eq!(
            (&written["involvedObject"], &written["message"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn this_version_requires_the_time() {
        let errors = validate(&stored(
            &json!({"type": "x", "deprecatedCount": 1, "series": {"count": 1, "lastObservedTime": null}}),
        ));
        assert_eq!(
            fields(&errors),
            [
                "series.count",
                "series.lastObservedTime",
                "eventTime",
                "type",
                "count"
            ]
        );
    }

    #[test]
    fn only_the_series_is_mutable() {
        let old = stored(&json!({"note": "a", "type": "Normal"}));
        let new = stored(
            &json!({"note": "b", "type": "Normal", "series": {"count": 2, "lastObservedTime": "2022-01-01T00:00:00.000000Z"}}),
        );
        assert_eq!(fields(&validate_update(&new, &old)), ["message"]);
    }
}
