//! Releases of Kubernetes, and which of them serve a version of a resource.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A minor release of Kubernetes 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(u8);

impl Release {
    /// The oldest that can be emulated.
    pub const OLDEST: Self = Self(20);
    /// The newest: that of the types in `k8s-openapi`.
    pub const NEWEST: Self = Self(37);

    /// The number after `1.`.
    pub const fn minor(self) -> u8 {
        self.0
    }

    /// The version with its patch, such as `v1.24.17`. Of the default release it is the last patch there
    /// was; clients compare minor releases.
    pub fn version(self) -> String {
        let patch = if self == Self::default() { 17 } else { 0 };
        format!("v1.{}.{patch}", self.0)
    }
}

impl Default for Release {
    /// The last with `PodSecurityPolicy`.
    fn default() -> Self {
        Self(24)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// A text is not a release that can be emulated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a release from {old} to {new}", old = Release::OLDEST, new = Release::NEWEST)]
pub struct NoRelease(String);

impl FromStr for Release {
    type Err = NoRelease;

    /// `1.30`, `v1.30`, and `kube=1.30`, as upstream names the component.
    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let version = text.strip_prefix("kube=").unwrap_or(text);
        let version = version.strip_prefix('v').unwrap_or(version);
        let minor = version.strip_prefix("1.").filter(|minor| {
            let digits = minor.bytes().all(|byte| byte.is_ascii_digit());
            digits && !minor.starts_with('0')
        });
        let release = minor.and_then(|minor| minor.parse().ok()).map(Self);
        release
            .filter(|release| (Self::OLDEST..=Self::NEWEST).contains(release))
            .ok_or_else(|| NoRelease(text.to_owned()))
    }
}

/// Which releases serve a version of a resource, and from when on users of it are warned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The minor release that introduced it; 0 if that is of no interest, being older than all.
    pub introduced: u8,
    /// The first minor release whose users are warned.
    pub deprecated: Option<u8>,
    /// The first minor release that does not serve it any more.
    pub removed: Option<u8>,
    /// What to use instead, such as `batch/v1 CronJob`; empty if warnings do not say.
    pub replacement: &'static str,
}

impl Lifetime {
    /// Of what every release serves.
    pub const ALWAYS: Self = Self {
        introduced: 0,
        deprecated: None,
        removed: None,
        replacement: "",
    };

    /// Whether a release serves it.
    pub fn includes(&self, release: Release) -> bool {
        self.introduced <= release.0 && self.removed.is_none_or(|removed| release.0 < removed)
    }

    /// What a release warns users of a version of (upstream: `deprecation.WarningMessage`); `None` if
    /// it is not deprecated.
    pub fn warning(&self, api_version: &str, kind: &str, release: Release) -> Option<String> {
        let deprecated = self.deprecated.filter(|since| *since <= release.0)?;
        let mut text = format!("{api_version} {kind} is deprecated in v1.{deprecated}+");
        if let Some(removed) = self.removed {
            text.push_str(&format!(", unavailable in v1.{removed}+"));
        }
        if !self.replacement.is_empty() {
            text.push_str("; use ");
            text.push_str(self.replacement);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_named_as_upstream_names_them() {
        for text in ["1.30", "v1.30", "kube=1.30", "kube=v1.30"] {
            assert_eq!(text.parse::<Release>().unwrap().minor(), 30, "{text}");
        }
        for text in [
            "1.19", "1.38", "1.300", "2.24", "1.24.1", "1.+24", "1.024", "", "kube=", "x=1.30",
        ] {
            let error = text.parse::<Release>().unwrap_err().to_string();
            let expected = format!("{text:?} is not a release from 1.20 to 1.37");
            assert_eq!(error, expected);
        }
        assert_eq!(Release::default().version(), "v1.24.17");
        assert_eq!(Release(30).version(), "v1.30.0");
    }

    #[test]
    fn users_are_warned_from_the_deprecation_on() {
        let lifetime = Lifetime {
            introduced: 8,
            deprecated: Some(21),
            removed: Some(25),
            replacement: "batch/v1 CronJob",
        };
        let warning = |minor| lifetime.warning("batch/v1beta1", "CronJob", Release(minor));
        assert_eq!(warning(20), None);
        assert_eq!(
            warning(21).unwrap(),
            "batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob"
        );
        let includes = [20, 24, 25].map(|minor| lifetime.includes(Release(minor)));
        assert_eq!(includes, [true, true, false]);
    }
}
