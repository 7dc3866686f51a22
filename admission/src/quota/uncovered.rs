//! The limited resources that a request consumes: a quota must cover them.
//!
//! Upstream: `CheckRequest` in `k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ResourceQuota, ScopedResourceSelectorRequirement};
use portcullis_api::{Object, Status};

use super::{Kind, scopes};
use crate::Attributes;
use crate::configuration::limited_resources::LimitedResource;

/// The limited resources of a request that no quota covers yet.
pub(crate) struct Uncovered {
    names: BTreeSet<String>,
    scopes: Vec<ScopedResourceSelectorRequirement>,
}

impl Uncovered {
    /// The limited resources that the request consumes.
    pub(crate) fn of(
        limited: &[LimitedResource],
        attributes: &Attributes<'_>,
        object: &dyn Object,
        kind: &Kind<'_>,
    ) -> Self {
        if limited.is_empty() {
            return Self {
                names: BTreeSet::new(),
                scopes: Vec::new(),
            };
        }
        let usage = kind.usage(object);
        let consumed = usage.iter().filter(|(_, amount)| !amount.is_zero());
        let consumed: Vec<_> = consumed.map(|(name, _)| name).collect();
        let limited = limited.iter().filter(|l| l.is_of(attributes.resource));
        let (mut names, mut scopes) = (BTreeSet::new(), Vec::new());
        for limited in limited {
            let found = consumed.iter().filter(|name| limited.limits(name));
            names.extend(found.map(|name| String::clone(name)));
            let selected = limited.match_scopes.iter();
            scopes.extend(
                selected
                    .filter(|scope| scopes::selects(scope, object))
                    .cloned(),
            );
        }
        Self { names, scopes }
    }

    /// Removes resources that a quota counts.
    pub(crate) fn cover(&mut self, counted: &[&String]) {
        self.names.retain(|name| !counted.contains(&name));
    }

    /// Removes the scopes of a quota that select the object (upstream: `UncoveredQuotaScopes`).
    pub(crate) fn cover_scopes(&mut self, quota: &ResourceQuota, object: &dyn Object) {
        if self.scopes.is_empty() {
            return;
        }
        let covering = scopes::of(quota);
        let covering = covering
            .iter()
            .filter(|scope| scopes::selects(scope, object));
        let names: BTreeSet<_> = covering.map(|scope| &scope.scope_name).collect();
        self.scopes
            .retain(|scope| !names.contains(&scope.scope_name));
    }

    /// Denies a request of which something is not covered.
    pub(crate) fn check(self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !self.names.is_empty() {
            let names: Vec<_> = self.names.into_iter().collect();
            let why = format!("insufficient quota to consume: {}", names.join(","));
            return Err(attributes.forbidden(&why));
        }
        if !self.scopes.is_empty() {
            let scopes = self.scopes.iter().map(in_go);
            let scopes: Vec<_> = scopes.collect();
            let why = format!(
                "insufficient quota to match these scopes: [{}]",
                scopes.join(" ")
            );
            return Err(Status::unknown(why));
        }
        Ok(())
    }
}

/// A scope as Go prints it.
fn in_go(scope: &ScopedResourceSelectorRequirement) -> String {
    let values = scope.values.iter().flatten().cloned();
    let values = values.collect::<Vec<_>>().join(" ");
    format!("{{{} {} [{values}]}}", scope.scope_name, scope.operator)
}
