//! Containers and init containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec, Probe};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::net::{PROTOCOLS, is_port_name, validate_port_name, validate_port_number};
use super::super::resources::validate_requirements;
use super::super::{invalid_each, list, required, text};
use super::{Volumes, env, handlers, mounts, required_one_of, security};

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// The names of a pod's containers.
pub(super) type Names<'a> = BTreeSet<&'a str>;

pub(super) fn validate_containers(
    spec: &PodSpec,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let main_path = path.child("containers");
    if spec.containers.is_empty() {
        errors.push(FieldError::required(&main_path, ""));
    }
    let mut names = Names::new();
    for (i, container) in spec.containers.iter().enumerate() {
        let path = main_path.index(i);
        validate_container(container, &mut names, volumes, &path, errors);
    }
    unique_host_ports(&spec.containers, &main_path, errors);
    let init_path = path.child("initContainers");
    let init = list(spec.init_containers.as_ref());
    // Upstream looks for duplicate names of init containers twice: among themselves, and among all. So a name
    // that two of them have is reported twice.
    let mut own = Names::new();
    for (i, container) in init.iter().enumerate() {
        validate_container(container, &mut own, volumes, &init_path.index(i), errors);
    }
    // they run one after another, so their ports cannot conflict
    for container in init {
        unique_host_ports(std::slice::from_ref(container), &init_path, errors);
    }
    for (i, container) in init.iter().enumerate() {
        let path = init_path.index(i);
        if names.contains(container.name.as_str()) {
            errors.push(FieldError::duplicate(&path.child("name"), &container.name));
        }
        if !container.name.is_empty() {
            names.insert(&container.name);
        }
        validate_init(container, &path, errors);
    }
}

/// The checks for all kinds of containers.
pub(super) fn validate_container<'a>(
    container: &'a Container,
    names: &mut Names<'a>,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let name_path = path.child("name");
    if container.name.is_empty() {
        errors.push(FieldError::required(&name_path, ""));
    } else {
        let sentences = name::dns1123_label(&container.name);
        invalid_each(&name_path, &container.name, sentences, errors);
    }
    if !names.insert(&container.name) {
        errors.push(FieldError::duplicate(&name_path, &container.name));
    }
    required(container.image.as_deref(), &path.child("image"), errors);
    validate_probes(container, path, errors);
    let policy = text(container.termination_message_policy.as_ref());
    let policy_path = path.child("terminationMessagePolicy");
    let detail = "must be 'File' or 'FallbackToLogsOnError'";
    match policy {
        "File" | "FallbackToLogsOnError" => {}
        "" => errors.push(FieldError::required(&policy_path, detail)),
        other => errors.push(FieldError::invalid(&policy_path, other, detail)),
    }
    validate_ports(container.ports.as_ref(), &path.child("ports"), errors);
    env::validate_env(container, path, errors);
    mounts::validate_mounts(container, volumes, path, errors);
    let pull = text(container.image_pull_policy.as_ref());
    required_one_of(pull, &PULL_POLICIES, &path.child("imagePullPolicy"), errors);
    if let Some(resources) = &container.resources {
        validate_requirements(resources, &path.child("resources"), errors);
    }
    if let Some(context) = &container.security_context {
        security::validate_context(context, &path.child("securityContext"), errors);
    }
}

/// Only pods, not templates, reject images with spaces around them.
pub fn validate_images(containers: &[Container], path: &Path, errors: &mut ErrorList) {
    for (i, container) in containers.iter().enumerate() {
        let image = text(container.image.as_ref());
        if image.trim() != image {
            let detail = "must not have leading or trailing whitespace";
            let path = path.index(i).child("image");
            errors.push(FieldError::invalid(&path, image, detail));
        }
    }
}

fn validate_probes(container: &Container, path: &Path, errors: &mut ErrorList) {
    if let Some(lifecycle) = &container.lifecycle {
        handlers::validate_lifecycle(lifecycle, &path.child("lifecycle"), errors);
    }
    for (field, probe) in probes(container) {
        let Some(probe) = probe else { continue };
        let path = path.child(field);
        handlers::validate_probe(probe, &path, errors);
        let threshold = probe.success_threshold.unwrap_or_default();
        if field == "readinessProbe" {
            if let Some(seconds) = probe.termination_grace_period_seconds {
                let detail = "must not be set for readinessProbes";
                let path = path.child("terminationGracePeriodSeconds");
                errors.push(FieldError::invalid(&path, seconds, detail));
            }
        } else if threshold != 1 {
            let path = path.child("successThreshold");
            errors.push(FieldError::invalid(&path, threshold, "must be 1"));
        }
    }
}

fn probes(container: &Container) -> [(&'static str, Option<&Probe>); 3] {
    [
        ("livenessProbe", container.liveness_probe.as_ref()),
        ("readinessProbe", container.readiness_probe.as_ref()),
        ("startupProbe", container.startup_probe.as_ref()),
    ]
}

/// A container that ends before the pod is ready has no probes.
fn validate_init(container: &Container, path: &Path, errors: &mut ErrorList) {
    let lifecycle = container.lifecycle.is_some();
    let probes = probes(container).map(|(field, probe)| (field, probe.is_some()));
    for (field, set) in [("lifecycle", lifecycle)].into_iter().chain(probes) {
        if set {
            let value = BadValue::go(format!("core.{}", type_of(field)));
            let detail = "must not be set for init containers";
            errors.push(FieldError::invalid(&path.child(field), value, detail));
        }
    }
}

fn type_of(field: &str) -> &'static str {
    if field == "lifecycle" {
        "Lifecycle{}"
    } else {
        "Probe{}"
    }
}

fn validate_ports(ports: Option<&Vec<ContainerPort>>, path: &Path, errors: &mut ErrorList) {
    let mut names = BTreeSet::new();
    for (i, port) in list(ports).iter().enumerate() {
        let path = path.index(i);
        let name = text(port.name.as_ref());
        if !name.is_empty() {
            let name_path = path.child("name");
            validate_port_name(name, &name_path, errors);
            if is_port_name(name) && !names.insert(name) {
                errors.push(FieldError::duplicate(&name_path, name));
            }
        }
        if port.container_port == 0 {
            errors.push(FieldError::required(&path.child("containerPort"), ""));
        } else {
            validate_port_number(port.container_port, &path.child("containerPort"), errors);
        }
        if let Some(number) = port.host_port.filter(|p| *p != 0) {
            validate_port_number(number, &path.child("hostPort"), errors);
        }
        let protocol = text(port.protocol.as_ref());
        required_one_of(protocol, &PROTOCOLS, &path.child("protocol"), errors);
    }
}

/// Two containers cannot have the same host port.
pub(super) fn unique_host_ports(containers: &[Container], path: &Path, errors: &mut ErrorList) {
    let mut taken = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        let path = path.index(i).child("ports");
        for (j, port) in list(container.ports.as_ref()).iter().enumerate() {
            let Some(number) = port.host_port.filter(|p| *p != 0) else {
                continue;
            };
            let (protocol, ip) = (text(port.protocol.as_ref()), text(port.host_ip.as_ref()));
            let key = format!("{protocol}/{ip}/{number}");
            if !taken.insert(key.clone()) {
                errors.push(FieldError::duplicate(
                    &path.index(j).child("hostPort"),
                    &key,
                ));
            }
        }
    }
}
