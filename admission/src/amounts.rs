//! Amounts of resources, by name, for the plugins that reckon with them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use portcullis_api::quantity::Quantity;

/// Amounts as objects hold them.
pub(crate) type Resources = BTreeMap<String, Written>;

/// Amounts to reckon with. What is no quantity has been refused by validation, and counts as none.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// What is asked for, and what is not to be exceeded.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
}

pub(crate) fn read(resources: Option<&Resources>) -> Amounts {
    let parse = |(name, text): (&String, &Written)| {
        let amount = Quantity::parse(&text.0).ok()?;
        Some((name.clone(), amount))
    };
    resources.into_iter().flatten().filter_map(parse).collect()
}

/// Amounts as objects hold them, in canonical form.
pub(crate) fn write(amounts: &Amounts) -> Resources {
    let written = amounts
        .iter()
        .map(|(name, amount)| (name.clone(), Written(amount.to_string())));
    written.collect()
}

impl Usage {
    pub(crate) fn of(resources: Option<&ResourceRequirements>) -> Self {
        Self {
            requests: read(resources.and_then(|r| r.requests.as_ref())),
            limits: read(resources.and_then(|r| r.limits.as_ref())),
        }
    }

    /// Of a pod: what its containers need together, or one of its init containers alone, whichever
    /// is more.
    pub(crate) fn of_pod(pod: &Pod) -> Self {
        let mut total = Self::default();
        let Some(spec) = &pod.spec else { return total };
        let of = |container: &Container| Self::of(container.resources.as_ref());
        for usage in spec.containers.iter().map(of) {
            add(&mut total.requests, usage.requests);
            add(&mut total.limits, usage.limits);
        }
        for usage in spec.init_containers.iter().flatten().map(of) {
            merge(&mut total.requests, usage.requests, Ord::max);
            merge(&mut total.limits, usage.limits, Ord::max);
        }
        total
    }
}

/// Adds amounts to amounts.
pub(crate) fn add(total: &mut Amounts, more: Amounts) {
    merge(total, more, |sum, more| sum + more);
}

fn merge(total: &mut Amounts, more: Amounts, how: fn(Quantity, Quantity) -> Quantity) {
    for (name, amount) in more {
        let known = total.get(&name).copied();
        total.insert(name, known.map_or(amount, |known| how(known, amount)));
    }
}

/// Whether a resource is a vendor's, such as `example.com/gpu` (upstream: `IsExtendedResourceName`).
pub(crate) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}
