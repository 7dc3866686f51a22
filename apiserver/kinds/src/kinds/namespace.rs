//! Namespaces: terminating ones keep their `kubernetes` finalizer until they are empty.

use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec, NamespaceStatus};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::object_meta::validate_finalizer_name;
use crate::validation::{invalid_each, list};

/// The finalizer the namespace controller removes last.
const FINALIZER: &str = "kubernetes";

/// The rules of namespaces (upstream: `pkg/registry/core/namespace/strategy.go`).
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    type Kind = Namespace;

    fn default(&self, namespace: &mut Namespace) {
        namespace.spec.get_or_insert_default();
        let status = namespace.status.get_or_insert_default();
        if status.phase.as_deref().unwrap_or_default().is_empty() {
            status.phase = Some("Active".into());
        }
        // upstream: pkg/apis/core/v1/defaults.go SetDefaults_Namespace
        let name = namespace.metadata.name.clone();
        if let Some(name) = name.filter(|n| !n.is_empty() && name::label_value(n).is_empty()) {
            let labels = namespace.metadata.labels.get_or_insert_default();
            labels.insert("kubernetes.io/metadata.name".into(), name);
        }
    }

    fn prepare_for_create(&self, namespace: &mut Namespace) {
        namespace.status = Some(NamespaceStatus {
            phase: Some("Active".into()),
            conditions: None,
        });
        let finalizers = namespace
            .spec
            .get_or_insert_with(NamespaceSpec::default)
            .finalizers
            .get_or_insert_default();
        if !finalizers.iter().any(|f| f == FINALIZER) {
            finalizers.push(FINALIZER.into());
        }
    }

    fn prepare_for_update(&self, namespace: &mut Namespace, old: &Namespace) {
        namespace.spec.get_or_insert_default().finalizers =
            old.spec.as_ref().and_then(|s| s.finalizers.clone());
        namespace.status.clone_from(&old.status);
    }

    fn prepare_status_update(&self, namespace: &mut Namespace, old: &Namespace) {
        namespace.spec.clone_from(&old.spec);
    }

    /// Only a namespace that is being deleted is terminating.
    fn validate_status_update(&self, namespace: &Namespace, _: &Namespace) -> ErrorList {
        let (expected, detail) = if namespace.metadata.deletion_timestamp.is_none() {
            (
                "Active",
                "may only be 'Active' if `deletionTimestamp` is empty",
            )
        } else {
            (
                "Terminating",
                "may only be 'Terminating' if `deletionTimestamp` is not empty",
            )
        };
        let phase = phase(namespace);
        if phase == expected {
            return ErrorList::new();
        }
        vec![FieldError::invalid(
            &Path::new("status").child("Phase"),
            phase,
            detail,
        )]
    }

    fn prepare_subresource(&self, _: &str, namespace: &mut Namespace, old: &Namespace) {
        // `finalize`, the only subresource, changes the spec's finalizers
        namespace.status.clone_from(&old.status);
    }

    fn validate(&self, namespace: &Namespace) -> ErrorList {
        let path = Path::new("spec").child("finalizers");
        let mut errors = ErrorList::new();
        for finalizer in finalizers(namespace) {
            validate_finalizer(finalizer, &path, &mut errors);
        }
        errors
    }

    /// A change keeps the finalizers.
    fn validate_update(&self, _: &Namespace, _: &Namespace) -> ErrorList {
        ErrorList::new()
    }

    fn validate_subresource(&self, _: &str, namespace: &Namespace, _: &Namespace) -> ErrorList {
        let path = Path::new("spec").child("finalizers");
        let mut errors = ErrorList::new();
        for (i, finalizer) in finalizers(namespace).iter().enumerate() {
            validate_finalizer(finalizer, &path.index(i), &mut errors);
        }
        errors
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::dns1123_label(value)
    }

    fn holds_deletion(&self, namespace: &Namespace) -> bool {
        namespace
            .spec
            .as_ref()
            .and_then(|s| s.finalizers.as_ref())
            .is_some_and(|f| !f.is_empty())
    }

    fn mark_deleting(&self, namespace: &mut Namespace) {
        namespace.status.get_or_insert_default().phase = Some("Terminating".into());
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn deletes_by_uid(&self) -> bool {
        true
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.phase"]
    }

    fn field_values(&self, namespace: &Namespace) -> Vec<String> {
        vec![phase(namespace).to_owned()]
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text("Status", "The status of the namespace"),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, namespace: &Namespace) -> Vec<Cell> {
        vec![
            Cell::name(namespace),
            Cell::text(phase(namespace)),
            Cell::age(namespace),
        ]
    }
}

fn finalizers(namespace: &Namespace) -> &[String] {
    list(namespace.spec.as_ref().and_then(|s| s.finalizers.as_ref()))
}

/// Upstream: `validateFinalizerName` in `pkg/apis/core/validation/validation.go`.
fn validate_finalizer(finalizer: &str, path: &Path, errors: &mut ErrorList) {
    invalid_each(path, finalizer, name::qualified_name(finalizer), errors);
    validate_finalizer_name(finalizer, path, errors);
}

fn phase(namespace: &Namespace) -> &str {
    namespace
        .status
        .as_ref()
        .and_then(|s| s.phase.as_deref())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes};

    #[test]
    fn finalizers_have_a_domain() {
        let given = json!({"spec": {"finalizers": ["example.com/x", "mine"]}});
        let error = "Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified";
        assert_eq!(
            mistakes(&NamespaceStrategy, &given),
            [format!("spec.finalizers: {error}")]
        );
        let changed = defaulted(&NamespaceStrategy, &given);
        let found = NamespaceStrategy.validate_subresource("finalize", &changed, &changed);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [format!("spec.finalizers[1]: {error}")]);
    }

    #[test]
    fn only_what_is_being_deleted_is_terminating() {
        for (meta, phase, fields) in [
            (json!({}), "Active", vec![]),
            (json!({}), "Terminating", vec!["status.Phase"]),
            (
                json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}),
                "Active",
                vec!["status.Phase"],
            ),
        ] {
            let given = json!({"metadata": meta, "status": {"phase": phase}});
            let namespace = defaulted(&NamespaceStrategy, &given);
            let found = NamespaceStrategy.validate_status_update(&namespace, &namespace);
            let found: Vec<_> = found.iter().map(|e| e.field.clone()).collect();
            assert_eq!(found, fields, "{given}");
        }
    }
}
