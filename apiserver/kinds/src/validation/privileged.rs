//! The checks of `--allow-privileged=false` (upstream: `capabilities.Get().AllowPrivileged` in
//! `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    Pod, PodSpec, PodTemplate, PodTemplateSpec, ReplicationController, SecurityContext,
};
use portcullis_api::{ErrorList, FieldError, Object, Path};

use super::pod_spec::contexts;

/// Reports privileged containers in any object that has containers.
pub fn validate_unprivileged(object: &dyn Object, errors: &mut ErrorList) {
    let Some((spec, path)) = pod_spec(object) else {
        return;
    };
    let of_pod = spec.security_context.as_ref();
    let of_pod = of_pod.and_then(|c| c.windows_options.as_ref());
    let of_pod = of_pod.and_then(|o| o.host_process);
    let mut of_node = false;
    for (place, context) in contexts(spec, &path) {
        if context.is_some_and(|c| c.privileged == Some(true)) {
            let path = place.child("securityContext").child("privileged");
            errors.push(FieldError::forbidden(&path, "disallowed by cluster policy"));
        }
        of_node |= host_process(context).or(of_pod) == Some(true);
    }
    if of_node {
        let detail = "hostProcess containers are disallowed by cluster policy";
        errors.push(FieldError::forbidden(&path, detail));
    }
}

fn host_process(context: Option<&SecurityContext>) -> Option<bool> {
    context?.windows_options.as_ref()?.host_process
}

/// The pod spec in an object, or in its template, with its path.
fn pod_spec(object: &dyn Object) -> Option<(&PodSpec, Path)> {
    if let Some(pod) = object.as_kind::<Pod>() {
        return Some((pod.spec.as_ref()?, Path::new("spec")));
    }
    let path = Path::new("spec").child("template").child("spec");
    if let Some(template) = object.as_kind::<PodTemplate>() {
        let spec = template.template.as_ref()?.spec.as_ref()?;
        return Some((spec, Path::new("template").child("spec")));
    }
    if let Some(cron_job) = object.as_kind::<CronJob>() {
        let job = cron_job.spec.job_template.spec.as_ref()?;
        let path = Path::new("spec").child("jobTemplate").child(path.as_str());
        return Some((job.template.spec.as_ref()?, path));
    }
    Some((template(object)?.spec.as_ref()?, path))
}

fn template(object: &dyn Object) -> Option<&PodTemplateSpec> {
    if let Some(job) = object.as_kind::<Job>() {
        return Some(&job.spec.as_ref()?.template);
    }
    if let Some(controller) = object.as_kind::<ReplicationController>() {
        return controller.spec.as_ref()?.template.as_ref();
    }
    if let Some(set) = object.as_kind::<ReplicaSet>() {
        return set.spec.template.as_ref();
    }
    let deployment = object.as_kind::<Deployment>().map(|d| &d.spec.template);
    let daemon_set = object.as_kind::<DaemonSet>().map(|s| &s.spec.template);
    let stateful_set = object.as_kind::<StatefulSet>().map(|s| &s.spec.template);
    deployment.or(daemon_set).or(stateful_set)
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn mistakes<K: Object + DeserializeOwned>(json: &Value) -> Vec<String> {
        let object = portcullis_api::decode::decode::<K>(json).unwrap().value;
        let mut errors = ErrorList::new();
        validate_unprivileged(&object, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn privileged_containers_are_denied_in_every_kind() {
        let pod = json!({"containers": [{"name": "a"}, {"name": "b", "securityContext": {"privileged": true}}],
            "initContainers": [{"name": "c", "securityContext": {"privileged": true}}]});
        let at = |path: &str| {
            format!("{path}.securityContext.privileged: Forbidden: disallowed by cluster policy")
        };
        assert_eq!(
            mistakes::<Pod>(&json!({"spec": pod})),
            [at("spec.initContainers[0]"), at("spec.containers[1]")]
        );
        let made = json!({"spec": {"template": {"spec": pod}}});
        let in_template = [
            at("spec.template.spec.initContainers[0]"),
            at("spec.template.spec.containers[1]"),
        ];
        assert_eq!(mistakes::<Deployment>(&made), in_template);
        assert_eq!(mistakes::<ReplicaSet>(&made), in_template);
        assert_eq!(mistakes::<ReplicationController>(&made), in_template);
        let cron_job = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}});
        assert_eq!(
            mistakes::<CronJob>(&cron_job)[1],
            at("spec.jobTemplate.spec.template.spec.containers[1]")
        );
    }

    #[test]
    fn host_process_containers_are_denied() {
        let pod = json!({"spec": {"containers": [{"name": "a"}],
            "securityContext": {"windowsOptions": {"hostProcess": true}}}});
        assert_eq!(
            mistakes::<Pod>(&pod),
            ["spec: Forbidden: hostProcess containers are disallowed by cluster policy"]
        );
    }
}
