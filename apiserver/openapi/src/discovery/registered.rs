//! The effect of API services on the groups: their order, and the versions of other servers.
//!
//! Upstream: `SortedByGroupAndVersion` in `k8s.io/kube-aggregator/pkg/apis/apiregistration/v1/helper`, and
//! `apisHandler`, which lists its own group first.

use std::collections::HashMap;

use portcullis_kinds::intern;
use portcullis_kinds::kinds::api_service::GROUP as FIRST;
use portcullis_kinds::kinds::api_service::name_of;
use portcullis_kinds::kinds::api_service::priorities::priorities;
use portcullis_kinds::version_order;

use super::Group;
use super::registration::Registration;

/// The groups in the order of API services' priorities, with those of other servers.
pub(super) fn arranged(mut groups: Vec<Group>, registered: &[Registration]) -> Vec<Group> {
    let mut known = HashMap::new();
    for one in registered {
        known.insert((one.group.as_str(), one.version.as_str()), one.priorities);
        if let Some(remote) = &one.remote {
            let at = groups.iter().position(|group| group.name == one.group);
            let at = at.unwrap_or_else(|| {
                groups.push(Group {
                    name: intern::name(&one.group),
                    versions: Vec::new(),
                });
                groups.len() - 1
            });
            let version = groups[at].version(intern::name(&one.version));
            version.resources.clear();
            version.remote = Some(remote.clone());
        }
    }
    let priorities_of = |group: &str, version: &str| {
        let said = known.get(&(group, version)).copied();
        said.unwrap_or_else(|| priorities(group, version))
    };
    for group in &mut groups {
        let name = group.name;
        group.versions.sort_by(|a, b| {
            let (first, second) = (priorities_of(name, a.name), priorities_of(name, b.name));
            let by_name = || version_order::compare(a.name, b.name);
            second.1.cmp(&first.1).then_with(by_name)
        });
    }
    groups.sort_by_cached_key(|group| {
        let versions = group.versions.iter();
        let best = versions.map(|version| {
            let priority = priorities_of(group.name, version.name).0;
            (-priority, name_of(group.name, version.name))
        });
        (group.name != FIRST, best.min())
    });
    groups
}

#[cfg(test)]
mod tests {
    use portcullis_kinds::catalogue::Catalogue;

    use portcullis_kinds::kinds::api_service::priorities::Priorities;

    use super::super::groups;
    use super::super::registration::RemoteVersion;
    use super::*;

    fn registration(name: &str, priorities: Priorities) -> Registration {
        let (version, group) = name.split_once('.').unwrap();
        let remote = RemoteVersion {
            resources: vec![],
            is_current: true,
        };
        Registration {
            group: group.into(),
            version: version.into(),
            priorities,
            remote: Some(remote),
        }
    }

    #[test]
    fn priorities_order_groups_and_versions() {
        let registered = [
            registration("v1.low.example.org", (900, 10)),
            registration("v2.low.example.org", (900, 1)),
            registration("v1beta1.low.example.org", (900, 20)),
            registration("v1.high.example.org", (17_900, 1)),
        ];
        let groups = arranged(groups(Catalogue::default().rows()), &registered);
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        assert_eq!(
            names[..4],
            [FIRST, "", "high.example.org", "apps"],
            "its own group is first"
        );
        let last = groups.last().unwrap();
        let versions: Vec<_> = last.versions.iter().map(|version| version.name).collect();
        assert_eq!(last.name, "low.example.org");
        assert_eq!(versions, ["v1beta1", "v1", "v2"]);
    }
}
