//! The kind table in the order of discovery: group, version, resource.

use portcullis_api::GroupVersion;

use super::registration::RemoteVersion;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;
use portcullis_kinds::version::Served;
use portcullis_kinds::version_order;

/// A group and its versions, the preferred one first.
pub struct Group {
    /// The name, empty for core.
    pub name: &'static str,
    /// Never empty.
    pub versions: Vec<Version>,
}

/// A version of a group, and its resources.
pub struct Version {
    /// Such as `v1`.
    pub name: &'static str,
    /// By plural name.
    pub resources: Vec<ResourceRef>,
    /// The resources of another server, if it serves this version.
    pub remote: Option<RemoteVersion>,
}

impl Group {
    /// A version's `apiVersion`.
    pub fn group_version(&self, version: &Version) -> String {
        GroupVersion {
            group: self.name,
            version: version.name,
        }
        .to_string()
    }

    pub(super) fn version(&mut self, name: &'static str) -> &mut Version {
        let at = self.versions.iter().position(|v| v.name == name);
        let at = at.unwrap_or_else(|| {
            self.versions.push(Version {
                name,
                resources: Vec::new(),
                remote: None,
            });
            self.versions.len() - 1
        });
        &mut self.versions[at]
    }
}

/// All groups, in the order of the table. Groups that only relabel resources come last: kubectl takes a short
/// name for the first resource that has it.
pub fn groups(resources: &[ResourceRef]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for resource in resources.iter().filter(|r| r.stored_is_served) {
        serve(&mut groups, resource.group, resource.version, resource);
    }
    for resource in resources {
        for served in resource.others() {
            let GroupVersion { group, version } = GroupVersion::parse(served.api_version);
            serve(&mut groups, group, version, resource);
        }
    }
    for group in &mut groups {
        group
            .versions
            .sort_by(|a, b| version_order::compare(a.name, b.name));
        for version in &mut group.versions {
            version.resources.sort_by_key(|r| r.plural);
        }
    }
    groups
}

/// The short names of a resource under a group. kubectl warns about those that two groups have, so a group
/// that only relabels the same objects has none.
pub fn short_names(resource: &Resource, group: &str) -> &'static [&'static str] {
    let converted =
        |v: &Served| v.conversion.is_some() && GroupVersion::parse(v.api_version).group == group;
    if group == resource.group || resource.others().any(converted) {
        resource.short_names
    } else {
        &[]
    }
}

fn serve(
    groups: &mut Vec<Group>,
    group: &'static str,
    version: &'static str,
    resource: &ResourceRef,
) {
    let at = groups.iter().position(|g| g.name == group);
    let at = at.unwrap_or_else(|| {
        groups.push(Group {
            name: group,
            versions: Vec::new(),
        });
        groups.len() - 1
    });
    groups[at].version(version).resources.push(resource.clone());
}
