//! Resource claims: requests for devices, and the devices that were allocated.

use k8s_openapi::api::resource::v1::{AllocationResult, ResourceClaim, ResourceClaimStatus};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use super::configuration::validate_configuration;
use super::names::{validate_driver, validate_label, validate_pool};
use super::requests::{default_claim, validate_claim};
use super::taints::{default_tolerations, validate_tolerations};
use super::{validate_each, validate_set};
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::conditions::validate_conditions;
use crate::validation::node_selector::validate_node_selector;
use crate::validation::{IMMUTABLE, list, one_of, required};

const RESERVED_MAX: usize = 256;
const RESULTS_MAX: usize = 32;
/// Those of the class, and those of the claim.
const CONFIGURATIONS_MAX: usize = 64;
const CONDITIONS_MAX: usize = 8;
/// How many devices may have a status: as many as are allocated.
const STATUSES_MAX: usize = usize::MAX;

/// The rules of claims (upstream: `pkg/registry/resource/resourceclaim/strategy.go`).
pub struct ResourceClaimStrategy;

impl Strategy for ResourceClaimStrategy {
    type Kind = ResourceClaim;

    fn default(&self, claim: &mut ResourceClaim) {
        let spec = claim.spec.get_or_insert_default();
        default_claim(spec.devices.get_or_insert_default());
        let status = claim.status.get_or_insert_default();
        let devices = status.allocation.as_mut().and_then(|a| a.devices.as_mut());
        for result in devices
            .into_iter()
            .flat_map(|d| d.results.iter_mut().flatten())
        {
            default_tolerations(result.tolerations.as_mut());
        }
    }

    fn prepare_for_create(&self, claim: &mut ResourceClaim) {
        claim.status = Some(Default::default());
    }

    fn prepare_for_update(&self, claim: &mut ResourceClaim, old: &ResourceClaim) {
        claim.status.clone_from(&old.status);
    }

    fn validate(&self, claim: &ResourceClaim) -> ErrorList {
        let mut errors = ErrorList::new();
        let devices = claim.spec.clone().unwrap_or_default().devices;
        let path = Path::new("spec").child("devices");
        validate_claim(&devices.unwrap_or_default(), &path, &mut errors);
        errors
    }

    fn validate_update(&self, claim: &ResourceClaim, old: &ResourceClaim) -> ErrorList {
        let mut errors = ErrorList::new();
        if claim.spec != old.spec {
            let value = BadValue::go("resource.ResourceClaimSpec{}");
            errors.push(FieldError::invalid(&Path::new("spec"), value, IMMUTABLE));
        }
        errors
    }

