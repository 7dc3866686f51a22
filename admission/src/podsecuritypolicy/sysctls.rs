//! `forbiddenSysctls` and `allowedUnsafeSysctls` (upstream:
//! `podsecuritypolicy/sysctl/mustmatchpatterns.go`).

use k8s_openapi::api::core::v1::Sysctl;
use portcullis_api::field_error::go_quote;
use portcullis_api::psp::PodSecurityPolicySpec;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;

/// Allowed unless forbidden; the last one since 1.22.
const SAFE: [&str; 5] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
];

/// The sysctls that a pod may set.
#[derive(Debug)]
pub(super) struct SysctlRule {
    forbidden: Vec<String>,
    allowed_unsafe: Vec<String>,
}

impl SysctlRule {
    pub(super) fn compile(spec: &PodSecurityPolicySpec) -> Self {
        Self {
            forbidden: spec.forbidden_sysctls.clone().unwrap_or_default(),
            allowed_unsafe: spec.allowed_unsafe_sysctls.clone().unwrap_or_default(),
        }
    }

    pub(super) fn validate(&self, sysctls: &[Sysctl], findings: &mut Findings) {
        for (index, sysctl) in sysctls.iter().enumerate() {
            let name = sysctl.name.as_str();
            let which = if matches(&self.forbidden, name) {
                "sysctl"
            } else if SAFE.contains(&name) || matches(&self.allowed_unsafe, name) {
                continue;
            } else {
                "unsafe sysctl"
            };
            findings.add(|| {
                let why = format!("{which} {} is not allowed", go_quote(name));
                // upstream's field path starts with `pod`
                let path = ["spec", "securityContext", "sysctls"]
                    .iter()
                    .fold(Path::new("pod"), |path, field| path.child(field));
                FieldError::forbidden(&path.index(index), why)
            });
        }
    }
}

/// Whether a pattern matches: a name, or a prefix followed by `*`.
fn matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| {
        pattern
            .strip_suffix('*')
            .map_or(name == pattern, |prefix| name.starts_with(prefix))
    })
}
