//! Merging of tolerations.
//!
//! Upstream: `pkg/util/tolerations`, and `AddOrUpdateTolerationInPod` in `pkg/apis/core/helper`.

use k8s_openapi::api::core::v1::{PodSpec, Toleration};

/// Adds tolerations to a pod, and removes those that others cover.
pub(crate) fn merge(spec: &mut PodSpec, more: &[Toleration]) {
    let own = spec.tolerations.take().unwrap_or_default();
    let all: Vec<_> = own.iter().chain(more).collect();
    let mut merged: Vec<Toleration> = Vec::with_capacity(all.len());
    for (at, toleration) in all.iter().enumerate() {
        let covered = merged.iter().any(|kept| covers(kept, toleration));
        // of equal ones the first is kept
        let mut later = all.iter().skip(at + 1);
        if !covered && !later.any(|wide| wide != toleration && covers(wide, toleration)) {
            merged.push((*toleration).clone());
        }
    }
    spec.tolerations = Some(merged).filter(|all| !all.is_empty());
}

/// Adds a toleration to a pod, or updates those that differ only in `tolerationSeconds`.
pub(crate) fn add_or_update(spec: &mut PodSpec, toleration: Toleration) {
    let own = spec.tolerations.get_or_insert_default();
    let matches = |t: &Toleration| {
        let updated = Toleration {
            toleration_seconds: toleration.toleration_seconds,
            ..t.clone()
        };
        updated == toleration
    };
    let mut found = false;
    for existing in own.iter_mut().filter(|t| matches(t)) {
        existing.clone_from(&toleration);
        found = true;
    }
    if !found {
        own.push(toleration);
    }
}

/// Whether `wide` tolerates everything that `narrow` does (upstream: `isSuperset`).
fn covers(wide: &Toleration, narrow: &Toleration) -> bool {
    fn text(text: &Option<String>) -> &str {
        text.as_deref().unwrap_or_default()
    }
    if wide == narrow {
        return true;
    }
    let (key, effect) = (text(&wide.key), text(&wide.effect));
    let exists = text(&wide.operator) == "Exists";
    let same_key = key == text(&narrow.key) || key.is_empty() && exists;
    let same_effect = effect.is_empty() || effect == text(&narrow.effect);
    let lasts_as_long = match (wide.toleration_seconds, narrow.toleration_seconds) {
        (Some(wide), narrow) if effect == "NoExecute" => narrow.is_some_and(|n| n <= wide),
        _ => true,
    };
    let same_value = match text(&wide.operator) {
        "" | "Equal" => {
            text(&narrow.operator) == "Equal" && text(&wide.value) == text(&narrow.value)
        }
        _ => exists,
    };
    same_key && same_effect && lasts_as_long && same_value
}
