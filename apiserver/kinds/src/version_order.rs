//! The order of a group's versions: `v2` before `v1` before `v2beta1`.

use std::cmp::{Ordering, Reverse};

/// Orders versions as upstream does, the most preferred first
/// (`k8s.io/apimachinery/pkg/version`, `CompareKubeAwareVersionStrings`).
pub fn compare(a: &str, b: &str) -> Ordering {
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Stability, then the number, then the number of the pre-release.
fn rank(version: &str) -> Option<(u8, Reverse<u32>, Reverse<u32>)> {
    let rest = version.strip_prefix('v')?;
    for (stability, word) in [(1, "beta"), (2, "alpha")] {
        if let Some((major, minor)) = rest.split_once(word) {
            return Some((
                stability,
                Reverse(major.parse().ok()?),
                Reverse(minor.parse().ok()?),
            ));
        }
    }
    Some((0, Reverse(rest.parse().ok()?), Reverse(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first_and_newer_before_older() {
        let mut versions = [
            "v1alpha1", "foo", "v1beta2", "v1", "v2beta1", "v10", "v1beta1", "v2",
        ];
        versions.sort_by(|a, b| compare(a, b));
        assert_eq!(
            versions,
            [
                "v10", "v2", "v1", "v2beta1", "v1beta2", "v1beta1", "v1alpha1", "foo"
            ]
        );
    }
}
