//! When a pod is deleted from a tainted node.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// How long a pod still tolerates taints; `None` for ever, or if it is being deleted already. A taint without
/// a time counts as new.
pub(super) fn left(pod: &Pod, taints: &[Taint], now: Timestamp) -> Option<Duration> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let tolerations = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    let ends = taints.iter().filter_map(|taint| {
        let since = taint.time_added.as_ref().map_or(now, |at| at.0);
        match tolerations
            .iter()
            .find(|toleration| tolerates(toleration, taint))
        {
            None => Some(now),
            Some(toleration) => {
                let seconds = toleration.toleration_seconds?.max(0);
                Some(
                    since
                        .checked_add(SignedDuration::from_secs(seconds))
                        .unwrap_or(Timestamp::MAX),
                )
            }
        }
    });
    let end = ends.min()?;
    Some(end.duration_since(now).try_into().unwrap_or_default())
}

/// Upstream: `ToleratesTaint` in `k8s.io/api/core/v1/toleration.go`.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    let is_of_effect = effect.is_empty() || effect == taint.effect;
    let is_of_key = key.is_empty() || key == taint.key;
    let is_of_value = match toleration.operator.as_deref() {
        Some("Exists") => true,
        None | Some("" | "Equal") => {
            !key.is_empty() && text(&toleration.value) == text(&taint.value)
        }
        Some(_) => false,
    };
    is_of_effect && is_of_key && is_of_value
}

pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Sets a pod's condition that it is not ready.
pub(super) fn end_readiness(pod: &mut Pod, at: Timestamp) {
    let conditions = pod
        .status
        .as_mut()
        .and_then(|status| status.conditions.as_mut());
    for condition in conditions.into_iter().flatten() {
        if condition.type_ == "Ready" && condition.status == "True" {
            condition.status = "False".to_owned();
            condition.last_transition_time = Some(Time(at));
        }
    }
}

/// The namespace and name of a pod.
pub(super) fn place(pod: &Pod) -> (&str, &str) {
    let meta = &pod.metadata;
    (
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}
