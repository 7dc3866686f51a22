//! Level restricted: hardening best practices (upstream: `policy/check_*.go`).

use k8s_openapi::api::core::v1::Volume;

use super::{Values, containers, plural, quoted, setters, violation};
use crate::plugins::pod_security::checks::context;
use crate::plugins::pod_security::subject::{ContainerLike, PodLike};
use crate::plugins::pod_security::violation::Violation;

pub(crate) fn escalation(pod: &PodLike<'_>) -> Option<Violation> {
    let bad = pod.names_where(|c| c.context.allow_privilege_escalation != Some(false));
    let who = containers(&bad);
    (!bad.is_empty()).then(|| {
        violation(
            "allowPrivilegeEscalation != false",
            format!("{who} must set securityContext.allowPrivilegeEscalation=false"),
        )
    })
}

pub(crate) fn escalation_1_25(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.is_windows() {
        None
    } else {
        escalation(pod)
    }
}

fn drops_all(container: &ContainerLike<'_>) -> bool {
    let capabilities = container.context.capabilities.iter();
    let mut dropped = capabilities.flat_map(|c| c.drop.iter().flatten());
    dropped.any(|c| c == "ALL")
}

fn extra_capabilities<'c>(container: &ContainerLike<'c>) -> impl Iterator<Item = &'c String> {
    let capabilities = container.context.capabilities.iter();
    let added = capabilities.flat_map(|c| c.add.iter().flatten());
    added.filter(|c| *c != "NET_BIND_SERVICE")
}

pub(crate) fn capabilities(pod: &PodLike<'_>) -> Option<Violation> {
    let keeping = pod.names_where(|c| !drops_all(c));
    let adding = pod.names_where(|c| extra_capabilities(c).next().is_some());
    let values: Values = pod
        .containers
        .iter()
        .flat_map(extra_capabilities)
        .cloned()
        .collect();
    let mut details = Vec::new();
    if !keeping.is_empty() {
        let who = containers(&keeping);
        details.push(format!(
            "{who} must set securityContext.capabilities.drop=[\"ALL\"]"
        ));
    }
    if !adding.is_empty() {
        let (who, what) = (containers(&adding), quoted(values));
        details.push(format!(
            "{who} must not include {what} in securityContext.capabilities.add"
        ));
    }
    (!details.is_empty()).then(|| violation("unrestricted capabilities", details.join("; ")))
}

pub(crate) fn capabilities_1_25(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.is_windows() {
        None
    } else {
        capabilities(pod)
    }
}

/// The type of a volume, unless it is one that the level allows.
fn restricted_type(volume: &Volume) -> Option<&'static str> {
    let allowed = volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.image.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some();
    macro_rules! first {
        ($($field:ident => $name:literal),* $(,)?) => {
            $(if volume.$field.is_some() {
                return Some($name);
            })*
        };
    }
    if allowed {
        return None;
    }
    first! {
        host_path => "hostPath", gce_persistent_disk => "gcePersistentDisk",
        aws_elastic_block_store => "awsElasticBlockStore", git_repo => "gitRepo",
        nfs => "nfs", iscsi => "iscsi", glusterfs => "glusterfs", rbd => "rbd",
        flex_volume => "flexVolume", cinder => "cinder", cephfs => "cephfs",
        flocker => "flocker", fc => "fc", azure_file => "azureFile",
        vsphere_volume => "vsphereVolume", quobyte => "quobyte", azure_disk => "azureDisk",
        photon_persistent_disk => "photonPersistentDisk", portworx_volume => "portworxVolume",
        scale_io => "scaleIO", storageos => "storageos",
    }
    Some("unknown")
}

pub(crate) fn volumes(pod: &PodLike<'_>) -> Option<Violation> {
    let volumes = pod.spec.volumes.iter().flatten();
    let bad: Vec<_> = volumes
        .filter_map(|v| Some((&v.name, restricted_type(v)?)))
        .collect();
    let types: Values = bad.iter().map(|(_, kind)| (*kind).to_owned()).collect();
    let noun = plural("volume", "volumes", bad.len());
    let verb = plural("uses", "use", bad.len());
    let what = plural(
        "restricted volume type",
        "restricted volume types",
        types.len(),
    );
    let (names, types) = (quoted(bad.iter().map(|(name, _)| name)), quoted(types));
    (!bad.is_empty()).then(|| {
        violation(
            "restricted volume types",
            format!("{noun} {names} {verb} {what} {types}"),
        )
    })
}

pub(crate) fn non_root(pod: &PodLike<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let of_pod = pod.context.run_as_non_root;
    let setting = pod.names_where(|c| c.context.run_as_non_root == Some(false));
    if let Some(who) = setters(of_pod == Some(false), &setting) {
        let detail = format!("{who} must not set securityContext.runAsNonRoot=false");
        return Some(violation(REASON, detail));
    }
    let unset = pod.names_where(|c| c.context.run_as_non_root.is_none() && of_pod != Some(true));
    let who = containers(&unset);
    (!unset.is_empty()).then(|| {
        let detail = format!("pod or {who} must set securityContext.runAsNonRoot=true");
        violation(REASON, detail)
    })
}

pub(crate) fn non_root_1_35(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.has_user_namespace() {
        None
    } else {
        non_root(pod)
    }
}

pub(crate) fn user(pod: &PodLike<'_>) -> Option<Violation> {
    let root = pod.names_where(|c| c.context.run_as_user == Some(0));
    let who = setters(pod.context.run_as_user == Some(0), &root)?;
    Some(violation(
        "runAsUser=0",
        format!("{who} must not set runAsUser=0"),
    ))
}

pub(crate) fn user_1_35(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.has_user_namespace() {
        None
    } else {
        user(pod)
    }
}

pub(crate) fn seccomp(pod: &PodLike<'_>) -> Option<Violation> {
    let wrong = context::seccomp(pod);
    if wrong.is_some() {
        return wrong;
    }
    let set_by_pod = pod.context.seccomp_profile.is_some();
    let unset = pod.names_where(|c| c.context.seccomp_profile.is_none() && !set_by_pod);
    let who = containers(&unset);
    (!unset.is_empty()).then(|| {
        violation(
            "seccompProfile",
            format!(
                "pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""
            ),
        )
    })
}

pub(crate) fn seccomp_1_25(pod: &PodLike<'_>) -> Option<Violation> {
    if pod.is_windows() { None } else { seccomp(pod) }
}
