//! Recalculates the usage of a quota.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as TextQuantity;
use portcullis_api::quantity::Quantity;
use portcullis_api::{GroupResource, Object};

use super::{Kind, scopes};
use crate::amounts::{Amounts, add, write};

/// Sums up the usage of one quota over the objects of its namespace (upstream: `CalculateUsage`).
///
/// For every namespaced resource that [`Meter::counts`], call [`Meter::add`] with each object. The
/// result is the quota's new status.
///
/// A request is charged to the status before its object is stored, so a recalculation misses
/// objects that are about to be stored. Callers must therefore store the result by compare-and-swap
/// against a version that the quota had some time before they listed the objects: then nothing was
/// charged later, and the objects charged earlier had that time to be stored.
#[derive(Debug)]
pub struct Meter<'q> {
    quota: &'q ResourceQuota,
    hard: BTreeMap<String, TextQuantity>,
    used: Amounts,
}

impl<'q> Meter<'q> {
    /// A meter at zero.
    pub fn new(quota: &'q ResourceQuota) -> Self {
        let hard = quota.spec.as_ref().and_then(|s| s.hard.clone());
        Self {
            quota,
            hard: hard.unwrap_or_default(),
            used: Amounts::new(),
        }
    }

    /// Whether the quota counts objects of a resource. If so, the status will have its amounts,
    /// even if they stay zero.
    pub fn counts(&mut self, resource: GroupResource<'_>) -> bool {
        let kind = Kind::of(resource);
        let mut counted = false;
        for name in self.hard.keys().filter(|name| kind.counts(name)) {
            counted = true;
            self.used.entry(name.clone()).or_insert(Quantity::ZERO);
        }
        counted
    }

    /// Adds an object's usage, if the quota's scopes match it.
    pub fn add(&mut self, resource: GroupResource<'_>, object: &dyn Object) {
        if !scopes::matches(self.quota, object) {
            return;
        }
        let mut usage = Kind::of(resource).usage(object);
        usage.retain(|name, _| self.hard.contains_key(name));
        add(&mut self.used, usage);
    }

    /// The quota's new status.
    pub fn status(self) -> ResourceQuotaStatus {
        ResourceQuotaStatus {
            used: Some(write(&self.used)),
            hard: Some(self.hard),
        }
    }
}

/// Whether a quota's status covers every resource of its spec; of a new quota it does not.
pub fn is_measured(quota: &ResourceQuota) -> bool {
    let wanted = quota.spec.as_ref().and_then(|s| s.hard.as_ref());
    let known = quota.status.as_ref().and_then(|s| s.hard.as_ref());
    let mut wanted = wanted.into_iter().flatten().map(|(name, _)| name);
    wanted.all(|name| known.is_some_and(|known| known.contains_key(name)))
}
