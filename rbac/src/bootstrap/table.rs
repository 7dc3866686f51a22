//! The columns of the tables: a word list is separated by spaces, groups by commas.

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};

use super::{GROUP, KUBE_SYSTEM};

/// Verbs that look.
pub(super) const READ: &str = "get list watch";
/// Verbs that change.
pub(super) const WRITE: &str = "create delete deletecollection patch update";
/// Both.
pub(super) const READ_WRITE: &str = "create delete deletecollection get list patch update watch";
/// The core group.
pub(super) const CORE: &str = "";
/// What every component may do: tell what it did.
pub(super) const EVENTS: Row = on("create patch update", ",events.k8s.io", "events");

/// One rule.
#[derive(Clone, Copy)]
pub(super) struct Row {
    verbs: &'static str,
    /// Such as `apps` or `apps,extensions`; the core group is empty, so `,events.k8s.io` is two.
    groups: &'static str,
    resources: &'static str,
    names: &'static str,
    urls: &'static str,
}

/// Allows verbs on all objects of resources.
pub(super) const fn on(verbs: &'static str, groups: &'static str, resources: &'static str) -> Row {
    Row {
        verbs,
        groups,
        resources,
        names: "",
        urls: "",
    }
}

/// Allows verbs on paths.
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
    /// Only on objects of these names.
    pub(super) const fn named(self, names: &'static str) -> Self {
        Self { names, ..self }
    }

    /// The rule, its lists sorted as upstream's are.
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

/// A role and its rules.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub(super) name: &'static str,
    /// Which aggregated roles gather its rules.
    pub(super) part_of: &'static [&'static str],
    pub(super) rules: &'static [Row],
}

/// A role of no aggregated one.
pub(super) const fn role(name: &'static str, rules: &'static [Row]) -> Given {
    Given {
        name,
        part_of: &[],
        rules,
    }
}

/// A role that gathers the rules of others.
pub(super) struct Gathered {
    pub(super) name: &'static str,
    /// Which aggregated roles gather its rules.
    pub(super) part_of: &'static [&'static str],
}

/// A binding.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) to: &'static [Whom],
}

/// A binding named like its role.
pub(super) const fn bind(role: &'static str, to: &'static [Whom]) -> Bound {
    Bound {
        name: role,
        role,
        to,
    }
}

/// Somebody.
#[derive(Clone, Copy)]
pub(super) enum Whom {
    User(&'static str),
    Group(&'static str),
    /// A service account in `kube-system`.
    Account(&'static str),
}

impl Whom {
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
