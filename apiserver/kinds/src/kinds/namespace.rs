//! Namespaces: terminating ones keep their `kubernetes` finalizer until they are empty.

use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec, NamespaceStatus};
use portcullis_api::name;

use crate::strategy::{Cell, Column, Strategy};

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

    fn prepare_subresource(&self, _: &str, namespace: &mut Namespace, old: &Namespace) {
        // `finalize`, the only subresource, changes the spec's finalizers
        namespace.status.clone_from(&old.status);
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

fn phase(namespace: &Namespace) -> &str {
    namespace
        .status
        .as_ref()
        .and_then(|s| s.phase.as_deref())
        .unwrap_or_default()
}
