//! The checks of the standards, each in the versions of the releases that changed it.
//!
//! Upstream: `k8s.io/pod-security-admission/policy/registry.go`.

use super::checks::{baseline, context, restricted};
use super::subject::PodLike;
use super::violation::{Check, Violation};
use crate::configuration::pod_security::{Level, LevelVersion, Version};

/// A check in its versions, each with the minor release that introduced it.
struct VersionedCheck {
    id: &'static str,
    level: Level,
    versions: &'static [(u32, Check)],
    /// The id of the weaker check of `baseline` that it replaces, if any.
    replaces: &'static str,
}

const fn baseline(id: &'static str, versions: &'static [(u32, Check)]) -> VersionedCheck {
    VersionedCheck {
        id,
        level: Level::Baseline,
        versions,
        replaces: "",
    }
}

const fn restricted(
    id: &'static str,
    replaces: &'static str,
    versions: &'static [(u32, Check)],
) -> VersionedCheck {
    VersionedCheck {
        id,
        level: Level::Restricted,
        versions,
        replaces,
    }
}

/// In the order in which violations are reported.
const CHECKS: [VersionedCheck; 19] = [
    baseline("appArmorProfile", &[(0, context::app_armor)]),
    baseline("capabilities_baseline", &[(0, baseline::capabilities)]),
    baseline("hostNamespaces", &[(0, baseline::host_namespaces)]),
    baseline("hostPathVolumes", &[(0, baseline::host_path_volumes)]),
    baseline("hostPorts", &[(0, baseline::host_ports)]),
    baseline(
        "hostProbesAndHostLifecycle",
        &[(34, baseline::host_of_probes)],
    ),
    baseline("privileged", &[(0, baseline::privileged)]),
    baseline(
        "procMount",
        &[(0, baseline::proc_mount), (35, baseline::proc_mount_1_35)],
    ),
    baseline(
        "seLinuxOptions",
        &[(0, context::se_linux), (31, context::se_linux_1_31)],
    ),
    baseline(
        "seccompProfile_baseline",
        &[(0, context::seccomp_annotations), (19, context::seccomp)],
    ),
    baseline(
        "sysctls",
        &[
            (0, baseline::sysctls),
            (27, baseline::sysctls_1_27),
            (29, baseline::sysctls_1_29),
            (32, baseline::sysctls_1_32),
            (37, baseline::sysctls_1_37),
        ],
    ),
    baseline("windowsHostProcess", &[(0, context::windows_host_process)]),
    restricted(
        "allowPrivilegeEscalation",
        "",
        &[
            (8, restricted::escalation),
            (25, restricted::escalation_1_25),
        ],
    ),
    restricted(
        "capabilities_restricted",
        "capabilities_baseline",
        &[
            (22, restricted::capabilities),
            (25, restricted::capabilities_1_25),
        ],
    ),
    restricted(
        "procMount_restricted",
        "procMount",
        &[(35, baseline::proc_mount)],
    ),
    restricted(
        "restrictedVolumes",
        "hostPathVolumes",
        &[(0, restricted::volumes)],
    ),
    restricted(
        "runAsNonRoot",
        "",
        &[(0, restricted::non_root), (35, restricted::non_root_1_35)],
    ),
    restricted(
        "runAsUser",
        "",
        &[(23, restricted::user), (35, restricted::user_1_35)],
    ),
    restricted(
        "seccompProfile_restricted",
        "seccompProfile_baseline",
        &[(19, restricted::seccomp), (25, restricted::seccomp_1_25)],
    ),
];

/// All violations of a pod, in the order of the checks.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<Violation>);

/// Runs the checks of a level in the given version.
pub(super) fn evaluate(standard: LevelVersion, pod: &PodLike<'_>) -> Violations {
    if standard.level == Level::Privileged {
        return Violations::default();
    }
    let minor = match standard.version {
        Version::Latest => u32::MAX,
        Version::Minor(minor) => minor,
    };
    let applies = |check: &&VersionedCheck| check.level <= standard.level;
    let active = || {
        CHECKS
            .iter()
            .filter(applies)
            .filter_map(|c| Some((c, c.as_of(minor)?)))
    };
    let replaced: Vec<_> = active().map(|(check, _)| check.replaces).collect();
    let run = active().filter(|(check, _)| !replaced.contains(&check.id));
    Violations(run.filter_map(|(_, check)| check(pod)).collect())
}

impl VersionedCheck {
    fn as_of(&self, minor: u32) -> Option<Check> {
        let mut newest_first = self.versions.iter().rev();
        let newest = newest_first.find(|(since, _)| *since <= minor);
        newest.map(|(_, check)| *check)
    }
}

impl Violations {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `hostPort, privileged`
    pub(super) fn reasons(&self) -> String {
        let reasons: Vec<_> = self.0.iter().map(|v| v.reason).collect();
        reasons.join(", ")
    }

    /// `hostPort (container "a" uses hostPort 80), privileged (…)`
    pub(super) fn details(&self) -> String {
        let detail = |v: &Violation| format!("{} ({})", v.reason, v.detail);
        let details: Vec<_> = self.0.iter().map(detail).collect();
        details.join(", ")
    }
}

#[cfg(test)]
mod tests;
