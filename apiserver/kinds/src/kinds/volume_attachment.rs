//! Volume attachments: the volume that is to be, or is, attached to a node.

use std::collections::BTreeMap;

use k8s_openapi::api::storage::v1::{VolumeAttachment, VolumeAttachmentSource, VolumeError};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::Value;

use super::persistent_volume;
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::names::validate_csi_driver_name;
use crate::validation::{IMMUTABLE, invalid_each, required, text, twice};

const METADATA_MAX: usize = 256 * 1024;
const MESSAGE_MAX: usize = 1024;
const ONE_SOURCE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

/// The rules of volume attachments (upstream: `pkg/registry/storage/volumeattachment/strategy.go`,
/// `pkg/apis/storage/validation/validation.go`).
pub struct VolumeAttachmentStrategy;

impl Strategy for VolumeAttachmentStrategy {
    type Kind = VolumeAttachment;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 0)
    }

    fn default(&self, attachment: &mut VolumeAttachment) {
        attachment.status.get_or_insert_default();
        if let Some(volume) = &mut attachment.spec.source.inline_volume_spec {
            persistent_volume::default_parts(volume);
        }
    }

    fn prepare_for_create(&self, attachment: &mut VolumeAttachment) {
        attachment.status = Some(Default::default());
    }

    fn prepare_for_update(&self, attachment: &mut VolumeAttachment, old: &VolumeAttachment) {
        attachment.status.clone_from(&old.status);
    }

    fn validate(&self, attachment: &VolumeAttachment) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_any(attachment, &mut errors);
        let (spec, path) = (&attachment.spec, Path::new("spec"));
        validate_csi_driver_name(&spec.attacher, &path.child("attacher"), &mut errors);
        if let Some(volume) = &spec.source.persistent_volume_name {
            let path = path.child("source").child("persistentVolumeName");
            invalid_each(&path, volume, name::dns1123_subdomain(volume), &mut errors);
        }
        errors
    }

    fn validate_update(&self, attachment: &VolumeAttachment, old: &VolumeAttachment) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_any(attachment, &mut errors);
        errors = twice(errors);
        if attachment.spec != old.spec {
            let value = BadValue::go(format!(
                "storage.VolumeAttachmentSpec{{Attacher:{}, NodeName:{}}}",
                go_quote(&attachment.spec.attacher),
                go_quote(&attachment.spec.node_name)
            ));
            errors.push(FieldError::invalid(&Path::new("spec"), value, IMMUTABLE));
        }
        errors
    }

    fn prepare_status_update(&self, attachment: &mut VolumeAttachment, old: &VolumeAttachment) {
        attachment.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        attachment: &VolumeAttachment,
        _: &VolumeAttachment,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_any(attachment, &mut errors);
        twice(errors)
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, attachment: &VolumeAttachment) -> Vec<Cell> {
        let spec = &attachment.spec;
        let attached = attachment.status.as_ref().is_some_and(|s| s.attached);
        vec![
            Cell::name(attachment),
            Cell::text(spec.attacher.clone()),
            Cell::text(text(spec.source.persistent_volume_name.as_ref())),
            Cell::text(spec.node_name.clone()),
            Cell::Value(Value::Bool(attached)),
            Cell::age(attachment),
        ]
    }
}

/// Validates an attachment, new or changed.
fn validate_any(attachment: &VolumeAttachment, errors: &mut ErrorList) {
    let (spec, path) = (&attachment.spec, Path::new("spec"));
    required(Some(&spec.attacher), &path.child("attacher"), errors);
    validate_source(&spec.source, &path.child("source"), errors);
    let sentences = name::dns1123_subdomain(&spec.node_name);
    invalid_each(&path.child("nodeName"), &spec.node_name, sentences, errors);
    validate_status(attachment, errors);
}

fn validate_source(source: &VolumeAttachmentSource, path: &Path, errors: &mut ErrorList) {
    match (&source.inline_volume_spec, &source.persistent_volume_name) {
        (None, None) => errors.push(FieldError::required(path, ONE_SOURCE)),
        (Some(_), Some(_)) => errors.push(FieldError::forbidden(path, ONE_SOURCE)),
        (None, Some(name)) if name.is_empty() => {
            let detail = "must specify non empty persistentVolumeName";
            let path = path.child("persistentVolumeName");
            errors.push(FieldError::required(&path, detail));
        }
        (None, Some(_)) => {}
        (Some(volume), None) => {
            persistent_volume::validate_inline(volume, &path.child("inlineVolumeSpec"), errors);
        }
    }
}

