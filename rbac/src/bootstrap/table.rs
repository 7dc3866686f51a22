//! The types of the tables. Lists are separated by spaces, API groups by commas.

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};

use super::{GROUP, KUBE_SYSTEM};

/// The read-only verbs.
pub(super) const READ: &str = "get list watch";
/// The modifying verbs.
pub(super) const WRITE: &str = "create delete deletecollection patch update";
/// [`READ`] and [`WRITE`].
pub(super) const READ_WRITE: &str = "create delete deletecollection get list patch update watch";
/// The core API group.
pub(super) const CORE: &str = "";
/// Permission to record events, which every component has.
pub(super) const EVENTS: Row = on("create patch update", ",events.k8s.io", "events");

/// A rule.
#[derive(Clone, Copy)]
pub(super) struct Row {
    verbs: &'static str,
    /// Such as `apps` or `apps,extensions`. The core group is empty, so `,events.k8s.io` means two
    /// groups.
    groups: &'static str,
    resources: &'static str,
    names: &'static str,
    urls: &'static str,
}

/// Allows `verbs` on all objects of `resources`.
pub(super) const fn on(verbs: &'static str, groups: &'static str, resources: &'static str) -> Row {
    Row {
        verbs,
        groups,
        resources,
        names: "",
        urls: "",
    }
}

/// Allows `verbs` on non-resource URLs.
pub(super) const fn on_urls(verbs: &'static str, urls: &'static str) -> Row {
    Row {
        verbs,
        groups: "",
        resources: "",
        names: "",
        urls,
    }
}

impl Row {
    /// Limits the rule to objects with these names.
    pub(super) const fn named(self, names: &'static str) -> Self {
        Self { names, ..self }
    }

    /// The rule with sorted lists, as upstream.
    pub(super) fn rule(&self) -> PolicyRule {
        let groups = || sorted(self.groups.split(','));
        PolicyRule {
            verbs: sorted(self.verbs.split(' ')),
            api_groups: (!self.resources.is_empty()).then(groups),
            resources: words(self.resources),
            resource_names: words(self.names),
            non_resource_urls: words(self.urls),
        }
    }
}

fn words(list: &str) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| sorted(list.split_whitespace()))
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<_> = words.map(str::to_owned).collect();
    words.sort_unstable();
    words
}

#[derive(Clone, Copy)]
pub(super) struct RoleSpec {
    pub(super) name: &'static str,
    /// The aggregated roles that include its rules.
    pub(super) aggregate_to: &'static [&'static str],
    pub(super) rules: &'static [Row],
}

/// A role that is not part of an aggregated role.
pub(super) const fn role(name: &'static str, rules: &'static [Row]) -> RoleSpec {
    RoleSpec {
        name,
        aggregate_to: &[],
        rules,
    }
}

/// A role that aggregates the rules of others.
pub(super) struct AggregatedRole {
    pub(super) name: &'static str,
    /// The aggregated roles that include its rules.
    pub(super) aggregate_to: &'static [&'static str],
}

#[derive(Clone, Copy)]
pub(super) struct BindingSpec {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) to: &'static [SubjectSpec],
}

/// A binding with the name of its role.
pub(super) const fn bind(role: &'static str, to: &'static [SubjectSpec]) -> BindingSpec {
    BindingSpec {
        name: role,
        role,
        to,
    }
}

/// The subject of a binding.
#[derive(Clone, Copy)]
pub(super) enum SubjectSpec {
    User(&'static str),
    Group(&'static str),
    /// A service account in `kube-system`.
    Account(&'static str),
}

impl SubjectSpec {
    pub(super) fn subject(&self) -> Subject {
        let (kind, name) = match self {
            Self::User(name) => ("User", name),
            Self::Group(name) => ("Group", name),
            Self::Account(name) => ("ServiceAccount", name),
        };
        let is_account = matches!(self, Self::Account(_));
        Subject {
            kind: kind.into(),
            name: (*name).into(),
            api_group: (!is_account).then(|| GROUP.into()),
            namespace: is_account.then(|| KUBE_SYSTEM.into()),
        }
    }
}
