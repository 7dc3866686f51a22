//! API services: the server of a version of a group.
//!
//! Upstream: `k8s.io/kube-aggregator/pkg/registry/apiservice`, and the helpers in
//! `pkg/apis/apiregistration/v1/helper`.

pub mod priorities;
mod validate;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{
    APIService, APIServiceCondition, APIServiceSpec, APIServiceStatus,
};
use portcullis_api::{ErrorList, name};

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::time::now;
use crate::validation::text;

/// The group of API services themselves, which has no API service.
pub const GROUP: &str = "apiregistration.k8s.io";
/// The condition that the server of a version is available.
pub const AVAILABLE: &str = "Available";
/// The default port of a service.
const PORT: i32 = 443;

/// The rules of API services.
pub struct ApiServiceStrategy;

impl Strategy for ApiServiceStrategy {
    type Kind = APIService;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::DOMAINLESS
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }

    fn default(&self, service: &mut APIService) {
        let spec = service.spec.as_mut();
        if let Some(reference) = spec.and_then(|spec| spec.service.as_mut()) {
            reference.port.get_or_insert(PORT);
        }
    }

    /// A version that this server serves itself is available from the start.
    fn prepare_for_create(&self, service: &mut APIService) {
        service.status = None;
        if is_local(service) {
            set_available(service, &Availability::LOCAL);
        }
    }

    fn prepare_for_update(&self, service: &mut APIService, old: &APIService) {
        service.status.clone_from(&old.status);
    }

    fn validate(&self, service: &APIService) -> ErrorList {
        validate::validate(service)
    }

    fn prepare_status_update(&self, service: &mut APIService, old: &APIService) {
        service.spec.clone_from(&old.spec);
        let (meta, was) = (&mut service.metadata, &old.metadata);
        meta.labels.clone_from(&was.labels);
        meta.annotations.clone_from(&was.annotations);
        meta.finalizers.clone_from(&was.finalizers);
        meta.owner_references.clone_from(&was.owner_references);
    }

    fn validate_status_update(&self, service: &APIService, _: &APIService) -> ErrorList {
        validate::validate_status(service)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::text(
                "Service",
                "The reference to the service that hosts this API endpoint.",
            ),
            Column::text("Available", "Whether this service is available."),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, service: &APIService) -> Vec<Cell> {
        let reference = service.spec.as_ref().and_then(|s| s.service.as_ref());
        let reference = reference.map_or_else(
            || "Local".to_owned(),
            |s| format!("{}/{}", text(s.namespace.as_ref()), text(s.name.as_ref())),
        );
        vec![
            Cell::name(service),
            Cell::text(reference),
            Cell::text(printed(condition(service))),
            Cell::age(service),
        ]
    }
}

fn printed(condition: Option<&APIServiceCondition>) -> String {
    let Some(condition) = condition else {
        return "Unknown".to_owned();
    };
    match (condition.status.as_str(), text(condition.reason.as_ref())) {
        (status @ "True", _) | (status, "") => status.to_owned(),
        (status, reason) => format!("{status} ({reason})"),
    }
}

/// Whether this server serves the version itself.
pub fn is_local(service: &APIService) -> bool {
    let spec = service.spec.as_ref();
    spec.is_none_or(|spec| spec.service.is_none())
}

/// Whether the server of the version is available.
pub fn is_available(service: &APIService) -> bool {
    condition(service).is_some_and(|condition| condition.status == "True")
}

/// The name of the API service for a version of a group.
pub fn name_of(group: &str, version: &str) -> String {
    format!("{version}.{group}")
}

/// The spec of an API service for a version that this server serves itself.
pub fn local_spec(group: &str, version: &str) -> APIServiceSpec {
    let priorities = priorities::priorities(group, version);
    APIServiceSpec {
        group: Some(group.to_owned()).filter(|group| !group.is_empty()),
        version: Some(version.to_owned()),
        group_priority_minimum: priorities.0,
        version_priority: priorities.1,
        ..APIServiceSpec::default()
    }
}

fn condition(service: &APIService) -> Option<&APIServiceCondition> {
    let status = service.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == AVAILABLE)
}

/// Whether a version's server is available, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// The reason, in one word.
    pub reason: &'static str,
    /// The reason, in a sentence.
    pub message: std::borrow::Cow<'static, str>,
}

impl Availability {
    /// For versions that this server serves itself.
    pub const LOCAL: Self = Self {
        status: "True",
        reason: "Local",
        message: std::borrow::Cow::Borrowed("Local APIServices are always available"),
    };
    /// For other servers that respond.
    pub const PASSED: Self = Self {
        status: "True",
        reason: "Passed",
        message: std::borrow::Cow::Borrowed("all checks passed"),
    };

    /// The server is not available.
    pub fn no(reason: &'static str, message: String) -> Self {
        Self {
            status: "False",
            reason,
            message: message.into(),
        }
    }

    /// It is not known whether the server is available.
    pub fn unknown(reason: &'static str, message: String) -> Self {
        Self {
            status: "Unknown",
            ..Self::no(reason, message)
        }
    }
}

/// Sets the condition; its time changes only with its status (upstream: `SetAPIServiceCondition`).
pub fn set_available(service: &mut APIService, found: &Availability) {
    let since = condition(service).filter(|known| known.status == found.status);
    let since = since.and_then(|known| known.last_transition_time.clone());
    let set = APIServiceCondition {
        type_: AVAILABLE.to_owned(),
        status: found.status.to_owned(),
        reason: Some(found.reason.to_owned()),
        message: Some(found.message.to_string()),
        last_transition_time: since.or_else(|| Some(now())),
    };
    let status: &mut APIServiceStatus = service.status.get_or_insert_default();
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|c| c.type_ == AVAILABLE) {
        Some(known) => *known = set,
        None => conditions.push(set),
    }
}

#[cfg(test)]
mod tests;