    fn prepare_status_update(&self, claim: &mut ResourceClaim, old: &ResourceClaim) {
        claim.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, claim: &ResourceClaim, old: &ResourceClaim) -> ErrorList {
        let status = claim.status.clone().unwrap_or_default();
        let was = old.status.clone().unwrap_or_default();
        let is_deleted = claim.metadata.deletion_timestamp.is_some();
        let path = Path::new("status");
        let mut errors = ErrorList::new();
        validate_reservations(&status, &was, is_deleted, &path, &mut errors);
        validate_statuses(&status, &path.child("devices"), &mut errors);
        let path = path.child("allocation");
        match (&status.allocation, &was.allocation) {
            (Some(new), Some(old)) if new != old => {
                let value = BadValue::go("resource.AllocationResult{}");
                errors.push(FieldError::invalid(&path, value, IMMUTABLE));
            }
            (Some(new), None) => validate_allocation(new, &path, &mut errors),
            _ => {}
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "State",
                "A summary of the current state (allocated, pending, reserved, etc.).",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, claim: &ResourceClaim) -> Vec<Cell> {
        vec![
            Cell::name(claim),
            Cell::text(state(claim)),
            Cell::age(claim),
        ]
    }
}

/// What has become of a claim, in upstream's words.
fn state(claim: &ResourceClaim) -> String {
    let is_deleted = claim.metadata.deletion_timestamp.is_some();
    let status = claim.status.clone().unwrap_or_default();
    let is_reserved = !list(status.reserved_for.as_ref()).is_empty();
    let mut states = Vec::new();
    if is_deleted {
        states.push("deleted");
    }
    match status.allocation {
        None if !is_deleted => states.push("pending"),
        None => {}
        Some(_) => {
            states.push("allocated");
            if is_reserved {
                states.push("reserved");
            }
        }
    }
    states.join(",")
}

/// Who uses the devices, once there are any.
fn validate_reservations(
    status: &ResourceClaimStatus,
    was: &ResourceClaimStatus,
    is_deleted: bool,
    path: &Path,
    errors: &mut ErrorList,
) {
    let path = path.child("reservedFor");
    let reserved = list(status.reserved_for.as_ref());
    validate_set(
        reserved,
        RESERVED_MAX,
        &path,
        errors,
        |user| user.uid.as_str(),
        |user, path, errors| {
            required(Some(&user.resource), &path.child("resource"), errors);
            required(Some(&user.name), &path.child("name"), errors);
            required(Some(&user.uid), &path.child("uid"), errors);
        },
    );
    if !reserved.is_empty() && status.allocation.is_none() {
        let detail = "may not be specified when `allocated` is not set";
        errors.push(FieldError::forbidden(&path, detail));
    } else if is_deleted {
        let old = list(was.reserved_for.as_ref());
        if reserved.iter().any(|user| !old.contains(user)) {
            let detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
            errors.push(FieldError::forbidden(&path, detail));
        }
    }
}

/// What drivers say of the devices that are allocated.
fn validate_statuses(status: &ResourceClaimStatus, path: &Path, errors: &mut ErrorList) {
    let devices = status.allocation.as_ref().and_then(|a| a.devices.as_ref());
    let results = list(devices.and_then(|devices| devices.results.as_ref()));
    let statuses = list(status.devices.as_ref());
    validate_each(statuses, STATUSES_MAX, path, errors, |one, path, errors| {
        validate_driver(&one.driver, &path.child("driver"), errors);
        validate_pool(&one.pool, &path.child("pool"), errors);
        validate_label(&one.device, &path.child("device"), errors);
        let is_allocated = results.iter().any(|result| {
            (&result.driver, &result.pool, &result.device) == (&one.driver, &one.pool, &one.device)
        });
        if !is_allocated {
            let id = format!("{}/{}/{}", one.driver, one.pool, one.device);
            let detail = "must be an allocated device in the claim";
            errors.push(FieldError::invalid(path, &id, detail));
        }
        let conditions = list(one.conditions.as_ref());
        let path = path.child("conditions");
        if conditions.len() > CONDITIONS_MAX {
            errors.push(FieldError::too_many(
                &path,
                conditions.len(),
                CONDITIONS_MAX,
            ));
        }
        validate_conditions(conditions, &path, errors);
    });
}

fn validate_allocation(allocation: &AllocationResult, path: &Path, errors: &mut ErrorList) {
    let devices = allocation.devices.clone().unwrap_or_default();
    let devices_path = path.child("devices");
    validate_each(
        list(devices.results.as_ref()),
        RESULTS_MAX,
        &devices_path.child("results"),
        errors,
        |result, path, errors| {
            required(Some(&result.request), &path.child("request"), errors);
            validate_driver(&result.driver, &path.child("driver"), errors);
            validate_pool(&result.pool, &path.child("pool"), errors);
            validate_label(&result.device, &path.child("device"), errors);
            let tolerations = list(result.tolerations.as_ref());
            validate_tolerations(tolerations, &path.child("tolerations"), errors);
        },
    );
    validate_each(
        list(devices.config.as_ref()),
        CONFIGURATIONS_MAX,
        &devices_path.child("config"),
        errors,
        |config, path, errors| {
            let source = path.child("source");
            match config.source.as_str() {
                "" => errors.push(FieldError::required(&source, "")),
                other => one_of(other, &["FromClaim", "FromClass"], &source, errors),
            }
            validate_set(
                list(config.requests.as_ref()),
                RESULTS_MAX,
                &path.child("requests"),
                errors,
                String::as_str,
                |_, _, _| {},
            );
            validate_configuration(config.opaque.as_ref(), path, errors);
        },
    );
    if let Some(selector) = &allocation.node_selector {
        validate_node_selector(selector, &path.child("nodeSelector"), errors);
    }
}
