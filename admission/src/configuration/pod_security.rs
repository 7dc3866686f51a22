//! `PodSecurity`: which standards hold where labels say nothing, and who is exempt.
//!
//! Upstream: `k8s.io/pod-security-admission/admission/api` and `api/helpers.go`.

use std::fmt;

use k8s_openapi::api::core::v1::PodSpec;
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde::Deserialize;
use serde_json::Value;

use super::{check_names, checked, fields};

const KIND: &str = "PodSecurityConfiguration";
const VERSIONS: [(&str, &str); 3] = [
    ("pod-security.admission.config.k8s.io/v1", KIND),
    ("pod-security.admission.config.k8s.io/v1beta1", KIND),
    ("pod-security.admission.config.k8s.io/v1alpha1", KIND),
];
/// What is wrong with a level that there is not.
pub(crate) const BAD_LEVEL: &str = "must be one of privileged, baseline, restricted";
/// What is wrong with a version that there is not.
pub(crate) const BAD_VERSION: &str = "must be \"latest\" or \"v1.x\"";

/// Which standards hold where labels say nothing, and who is exempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodSecurityDefaults {
    pub(crate) policy: Policy,
    exemptions: Exemptions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Exemptions {
    usernames: Vec<String>,
    namespaces: Vec<String>,
    runtime_classes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    defaults: Defaults,
    exemptions: Exemptions,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Defaults {
    enforce: String,
    enforce_version: String,
    audit: String,
    audit_version: String,
    warn: String,
    warn_version: String,
}

impl PodSecurityDefaults {
    /// Why a request is exempt, as the audit log names it.
    pub(crate) fn exempts(&self, namespace: &str, user: &str) -> Option<&'static str> {
        let is_in = |text: &str, list: &[String]| list.iter().any(|one| one == text);
        if is_in(namespace, &self.exemptions.namespaces) {
            return Some("namespace");
        }
        is_in(user, &self.exemptions.usernames).then_some("user")
    }

    /// Whether pods of this runtime class are exempt.
    pub(crate) fn exempts_class(&self, pod: Option<&PodSpec>) -> bool {
        let class = pod.and_then(|spec| spec.runtime_class_name.as_ref());
        class.is_some_and(|class| self.exemptions.runtime_classes.contains(class))
    }
}

/// Reads a `PodSecurityConfiguration`.
pub(super) fn read(document: Value) -> Result<PodSecurityDefaults, String> {
    let Document {
        defaults,
        exemptions,
    } = fields(document, &VERSIONS)?;
    let mut errors = ErrorList::new();
    let mut of = |level: &str, version: &str, name: &str| {
        let path = Path::new("defaults");
        LevelVersion {
            level: read_level(level, &path.child(name), &mut errors),
            version: read_version(
                version,
                &path.child(&format!("{name}-version")),
                &mut errors,
            ),
        }
    };
    let enforce = of(&defaults.enforce, &defaults.enforce_version, "enforce");
    let warn = of(&defaults.warn, &defaults.warn_version, "warn");
    let audit = of(&defaults.audit, &defaults.audit_version, "audit");
    let path = Path::new("exemptions");
    let names = &exemptions.namespaces;
    check_names(
        names,
        &path.child("namespaces"),
        name::dns1123_label,
        &mut errors,
    );
    let names = &exemptions.runtime_classes;
    check_names(
        names,
        &path.child("runtimeClasses"),
        name::dns1123_subdomain,
        &mut errors,
    );
    let names = &exemptions.usernames;
    check_names(names, &path.child("usernames"), |_| Vec::new(), &mut errors);
    let policy = Policy {
        enforce,
        audit,
        warn,
    };
    checked(PodSecurityDefaults { policy, exemptions }, &errors)
}

fn read_level(text: &str, path: &Path, errors: &mut ErrorList) -> Level {
    if text.is_empty() {
        return Level::Privileged;
    }
    Level::parse(text).unwrap_or_else(|| {
        errors.push(FieldError::invalid(path, text, BAD_LEVEL));
        Level::Privileged
    })
}

fn read_version(text: &str, path: &Path, errors: &mut ErrorList) -> Version {
    if text.is_empty() {
        return Version::Latest;
    }
    Version::parse(text).unwrap_or_else(|| {
        errors.push(FieldError::invalid(path, text, BAD_VERSION));
        Version::Latest
    })
}

/// The standards, from the most permissive to the strictest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Privileged,
    Baseline,
    Restricted,
}

/// The minor release of Kubernetes 1 whose version of a standard applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Version {
    #[default]
    Latest,
    Minor(u32),
}

/// Such as `baseline:latest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelVersion {
    pub(crate) level: Level,
    pub(crate) version: Version,
}

/// The standards that a namespace has chosen for its pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Pods that violate it are denied.
    pub(crate) enforce: LevelVersion,
    /// Pods that violate it are annotated in the audit log.
    pub(crate) audit: LevelVersion,
    /// Clients are warned of pods that violate it.
    pub(crate) warn: LevelVersion,
}

// === impl Level ===

impl Level {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

// === impl Version ===

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let minor = text.strip_prefix("v1.")?;
        let plain = minor == "0" || !minor.starts_with(['0', '+']);
        minor.parse().ok().filter(|_| plain).map(Self::Minor)
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Version::Latest => write!(f, "{}:latest", self.level),
            Version::Minor(minor) => write!(f, "{}:v1.{minor}", self.level),
        }
    }
}
