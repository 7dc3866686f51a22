//! CSI drivers: the requirements of a volume driver.

use std::collections::BTreeSet;

use k8s_openapi::api::storage::v1::{CSIDriver, CSIDriverSpec, TokenRequest};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::Value;

use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::{IMMUTABLE, list, one_of, text};

const FS_GROUP_POLICIES: [&str; 3] = ["File", "None", "ReadWriteOnceWithFSType"];
const MODES: [&str; 2] = ["Persistent", "Ephemeral"];
/// The shortest and longest lifetimes of a token, in seconds.
const TOKEN_MIN: i64 = 600;
const TOKEN_MAX: i64 = 1 << 32;

/// The rules of CSI drivers (upstream: `pkg/apis/storage/validation/validation.go`).
pub struct CsiDriverStrategy;

impl Strategy for CsiDriverStrategy {
    type Kind = CSIDriver;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.creating(2).changing(0, 1)
    }

    fn default(&self, driver: &mut CSIDriver) {
        let spec = &mut driver.spec;
        spec.attach_required.get_or_insert(true);
        spec.pod_info_on_mount.get_or_insert(false);
        spec.storage_capacity.get_or_insert(false);
        spec.requires_republish.get_or_insert(false);
        spec.fs_group_policy
            .get_or_insert_with(|| "ReadWriteOnceWithFSType".into());
        if list(spec.volume_lifecycle_modes.as_ref()).is_empty() {
            spec.volume_lifecycle_modes = Some(vec![MODES[0].to_owned()]);
        }
    }

    /// Only some fields are mutable, and only their changes count.
    fn prepare_for_update(&self, driver: &mut CSIDriver, old: &CSIDriver) {
        let mutable = |spec: &CSIDriverSpec| {
            (
                spec.token_requests.clone(),
                spec.requires_republish,
                spec.storage_capacity,
            )
        };
        if mutable(&driver.spec) != mutable(&old.spec) {
            let generation = old.metadata.generation.unwrap_or_default() + 1;
            driver.metadata.generation = Some(generation);
        }
    }

    fn validate(&self, driver: &CSIDriver) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("spec");
        let policy = text(driver.spec.fs_group_policy.as_ref());
        let policy_path = path.child("fsGroupPolicy");
        one_of(policy, &FS_GROUP_POLICIES, &policy_path, &mut errors);
        let requests = list(driver.spec.token_requests.as_ref());
        validate_token_requests(requests, &path.child("tokenRequests"), &mut errors);
        let path = path.child("volumeLifecycleModes");
        for mode in list(driver.spec.volume_lifecycle_modes.as_ref()) {
            one_of(mode, &MODES, &path, &mut errors);
        }
        errors
    }

    fn validate_update(&self, driver: &CSIDriver, old: &CSIDriver) -> ErrorList {
        let mut errors = self.validate(driver);
        let path = Path::new("spec");
        let (spec, old) = (&driver.spec, &old.spec);
        let flag = |value: Option<bool>| value.map_or_else(BadValue::null, BadValue::from);
        let policy = text(spec.fs_group_policy.as_ref());
        let modes = list(spec.volume_lifecycle_modes.as_ref());
        for (field, value, same) in [
            (
                // upstream's path
                "attachedRequired",
                flag(spec.attach_required),
                spec.attach_required == old.attach_required,
            ),
            (
                "fsGroupPolicy",
                policy.into(),
                spec.fs_group_policy == old.fs_group_policy,
            ),
            (
                "podInfoOnMount",
                flag(spec.pod_info_on_mount),
                spec.pod_info_on_mount == old.pod_info_on_mount,
            ),
            (
                "volumeLifecycleModes",
                go_modes(modes),
                spec.volume_lifecycle_modes == old.volume_lifecycle_modes,
            ),
        ] {
            if !same {
                errors.push(FieldError::invalid(&path.child(field), value, IMMUTABLE));
            }
        }
        // upstream validates these twice
        let requests = list(spec.token_requests.as_ref());
        validate_token_requests(requests, &path.child("tokenRequests"), &mut errors);
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, driver: &CSIDriver) -> Vec<Cell> {
        let spec = &driver.spec;
        let flag = |value: Option<bool>, unset| Cell::Value(Value::Bool(value.unwrap_or(unset)));
        let tokens = spec.token_requests.as_ref().map(|requests| {
            let audiences: Vec<_> = requests.iter().map(|r| r.audience.as_str()).collect();
            audiences.join(",")
        });
        let modes = list(spec.volume_lifecycle_modes.as_ref());
        vec![
            Cell::name(driver),
            flag(spec.attach_required, true),
            flag(spec.pod_info_on_mount, false),
            flag(spec.storage_capacity, false),
            Cell::text(tokens.unwrap_or_else(|| "<unset>".to_owned())),
            flag(spec.requires_republish, false),
            Cell::text(if modes.is_empty() {
                "<none>".to_owned()
            } else {
                modes.join(",")
            }),
            Cell::age(driver),
        ]
    }
}

