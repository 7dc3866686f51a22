//! Claims of storage.

mod data_source;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimStatus};
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path};

use super::pod::defaults::{default_claim_spec, round_up};
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::claims::validate_claim_spec;
use crate::validation::resources::{amount, validate_basic};
use crate::validation::{IMMUTABLE, list, text, twice};

/// The annotation for the class, from before the field existed.
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The rules of claims (upstream: `pkg/registry/core/persistentvolumeclaim/strategy.go`).
pub struct PersistentVolumeClaimStrategy;

impl Strategy for PersistentVolumeClaimStrategy {
    type Kind = PersistentVolumeClaim;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 1)
    }

    fn default(&self, claim: &mut PersistentVolumeClaim) {
        let spec = claim.spec.get_or_insert_default();
        default_claim_spec(spec);
        if let Some(resources) = &mut spec.resources {
            for amounts in [&mut resources.limits, &mut resources.requests]
                .into_iter()
                .flatten()
            {
                round_up(amounts);
            }
        }
        let status = claim.status.get_or_insert_default();
        if text(status.phase.as_ref()).is_empty() {
            status.phase = Some("Pending".into());
        }
    }

    fn prepare_for_create(&self, claim: &mut PersistentVolumeClaim) {
        let spec = claim.spec.get_or_insert_default();
        data_source::drop_odd(spec, None);
        data_source::fill_in(spec);
        claim.status = Some(PersistentVolumeClaimStatus {
            phase: Some("Pending".into()),
            ..Default::default()
        });
    }

    fn prepare_for_update(&self, claim: &mut PersistentVolumeClaim, old: &PersistentVolumeClaim) {
        claim.status.clone_from(&old.status);
        let spec = claim.spec.get_or_insert_default();
        data_source::drop_odd(spec, old.spec.as_ref());
        data_source::fill_in(spec);
    }

    fn validate(&self, claim: &PersistentVolumeClaim) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &claim.spec {
            validate_claim_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(
        &self,
        claim: &PersistentVolumeClaim,
        old: &PersistentVolumeClaim,
    ) -> ErrorList {
        let mut errors = twice(self.validate(claim));
        validate_change(claim, old, &mut errors);
        errors
    }

    fn prepare_status_update(
        &self,
        claim: &mut PersistentVolumeClaim,
        old: &PersistentVolumeClaim,
    ) {
        claim.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        claim: &PersistentVolumeClaim,
        _: &PersistentVolumeClaim,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        let capacity = claim.status.as_ref().and_then(|s| s.capacity.as_ref());
        let path = Path::new("status").child("capacity");
        for (resource, text) in capacity.into_iter().flatten() {
            validate_basic(text, &path.key(resource), &mut errors);
        }
        errors
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, claim: &PersistentVolumeClaim) -> Vec<Cell> {
        let spec = claim.spec.clone().unwrap_or_default();
        let status = claim.status.clone().unwrap_or_default();
        let deleted = claim.metadata.deletion_timestamp.is_some();
        let phase = text(status.phase.as_ref());
        let bound = !text(spec.volume_name.as_ref()).is_empty();
        let capacity = status.capacity.as_ref().and_then(|c| c.get("storage"));
        let annotations = claim.metadata.annotations.as_ref();
        let class = annotations.and_then(|a| a.get(CLASS));
        vec![
            Cell::name(claim),
            Cell::text(if deleted { "Terminating" } else { phase }),
            Cell::text(text(spec.volume_name.as_ref())),
            Cell::text(match bound {
                true => capacity.map_or("0", |q| q.0.as_str()),
                false => "",
            }),
            Cell::text(match bound {
                true => format_access_modes(list(status.access_modes.as_ref())),
                false => String::new(),
            }),
            Cell::text(text(class.or(spec.storage_class_name.as_ref()))),
            Cell::age(claim),
            Cell::text(text(spec.volume_mode.as_ref())),
        ]
    }
}

/// Access modes in the form of Tables, without duplicates.
pub(super) fn format_access_modes(modes: &[String]) -> String {
    let shown = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let texts: Vec<_> = shown
        .iter()
        .filter(|(mode, _)| modes.iter().any(|m| m == mode))
        .map(|(_, short)| *short)
        .collect();
    texts.join(",")
}

/// A claim is bound once, and a bound one may request more.
fn validate_change(
    claim: &PersistentVolumeClaim,
    old: &PersistentVolumeClaim,
    errors: &mut ErrorList,
) {
    let (Some(spec), Some(old_spec)) = (&claim.spec, &old.spec) else {
        return;
    };
    let storage = |claim: &PersistentVolumeClaim| {
        let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
        let requests = resources.and_then(|r| r.requests.as_ref());
        requests.and_then(|r| r.get("storage")).cloned()
    };
    // one stored by an older server may have only one of the fields
    let mut old_spec = old_spec.clone();
    data_source::fill_in(&mut old_spec);
    let mut munged = spec.clone();
    if text(old_spec.volume_name.as_ref()).is_empty() {
        munged.volume_name.clone_from(&old_spec.volume_name);
    }
    if names_class_anew(claim, old) {
        munged.storage_class_name = None;
    } else {
        class_annotation_stays(claim, old, errors);
    }
    let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref());
    let requests = munged.resources.as_mut().and_then(|r| r.requests.as_mut());
    if let (Some("Bound"), Some(requests), Some(size)) = (phase, requests, storage(old)) {
        requests.insert("storage".into(), size);
    }
    let path = Path::new("spec");
    if munged != old_spec {
        let detail = "spec is immutable after creation except resources.requests for bound claims";
        errors.push(FieldError::forbidden(&path, detail));
    }
    let size = |claim| storage(claim).as_ref().map_or(Quantity::ZERO, amount);
    if size(claim) < size(old) {
        let path = path.child("resources").child("requests").child("storage");
        let detail = "field can not be less than previous value";
        errors.push(FieldError::forbidden(&path, detail));
    }
    if spec.volume_mode != old_spec.volume_mode {
        let mode = text(spec.volume_mode.as_ref());
        errors.push(FieldError::invalid(
            &Path::new("volumeMode"),
            mode,
            IMMUTABLE,
        ));
    }
}

