//! Custom resource definitions: kinds that are defined while the server runs.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition`. The schema crate
//! validates them, [`crate::custom`] compiles them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition,
};
use portcullis_api::ErrorList;
use portcullis_schema::{
    default_definition, prepare_definition, validate_definition, validate_definition_status,
};

use crate::custom::check_metadata;
use crate::strategy::{MetadataChecks, Strategy};
use crate::time::now;

/// The finalizer of a definition until its objects are gone.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// The condition that its names do not conflict with others.
pub const NAMES_ACCEPTED: &str = "NamesAccepted";
/// The condition that its objects are served.
pub const ESTABLISHED: &str = "Established";
/// The condition that it is being deleted.
pub const TERMINATING: &str = "Terminating";

/// The rules of definitions.
pub struct CustomResourceDefinitionStrategy;

impl Strategy for CustomResourceDefinitionStrategy {
    type Kind = CustomResourceDefinition;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::CUSTOM
    }

    fn default(&self, definition: &mut CustomResourceDefinition) {
        default_definition(definition);
    }

    fn prepare_for_create(&self, definition: &mut CustomResourceDefinition) {
        prepare_definition(definition, None);
    }

    fn prepare_for_update(
        &self,
        definition: &mut CustomResourceDefinition,
        old: &CustomResourceDefinition,
    ) {
        prepare_definition(definition, Some(old));
    }

    fn validate(&self, definition: &CustomResourceDefinition) -> ErrorList {
        validate_definition(definition, None, &check_metadata)
    }

    fn validate_update(
        &self,
        definition: &CustomResourceDefinition,
        old: &CustomResourceDefinition,
    ) -> ErrorList {
        validate_definition(definition, Some(old), &check_metadata)
    }

    fn prepare_status_update(
        &self,
        definition: &mut CustomResourceDefinition,
        old: &CustomResourceDefinition,
    ) {
        definition.spec.clone_from(&old.spec);
        // upstream restores the metadata, except managed fields
        let (meta, was) = (&mut definition.metadata, &old.metadata);
        meta.labels.clone_from(&was.labels);
        meta.annotations.clone_from(&was.annotations);
        meta.owner_references.clone_from(&was.owner_references);
    }

    fn validate_status_update(
        &self,
        definition: &CustomResourceDefinition,
        _: &CustomResourceDefinition,
    ) -> ErrorList {
        validate_definition_status(definition)
    }

    fn spec_changed(
        &self,
        definition: &CustomResourceDefinition,
        old: &CustomResourceDefinition,
    ) -> Option<bool> {
        Some(definition.spec != old.spec)
    }

    /// Its objects are deleted first (upstream: `etcd.go Delete`).
    fn mark_deleting(&self, definition: &mut CustomResourceDefinition) {
        let finalizers = definition.metadata.finalizers.get_or_insert_default();
        if finalizers.iter().all(|f| f != CLEANUP) {
            finalizers.push(CLEANUP.to_owned());
        }
        set_condition(
            definition,
            TERMINATING,
            true,
            "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        );
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn deletes_by_uid(&self) -> bool {
        true
    }
}

/// Whether a condition is true.
pub fn is_true(definition: &CustomResourceDefinition, condition: &str) -> bool {
    condition_of(definition, condition).is_some_and(|c| c.status == "True")
}

fn condition_of<'d>(
    definition: &'d CustomResourceDefinition,
    condition: &str,
) -> Option<&'d CustomResourceDefinitionCondition> {
    let status = definition.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|c| c.type_ == condition)
}

/// Sets a condition and the time of its change (upstream: `SetCRDCondition`).
pub fn set_condition(
    definition: &mut CustomResourceDefinition,
    condition: &str,
    status: bool,
    reason: &str,
    message: &str,
) {
    let status = if status { "True" } else { "False" };
    let set = CustomResourceDefinitionCondition {
        type_: condition.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(now()),
        ..CustomResourceDefinitionCondition::default()
    };
    let of = definition.status.get_or_insert_default();
    let conditions = of.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|c| c.type_ == condition) {
        None => conditions.push(set),
        Some(known) => {
            let since = known.last_transition_time.take();
            let same = known.status == set.status;
            *known = set;
            if same {
                known.last_transition_time = since;
            }
        }
    }
}