fn go_modes(modes: &[String]) -> BadValue {
    let elements = crate::validation::go_elements(modes);
    BadValue::go(format!("[]storage.VolumeLifecycleMode{elements}"))
}

/// Tokens have different audiences, and bounded lifetimes.
fn validate_token_requests(requests: &[TokenRequest], path: &Path, errors: &mut ErrorList) {
    let mut audiences = BTreeSet::new();
    for (i, request) in requests.iter().enumerate() {
        let path = path.index(i);
        if !audiences.insert(&request.audience) {
            errors.push(FieldError::duplicate(
                &path.child("audience"),
                &request.audience,
            ));
            continue;
        }
        let Some(seconds) = request.expiration_seconds else {
            continue;
        };
        let path = path.child("expirationSeconds");
        if seconds < TOKEN_MIN {
            let detail = "may not specify a duration less than 10 minutes";
            errors.push(FieldError::invalid(&path, seconds, detail));
        }
        if seconds > TOKEN_MAX {
            let detail = "may not specify a duration larger than 2^32 seconds";
            errors.push(FieldError::invalid(&path, seconds, detail));
        }
    }
}

const fn boolean(name: &'static str, description: &'static str) -> Column {
    Column {
        kind: "boolean",
        ..Column::text(name, description)
    }
}

static COLUMNS: [Column; 8] = [
    Column::NAME,
    boolean(
        "AttachRequired",
        "Whether volumes must be attached before they are mounted.",
    ),
    boolean(
        "PodInfoOnMount",
        "Whether the driver receives information about the pod when it mounts a volume.",
    ),
    boolean(
        "StorageCapacity",
        "Whether pods are scheduled by the capacity that the driver reports.",
    ),
    Column::text(
        "TokenRequests",
        "The audiences of the service account tokens that the driver is given.",
    ),
    boolean(
        "RequiresRepublish",
        "RequiresRepublish indicates the CSI driver wants `NodePublishVolume` being periodically called to reflect any possible change in the mounted volume. This field defaults to false.\n\nNote: After a successful initial NodePublishVolume call, subsequent calls to NodePublishVolume should only update the contents of the volume. New mount points will not be seen by a running container.",
    ),
    Column::text("Modes", "What kinds of volumes the driver supports."),
    Column::AGE,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{mistakes, prepared, update_mistakes, written};

    const RULES: &CsiDriverStrategy = &CsiDriverStrategy;

    #[test]
    fn a_driver_attaches_persistent_volumes_by_default() {
        assert_eq!(
            written(&prepared(RULES, &json!({"spec": {}})))["spec"],
            json!({"attachRequired": true, "podInfoOnMount": false, "storageCapacity": false, "requiresRepublish": false,
                "fsGroupPolicy": "ReadWriteOnceWithFSType", "volumeLifecycleModes": ["Persistent"]})
        );
    }

    #[test]
    fn policies_modes_and_tokens_are_validated() {
        let spec = json!({"fsGroupPolicy": "x", "volumeLifecycleModes": ["y"], "tokenRequests": [
            {"audience": "a", "expirationSeconds": 1}, {"audience": "a"}]});
        assert_eq!(
            mistakes(RULES, &json!({"spec": spec})),
            [
                "spec.fsGroupPolicy: Unsupported value: \"x\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\"",
                "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
                "spec.tokenRequests[1].audience: Duplicate value: \"a\"",
                "spec.volumeLifecycleModes: Unsupported value: \"y\": supported values: \"Persistent\", \"Ephemeral\"",
            ]
        );
    }

    #[test]
    fn fields_that_volumes_rely_on_are_immutable() {
        let new = json!({"spec": {"attachRequired": false, "fsGroupPolicy": "None", "podInfoOnMount": true,
            "volumeLifecycleModes": ["Ephemeral"], "storageCapacity": true}});
        assert_eq!(
            update_mistakes(RULES, &new, &json!({"spec": {}})),
            [
                "spec.attachedRequired: Invalid value: false: field is immutable",
                "spec.fsGroupPolicy: Invalid value: \"None\": field is immutable",
                "spec.podInfoOnMount: Invalid value: true: field is immutable",
                "spec.volumeLifecycleModes: Invalid value: []storage.VolumeLifecycleMode{\"Ephemeral\"}: field is immutable",
            ]
        );
        let mut changed = prepared(RULES, &new);
        RULES.prepare_for_update(&mut changed, &prepared(RULES, &json!({"spec": {}})));
        assert_eq!(changed.metadata.generation, Some(1));
    }
}