fn class_annotation(claim: &PersistentVolumeClaim) -> Option<&String> {
    claim.metadata.annotations.as_ref()?.get(CLASS)
}

/// Whether the class moves from the annotation to the field (upstream:
/// `validateStorageClassUpgrade`).
fn names_class_anew(claim: &PersistentVolumeClaim, old: &PersistentVolumeClaim) -> bool {
    let field = |claim: &PersistentVolumeClaim| {
        let spec = claim.spec.as_ref()?;
        spec.storage_class_name.clone()
    };
    let Some(before) = class_annotation(old) else {
        return false;
    };
    field(old).is_none()
        && field(claim).as_ref() == Some(before)
        && class_annotation(claim).is_none_or(|now| now == before)
}

fn class_annotation_stays(
    claim: &PersistentVolumeClaim,
    old: &PersistentVolumeClaim,
    errors: &mut ErrorList,
) {
    let (now, before) = (text(class_annotation(claim)), text(class_annotation(old)));
    if now != before {
        let path = Path::new("metadata").child("annotations").child(CLASS);
        errors.push(FieldError::invalid(&path, now, IMMUTABLE));
    }
}

static COLUMNS: [Column; 8] = [
    Column::NAME,
    Column::text(
        "Status",
        "Phase represents the current phase of PersistentVolumeClaim.",
    ),
    Column::text(
        "Volume",
        "VolumeName is the binding reference to the PersistentVolume backing this claim.",
    ),
    Column::text(
        "Capacity",
        "Represents the actual resources of the underlying volume.",
    ),
    Column::text(
        "Access Modes",
        "AccessModes contains the actual access modes the volume backing the PVC has. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1",
    ),
    Column::text("StorageClass", "StorageClass of the pvc"),
    Column::AGE,
    Column::text(
        "VolumeMode",
        "volumeMode defines what type of volume is required by the claim. Value of Filesystem is implied when not included in claim spec.",
    )
    .wide(),
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, prepared};

    fn claim(size: &str, extra: &Value) -> Value {
        let mut spec =
            json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}});
        for (key, value) in extra.as_object().unwrap() {
            spec[key] = value.clone();
        }
        json!({"spec": spec})
    }

    #[test]
    fn a_claim_requests_storage() {
        for (given, texts) in [
            (claim("1Gi", &json!({})), vec![]),
            (
                claim("0", &json!({"volumeMode": "Odd"})),
                vec![
                    "spec.resources[storage]: Invalid value: \"0\": must be greater than zero",
                    "spec.volumeMode: Unsupported value: \"Odd\": supported values: \"Block\", \"Filesystem\"",
                ],
            ),
            (
                json!({"spec": {"dataSourceRef": {"name": "", "kind": "Pod"}}}),
                vec![
                    "spec.accessModes: Required value: at least 1 access mode is required",
                    "spec.resources[storage]: Required value",
                    "spec.dataSource.name: Required value",
                    "spec.dataSource: Invalid value: \"Pod\"",
                    "spec.dataSourceRef.name: Required value",
                    "spec.dataSourceRef: Invalid value: \"Pod\"",
                ],
            ),
        ] {
            assert_eq!(
                mistakes(&PersistentVolumeClaimStrategy, &given),
                texts,
                "{given}"
            );
        }
    }

    #[test]
    fn a_bound_claim_may_grow() {
        let immutable = "spec: Forbidden: spec is immutable after creation except resources.requests for bound claims";
        let smaller =
            "spec.resources.requests.storage: Forbidden: field can not be less than previous value";
        for (phase, new, texts) in [
            ("Pending", claim("1Gi", &json!({"volumeName": "v"})), vec![]),
            ("Pending", claim("2Gi", &json!({})), vec![immutable]),
            ("Bound", claim("2Gi", &json!({})), vec![]),
            ("Bound", claim("512Mi", &json!({})), vec![smaller]),
            (
                "Bound",
                claim("1Gi", &json!({"volumeMode": "Block"})),
                vec![
                    immutable,
                    "volumeMode: Invalid value: \"Block\": field is immutable",
                ],
            ),
        ] {
            let strategy = PersistentVolumeClaimStrategy;
            let mut old = prepared(&strategy, &claim("1Gi", &json!({})));
            old.status.get_or_insert_default().phase = Some(phase.into());
            let mut changed = defaulted(&strategy, &new);
            strategy.prepare_for_update(&mut changed, &old);
            let errors = strategy.validate_update(&changed, &old);
            let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(found, texts, "{new}");
        }
    }

    #[test]
    fn rows_show_the_bound_volume() {
        let mut given = claim("1Gi", &json!({"volumeName": "v", "storageClassName": "sc"}));
        given["status"] = json!({"phase": "Bound", "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteMany", "ReadWriteOnce"]});
        let claim = defaulted(&PersistentVolumeClaimStrategy, &given);
        assert_eq!(
            PersistentVolumeClaimStrategy.cells(&claim)[1..6],
            ["Bound", "v", "2Gi", "RWO,RWX", "sc"].map(Cell::text)
        );
    }
}