fn validate_status(attachment: &VolumeAttachment, errors: &mut ErrorList) {
    let Some(status) = &attachment.status else {
        return;
    };
    let path = Path::new("status");
    let metadata_path = path.child("attachmentMetadata");
    let none = BTreeMap::new();
    let metadata = status.attachment_metadata.as_ref().unwrap_or(&none);
    if metadata
        .iter()
        .map(|(k, v)| k.len() + v.len())
        .sum::<usize>()
        > METADATA_MAX
    {
        errors.push(FieldError::too_long(&metadata_path, METADATA_MAX));
    }
    for (field, error) in [
        ("attachError", &status.attach_error),
        ("detachError", &status.detach_error),
    ] {
        let long = |e: &VolumeError| text(e.message.as_ref()).len() > MESSAGE_MAX;
        if error.as_ref().is_some_and(long) {
            let path = path.child(field).child("message");
            errors.push(FieldError::too_long(&path, MESSAGE_MAX));
        }
    }
}

static COLUMNS: [Column; 6] = [
    Column::NAME,
    Column {
        format: "name",
        ..Column::text(
            "Attacher",
            "Attacher indicates the name of the volume driver that MUST handle this request. This is the name returned by GetPluginName().",
        )
    },
    Column::text("PV", "Name of the persistent volume to attach."),
    Column::text("Node", "The node that the volume should be attached to."),
    Column {
        kind: "boolean",
        ..Column::text(
            "Attached",
            "Indicates the volume is successfully attached. This field must only be set by the entity completing the attach operation, i.e. the external-attacher.",
        )
    },
    Column::AGE,
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes};

    const RULES: &VolumeAttachmentStrategy = &VolumeAttachmentStrategy;

    fn attachment(source: &Value) -> Value {
        json!({"spec": {"attacher": "a.b", "nodeName": "n", "source": source}})
    }

    #[test]
    fn one_volume_for_one_node() {
        let volume = json!({"persistentVolumeName": "v"});
        assert!(mistakes(RULES, &attachment(&volume)).is_empty());
        assert_eq!(
            mistakes(RULES, &attachment(&json!({}))),
            [format!("spec.source: Required value: {ONE_SOURCE}")]
        );
        let fields: Vec<_> = mistakes(
            RULES,
            &json!({"spec": {"source": {"persistentVolumeName": "A"}}}),
        )
        .iter()
        .map(|m| m.split(": ").next().unwrap().to_owned())
        .collect();
        assert_eq!(
            fields,
            [
                "spec.attacher",
                "spec.nodeName",
                "spec.attacher",
                "spec.attacher",
                "spec.source.persistentVolumeName"
            ]
        );
    }

    #[test]
    fn inline_volumes_are_restricted() {
        let csi = json!({"driver": "a.b", "volumeHandle": "h"});
        let modes = json!(["ReadWriteOnce"]);
        let all = json!({"accessModes": modes, "csi": csi, "capacity": {"storage": "1"},
            "claimRef": {"name": "c"}, "nodeAffinity": {}, "storageClassName": "s",
            "persistentVolumeReclaimPolicy": "Delete", "volumeMode": "Block"});
        let context = "in the context of inline volumes";
        let unused = format!("Forbidden: may not be specified {context}");
        for (volume, expected) in [
            (json!({"accessModes": modes, "csi": csi}), vec![]),
            (
                json!({"accessModes": modes, "hostPath": {"path": "/v"}}),
                vec![format!(
                    "csi: Required value: has to be specified {context}"
                )],
            ),
            (
                all,
                vec![
                    format!("claimRef: {unused}"),
                    format!("capacity: {unused}"),
                    format!(
                        "persistentVolumeReclaimPolicy: Forbidden: may only be Retain {context}"
                    ),
                    format!("nodeAffinity: {unused}"),
                    format!("storageClassName: {unused}"),
                    format!(
                        "volumeMode: Forbidden: may not specify volumeMode other than Filesystem {context}"
                    ),
                ],
            ),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|e| format!("spec.source.inlineVolumeSpec.{e}"))
                .collect();
            let given = attachment(&json!({"inlineVolumeSpec": volume}));
            assert_eq!(mistakes(RULES, &given), expected, "{volume}");
        }
    }

    #[test]
    fn the_spec_is_immutable_and_the_status_is_written_separately() {
        let old = attachment(&json!({"persistentVolumeName": "v"}));
        let mut new = attachment(&json!({"persistentVolumeName": "w"}));
        new["status"] = json!({"attached": true});
        assert_eq!(update_mistakes(RULES, &new, &old).len(), 1);
        let (old, mut new) = (prepared(RULES, &old), defaulted(RULES, &new));
        RULES.prepare_status_update(&mut new, &old);
        assert_eq!(
            (&new.spec, RULES.cells(&new)[4].clone()),
            (&old.spec, Cell::Value(Value::Bool(true)))
        );
        let long =
            json!({"status": {"attached": false, "attachError": {"message": "x".repeat(1025)}}});
        let long = defaulted(RULES, &long);
        assert!(
            RULES
                .validate_status_update(&long, &old)
                .iter()
                .any(|e| e.field == "status.attachError.message")
        );
    }
}
