//! The priorities of groups and versions.

/// The priority of a group among groups, and of a version in its group.
pub type Priorities = (i32, i32);

/// The priorities of every version of a definition (upstream: `crdRegistrationController`).
pub const CUSTOM: Priorities = (1_000, 100);

/// Upstream: `apiVersionPriorities` in `cmd/kube-apiserver/app/aggregator.go`. But `extensions`, which only
/// relabels the objects of `policy`, is last: kubectl takes a name for the first resource that has it.
const BUILT_IN: &[(&str, &str, Priorities)] = &[
    ("", "v1", (18_000, 1)),
    ("apps", "v1", (17_800, 15)),
    ("apps", "v1beta2", (17_800, 9)),
    ("apps", "v1beta1", (17_800, 1)),
    ("events.k8s.io", "v1", (17_750, 15)),
    ("events.k8s.io", "v1beta1", (17_750, 5)),
    ("authentication.k8s.io", "v1", (17_700, 15)),
    ("authorization.k8s.io", "v1", (17_600, 15)),
    ("autoscaling", "v1", (17_500, 15)),
    ("autoscaling", "v2", (17_500, 30)),
    ("autoscaling", "v2beta1", (17_500, 9)),
    ("autoscaling", "v2beta2", (17_500, 1)),
    ("batch", "v1", (17_400, 15)),
    ("batch", "v1beta1", (17_400, 9)),
    ("certificates.k8s.io", "v1", (17_300, 15)),
    ("networking.k8s.io", "v1", (17_200, 15)),
    ("networking.k8s.io", "v1beta1", (17_200, 9)),
    ("policy", "v1", (17_100, 15)),
    ("policy", "v1beta1", (17_100, 9)),
    ("rbac.authorization.k8s.io", "v1", (17_000, 15)),
    ("rbac.authorization.k8s.io", "v1beta1", (17_000, 12)),
    ("storage.k8s.io", "v1", (16_800, 15)),
    ("storage.k8s.io", "v1beta1", (16_800, 9)),
    ("apiextensions.k8s.io", "v1", (16_700, 15)),
    ("admissionregistration.k8s.io", "v1", (16_700, 15)),
    ("scheduling.k8s.io", "v1", (16_600, 15)),
    ("scheduling.k8s.io", "v1beta1", (16_600, 12)),
    ("coordination.k8s.io", "v1", (16_500, 15)),
    ("coordination.k8s.io", "v1beta1", (16_500, 9)),
    ("node.k8s.io", "v1", (16_300, 15)),
    ("node.k8s.io", "v1beta1", (16_300, 9)),
    ("discovery.k8s.io", "v1", (16_200, 15)),
    ("discovery.k8s.io", "v1beta1", (16_200, 12)),
    ("flowcontrol.apiserver.k8s.io", "v1", (16_100, 21)),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", (16_100, 18)),
    ("flowcontrol.apiserver.k8s.io", "v1beta2", (16_100, 15)),
    ("flowcontrol.apiserver.k8s.io", "v1beta1", (16_100, 12)),
    ("resource.k8s.io", "v1", (15_900, 20)),
    ("storagemigration.k8s.io", "v1", (15_800, 15)),
    ("extensions", "v1beta1", (15_000, 1)),
];

/// The priorities of a version that is served here, for its API service.
pub fn priorities(group: &str, version: &str) -> Priorities {
    let mut built_in = BUILT_IN.iter();
    let found = built_in.find(|row| (row.0, row.1) == (group, version));
    found.map_or(CUSTOM, |row| row.2)
}

#[cfg(test)]
mod tests {
    use portcullis_api::GroupVersion;

    use super::*;
    use crate::kinds::api_service::GROUP;
    use crate::table;

    #[test]
    fn every_built_in_version_has_priorities() {
        for row in table::RESOURCES.iter().filter(|row| row.group != GROUP) {
            for api_version in row.api_versions() {
                let GroupVersion { group, version } = GroupVersion::parse(&api_version);
                assert_ne!(priorities(group, version), CUSTOM, "{api_version}");
            }
        }
        assert_eq!(priorities("example.org", "v1"), CUSTOM);
    }
}
