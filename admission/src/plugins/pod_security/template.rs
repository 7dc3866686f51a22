//! The pod templates of workload objects (upstream: `DefaultPodSpecExtractor`).

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{PodTemplate, PodTemplateSpec, ReplicationController};
use portcullis_api::Object;

pub(super) use super::subject::PodLike;
use crate::Attributes;

/// The pod template of the object in the request, if its kind has one.
pub(super) fn of<'a>(attributes: &'a Attributes<'_>) -> Option<PodLike<'a>> {
    let object = attributes.object.as_deref()?;
    let (group, resource) = (attributes.resource.group, attributes.resource.resource);
    let template = match (group, resource) {
        ("", "podtemplates") => kind::<PodTemplate>(object)?.template.as_ref(),
        ("", "replicationcontrollers") => {
            let spec = kind::<ReplicationController>(object)?.spec.as_ref();
            spec?.template.as_ref()
        }
        ("apps", "replicasets") => kind::<ReplicaSet>(object)?.spec.template.as_ref(),
        ("apps", "deployments") => required(&kind::<Deployment>(object)?.spec.template),
        ("apps", "daemonsets") => required(&kind::<DaemonSet>(object)?.spec.template),
        ("apps", "statefulsets") => required(&kind::<StatefulSet>(object)?.spec.template),
        ("batch", "jobs") => required(&kind::<Job>(object)?.spec.as_ref()?.template),
        ("batch", "cronjobs") => {
            let jobs = &kind::<CronJob>(object)?.spec.job_template;
            required(&jobs.spec.as_ref()?.template)
        }
        _ => None,
    };
    template.map(PodLike::of_template)
}

fn kind<K: 'static>(object: &dyn Object) -> Option<&K> {
    object.as_kind()
}

const fn required(template: &PodTemplateSpec) -> Option<&PodTemplateSpec> {
    Some(template)
}
