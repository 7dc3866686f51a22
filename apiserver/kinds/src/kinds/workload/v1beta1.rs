//! The defaults of workloads in `extensions/v1beta1` and `apps/v1beta1`, whose types are otherwise those of
//! `apps/v1`: their selectors and labels are those of their templates.
//!
//! Upstream: `pkg/apis/extensions/v1beta1/defaults.go` and `pkg/apis/apps/v1beta1/defaults.go` of 1.15. The fields
//! `rollbackTo` and `templateGeneration`, which no controller reads any more, are unknown here.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::validation::text;
use crate::version::Version;

/// Neither a deadline for progress, nor an end of the history.
const UNLIMITED: i32 = i32::MAX;
/// How many revisions `apps/v1beta1` keeps of a deployment.
const REVISIONS: i32 = 2;
const ROLLING: &str = "RollingUpdate";

/// A version that differs from the stored one in its defaults.
macro_rules! defaulted {
    ($(#[$doc:meta])* $name:ident, $kind:ty, $default:path) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Version for $name {
            type Stored = $kind;
            type Served = $kind;

            fn to_stored(served: &$kind) -> $kind {
                let mut stored = served.clone();
                $default(&mut stored);
                stored
            }

            fn to_served(stored: &$kind) -> $kind {
                stored.clone()
            }
        }
    };
}

defaulted!(
    /// Deployments of `extensions/v1beta1`.
    ExtensionsDeployment,
    Deployment,
    extensions_deployment
);
defaulted!(
    /// Deployments of `apps/v1beta1`.
    AppsDeployment,
    Deployment,
    apps_deployment
);
defaulted!(
    /// Daemon sets of `extensions/v1beta1`.
    ExtensionsDaemonSet,
    DaemonSet,
    daemon_set
);
defaulted!(
    /// Replica sets of `extensions/v1beta1`.
    ExtensionsReplicaSet,
    ReplicaSet,
    replica_set
);
defaulted!(
    /// Stateful sets of `apps/v1beta1`.
    AppsStatefulSet,
    StatefulSet,
    stateful_set
);

fn extensions_deployment(deployment: &mut Deployment) {
    let (metadata, spec) = (&mut deployment.metadata, &mut deployment.spec);
    follow_template(metadata, &mut spec.selector, Some(&spec.template));
    spec.progress_deadline_seconds.get_or_insert(UNLIMITED);
    spec.revision_history_limit.get_or_insert(UNLIMITED);
    let strategy = spec.strategy.get_or_insert_default();
    if matches!(text(strategy.type_.as_ref()), "" | ROLLING) {
        let rolling = strategy.rolling_update.get_or_insert_default();
        rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        rolling.max_surge.get_or_insert(IntOrString::Int(1));
    }
}

fn apps_deployment(deployment: &mut Deployment) {
    let (metadata, spec) = (&mut deployment.metadata, &mut deployment.spec);
    follow_template(metadata, &mut spec.selector, Some(&spec.template));
    spec.revision_history_limit.get_or_insert(REVISIONS);
}

fn daemon_set(set: &mut DaemonSet) {
    let (metadata, spec) = (&mut set.metadata, &mut set.spec);
    follow_template(metadata, &mut spec.selector, Some(&spec.template));
    on_delete(&mut spec.update_strategy.get_or_insert_default().type_);
}

fn replica_set(set: &mut ReplicaSet) {
    let (metadata, spec) = (&mut set.metadata, &mut set.spec);
    follow_template(metadata, &mut spec.selector, spec.template.as_ref());
}

fn stateful_set(set: &mut StatefulSet) {
    let (metadata, spec) = (&mut set.metadata, &mut set.spec);
    follow_template(metadata, &mut spec.selector, Some(&spec.template));
    on_delete(&mut spec.update_strategy.get_or_insert_default().type_);
}

/// By default pods are replaced once they are deleted.
fn on_delete(strategy: &mut Option<String>) {
    if text(strategy.as_ref()).is_empty() {
        *strategy = Some("OnDelete".to_owned());
    }
}

/// Where there is no selector, and where there are no labels, those of the template are.
fn follow_template(
    metadata: &mut ObjectMeta,
    selector: &mut LabelSelector,
    template: Option<&PodTemplateSpec>,
) {
    let of_pods = template.and_then(|template| template.metadata.as_ref());
    let Some(labels) = of_pods.and_then(|metadata| metadata.labels.as_ref()) else {
        return;
    };
    if *selector == LabelSelector::default() {
        selector.match_labels = Some(labels.clone());
    }
    if metadata.labels.as_ref().is_none_or(|own| own.is_empty()) {
        metadata.labels = Some(labels.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_what_its_version_makes_of_it() {
        let served: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "d"},
            "spec": {"selector": {}, "template": {"metadata": {"labels": {"app": "a"}}}},
        }))
        .unwrap();
        let stored = ExtensionsDeployment::to_stored(&served);
        let labels = served.spec.template.metadata.clone().unwrap().labels;
        assert_eq!(stored.spec.selector.match_labels, labels);
        assert_eq!(stored.metadata.labels, labels);
        assert_eq!(stored.spec.progress_deadline_seconds, Some(UNLIMITED));
        let rolling = stored.spec.strategy.unwrap().rolling_update.unwrap();
        assert_eq!(rolling.max_surge, Some(IntOrString::Int(1)));
        let apps = AppsDeployment::to_stored(&served).spec;
        assert_eq!(apps.revision_history_limit, Some(REVISIONS));
        assert_eq!(
            (apps.progress_deadline_seconds, apps.strategy),
            (None, None)
        );
    }

    #[test]
    fn what_is_said_stays() {
        let served: DaemonSet = serde_json::from_value(json!({
            "metadata": {"name": "d", "labels": {"a": "own"}},
            "spec": {"selector": {"matchLabels": {"a": "b"}},
                "updateStrategy": {"type": ROLLING},
                "template": {"metadata": {"labels": {"a": "b", "c": "d"}}}},
        }))
        .unwrap();
        assert_eq!(ExtensionsDaemonSet::to_stored(&served), served);
    }
}
