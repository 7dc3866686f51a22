//! The labels that choose the standards of a namespace.
//!
//! Upstream: `k8s.io/pod-security-admission/api/helpers.go`.

use std::collections::BTreeMap;

use portcullis_api::{ErrorList, FieldError, Path};

use crate::configuration::pod_security::{
    BAD_LEVEL, BAD_VERSION, Level, LevelVersion, Policy, Version,
};

pub(super) const PREFIX: &str = "pod-security.kubernetes.io/";

impl Policy {
    /// Parses labels, and returns their errors; what they do not say is as in `defaults`. An invalid
    /// `enforce` level is enforced as `restricted`, other invalid levels are `privileged`.
    pub(super) fn of(
        labels: Option<&BTreeMap<String, String>>,
        defaults: &Self,
    ) -> (Self, ErrorList) {
        let mut parser = LabelParser {
            labels,
            errors: ErrorList::new(),
        };
        let (sets, enforce) = parser.level("enforce");
        let enforce_version = parser.version("enforce-version").1;
        let (audits, audit) = parser.level("audit");
        let audit_version = parser.version("audit-version").1;
        let (warns, warn) = parser.level("warn");
        let (has_version, warn_version) = parser.version("warn-version");
        let chosen = |set: bool, level: Option<Level>, invalid, default: LevelVersion, version| {
            LevelVersion {
                level: if set {
                    level.unwrap_or(invalid)
                } else {
                    default.level
                },
                version: Option::unwrap_or(version, default.version),
            }
        };
        let open = Level::Privileged;
        let mut policy = Self {
            enforce: chosen(
                sets,
                enforce,
                Level::Restricted,
                defaults.enforce,
                enforce_version,
            ),
            audit: chosen(audits, audit, open, defaults.audit, audit_version),
            warn: chosen(warns, warn, open, defaults.warn, warn_version),
        };
        // without a label for warnings, warn of what a label enforces
        if let Some(enforced) = enforce.filter(|level| !warns && *level > policy.warn.level) {
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
            self.invalid(key, &value, BAD_LEVEL);
        }
        (true, level)
    }

    /// Whether the label is set, and its version: the latest, if it is invalid.
    fn version(&mut self, key: &str) -> (bool, Option<Version>) {
        let Some(value) = self.label(key) else {
            return (false, None);
        };
        let version = Version::parse(&value);
        if version.is_none() {
            self.invalid(key, &value, BAD_VERSION);
        }
        (true, Some(version.unwrap_or(Version::Latest)))
    }
}
