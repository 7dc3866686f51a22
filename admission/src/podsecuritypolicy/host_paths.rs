//! `allowedHostPaths` (upstream: `podsecuritypolicy/util/util.go`).

use portcullis_api::psp::AllowedHostPath;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::pod_view::PodView;

/// The host paths that a pod may mount; any, unless the policy lists some.
#[derive(Debug)]
pub(super) struct HostPathRule(Vec<Allowed>);

#[derive(Debug)]
struct Allowed {
    /// Without a trailing slash.
    prefix: String,
    read_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    None,
    ReadOnly,
    Full,
}

impl HostPathRule {
    pub(super) fn compile(allowed: Option<&[AllowedHostPath]>) -> Self {
        let compile = |path: &AllowedHostPath| Allowed {
            prefix: trim(path.path_prefix.as_deref().unwrap_or_default()).to_owned(),
            read_only: path.read_only.unwrap_or_default(),
        };
        Self(allowed.unwrap_or_default().iter().map(compile).collect())
    }

    /// Checks the path of the volume `name`, and every mount of it.
    pub(super) fn validate(
        &self,
        volume: impl Fn() -> Path,
        name: &str,
        path: &str,
        pod: &PodView<'_>,
        findings: &mut Findings,
    ) {
        match self.access(path) {
            Access::Full => {}
            Access::None => {
                findings.add(|| {
                    let field = volume().child("hostPath").child("pathPrefix");
                    FieldError::invalid(&field, path, "is not allowed to be used")
                });
            }
            Access::ReadOnly => {
                for container in &pod.containers {
                    for (index, mount) in container.volume_mounts.iter().enumerate() {
                        if mount.name == name && !mount.read_only.unwrap_or_default() {
                            findings.add(|| {
                                let mount = container.path().child("volumeMounts").index(index);
                                let field = mount.child("readOnly");
                                FieldError::invalid(&field, false, "must be read-only")
                            });
                        }
                    }
                }
            }
        }
    }

    /// The widest access that a matching entry allows.
    fn access(&self, path: &str) -> Access {
        if self.0.is_empty() {
            return Access::Full;
        }
        let mut matching = self
            .0
            .iter()
            .filter(|a| is_under(path, &a.prefix))
            .peekable();
        if matching.peek().is_none() {
            Access::None
        } else if matching.all(|allowed| allowed.read_only) {
            Access::ReadOnly
        } else {
            Access::Full
        }
    }
}

fn trim(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// Whether a path starts with the prefix, by whole segments.
fn is_under(path: &str, prefix: &str) -> bool {
    let rest = trim(path).strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_match_whole_segments_and_the_widest_access_counts() {
        let entry = |prefix: &str, read_only| AllowedHostPath {
            path_prefix: Some(prefix.to_owned()),
            read_only: Some(read_only),
        };
        let rule = HostPathRule::compile(Some(&[
            entry("/foo/", true),
            entry("/foo/bar", false),
            entry("/var", false),
        ]));
        for (path, access) in [
            ("/foo", Access::ReadOnly),
            ("/foo/", Access::ReadOnly),
            ("/foo/bar/baz", Access::Full),
            ("/foo/barn", Access::ReadOnly),
            ("/food", Access::None),
            ("/etc/foo", Access::None),
            ("/var/log/", Access::Full),
        ] {
            assert_eq!(rule.access(path), access, "{path}");
        }
        assert_eq!(HostPathRule::compile(None).access("/"), Access::Full);
        let root = HostPathRule::compile(Some(&[entry("/", false)]));
        assert_eq!(root.access("/anything"), Access::Full);
    }
}
