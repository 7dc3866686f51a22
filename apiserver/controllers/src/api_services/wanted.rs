//! The desired API services.

use std::collections::BTreeMap;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec};
use portcullis_api::GroupVersion;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::kinds::api_service::{GROUP, local_spec, name_of};

/// The label of those managed by this server.
pub(super) const LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// How long one is managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Managed {
    /// Until it is right for the first time after a start: those of built-in kinds.
    OnStart,
    /// For as long as it is served: those of definitions.
    Always,
}

impl Managed {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::OnStart => "onstart",
            Self::Always => "true",
        }
    }

    /// The value of its label; `None` for those that users created.
    pub(super) fn of(service: &APIService) -> Option<Self> {
        let labels = service.metadata.labels.as_ref()?;
        let label = labels.get(LABEL)?;
        let mut all = [Self::OnStart, Self::Always].into_iter();
        all.find(|managed| managed.label() == label)
    }
}

/// One desired API service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct One {
    pub(super) managed: Managed,
    pub(super) spec: APIServiceSpec,
}

impl One {
    pub(super) fn object(self, name: &str) -> APIService {
        APIService {
            metadata: super::metadata(name, self.managed),
            spec: Some(self.spec),
            status: None,
        }
    }
}

/// All desired API services, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(BTreeMap<String, One>);

impl Wanted {
    /// One for each served version, except that of API services themselves.
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut wanted = BTreeMap::new();
        let mut add = |api_version: &str, managed| {
            let GroupVersion { group, version } = GroupVersion::parse(api_version);
            if group != GROUP {
                let one = || One {
                    managed,
                    spec: local_spec(group, version),
                };
                wanted.entry(name_of(group, version)).or_insert_with(one);
            }
        };
        // those of the table are the first
        for row in catalogue.rows() {
            let managed = match row.strategy.custom() {
                None => Managed::OnStart,
                Some(_) => Managed::Always,
            };
            row.api_versions().for_each(|v| add(&v, managed));
        }
        Self(wanted)
    }

    pub(super) fn get(&self, name: &str) -> Option<One> {
        self.0.get(name).cloned()
    }

    /// The names of those that were added, changed or removed.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<String> {
        let added = self.0.iter();
        let added = added.filter(|(name, one)| before.0.get(*name) != Some(one));
        let gone = before.0.keys().filter(|name| !self.0.contains_key(*name));
        added.map(|(name, _)| name).chain(gone).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_one_except_that_of_api_services() {
        let wanted = Wanted::of(&Catalogue::default());
        let one = |name| wanted.get(name).map(|one| (one.managed, one.spec));
        let (managed, core) = one("v1.").unwrap();
        assert_eq!(managed, Managed::OnStart);
        assert_eq!((core.group, core.group_priority_minimum), (None, 18_000));
        let (_, v2) = one("v2.autoscaling").unwrap();
        assert_eq!(v2.version_priority, 30);
        assert!(one("v1beta1.extensions").is_some());
        assert!(one("v1.apiregistration.k8s.io").is_none());
    }

    #[test]
    fn changes_are_found_both_ways() {
        let (nothing, all) = (Wanted::default(), Wanted::of(&Catalogue::default()));
        assert_eq!(all.changed_since(&nothing).len(), all.0.len());
        assert_eq!(nothing.changed_since(&all).len(), all.0.len());
        assert!(all.changed_since(&all).is_empty());
    }
}
