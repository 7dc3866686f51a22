//! Tolerations put together.
//!
//! Upstream: `pkg/util/tolerations`, and `AddOrUpdateTolerationInPod` in `pkg/apis/core/helper`.

use k8s_openapi::api::core::v1::{PodSpec, Toleration};

/// Gives the pod these tolerations too, and leaves out all that others make needless.
pub(crate) fn merge(spec: &mut PodSpec, more: &[Toleration]) {
    let own = spec.tolerations.take().unwrap_or_default();
    let all: Vec<_> = own.iter().chain(more).collect();
    let mut merged: Vec<Toleration> = Vec::with_capacity(all.len());
    for (at, toleration) in all.iter().enumerate() {
        let known = merged.iter().any(|known| covers(known, toleration));
        // of equal ones the first stays
        let mut later = all.iter().skip(at + 1);
        if !known && !later.any(|wide| wide != toleration && covers(wide, toleration)) {
            merged.push((*toleration).clone());
        }
    }
    spec.tolerations = Some(merged).filter(|all| !all.is_empty());
}

/// Gives the pod a toleration, in the place of those that differ from it only in how long they last.
pub(crate) fn add_or_update(spec: &mut PodSpec, toleration: Toleration) {
    let own = spec.tolerations.get_or_insert_default();
    let matches = |t: &Toleration| {
        let lasting = Toleration {
            toleration_seconds: toleration.toleration_seconds,
            ..t.clone()
        };
        lasting == toleration
    };
    let mut found = false;
    for known in own.iter_mut().filter(|t| matches(t)) {
        known.clone_from(&toleration);
        found = true;
    }
    if !found {
        own.push(toleration);
    }
}

/// Whether the second toleration adds nothing to the first (upstream: `isSuperset`).
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
    let lasts = match (wide.toleration_seconds, narrow.toleration_seconds) {
        (Some(wide), narrow) if effect == "NoExecute" => narrow.is_some_and(|n| n <= wide),
        _ => true,
    };
    let same_value = match text(&wide.operator) {
        "" | "Equal" => {
            text(&narrow.operator) == "Equal" && text(&wide.value) == text(&narrow.value)
        }
        _ => exists,
    };
    same_key && same_effect && lasts && same_value
}
