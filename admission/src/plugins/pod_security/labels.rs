//! The labels that choose the standards of a namespace.
//!
//! Upstream: `k8s.io/pod-security-admission/api/helpers.go`.

use std::collections::BTreeMap;
use std::fmt;

use portcullis_api::{ErrorList, FieldError, Path};

pub(super) const PREFIX: &str = "pod-security.kubernetes.io/";

/// The standards, from the most permissive to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// The minor release of Kubernetes 1 whose version of a standard applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Latest,
    Minor(u32),
}

/// Such as `baseline:latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    pub(super) version: Version,
}

/// The standards that a namespace has chosen for its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Pods that violate it are denied.
    pub(super) enforce: LevelVersion,
    /// Pods that violate it are annotated in the audit log.
    pub(super) audit: LevelVersion,
    /// Clients are warned of pods that violate it.
    pub(super) warn: LevelVersion,
}

// === impl Level ===

impl Level {
    fn parse(text: &str) -> Option<Self> {
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
    fn parse(text: &str) -> Option<Self> {
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

// === impl Policy ===

impl Policy {
    /// Parses labels, and returns their errors. An invalid `enforce` level is enforced as
    /// `restricted`.
    pub(super) fn of(labels: Option<&BTreeMap<String, String>>) -> (Self, ErrorList) {
        let mut parser = LabelParser {
            labels,
            errors: ErrorList::new(),
        };
        let level = |level: Option<Level>, other| level.unwrap_or(other);
        let (set, enforce) = parser.level("enforce");
        let chosen = enforce.filter(|_| set);
        let mut policy = Self {
            enforce: LevelVersion {
                level: if set {
                    level(enforce, Level::Restricted)
                } else {
                    Level::Privileged
                },
                version: parser.version("enforce-version").1,
            },
            audit: LevelVersion {
                level: level(parser.level("audit").1, Level::Privileged),
                version: parser.version("audit-version").1,
            },
            warn: LevelVersion {
                level: Level::Privileged,
                version: Version::Latest,
            },
        };
        let (warns, warn) = parser.level("warn");
        policy.warn.level = level(warn, Level::Privileged);
        let (has_version, version) = parser.version("warn-version");
        policy.warn.version = version;
        // without a label for warnings, warn of what is enforced
        if let Some(enforced) = chosen.filter(|enforced| !warns && *enforced > policy.warn.level) {
            policy.warn.level = enforced;
            if !has_version {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, parser.errors)
    }

    pub(super) fn is_privileged(&self) -> bool {
        let levels = [self.enforce.level, self.audit.level, self.warn.level];
        levels.iter().all(|level| *level == Level::Privileged)
    }
}

/// Parses labels and collects errors.
struct LabelParser<'l> {
    labels: Option<&'l BTreeMap<String, String>>,
    errors: ErrorList,
}

impl LabelParser<'_> {
    fn label(&self, key: &str) -> Option<String> {
        self.labels?.get(&format!("{PREFIX}{key}")).cloned()
    }

    fn invalid(&mut self, key: &str, value: &str, why: &str) {
        let path = Path::new("metadata")
            .child("labels")
            .key(&format!("{PREFIX}{key}"));
        self.errors.push(FieldError::invalid(&path, value, why));
    }

    /// Whether the label is set, and its level if that is valid.
    fn level(&mut self, key: &str) -> (bool, Option<Level>) {
        let Some(value) = self.label(key) else {
            return (false, None);
        };
        let level = Level::parse(&value);
        if level.is_none() {
            let why = "must be one of privileged, baseline, restricted";
            self.invalid(key, &value, why);
        }
        (true, level)
    }

    /// Whether the label is set, and its version, by default the latest.
    fn version(&mut self, key: &str) -> (bool, Version) {
        let Some(value) = self.label(key) else {
            return (false, Version::Latest);
        };
        let version = Version::parse(&value);
        if version.is_none() {
            self.invalid(key, &value, "must be \"latest\" or \"v1.x\"");
        }
        (true, version.unwrap_or(Version::Latest))
    }
}
