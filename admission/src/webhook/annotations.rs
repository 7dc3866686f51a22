//! Annotations about webhooks for the audit log.
//!
//! Upstream: `webhookAnnotator` in `plugin/webhook/mutating/dispatcher.go`.

use portcullis_api::name::qualified_name;
use serde::Serialize;

use crate::AuditAnnotations;
use crate::hooks::compiled::Hook;

#[derive(Serialize)]
struct Mutation<'a> {
    configuration: &'a str,
    webhook: &'a str,
    mutated: bool,
}

/// Whether a mutating webhook changed the object.
pub(super) fn mutation(
    annotations: &AuditAnnotations,
    hook: &Hook,
    round: usize,
    position: usize,
    mutated: bool,
) {
    let key = format!("mutation.webhook.admission.k8s.io/round_{round}_index_{position}");
    let value = serde_json::to_string(&Mutation {
        configuration: &hook.configuration,
        webhook: &hook.name,
        mutated,
    });
    annotations.add(&key, &value.unwrap_or_default());
}

/// A webhook failed, and the failure was ignored. `kind` is `mutation` or `validating`.
pub(super) fn failed_open(
    annotations: &AuditAnnotations,
    hook: &Hook,
    kind: &str,
    round: usize,
    position: usize,
) {
    let prefix = format!("failed-open.{kind}.webhook.admission.k8s.io");
    let key = format!("{prefix}/round_{round}_index_{position}");
    annotations.add(&key, &hook.name);
}

/// A webhook's own annotation, under its name.
pub(super) fn own(annotations: &AuditAnnotations, hook: &Hook, key: &str, value: &str) {
    let key = format!("{}/{key}", hook.name);
    let wrong = qualified_name(&key);
    if wrong.is_empty() {
        annotations.add(&key, value);
    } else {
        tracing::warn!(
            webhook = hook.name,
            annotation = key,
            error = wrong.join(","),
            "a webhook's audit annotation has an invalid key"
        );
    }
}
