//! Events: what happened to an object, kept for an hour.

pub mod v1;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, GarbageCollection, MetadataChecks, Strategy};
use crate::validation::{invalid_each, required, text};

/// The rules of events (upstream: `pkg/registry/core/event/strategy.go`).
pub struct EventStrategy;

impl Strategy for EventStrategy {
    type Kind = Event;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::NONE
    }

    fn default(&self, event: &mut Event) {
        event.source.get_or_insert_default();
        // written even if they are empty: unset, they would be at another position in the bytes
        event.reporting_component.get_or_insert_default();
        event.reporting_instance.get_or_insert_default();
    }

    fn validate(&self, event: &Event) -> ErrorList {
        let mut errors = ErrorList::new();
        let namespace = text(event.metadata.namespace.as_ref());
        let involved = text(event.involved_object.namespace.as_ref());
        // events about cluster-scoped objects are in `default`, newer ones in `kube-system` too
        let newer = event.event_time.is_some();
        let agrees = match involved {
            "" => matches!(namespace, "" | "default") || (newer && namespace == "kube-system"),
            involved => newer || namespace == involved,
        };
        if !agrees {
            errors.push(FieldError::invalid(
                &Path::new("involvedObject").child("namespace"),
                involved,
                "does not match event.namespace",
            ));
        }
        if event.event_time.is_some() {
            validate_reporter(event, &mut errors);
        }
        let path = Path::new("namespace");
        invalid_each(
            &path,
            namespace,
            name::dns1123_subdomain(namespace),
            &mut errors,
        );
        errors
    }

    fn validate_served(&self, api_version: &str, event: &Event) -> ErrorList {
        match api_version {
            v1::API_VERSION => v1::validate(event),
            _ => ErrorList::new(),
        }
    }

    fn validate_served_update(&self, api_version: &str, event: &Event, old: &Event) -> ErrorList {
        match api_version {
            v1::API_VERSION => v1::validate_update(event, old),
            _ => ErrorList::new(),
        }
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }

    fn field_values(&self, event: &Event) -> Vec<String> {
        let object = &event.involved_object;
        let source = event.source.as_ref().and_then(|s| s.component.as_ref());
        let reporter = text(event.reporting_component.as_ref());
        let source = Some(text(source)).filter(|s| !s.is_empty());
        [
            text(object.kind.as_ref()),
            text(object.namespace.as_ref()),
            text(object.name.as_ref()),
            text(object.uid.as_ref()),
            text(object.api_version.as_ref()),
            text(object.resource_version.as_ref()),
            text(object.field_path.as_ref()),
            text(event.reason.as_ref()),
            reporter,
            source.unwrap_or(reporter),
            text(event.type_.as_ref()),
        ]
        .map(str::to_owned)
        .into()
    }

    fn garbage_collection(&self) -> GarbageCollection {
        GarbageCollection::Unsupported
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, event: &Event) -> Vec<Cell> {
        let (first, last, count) = occurrences(event);
        let object = &event.involved_object;
        let kind = text(object.kind.as_ref()).to_lowercase();
        let target = match text(object.name.as_ref()) {
            "" => kind,
            name => format!("{kind}/{name}"),
        };
        vec![
            Cell::Since(last),
            Cell::text(text(event.type_.as_ref())),
            Cell::text(text(event.reason.as_ref())),
            Cell::text(target),
            Cell::text(text(object.field_path.as_ref())),
            Cell::text(source(event)),
            Cell::text(text(event.message.as_ref()).trim()),
            Cell::Since(first),
            Cell::integer(count),
            Cell::name(event),
        ]
    }
}

/// Validation of events of the newer API (upstream: `legacyValidateEvent` in
/// `pkg/apis/core/validation/events.go`).
fn validate_reporter(event: &Event, errors: &mut ErrorList) {
    let controller = text(event.reporting_component.as_ref());
    let path = Path::new("reportingController");
    required(Some(controller), &path, errors);
    invalid_each(&path, controller, name::qualified_name(controller), errors);
    for (field, value) in [
        ("reportingInstance", &event.reporting_instance),
        ("action", &event.action),
        ("reason", &event.reason),
    ] {
        let path = Path::new(field);
        required(value.as_deref(), &path, errors);
        at_most(text(value.as_ref()), 128, &path, errors);
    }
    at_most(
        text(event.message.as_ref()),
        1024,
        &Path::new("message"),
        errors,
    );
}

fn at_most(value: &str, max: usize, path: &Path, errors: &mut ErrorList) {
    if value.len() > max {
        let detail = format!("can have at most {max} characters");
        errors.push(FieldError::invalid(path, "", detail));
    }
}

/// When an event was first and last seen, and how often; the newer API has a series for this.
fn occurrences(event: &Event) -> (Option<Timestamp>, Option<Timestamp>, i64) {
    let time = |t: &Option<Time>| t.as_ref().map(|t| t.0);
    let micro = |t: &Option<MicroTime>| t.as_ref().map(|t| t.0);
    let first = time(&event.first_timestamp).or_else(|| micro(&event.event_time));
    let last = time(&event.last_timestamp).or(first);
    match (&event.series, event.count.unwrap_or_default()) {
        (Some(series), _) => (
            first,
            micro(&series.last_observed_time),
            // the event that the series began with is not in its count
            i64::from(series.count.unwrap_or_default()) + 1,
        ),
        (None, 0) => (first, last, 1),
        (None, count) => (first, last, count.into()),
    }
}

fn source(event: &Event) -> String {
    let source = event.source.as_ref();
    let first = |older: Option<&String>, newer: &Option<String>| {
        let older = Some(text(older)).filter(|text| !text.is_empty());
        older.unwrap_or_else(|| text(newer.as_ref())).to_owned()
    };
    let component = first(
        source.and_then(|s| s.component.as_ref()),
        &event.reporting_component,
    );
    let host = first(
        source.and_then(|s| s.host.as_ref()),
        &event.reporting_instance,
    );
    match host.as_str() {
        "" => component,
        host => format!("{component}, {host}"),
    }
}

static COLUMNS: [Column; 10] = [
    Column::text(
        "Last Seen",
        "The time at which the most recent occurrence of this event was recorded.",
    ),
    Column::text(
        "Type",
        "Type of this event (Normal, Warning), new types could be added in the future",
    ),
    Column::text(
        "Reason",
        "This should be a short, machine understandable string that gives the reason for the transition into the object's current status.",
    ),
    Column::text("Object", "The object that this event is about."),
    Column::text(
        "Subobject",
        "If referring to a piece of an object instead of an entire object, this string should contain a valid JSON/Go field access statement, such as desiredState.manifest.containers[2]. For example, if the object reference is to a container within a pod, this would take on a value like: \"spec.containers{name}\" (where \"name\" refers to the name of the container that triggered the event) or if no container name is specified \"spec.containers[2]\" (container with index 2 in this pod). This syntax is chosen only to have some well-defined way of referencing a part of an object.",
    )
    .wide(),
    Column::text(
        "Source",
        "The component reporting this event. Should be a short machine understandable string.",
    )
    .wide(),
    Column::text(
        "Message",
        "A human-readable description of the status of this operation.",
    ),
    Column::text(
        "First Seen",
        "The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
    )
    .wide(),
    Column::text("Count", "The number of times this event has occurred.").wide(),
    Column::NAME.wide(),
];

#[cfg(test)]
mod tests;
