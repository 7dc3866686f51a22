//! Ephemeral containers, added to a running pod for debugging.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EphemeralContainer, PodSpec};
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::{list, text};
use super::Volumes;
use super::containers::{Names, unique_host_ports, validate_container, validate_images};

const FORBIDDEN: &str = "cannot be set for an Ephemeral Container";

/// Validates a pod's ephemeral containers.
pub fn validate_ephemeral_containers(
    spec: &PodSpec,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let init = list(spec.init_containers.as_ref());
    let others: BTreeSet<_> = spec
        .containers
        .iter()
        .chain(init)
        .map(|c| &c.name)
        .collect();
    let mut names = others.clone();
    let ephemeral_path = path.child("ephemeralContainers");
    for (i, ephemeral) in list(spec.ephemeral_containers.as_ref()).iter().enumerate() {
        let path = ephemeral_path.index(i);
        if let Some(target) = &ephemeral.target_container_name
            && !target.is_empty()
            && !others.contains(target)
        {
            let path = path.child("targetContainerName");
            errors.push(FieldError::not_found(&path, target));
        }
        if ephemeral.name.is_empty() {
            let detail = "ephemeralContainer requires a name";
            errors.push(FieldError::required(&path, detail));
            continue;
        }
        let container = as_container(ephemeral);
        // as upstream, which validates a list of this one
        let only = path.index(0);
        validate_container(&container, &mut Names::new(), volumes, &only, errors);
        unique_host_ports(std::slice::from_ref(&container), &path, errors);
        validate_images(std::slice::from_ref(&container), &path, errors);
        if !names.insert(&ephemeral.name) {
            errors.push(FieldError::duplicate(&path.child("name"), &ephemeral.name));
        }
        validate_allowed(&container, &path, errors);
    }
}

/// An ephemeral container has no ports, probes, hooks or resources.
fn validate_allowed(container: &Container, path: &Path, errors: &mut ErrorList) {
    let resources = container.resources.as_ref();
    let resources = resources.is_some_and(|r| r.limits.is_some() || r.requests.is_some());
    for (field, set) in [
        ("ports", !list(container.ports.as_ref()).is_empty()),
        ("resources", resources),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
    ] {
        if set {
            errors.push(FieldError::forbidden(&path.child(field), FORBIDDEN));
        }
    }
    for (i, mount) in list(container.volume_mounts.as_ref()).iter().enumerate() {
        let path = path.child("volumeMounts").index(i);
        for (field, value) in [
            ("subPath", &mount.sub_path),
            ("subPathExpr", &mount.sub_path_expr),
        ] {
            if !text(value.as_ref()).is_empty() {
                errors.push(FieldError::forbidden(&path.child(field), FORBIDDEN));
            }
        }
    }
}

/// An ephemeral container as a container, without its target.
pub fn as_container(ephemeral: &EphemeralContainer) -> Container {
    let e = ephemeral.clone();
    Container {
        args: e.args,
        command: e.command,
        env: e.env,
        env_from: e.env_from,
        image: e.image,
        image_pull_policy: e.image_pull_policy,
        lifecycle: e.lifecycle,
        liveness_probe: e.liveness_probe,
        name: e.name,
        ports: e.ports,
        readiness_probe: e.readiness_probe,
        resources: e.resources,
        security_context: e.security_context,
        startup_probe: e.startup_probe,
        stdin: e.stdin,
        stdin_once: e.stdin_once,
        termination_message_path: e.termination_message_path,
        termination_message_policy: e.termination_message_policy,
        tty: e.tty,
        volume_devices: e.volume_devices,
        volume_mounts: e.volume_mounts,
        working_dir: e.working_dir,
        ..Container::default()
    }
}
