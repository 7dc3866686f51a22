//! Recounting what a namespace uses of a quota.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use portcullis_api::quantity::Quantity;
use portcullis_api::{GroupResource, Object};

use super::{Kind, scopes};
use crate::amounts::{Amounts, add, write};

/// Adds up what the objects of a namespace use of one quota (upstream: `CalculateUsage`).
///
/// For every resource that the server serves in namespaces: ask [`Meter::counts`], and where it
/// does, [`Meter::add`] each object. The result is the quota's new status.
///
/// A request is charged to the status before its object is stored, so a recount misses objects that
/// are on their way. Whoever stores the result must therefore compare-and-swap with the version
/// that the quota had some time before the objects were listed: no charge came later, and those
/// before have had that time to reach the store.
#[derive(Debug)]
pub struct Meter<'q> {
    quota: &'q ResourceQuota,
    hard: BTreeMap<String, Written>,
    used: Amounts,
}

impl<'q> Meter<'q> {
    /// A meter that stands at nothing.
    pub fn new(quota: &'q ResourceQuota) -> Self {
        let hard = quota.spec.as_ref().and_then(|s| s.hard.clone());
        Self {
            quota,
            hard: hard.unwrap_or_default(),
            used: Amounts::new(),
        }
    }

    /// Whether the quota counts objects of a resource. What it says of them is known from now on,
    /// if only to be nothing.
    pub fn counts(&mut self, resource: GroupResource<'_>) -> bool {
        let kind = Kind::of(resource);
        let mut counted = false;
        for name in self.hard.keys().filter(|name| kind.counts(name)) {
            counted = true;
            self.used.entry(name.clone()).or_insert(Quantity::ZERO);
        }
        counted
    }

    /// Adds what an object uses, if the quota's scopes are about it.
    pub fn add(&mut self, resource: GroupResource<'_>, object: &dyn Object) {
        if !scopes::matches(self.quota, object) {
            return;
        }
        let mut usage = Kind::of(resource).usage(object);
        usage.retain(|name, _| self.hard.contains_key(name));
        add(&mut self.used, usage);
    }

    /// What the quota's status should say.
    pub fn status(self) -> ResourceQuotaStatus {
        ResourceQuotaStatus {
            used: Some(write(&self.used)),
            hard: Some(self.hard),
        }
    }
}

/// Whether a quota's status speaks of all that its spec does: of a new quota somebody has to count
/// first.
pub fn is_measured(quota: &ResourceQuota) -> bool {
    let wanted = quota.spec.as_ref().and_then(|s| s.hard.as_ref());
    let known = quota.status.as_ref().and_then(|s| s.hard.as_ref());
    let mut wanted = wanted.into_iter().flatten().map(|(name, _)| name);
    wanted.all(|name| known.is_some_and(|known| known.contains_key(name)))
}
