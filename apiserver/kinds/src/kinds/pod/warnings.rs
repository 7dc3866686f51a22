//! Warnings about discouraged fields of pods (upstream: `pkg/api/pod/warnings.go` of 1.24).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::Path;
use portcullis_api::field_error::go_quote;

use crate::validation::list;
use crate::validation::resources::{Amounts, amount};

/// Labels of nodes with newer names.
const OLD_LABELS: [(&str, &str); 5] = [
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
];
/// Annotations that have been replaced by fields.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

/// Warnings for a template of pods.
pub(crate) fn for_template(template: &PodTemplateSpec, path: &Path) -> Vec<String> {
    let meta = template.metadata.clone().unwrap_or_default();
    let spec = template.spec.as_ref();
    spec.map_or_else(Vec::new, |spec| for_pod(&meta, spec, path))
}

/// Warnings for a pod, or for the template at `path`.
pub(crate) fn for_pod(meta: &ObjectMeta, spec: &PodSpec, path: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    let spec_path = path.child("spec");
    old_labels(spec, &spec_path, &mut warnings);
    let annotations = path.child("metadata").child("annotations");
    for (key, message) in OLD_ANNOTATIONS {
        if meta
            .annotations
            .as_ref()
            .is_some_and(|a| a.contains_key(key))
        {
            warnings.push(format!("{}: {message}", annotations.key(key)));
        }
    }
    for (i, volume) in list(spec.volumes.as_ref()).iter().enumerate() {
        old_volume(volume, &spec_path.child("volumes").index(i), &mut warnings);
    }
    repeated(spec, &spec_path, &mut warnings);
    let overhead = spec.overhead.as_ref();
    fractions(overhead, &spec_path.child("overhead"), &mut warnings);
    let init = list(spec.init_containers.as_ref());
    for (field, containers) in [("initContainers", init), ("containers", &spec.containers)] {
        for (i, container) in containers.iter().enumerate() {
            let path = spec_path.child(field).index(i);
            container_warnings(container, &path, &mut warnings);
        }
    }
    if spec.termination_grace_period_seconds.is_some_and(|s| s < 0) {
        let path = spec_path.child("terminationGracePeriodSeconds");
        warnings.push(format!(
            "{path}: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    warnings
}

fn old_label(key: &str) -> Option<&'static str> {
    let found = OLD_LABELS.iter().find(|(old, _)| *old == key);
    found.map(|(_, message)| *message)
}

fn old_labels(spec: &PodSpec, path: &Path, warnings: &mut Vec<String>) {
    for (key, _) in spec.node_selector.iter().flatten() {
        if let Some(message) = old_label(key) {
            warnings.push(format!(
                "{}: {message}",
                path.child("nodeSelector").key(key)
            ));
        }
    }
    let constraints = list(spec.topology_spread_constraints.as_ref());
    for (i, constraint) in constraints.iter().enumerate() {
        if let Some(message) = old_label(&constraint.topology_key) {
            let path = path.child("topologySpreadConstraints").index(i);
            warnings.push(format!("{}: {message}", path.child("topologyKey")));
        }
    }
}

fn old_volume(volume: &Volume, path: &Path, warnings: &mut Vec<String>) {
    for (field, used, message) in [
        (
            "photonPersistentDisk",
            volume.photon_persistent_disk.is_some(),
            "deprecated in v1.11, non-functional in v1.16+",
        ),
        ("gitRepo", volume.git_repo.is_some(), "deprecated in v1.11"),
        (
            "scaleIO",
            volume.scale_io.is_some(),
            "deprecated in v1.16, non-functional in v1.22+",
        ),
        (
            "flocker",
            volume.flocker.is_some(),
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "storageOS",
            volume.storageos.is_some(),
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "quobyte",
            volume.quobyte.is_some(),
            "deprecated in v1.22, non-functional in v1.25+",
        ),
    ] {
        if used {
            warnings.push(format!("{}: {message}", path.child(field)));
        }
    }
}

/// Duplicate elements of lists, which a patch would confuse.
fn repeated(spec: &PodSpec, path: &Path, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (i, alias) in list(spec.host_aliases.as_ref()).iter().enumerate() {
        if !seen.insert(&alias.ip) {
            let path = path.child("hostAliases").index(i).child("ip");
            warnings.push(format!("{path}: duplicate ip {}", go_quote(&alias.ip)));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, secret) in list(spec.image_pull_secrets.as_ref()).iter().enumerate() {
        let path = || path.child("imagePullSecrets").index(i).child("name");
        if secret.name.is_empty() {
            warnings.push(format!("{}: invalid empty name \"\"", path()));
        } else if !seen.insert(&secret.name) {
            let name = go_quote(&secret.name);
            warnings.push(format!("{}: duplicate name {name}", path()));
        }
    }
}

fn container_warnings(container: &Container, path: &Path, warnings: &mut Vec<String>) {
    if let Some(resources) = &container.resources {
        let path = path.child("resources");
        fractions(
            resources.requests.as_ref(),
            &path.child("requests"),
            warnings,
        );
        fractions(resources.limits.as_ref(), &path.child("limits"), warnings);
    }
    let mut seen = BTreeSet::new();
    let variables = list(container.env.as_ref());
    for (i, variable) in variables.iter().enumerate() {
        if seen.insert(&variable.name) {
            continue;
        }
        let value = variable.value.as_deref().unwrap_or_default();
        // a duplicate name may extend the earlier value
        if !value.contains(&format!("$({})", variable.name)) {
            let path = path.child("env").index(i).child("name");
            warnings.push(format!(
                "{path}: duplicate name {}",
                go_quote(&variable.name)
            ));
        }
    }
}

fn fractions(amounts: Option<&Amounts>, path: &Path, warnings: &mut Vec<String>) {
    for resource in ["memory", "ephemeral-storage"] {
        let Some(text) = amounts.and_then(|a| a.get(resource)) else {
            continue;
        };
        if amount(text).millis_rounded_up() % 1000 != 0 {
            warnings.push(format!(
                "{}: fractional byte value {} is invalid, must be an integer",
                path.key(resource),
                go_quote(&text.0)
            ));
        }
    }
}
